//! llama.cpp's server, for as long as a test lasts.

use std::{env, ffi::OsString, path::PathBuf, process::Stdio, time::Duration};

use catena_models::catalog::{Catalog, Status, Store};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const MODEL: &str = "smollm2-135m";

/// To load a model takes a second, on a machine with nothing else to do.
const START: Duration = Duration::from_secs(120);

/// A server that was started with embeddings does nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Chat,
    Embeddings,
}

/// A running server on a port that was free. Dropped, it is killed; should the test end in a way
/// that drops nothing, the server's input ends, and the server with it.
#[derive(Debug)]
pub(crate) struct Llama {
    address: String,
    _process: Child,
}

impl Llama {
    pub(crate) async fn start(purpose: Purpose) -> Self {
        let options: &[&str] = match purpose {
            Purpose::Chat => &[],
            Purpose::Embeddings => &["--embeddings"],
        };
        let mut process = Command::new(python())
            .arg(script("llama.py"))
            .arg(weights())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(START, said.next_line());
        let line = line.await.expect("the server does not start").unwrap();
        let url = line.expect("the server ended; what it says is above");
        let address = url.strip_prefix("http://").unwrap().to_owned();
        Self {
            address,
            _process: process,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// The Python that has the server and the client.
///
/// # Panics
///
/// If there is none: a test that proves nothing does not pass.
pub(crate) fn python() -> OsString {
    let python = env::var_os("CATENA_SERVERS").filter(|python| !python.is_empty());
    python.expect(
        "CATENA_SERVERS does not name a Python that has the packages of \
         models/tests/servers/requirements.txt: run `make test`",
    )
}

pub(crate) fn script(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
    tests.join(name)
}

/// The file that the local engine answers from too.
fn weights() -> PathBuf {
    let store = Store::default_location().unwrap();
    match Catalog::builtin().status(MODEL, &store).unwrap() {
        Status::Installed { path, .. } => path,
        other => panic!("the test needs {MODEL}, fetch it with `make weights`: {other:?}"),
    }
}
