//! Servers that do not answer, or with something else. None of them is a real one.

use catena_core::Error;
use catena_qdrant::QdrantIndex;
use tokio::{io::AsyncWriteExt, net::TcpListener};

async fn refused(url: &str) -> Error {
    let error = QdrantIndex::connect(url, None, "none").await.unwrap_err();
    assert!(error.help().is_some(), "{error:?}");
    error
}

#[tokio::test]
async fn a_server_that_is_not_there_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = refused(&url).await;
    assert!(error.is_retryable(), "{error:?}");
    let told = error.to_string();
    assert!(told.contains(&url), "{told}");
    assert!(told.ends_with("Connection refused"), "{told}");
    // Once, and in no other words.
    assert!(std::error::Error::source(&error).is_none(), "{error:?}");
}

#[tokio::test]
async fn something_else_at_the_port_is_told_with_the_usual_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = refused(&url).await;
    assert!(error.help().unwrap().contains("6334"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_address_is_invalid() {
    let error = refused("not an address").await;
    assert!(error.is_invalid(), "{error:?}");
}
