//! A model behind the OpenAI protocol: a closure answers each request.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::PATIENCE;

/// The tokens that the server bills for each request.
pub(crate) const PROMPT_TOKENS: u64 = 100;
pub(crate) const COMPLETION_TOKENS: u64 = 10;

/// A server on the loopback; it listens until the test's process ends.
pub(crate) struct Server {
    url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    more: Condvar,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// How many came before it.
    pub(crate) number: usize,
    /// The header lines.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Value,
}

impl Request {
    /// Whether it is a POST to this path.
    pub(crate) fn is_for(&self, path: &str) -> bool {
        self.headers[0] == format!("POST {path} HTTP/1.1")
    }

    /// The value of a header, if it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.iter().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// The content of the user's message.
    pub(crate) fn user(&self) -> &str {
        let messages = self.body["messages"].as_array().unwrap();
        messages.last().unwrap()["content"].as_str().unwrap()
    }

    /// Whether it wants the answer, and is not a worker's.
    pub(crate) fn is_manager(&self) -> bool {
        self.user().starts_with("A long text was read part by part")
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Streams these pieces as the iterator gives them, then ends the answer.
    Pieces(Box<dyn Iterator<Item = String> + Send>),
    /// Streams this text and breaks off.
    Cut(&'static str),
    /// Streams this text, and ends the answer for this reason.
    Ended(&'static str, &'static str),
    /// Streams these events, as they were recorded, and ends the answer.
    Recorded(&'static str),
    /// Answers with a status and a body.
    Status(u16, &'static str),
    /// Answers 429, to be asked again after so many seconds.
    Later(u64),
    /// Says nothing until the client goes away.
    Hang,
}

impl Reply {
    /// Streams `text` word by word.
    pub(crate) fn text(text: &str) -> Self {
        let pieces: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        Self::Pieces(Box::new(pieces.into_iter()))
    }
}

impl Server {
    /// Starts a server that answers each request with what `answer` makes of it.
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let (answer, noted) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                // A client that goes away early ends its own connection only.
                thread::spawn(move || serve(stream?, &noted, &*answer));
            }
        });
        Self { url, seen }
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// How many requests came so far.
    pub(crate) fn seen(&self) -> usize {
        self.seen.requests.lock().unwrap().len()
    }

    /// Waits until `count` requests have come.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        let requests = self.seen.requests.lock().unwrap();
        let (requests, waited) = self
            .seen
            .more
            .wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count)
            .unwrap();
        let come = requests.len();
        assert!(!waited.timed_out(), "{come} requests came, not {count}");
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Seen,
    answer: &(impl Fn(&Request) -> Reply + ?Sized),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        headers.push(line.to_owned());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request = {
        let mut requests = seen.requests.lock().unwrap();
        let request = Request {
            number: requests.len(),
            headers,
            body: serde_json::from_slice(&body).unwrap(),
        };
        requests.push(request.clone());
        seen.more.notify_all();
        request
    };
    match answer(&request) {
        Reply::Pieces(pieces) => answered(&mut stream, pieces, "stop"),
        Reply::Ended(text, why) => answered(&mut stream, [text.to_owned()], why),
        Reply::Cut(text) => {
            begin(&mut stream)?;
            event(&mut stream, &delta(text, None))
        }
        Reply::Recorded(events) => {
            begin(&mut stream)?;
            stream.write_all(events.as_bytes())
        }
        Reply::Status(status, body) => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
        Reply::Later(seconds) => write!(
            stream,
            "HTTP/1.1 429 Later\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Reply::Hang => reader.read_to_end(&mut Vec::new()).map(drop),
    }
}

/// Streams pieces, and ends the answer.
fn answered(
    stream: &mut TcpStream,
    pieces: impl IntoIterator<Item = String>,
    why: &str,
) -> std::io::Result<()> {
    begin(stream)?;
    for piece in pieces {
        event(stream, &delta(&piece, None))?;
    }
    event(stream, &delta("", Some(why)))?;
    let usage = json!({
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
    });
    event(stream, &json!({ "choices": [], "usage": usage }))?;
    stream.write_all(b"data: [DONE]\n\n")
}

fn begin(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
    )
}

fn delta(text: &str, finish: Option<&str>) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": finish }] })
}

fn event(stream: &mut TcpStream, data: &Value) -> std::io::Result<()> {
    write!(stream, "data: {data}\n\n")
}
