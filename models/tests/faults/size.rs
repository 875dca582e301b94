use std::{cell::Cell, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::server::{HEAD, PROTOCOLS, patiently, send};

const MB: usize = 1_000_000;

const LONG: Duration = Duration::from_secs(15);

/// Sends `piece` until 100 MB are sent or nobody takes them any more; how many were taken.
async fn flood(socket: &mut TcpStream, piece: &str) -> usize {
    let block = piece.repeat(65_536 / piece.len() + 1);
    let mut sent = 0;
    while sent < 100 * MB && socket.write_all(block.as_bytes()).await.is_ok() {
        sent += block.len();
    }
    sent
}

#[tokio::test]
async fn a_body_of_100_mb_in_one_piece() {
    for protocol in PROTOCOLS {
        let taken = Cell::new(0);
        let error = patiently(LONG, LONG, protocol, async |_, socket| {
            send(socket, "HTTP/1.1 200 OK\r\n\r\n").await;
            send(socket, protocol.opening()).await;
            taken.set(flood(socket, "x").await);
        })
        .await
        .unwrap_err();
        assert!(error.is_malformed_output(), "{error:?}");
        assert!(error.to_string().contains("8 MiB"), "{error}");
        assert!(taken.get() < 40 * MB, "{} bytes were taken", taken.get());
    }
}

#[tokio::test]
async fn an_event_of_100_mb() {
    for protocol in PROTOCOLS {
        let taken = Cell::new(0);
        let error = patiently(LONG, LONG, protocol, async |_, socket| {
            send(socket, HEAD).await;
            send(socket, "data: ").await;
            taken.set(flood(socket, "x").await);
        })
        .await
        .unwrap_err();
        assert!(error.is_malformed_output(), "{error:?}");
        assert!(error.to_string().contains("1 MiB"), "{error}");
        assert!(taken.get() < 30 * MB, "{} bytes were taken", taken.get());
    }
}

#[tokio::test]
async fn an_error_of_100_mb() {
    for protocol in PROTOCOLS {
        let taken = Cell::new(0);
        let error = patiently(LONG, LONG, protocol, async |_, socket| {
            send(socket, "HTTP/1.1 500 Oops\r\n\r\n").await;
            taken.set(flood(socket, "oops ").await);
        })
        .await
        .unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        assert!(error.to_string().len() < 1000);
        assert!(taken.get() < 30 * MB, "{} bytes were taken", taken.get());
    }
}
