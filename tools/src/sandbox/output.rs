//! What came of a run.

use std::{collections::VecDeque, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: Captured,
    /// What it wrote to standard error.
    pub stderr: Captured,
    /// Time from start to end.
    pub wall: Duration,
    /// Processor time of all its processes.
    pub cpu: Duration,
}

impl Output {
    /// Whether the program exited with status 0.
    pub fn is_success(&self) -> bool {
        self.status == Status::Exited(0)
    }
}

/// How a run ended. Its [`Display`](fmt::Display) is a sentence's end, for a person and for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The program exited with this status.
    Exited(i32),
    /// A signal ended the program.
    Killed(i32),
    /// Ended after [`Limits::wall`](crate::Limits::wall).
    TimedOut,
    /// Ended for [`Limits::cpu`](crate::Limits::cpu).
    OutOfCpu,
    /// Ended for [`Limits::memory`](crate::Limits::memory). A process that alone asks for more gets
    /// none and may exit as it likes.
    OutOfMemory,
    /// Ended for [`Limits::disk`](crate::Limits::disk), or by a write behind
    /// [`Limits::file_size`](crate::Limits::file_size).
    OutOfDisk,
    /// Ended for [`Limits::OUTPUT_FACTOR`](crate::Limits::OUTPUT_FACTOR).
    TooMuchOutput,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Killed(signal) => match name(*signal) {
                Some(name) => write!(f, "was ended by signal {signal} ({name})"),
                None => write!(f, "was ended by signal {signal}"),
            },
            Self::TimedOut => f.write_str("was stopped: it took too long"),
            Self::OutOfCpu => f.write_str("was stopped: it took too much processor time"),
            Self::OutOfMemory => f.write_str("was stopped: it took too much memory"),
            Self::OutOfDisk => f.write_str("was stopped: it wrote too much to files"),
            Self::TooMuchOutput => f.write_str("was stopped: it printed too much"),
        }
    }
}

fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// What a program wrote to one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// What was kept; bytes that are not UTF-8 are replaced. Where some were left out a line in
    /// brackets says how many.
    pub text: String,
    /// Bytes that were left out, from the middle.
    pub omitted: u64,
}

/// Keeps the start and the end of a stream.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    limit: usize,
    pub(super) total: u64,
}

impl Capture {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            limit,
            total: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let room = (self.limit / 2).saturating_sub(self.head.len());
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let tail = self.limit - self.limit / 2;
        // Of a long piece only its end can stay.
        let (_, rest) = rest.split_at(rest.len().saturating_sub(tail));
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(tail);
        self.tail.drain(..excess);
    }

    pub(super) fn finish(self) -> Captured {
        let tail = Vec::from(self.tail);
        let omitted = self
            .total
            .saturating_sub((self.head.len() + tail.len()) as u64);
        let text = if omitted == 0 {
            let whole = [self.head, tail].concat();
            String::from_utf8_lossy(&whole).into_owned()
        } else {
            format!(
                "{}\n[{omitted} bytes left out]\n{}",
                String::from_utf8_lossy(&self.head),
                String::from_utf8_lossy(&tail)
            )
        };
        Captured { text, omitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole() {
        let mut capture = Capture::new(8);
        for piece in ["ab", "cdé", "fg"] {
            capture.push(piece.as_bytes());
        }
        assert_eq!(
            capture.finish(),
            Captured {
                text: "abcdéfg".to_owned(),
                omitted: 0
            }
        );
    }

    #[test]
    fn start_and_end_of_what_does_not_are_kept() {
        for size in [1, 3, 7, 100] {
            let mut capture = Capture::new(6);
            for piece in b"0123456789abcdef".chunks(size) {
                capture.push(piece);
            }
            assert_eq!(
                capture.finish(),
                Captured {
                    text: "012\n[10 bytes left out]\ndef".to_owned(),
                    omitted: 10
                }
            );
        }
    }
}
