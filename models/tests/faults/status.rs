use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena_models::layer::Retry;

use crate::server::{HEAD, PROTOCOLS, asked, plainly, send, status};

#[tokio::test]
async fn too_many_requests_with_a_delay() {
    let slow = status(
        "429 Too Many Requests",
        "retry-after: 0.4\r\n",
        "{\"error\": \"slow down\"}",
    );
    for protocol in PROTOCOLS {
        let error = plainly(protocol, async |_, socket| send(socket, &slow).await).await;
        let error = error.unwrap_err();
        assert!(error.is_rate_limited(), "{error:?}");
        assert_eq!(error.retry_after(), Some(Duration::from_millis(400)));

        let start = Instant::now();
        let answer = asked(
            protocol,
            |model| Arc::new(Retry::new(model)),
            async |number, socket| match number {
                0 => send(socket, &slow).await,
                _ => {
                    send(
                        socket,
                        &[HEAD, &protocol.text("blue"), &protocol.end()].concat(),
                    )
                    .await
                }
            },
        )
        .await
        .unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.calls), ("blue", 2));
        assert!(start.elapsed() >= Duration::from_millis(400));
    }
}

#[tokio::test]
async fn a_server_that_fails() {
    for protocol in PROTOCOLS {
        for line in [
            "500 Oops",
            "502 Bad Gateway",
            "503 Unavailable",
            "504 Timeout",
            "529 Busy",
        ] {
            let broken = status(line, "", "<html>oops</html>");
            let error = plainly(protocol, async |_, socket| send(socket, &broken).await).await;
            let error = error.unwrap_err();
            assert!(
                error.is_retryable() && !error.is_rate_limited(),
                "{error:?}"
            );
            assert!(error.to_string().contains(&line[..3]), "{error}");
        }
        let broken = status("500 Oops", "", "");
        let retry = |model| {
            let first = Duration::from_millis(1);
            Arc::new(Retry::new(model).max_attempts(3).backoff(first, first)) as _
        };
        let answer = asked(protocol, retry, async |number, socket| match number {
            0 | 1 => send(socket, &broken).await,
            _ => {
                send(
                    socket,
                    &[HEAD, &protocol.text("blue"), &protocol.end()].concat(),
                )
                .await
            }
        })
        .await
        .unwrap();
        assert_eq!(answer.usage.calls, 3);
        let error = asked(protocol, retry, async |_, socket| {
            send(socket, &broken).await
        })
        .await;
        let error = error.unwrap_err();
        assert!(error.is_retryable());
        assert!(error.help().unwrap().contains("3 attempts"), "{error:?}");
    }
}
