//! What timing and broken connections do to an answer: the server is a bare socket.

use std::time::Duration;

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, Delta, Error, FinishReason, Result,
};
use catena_models::OpenAiCompatible;
use futures::{
    StreamExt,
    future::{join, pending},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// The head of an answer that ends with its connection, so that a cut looks like an end.
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
/// The head of an answer of which 10,000 bytes are promised.
const LONG: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n";
const BLUE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"blue\"}}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// Far longer than anything here takes.
const AGES: Duration = Duration::from_secs(60);
/// How long the model waits where a test waits for it to give up.
const SHORT: Duration = Duration::from_millis(80);

async fn listen(timeout: Duration) -> (TcpListener, OpenAiCompatible) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let model = OpenAiCompatible::builder(url, "tiny")
        .timeout(timeout)
        .build();
    (listener, model.unwrap())
}

/// The next connection, once its request has been read.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    // The end of `stream_options`, the last field of the body.
    while !request.ends_with(b"}}") {
        assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
    }
    socket
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Which colour?")])
}

/// The answer of a server that sends `parts` and closes the connection.
async fn answer(parts: &[&str]) -> Result<ChatResponse> {
    let (listener, model) = listen(AGES).await;
    let serve = async {
        let mut socket = accept(&listener).await;
        socket.write_all(parts.concat().as_bytes()).await.unwrap();
    };
    join(model.chat(ask()), serve).await.0
}

/// The error of a model that gives up while `serve` still holds the connection.
async fn given_up(serve: impl AsyncFnOnce(TcpStream)) -> Error {
    let (listener, model) = listen(SHORT).await;
    let serve = async {
        serve(accept(&listener).await).await;
        pending::<()>().await;
    };
    tokio::select! {
        answer = timeout(AGES, model.chat(ask())) => answer.unwrap().unwrap_err(),
        () = serve => unreachable!(),
    }
}

#[tokio::test]
async fn an_answer_with_a_reason_to_finish_is_whole() {
    let unfinished = FINISH.trim_end();
    for parts in [
        &[HEAD, BLUE, FINISH][..],
        &[HEAD, BLUE, "data: [DONE]\n\n"],
        &[HEAD, BLUE, unfinished],
        &[
            HEAD,
            ": ping\r\n\r\n",
            BLUE,
            ": ping\n\n",
            FINISH,
            "data: [DONE]",
        ],
        // The connection breaks, but the answer was there.
        &[LONG, BLUE, FINISH],
    ] {
        let answer = answer(parts).await.unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("blue", FinishReason::Stop)
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_may_be_asked_for_again() {
    for parts in [
        &[HEAD][..],
        &[HEAD, BLUE],
        &[HEAD, BLUE, "data: {\"choices\":[{\"del"],
        &[HEAD, "{\"choices\":[{\"mess"],
        &[LONG, BLUE],
        &["HTTP/1.1 200 OK\r\ncontent-le"],
        &[""],
    ] {
        let error = answer(parts).await.unwrap_err();
        assert!(error.is_retryable(), "{parts:?}: {error:?}");
    }
}

#[tokio::test]
async fn text_arrives_before_the_answer_is_whole() {
    let (listener, model) = listen(AGES).await;
    let serve = async {
        let mut socket = accept(&listener).await;
        socket
            .write_all([HEAD, BLUE].concat().as_bytes())
            .await
            .unwrap();
        socket
    };
    let (stream, mut socket) = join(model.stream(ask()), serve).await;
    let mut stream = stream.unwrap();
    // The server has not sent the rest yet.
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first, Delta::Text("blue".into()));
    socket.write_all(FINISH.as_bytes()).await.unwrap();
    drop(socket);
    assert!(matches!(stream.next().await, Some(Ok(Delta::End { .. }))));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (listener, model) = listen(AGES).await;
    let serve = async {
        let mut socket = accept(&listener).await;
        socket
            .write_all([HEAD, BLUE].concat().as_bytes())
            .await
            .unwrap();
        socket
    };
    let (stream, mut socket) = join(model.stream(ask()), serve).await;
    let mut stream = stream.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_closed(&mut socket).await;
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let (listener, model) = listen(AGES).await;
    let mut socket = tokio::select! {
        _ = model.stream(ask()) => unreachable!("nothing was answered"),
        socket = accept(&listener) => socket,
    };
    assert_closed(&mut socket).await;
}

/// The other side closes: reading ends, in whatever way.
async fn assert_closed(socket: &mut TcpStream) {
    let read = timeout(AGES, socket.read(&mut [0; 16])).await;
    let read = read.expect("the connection is still open");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn silence_ends_in_an_error() {
    for sent in [&[][..], &[HEAD], &[HEAD, BLUE]] {
        let error = given_up(async |mut socket: TcpStream| {
            socket.write_all(sent.concat().as_bytes()).await.unwrap();
            pending::<()>().await;
        })
        .await;
        assert!(error.is_retryable(), "{sent:?}: {error:?}");
        assert!(
            error.to_string().contains("nothing came for 80ms"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn pings_alone_do_not_keep_an_answer_alive() {
    let error = given_up(async |mut socket: TcpStream| {
        socket.write_all(HEAD.as_bytes()).await.unwrap();
        let mut tick = tokio::time::interval(SHORT / 4);
        while socket.write_all(b": ping\n\n").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    assert!(error.is_retryable());
    assert!(
        error.to_string().contains("nothing came for 800ms"),
        "{error}"
    );
}

#[tokio::test]
async fn slow_but_steady_is_not_silent() {
    let (listener, model) = listen(SHORT * 4).await;
    let serve = async {
        let mut socket = accept(&listener).await;
        socket.write_all(HEAD.as_bytes()).await.unwrap();
        let mut tick = tokio::time::interval(SHORT);
        // Longer in all than the model would wait for one piece.
        for _ in 0..8 {
            tick.tick().await;
            socket.write_all(BLUE.as_bytes()).await.unwrap();
        }
        socket.write_all(FINISH.as_bytes()).await.unwrap();
    };
    let answer = join(model.chat(ask()), serve).await.0.unwrap();
    assert_eq!(answer.text, "blue".repeat(8));
}

#[tokio::test]
async fn the_body_of_an_error_is_read_in_part() {
    let (listener, model) = listen(AGES).await;
    let serve = async {
        let mut socket = accept(&listener).await;
        let head = b"HTTP/1.1 500 Oops\r\ncontent-length: 1000000000\r\n\r\n";
        socket.write_all(head).await.unwrap();
        let mut sent = 0;
        while socket.write_all(&[b'x'; 4096]).await.is_ok() {
            sent += 4096;
        }
        sent
    };
    let (error, sent) = join(model.chat(ask()), serve).await;
    let error = error.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().len() < 600, "{error}");
    // What the sockets hold comes on top of the 64 KiB that are read.
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}
