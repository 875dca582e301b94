use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    charges::{attempts, spent},
    server::{
        DEADLINE, HEAD, PROTOCOLS, Protocol, TIMEOUT, ask, drip, patiently, plainly, requested,
        send, served, status,
    },
};

/// Each case with each protocol, side by side.
async fn all<T>(cases: impl Fn(Protocol) -> Vec<T>, check: impl AsyncFn(Protocol, T)) {
    let cases = PROTOCOLS.into_iter().flat_map(|protocol| {
        let cases = cases(protocol).into_iter();
        cases.map(move |case| (protocol, case))
    });
    join_all(cases.map(|(protocol, case)| check(protocol, case))).await;
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let cases = |protocol: Protocol| {
        vec![
            String::new(),
            HEAD.into(),
            [HEAD, &protocol.text("bl")].concat(),
        ]
    };
    all(cases, async |protocol, sent| {
        let answer = plainly(protocol, async |_, socket| {
            send(socket, &sent).await;
            pending().await
        });
        let error = answer.await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        let said = format!("nothing came for {TIMEOUT:?}");
        assert!(error.to_string().contains(&said), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_never_ends() {
    // Tokens without end, and events without tokens.
    let cases = |protocol: Protocol| {
        vec![
            protocol.text("and "),
            protocol.text(""),
            ": ping\n\n".into(),
        ]
    };
    all(cases, async |protocol, event| {
        let answer = patiently(DEADLINE / 2, DEADLINE, protocol, async |_, socket| {
            send(socket, HEAD).await;
            loop {
                send(socket, &event).await;
                tokio::time::sleep(TIMEOUT / 10).await;
            }
        });
        let error = answer.await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        let said = format!("took longer than {DEADLINE:?}");
        assert!(error.to_string().contains(&said), "{error}");
        assert!(error.help().unwrap().contains("deadline"));
    })
    .await;
}

/// What a slow loris says byte by byte (the head, the body, an event, an error), what is said of that, and
/// after which time.
fn dripped(protocol: Protocol) -> Vec<(String, String, Duration)> {
    let long = "x".repeat(1000);
    let silent = || (format!("nothing came for {TIMEOUT:?}"), TIMEOUT);
    let endless = || (format!("took longer than {DEADLINE:?}"), DEADLINE);
    // Of an error the status is known, and its body is not worth a longer wait.
    let status_alone = || ("500".to_owned(), TIMEOUT);
    [
        (format!("HTTP/1.1 200 OK\r\nx-long: {long}\r\n"), silent()),
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{}{long}", protocol.opening()),
            endless(),
        ),
        ([HEAD, &protocol.text(&long)].concat(), endless()),
        (status("500 Oops", "", &long), status_alone()),
    ]
    .map(|(dripped, (said, after))| (dripped, said, after))
    .into()
}

/// Says it: a head that is whole at once, what is left of it a byte at a time, until nobody listens.
async fn loris(socket: &mut TcpStream, dripped: &str) {
    let (quick, slow) = dripped.split_once("\r\n\r\n").unwrap_or(("", dripped));
    if !quick.is_empty() {
        send(socket, &format!("{quick}\r\n\r\n")).await;
    }
    drip(socket, slow).await;
}

#[tokio::test]
async fn a_slow_loris() {
    all(dripped, async |protocol, (dripped, said, after)| {
        let start = Instant::now();
        let answer = plainly(protocol, async |_, socket| loris(socket, &dripped).await);
        let error = answer.await.unwrap_err();
        let took = start.elapsed();
        assert!(
            error.is_retryable() && !error.is_rate_limited(),
            "{error:?}"
        );
        assert!(!error.is_malformed_output(), "{error:?}");
        assert!(error.to_string().contains(&said), "{error}");
        // Not later than `plainly` allows, and not before its time.
        assert!(took >= after, "{took:?}: {error}");
    })
    .await;
}

/// Each attempt is a call, takes its time, and gave no token; nothing stays set aside.
#[tokio::test]
async fn a_slow_loris_is_charged_as_calls() {
    all(dripped, async |protocol, (dripped, said, after)| {
        let start = Instant::now();
        let serve = async |_: usize, socket: &mut TcpStream| loris(socket, &dripped).await;
        let charged = served(protocol, serve, spent).await;
        assert_eq!(charged, (attempts(4), false), "{said}");
        let took = start.elapsed();
        assert!(took >= 4 * after, "{took:?}: {said}");
    })
    .await;
}

/// llama.cpp's server closes when an answer was streamed, though it promised not to: whoever asks on
/// the same connection just then is cut off.
#[tokio::test]
async fn a_connection_without_tls_is_used_once() {
    let protocol = Protocol::OpenAi;
    let body = protocol.text("blue") + &protocol.end();
    let head = HEAD.trim_end().to_owned() + "\r\nkeep-alive: timeout=5, max=100";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let model = protocol.model(&format!("http://{}/v1", listener.local_addr().unwrap()));
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                while requested(&mut socket).await {
                    send(&mut socket, &answer).await;
                }
            });
        }
    });
    for connections in 1..=3 {
        assert_eq!(model.chat(ask()).await.unwrap().text, "blue");
        assert_eq!(opened.load(SeqCst), connections);
    }
}
