//! What a run is charged for each fault: the call, and the tokens that a provider charges for.

use std::{sync::Arc, time::Duration};

use catena_core::{ChatModel, Context, Run, RunOptions, Usage, agent};
use catena_models::layer::Retry;
use tokio::net::TcpStream;

use crate::server::{DEADLINE, HEAD, PROTOCOLS, Protocol, TIMEOUT, ask, send, served, status};

async fn charged(protocol: Protocol, serve: impl AsyncFn(usize, &mut TcpStream)) -> (Usage, bool) {
    served(protocol, serve, spent).await
}

/// What a run is charged that asks once, through four attempts, and whether it was answered.
pub(crate) async fn spent(model: Arc<dyn ChatModel>) -> (Usage, bool) {
    let first = Duration::from_millis(1);
    let model = Arc::new(Retry::new(model).max_attempts(4).backoff(first, first));
    let node = agent(move |(): (), cx: Context| {
        let model = model.clone();
        async move {
            let answer = cx.chat(&*model, ask()).await;
            assert_eq!(cx.committed(), cx.spent(), "something is still set aside");
            Ok((cx.spent(), answer.is_ok()))
        }
    });
    let run = Run::start(node, (), RunOptions::new("run"));
    run.outcome().await.unwrap().output
}

/// So many calls without a token.
pub(crate) fn attempts(calls: u64) -> Usage {
    Usage {
        calls,
        ..Usage::default()
    }
}

#[tokio::test]
async fn a_failure_before_the_answer_is_a_call_without_tokens() {
    for protocol in PROTOCOLS {
        for (sent, calls) in [
            (status("429 Slow down", "retry-after: 0\r\n", ""), 4),
            (status("500 Oops", "", ""), 4),
            (status("401 Who", "", ""), 1),
            (status("200 OK", "", "{not json"), 1),
            (HEAD.into(), 4),
        ] {
            let charged = charged(protocol, async |_, socket| send(socket, &sent).await).await;
            assert_eq!(charged, (attempts(calls), false), "{sent}");
        }
        let silent = charged(protocol, async |_, _| tokio::time::sleep(TIMEOUT * 2).await).await;
        assert_eq!(silent, (attempts(4), false));
    }
}

/// A body or an event without end: what is read of it is given up, and no attempt follows.
#[tokio::test]
async fn an_answer_that_is_too_large_is_a_call() {
    const BODY: usize = 100 << 20;
    for protocol in PROTOCOLS {
        let prompt = protocol.model("http://127.0.0.1:9").prompt_tokens(&ask());
        for head in ["HTTP/1.1 200 OK\r\n\r\n", HEAD] {
            let huge = async |_: usize, socket: &mut TcpStream| {
                send(socket, head).await;
                let piece = "x".repeat(1 << 20);
                for _ in 0..BODY >> 20 {
                    send(socket, &piece).await;
                }
            };
            let (charged, answered) = charged(protocol, huge).await;
            assert!(!answered, "{head}");
            assert_eq!((charged.calls, charged.output_tokens), (1, 0), "{head}");
            assert!(charged.input_tokens <= prompt, "{head}: {charged:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_its_prompt_and_its_pieces() {
    for protocol in PROTOCOLS {
        let prompt = protocol.model("http://127.0.0.1:9").prompt_tokens(&ask());
        let pieces = |count: usize| [HEAD, &protocol.text("and ").repeat(count)].concat();
        let cut = charged(protocol, async |_, socket| send(socket, &pieces(3)).await).await;
        assert_eq!(cut, (Usage::call(prompt, 3), false));
        let odd = [&pieces(2), "data: }{\n\n"].concat();
        let odd = charged(protocol, async |_, socket| send(socket, &odd).await).await;
        assert_eq!(odd, (Usage::call(prompt, 2), false));
        let endless = charged(protocol, async |_, socket| {
            send(socket, &pieces(5)).await;
            while tokio::time::timeout(TIMEOUT / 10, socket.readable())
                .await
                .is_err()
            {
                send(socket, ": ping\n\n").await;
            }
        });
        let start = std::time::Instant::now();
        assert_eq!(endless.await, (Usage::call(prompt, 5), false));
        assert!(start.elapsed() >= DEADLINE, "{:?}", start.elapsed());
    }
}

/// Attempts that failed, and the answer.
#[tokio::test]
async fn an_answer_at_last_is_charged_with_the_attempts_before_it() {
    for protocol in PROTOCOLS {
        let prompt = protocol.model("http://127.0.0.1:9").prompt_tokens(&ask());
        let whole = [HEAD, &protocol.text("blue"), &protocol.end()].concat();
        let oops = status("503 Oops", "", "");
        let (charged, answered) = charged(protocol, async |number, socket| match number {
            0 | 1 => send(socket, &oops).await,
            _ => send(socket, &whole).await,
        })
        .await;
        assert!(answered && charged.calls == 3, "{charged:?}");
        assert!(
            charged.output_tokens > 0 && charged.input_tokens >= prompt,
            "{charged:?}"
        );
    }
}
