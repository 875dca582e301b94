//! llama.cpp's server, for as long as a test lasts.

use std::{env, path::PathBuf, process::Stdio, time::Duration};

use catena::models::catalog::{Catalog, Status, Store};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// To load a model takes seconds, on a machine with nothing else to do.
const START: Duration = Duration::from_secs(180);

/// A running server on a port that was free. Dropped, it is killed; should the test end in a way that drops
/// nothing, the server's input ends, and the server with it.
#[derive(Debug)]
pub(crate) struct Llama {
    address: String,
    _process: Child,
}

impl Llama {
    /// # Panics
    ///
    /// Without the server or the weights: a test that proves nothing does not pass.
    pub(crate) async fn start(model: &str) -> Self {
        let python = env::var_os("CATENA_SERVERS").filter(|python| !python.is_empty());
        let python = python.expect("CATENA_SERVERS names no Python with a server: run `make test`");
        let store = Store::default_location().unwrap();
        let weights = match Catalog::builtin().status(model, &store).unwrap() {
            Status::Installed { path, .. } => path,
            other => panic!("the test needs {model}, fetch it with `make weights`: {other:?}"),
        };
        let script =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/tests/servers/llama.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg(weights)
            .args(["--context", "2048"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(START, said.next_line()).await;
        let url = line.expect("the server does not start").unwrap();
        let url = url.expect("the server ended; what it says is above");
        Self {
            address: url.strip_prefix("http://").unwrap().to_owned(),
            _process: process,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}
