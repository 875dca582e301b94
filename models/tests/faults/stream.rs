use std::{sync::Arc, time::Duration};

use catena_models::layer::Retry;

use crate::server::{HEAD, PROTOCOLS, asked, plainly, send, status};

#[tokio::test]
async fn a_stream_that_is_cut_in_the_middle() {
    for protocol in PROTOCOLS {
        let blue = protocol.text("bl");
        let promised = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n";
        for sent in [
            [HEAD, &blue].concat(),
            [HEAD, &blue, &blue[..blue.len() / 2]].concat(),
            [promised, &blue].concat(),
            [chunked, &blue].concat(),
            HEAD.into(),
            HEAD[..HEAD.len() / 2].into(),
            String::new(),
        ] {
            let error = plainly(protocol, async |_, socket| send(socket, &sent).await).await;
            let error = error.unwrap_err();
            assert!(error.is_retryable(), "{sent:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_cut_stream_is_sent_again_only_where_that_is_wanted() {
    for protocol in PROTOCOLS {
        let cut = [HEAD, &protocol.text("gr")].concat();
        let whole = [HEAD, &protocol.text("blue"), &protocol.end()].concat();
        let chat = async |resend| {
            let first = Duration::from_millis(1);
            let wrap = |model| {
                Arc::new(
                    Retry::new(model)
                        .backoff(first, first)
                        .resend_started(resend),
                ) as _
            };
            asked(protocol, wrap, async |number, socket| match number {
                0 => send(socket, &cut).await,
                _ => send(socket, &whole).await,
            })
            .await
        };
        assert!(chat(false).await.unwrap_err().is_retryable());
        let answer = chat(true).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.calls), ("blue", 2));
    }
}

#[tokio::test]
async fn what_is_not_json() {
    for protocol in PROTOCOLS {
        for sent in [
            [HEAD, "data: {not json}\n\n"].concat(),
            [HEAD, &protocol.text("bl"), "data: }{\n\n"].concat(),
            [HEAD, "data: 7\n\ndata: \"x\" y\n\n"].concat(),
            status("200 OK", "", "{\"choices\": tru}"),
            status("200 OK", "", "{}"),
            status(
                "200 OK",
                "",
                "<html>Welcome to the network! Please log in.</html>",
            ),
        ] {
            let error = plainly(protocol, async |_, socket| send(socket, &sent).await).await;
            let error = error.unwrap_err();
            assert!(error.is_malformed_output(), "{sent:?}: {error:?}");
            assert!(!error.is_retryable());
        }
    }
}

#[tokio::test]
async fn what_is_not_http() {
    for protocol in PROTOCOLS {
        for sent in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\0\0\0\0",
            "HTTP/1.1 abc\r\n\r\n",
        ] {
            let error = plainly(protocol, async |_, socket| send(socket, sent).await).await;
            assert!(error.unwrap_err().is_retryable(), "{sent:?}");
        }
    }
}
