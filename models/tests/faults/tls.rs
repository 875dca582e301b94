use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena_core::{ChatModel, Error};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{
    charges::{attempts, spent},
    server::{DEADLINE, PROTOCOLS, Protocol, TIMEOUT, ask},
};

/// How a model fails that asks over https, while `serve` has the connection.
async fn secure(protocol: Protocol, host: &str, serve: impl AsyncFn(TcpStream)) -> Error {
    let ask = async |model: Arc<dyn ChatModel>| model.chat(ask()).await.unwrap_err();
    asked_securely(protocol, host, serve, ask).await
}

/// What `ask` gives with a model that asks over https, while `serve` has each connection.
async fn asked_securely<T>(
    protocol: Protocol,
    host: &str,
    serve: impl AsyncFn(TcpStream),
    ask: impl AsyncFnOnce(Arc<dyn ChatModel>) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let model = protocol.model(&format!("https://{host}:{port}/v1"));
    let serving = async {
        loop {
            serve(listener.accept().await.unwrap().0).await;
        }
    };
    let asking = tokio::time::timeout(Duration::from_secs(20), ask(model));
    tokio::select! {
        answer = asking => answer.expect("the model hangs"),
        () = serving => unreachable!(),
    }
}

/// A server whose certificate nobody knows.
fn acceptor() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let acceptor = acceptor();
    for protocol in PROTOCOLS {
        // The right name, so that only its issuer is wrong; and a wrong one.
        for host in ["localhost", "127.0.0.1"] {
            let error = secure(protocol, host, async |socket| {
                let handshake = acceptor.accept(socket).await;
                assert!(handshake.is_err(), "the model went on");
            })
            .await;
            assert!(error.is_refused() && !error.is_retryable(), "{error:?}");
            assert!(error.to_string().contains("certificate"), "{error}");
            assert!(error.help().unwrap().contains("certificate"));
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    for protocol in PROTOCOLS {
        let error = secure(protocol, "127.0.0.1", async |mut socket| {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            std::future::pending().await
        })
        .await;
        assert!(error.is_refused(), "{error:?}");
        assert!(error.help().unwrap().contains("speaks https"), "{error:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_cut_off_or_never_ends() {
    for protocol in PROTOCOLS {
        let cut = secure(protocol, "127.0.0.1", async |socket| drop(socket)).await;
        assert!(cut.is_retryable() && !cut.is_refused(), "{cut:?}");
        let start = Instant::now();
        let silent = secure(protocol, "127.0.0.1", async |_socket| {
            std::future::pending().await
        })
        .await;
        let took = start.elapsed();
        assert!(silent.is_retryable() && !silent.is_refused(), "{silent:?}");
        let said = format!("nothing came for {TIMEOUT:?}");
        assert!(silent.to_string().contains(&said), "{silent}");
        assert!(took >= TIMEOUT && took < DEADLINE, "{took:?}");
    }
}

/// One call where trying again cannot help, four where it may; never a token, and nothing stays set aside.
#[tokio::test]
async fn what_no_secure_connection_costs() {
    for protocol in PROTOCOLS {
        let acceptor = acceptor();
        let unknown = async |socket| {
            let _ = acceptor.accept(socket).await;
        };
        let charged = asked_securely(protocol, "localhost", unknown, spent).await;
        assert_eq!(charged, (attempts(1), false));
        let plain = async |mut socket: TcpStream| {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        };
        let charged = asked_securely(protocol, "127.0.0.1", plain, spent).await;
        assert_eq!(charged, (attempts(1), false));
        let cut = async |socket| drop::<TcpStream>(socket);
        let charged = asked_securely(protocol, "127.0.0.1", cut, spent).await;
        assert_eq!(charged, (attempts(4), false));
    }
}
