use std::future::pending;

use crate::server::{DEADLINE, HEAD, PROTOCOLS, TIMEOUT, drip, plainly, send, status};

#[tokio::test]
async fn a_server_that_never_answers() {
    for protocol in PROTOCOLS {
        for sent in [
            String::new(),
            HEAD.into(),
            [HEAD, &protocol.text("bl")].concat(),
        ] {
            let error = plainly(protocol, async |_, socket| {
                send(socket, &sent).await;
                pending().await
            })
            .await
            .unwrap_err();
            assert!(error.is_retryable(), "{error:?}");
            let said = format!("nothing came for {TIMEOUT:?}");
            assert!(error.to_string().contains(&said), "{error}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_never_ends() {
    for protocol in PROTOCOLS {
        // Tokens without end, and events without tokens.
        for event in [
            protocol.text("and "),
            protocol.text(""),
            ": ping\n\n".into(),
        ] {
            let error = plainly(protocol, async |_, socket| {
                send(socket, HEAD).await;
                loop {
                    send(socket, &event).await;
                    tokio::time::sleep(TIMEOUT / 10).await;
                }
            })
            .await
            .unwrap_err();
            assert!(error.is_retryable(), "{error:?}");
            let said = format!("took longer than {DEADLINE:?}");
            assert!(error.to_string().contains(&said), "{error}");
            assert!(error.help().unwrap().contains("deadline"));
        }
    }
}

#[tokio::test]
async fn a_slow_loris() {
    for protocol in PROTOCOLS {
        let long = "x".repeat(1000);
        for dripped in [
            // The head, the body, an event, an error.
            format!("HTTP/1.1 200 OK\r\nx-long: {long}\r\n"),
            format!("HTTP/1.1 200 OK\r\n\r\n{}{long}", protocol.opening()),
            [HEAD, &protocol.text(&long)].concat(),
            status("500 Oops", "", &long),
        ] {
            let (quick, slow) = dripped.split_once("\r\n\r\n").unwrap_or(("", &dripped));
            let error = plainly(protocol, async |_, socket| {
                if !quick.is_empty() {
                    send(socket, &format!("{quick}\r\n\r\n")).await;
                }
                drip(socket, slow).await;
                pending().await
            })
            .await
            .unwrap_err();
            assert!(error.is_retryable(), "{error:?}");
        }
    }
}
