//! A bare socket that answers as badly as it is told to, and models that ask it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena_core::{ChatMessage, ChatModel, ChatRequest, ChatResponse, Result};
use catena_models::{Anthropic, OpenAiCompatible};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How long a model waits for the next piece of an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(300);

/// How long a model waits for a whole answer.
pub(crate) const DEADLINE: Duration = Duration::from_millis(2000);

/// Far longer than any of the models may take: a hang.
const HANG: Duration = Duration::from_secs(20);

pub(crate) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A protocol, and pieces of answers in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    OpenAi,
    Anthropic,
}

pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::OpenAi, Protocol::Anthropic];

impl Protocol {
    pub(crate) fn model(self, base: &str) -> Arc<dyn ChatModel> {
        self.waiting(base, TIMEOUT, DEADLINE)
    }

    fn waiting(self, base: &str, timeout: Duration, deadline: Duration) -> Arc<dyn ChatModel> {
        match self {
            Self::OpenAi => Arc::new(
                OpenAiCompatible::builder(base, "tiny")
                    .timeout(timeout)
                    .deadline(deadline)
                    .build()
                    .unwrap(),
            ),
            Self::Anthropic => Arc::new(
                Anthropic::builder("tiny")
                    .base_url(base)
                    .api_key("sk-secret")
                    .timeout(timeout)
                    .deadline(deadline)
                    .build()
                    .unwrap(),
            ),
        }
    }

    /// An event with `text`.
    pub(crate) fn text(self, text: &str) -> String {
        match self {
            Self::OpenAi => {
                format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
            }
            Self::Anthropic => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
            ),
        }
    }

    /// The events that end an answer.
    pub(crate) fn end(self) -> String {
        match self {
            Self::OpenAi => "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                             data: [DONE]\n\n"
                .into(),
            Self::Anthropic => "data: {\"type\":\"message_delta\",\"delta\":\
                                {\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n\
                                data: {\"type\":\"message_stop\"}\n\n"
                .into(),
        }
    }

    /// The beginning of an answer in one piece, in the middle of its text.
    pub(crate) fn opening(self) -> &'static str {
        match self {
            Self::OpenAi => "{\"choices\":[{\"message\":{\"content\":\"",
            Self::Anthropic => "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"",
        }
    }
}

pub(crate) fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Which colour?")])
}

/// A whole response with a status.
pub(crate) fn status(line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {line}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// What `ask` gives with the protocol's model, while `serve` answers connection after connection, of
/// which it is told the number.
pub(crate) async fn served<T>(
    protocol: Protocol,
    serve: impl AsyncFn(usize, &mut TcpStream),
    ask: impl AsyncFnOnce(Arc<dyn ChatModel>) -> T,
) -> T {
    served_within(TIMEOUT, DEADLINE, protocol, serve, ask).await
}

async fn served_within<T>(
    timeout: Duration,
    deadline: Duration,
    protocol: Protocol,
    serve: impl AsyncFn(usize, &mut TcpStream),
    ask: impl AsyncFnOnce(Arc<dyn ChatModel>) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serving = async {
        let mut open = Vec::new();
        for number in 0.. {
            let mut socket = accept(&listener).await;
            serve(number, &mut socket).await;
            // Closed as an end of what was sent, which a test may want to be noticed.
            let _ = socket.shutdown().await;
            open.push(socket);
        }
    };
    let model = protocol.waiting(&url, timeout, deadline);
    let asking = tokio::time::timeout(HANG, ask(model));
    tokio::select! {
        answer = asking => answer.expect("the model hangs"),
        () = serving => unreachable!("the server goes on for ever"),
    }
}

/// The answer of the model that `wrap` makes of the protocol's.
pub(crate) async fn asked(
    protocol: Protocol,
    wrap: impl FnOnce(Arc<dyn ChatModel>) -> Arc<dyn ChatModel>,
    serve: impl AsyncFn(usize, &mut TcpStream),
) -> Result<ChatResponse> {
    let start = Instant::now();
    let answer = served(protocol, serve, async |model| wrap(model).chat(ask()).await).await;
    // Two seconds are for a machine that is busy with other tests.
    let limit = DEADLINE + TIMEOUT + Duration::from_secs(2);
    assert!(
        start.elapsed() < limit || answer.is_ok(),
        "it took {:?}",
        start.elapsed()
    );
    answer
}

/// The answer of the protocol's own model.
pub(crate) async fn plainly(
    protocol: Protocol,
    serve: impl AsyncFn(usize, &mut TcpStream),
) -> Result<ChatResponse> {
    asked(protocol, |model| model, serve).await
}

/// The answer of a model that waits so long, where another limit is meant to be met first, even on a machine
/// that is busy with other tests.
pub(crate) async fn patiently(
    timeout: Duration,
    deadline: Duration,
    protocol: Protocol,
    serve: impl AsyncFn(usize, &mut TcpStream),
) -> Result<ChatResponse> {
    let ask = async |model: Arc<dyn ChatModel>| model.chat(ask()).await;
    served_within(timeout, deadline, protocol, serve, ask).await
}

/// The next connection, once its request has been read.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    assert!(requested(&mut socket).await);
    socket
}

/// Reads a request; `false` if there is none.
pub(crate) async fn requested(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    loop {
        if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return false;
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            return true;
        }
    }
}

pub(crate) async fn send(socket: &mut TcpStream, text: &str) {
    // The model may have given up already.
    let _ = socket.write_all(text.as_bytes()).await;
}

/// Sends `text` a byte at a time, each well within the time for one piece.
pub(crate) async fn drip(socket: &mut TcpStream, text: &str) {
    for byte in text.bytes() {
        if socket.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(TIMEOUT / 10).await;
    }
}
