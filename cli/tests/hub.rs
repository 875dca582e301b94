//! `catena models` with files of a hub.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use catena_models::catalog::Checksum;
use support::{Home, PATIENCE, finish, run, signal};

const NAME: &str = "hf:owner/repo/tiny.gguf";
const FILE: &str = "cache/hub/owner--repo/tiny.gguf";

/// A GGUF file without tensors, and as much again as makes it a megabyte.
fn weights() -> Vec<u8> {
    let string = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let mut bytes = [
        b"GGUF".to_vec(),
        3u32.to_le_bytes().to_vec(),
        0u64.to_le_bytes().to_vec(),
        1u64.to_le_bytes().to_vec(),
        string("general.architecture"),
        8u32.to_le_bytes().to_vec(),
        string("llama"),
    ]
    .concat();
    bytes.resize(1 << 20, 7);
    bytes
}

/// A hub that has the file. While it is slow it sends the first half and nothing more.
struct Hub {
    url: String,
    slow: Arc<AtomicBool>,
}

impl Hub {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let slow = Arc::new(AtomicBool::new(true));
        let is_slow = slow.clone();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let slow = is_slow.load(Ordering::SeqCst);
                thread::spawn(move || serve(socket.unwrap(), slow));
            }
        });
        Self { url, slow }
    }

    fn pull(&self, home: &Home) -> Command {
        let mut command = home.catena(["models", "pull", NAME]);
        command.env("HF_ENDPOINT", &self.url);
        command
    }
}

fn serve(mut socket: TcpStream, slow: bool) {
    let bytes = weights();
    let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
    let head: Vec<String> = lines
        .by_ref()
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    let range = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": bytes=")?;
        let from = value.trim_end_matches('-').parse::<usize>().ok()?;
        name.eq_ignore_ascii_case("range").then_some(from)
    });
    let from = range.unwrap_or(0);
    let status = match range {
        Some(from) => format!(
            "206 Partial Content\r\ncontent-range: bytes {from}-{}/{}",
            bytes.len() - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nx-linked-size: {}\r\nx-linked-etag: \"{}\"\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        bytes.len(),
        Checksum::of(&bytes),
        bytes.len() - from
    );
    socket.write_all(reply.as_bytes()).unwrap();
    if head[0].starts_with("HEAD") {
        return;
    }
    if slow {
        socket.write_all(&bytes[from..bytes.len() / 2]).unwrap();
        // Until the other side goes away.
        let _ = socket.read(&mut [0]);
        return;
    }
    socket.write_all(&bytes[from..]).unwrap();
}

fn list(home: &Home) -> Option<serde_json::Value> {
    let json = run(&mut home.catena(["models", "list", "--json"]))
        .exits(0)
        .json();
    let all = json.as_array().unwrap().iter();
    all.clone().find(|model| model["name"] == NAME).cloned()
}

#[test]
#[cfg(unix)]
fn a_pull_that_is_stopped_leaves_no_model_and_is_gone_on_with() {
    let (home, hub) = (Home::new(), Hub::start());
    let child = hub.pull(&home).spawn().unwrap();
    let partial = home.path(&format!("{FILE}.partial"));
    let half = weights().len() as u64 / 2;
    let begun = Instant::now();
    while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < half {
        assert!(begun.elapsed() < PATIENCE, "the pull does not begin");
        thread::sleep(Duration::from_millis(20));
    }
    signal(child.id(), "INT");
    finish(child).exits(130).prints_nothing();
    assert!(!home.path(FILE).exists(), "half a model");
    let listed = list(&home).unwrap();
    assert_eq!(
        (listed["here"].as_str(), listed["bytes_here"].as_u64()),
        (Some("partial"), Some(half))
    );

    hub.slow.store(false, Ordering::SeqCst);
    let done = run(&mut hub.pull(&home));
    done.exits(0);
    assert!(done.stdout.trim_end().ends_with("tiny.gguf"), "{done:#?}");
    assert_eq!(fs::read(home.path(FILE)).unwrap(), weights());
    assert!(!partial.exists());
}

#[test]
fn what_was_pulled_from_a_hub_is_listed_described_and_removed() {
    let (home, hub) = (Home::new(), Hub::start());
    let rm = ["models", "rm", NAME, "--json"];
    let info = || {
        let done = run(&mut home.catena(["models", "info", NAME, "--json"]));
        done.exits(0).json()
    };
    assert_eq!(list(&home), None);
    assert_eq!(info()["here"], "no");
    assert_eq!(run(&mut home.catena(rm)).exits(0).json()["bytes_freed"], 0);

    hub.slow.store(false, Ordering::SeqCst);
    run(&mut hub.pull(&home)).exits(0);
    assert_eq!(list(&home).unwrap()["here"], "yes");
    let table = run(&mut home.catena(["models", "list"]));
    let row = table.stdout.lines().find(|line| line.starts_with(NAME));
    assert!(row.unwrap().contains(" yes "), "{table:#?}");
    assert_eq!(info()["file"]["architecture"], "llama");

    let bytes = weights().len();
    let dry = run(home.catena(rm).arg("--dry-run")).exits(0).json();
    assert_eq!(dry["bytes_freed"], bytes);
    assert!(home.path(FILE).exists());
    assert_eq!(
        run(&mut home.catena(rm)).exits(0).json()["bytes_freed"],
        bytes
    );
    assert_eq!(list(&home), None);
    assert!(!home.path("cache/hub/owner--repo").exists());
}
