//! LangGraph, in a process of its own: the name of a measure goes in, a line of JSON with one round
//! of it comes out.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;

/// One round of a measure.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// In the unit of the figure.
    pub(crate) value: f64,
    /// In what it differs from ours.
    #[serde(default)]
    pub(crate) note: Option<String>,
}

/// The process; it ends when this is dropped.
pub(crate) struct Peer {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    version: String,
}

impl Peer {
    /// `None` when no Python with LangGraph is named, or it does not start.
    pub(crate) fn start() -> Option<Self> {
        let python = std::env::var_os("CATENA_BENCH_PEER").filter(|python| !python.is_empty())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/langgraph_peer.py");
        let started = Command::new(&python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = started
            .inspect_err(|error| eprintln!("{} does not start: {error}", python.display()))
            .ok()?;
        let mut peer = Self {
            questions: process.stdin.take(),
            answers: BufReader::new(process.stdout.take()?),
            process,
            version: String::new(),
        };
        peer.version = peer.line()?;
        Some(peer)
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// One round of a measure; why there is none is printed.
    pub(crate) fn measure(&mut self, measure: &str) -> Option<Answer> {
        writeln!(self.questions.as_mut()?, "{measure}").ok()?;
        let line = self.line()?;
        serde_json::from_str(&line)
            .inspect_err(|_| eprintln!("LangGraph, {measure}: {line}"))
            .ok()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        let line = line.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.process.wait();
    }
}
