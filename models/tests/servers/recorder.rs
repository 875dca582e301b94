//! A proxy that remembers what went through it.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Passes requests on to a server and keeps their bodies. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Recorder {
    address: String,
    bodies: Arc<Mutex<Vec<Value>>>,
    serving: JoinHandle<()>,
}

impl Recorder {
    /// Listens on a free port, in front of `server`.
    pub(crate) async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (server, kept) = (server.to_owned(), bodies.clone());
        let serving = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                pass(client, &server, &kept).await;
            }
        });
        Self {
            address,
            bodies,
            serving,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies since the last time, in order.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.bodies.lock().unwrap())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request and its answer; then the connection is closed, so that each begins a new one.
async fn pass(mut client: TcpStream, server: &str, bodies: &Mutex<Vec<Value>>) {
    let (head, body) = request(&mut client).await;
    bodies
        .lock()
        .unwrap()
        .push(serde_json::from_slice(&body).unwrap());
    let mut server = TcpStream::connect(server).await.unwrap();
    let lines = head.lines();
    let lines = lines.filter(|line| !line.to_lowercase().starts_with("connection:"));
    let head = lines.collect::<Vec<_>>().join("\r\n") + "\r\nconnection: close\r\n\r\n";
    server.write_all(head.as_bytes()).await.unwrap();
    server.write_all(&body).await.unwrap();
    // A client that has heard the end may hang up before the connection is closed.
    let _ = tokio::io::copy(&mut server, &mut client).await;
}

async fn request(client: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(client.read_buf(&mut bytes).await.unwrap(), 0);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().unwrap())
        });
        let mut body = bytes.split_off(end + 4);
        let missing = length.unwrap_or(0).saturating_sub(body.len());
        let mut rest = vec![0; missing];
        client.read_exact(&mut rest).await.unwrap();
        body.extend(rest);
        return (head, body);
    }
}
