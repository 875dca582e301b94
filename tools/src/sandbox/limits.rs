//! How much a run may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a run may take. Each limit holds for the whole tree of processes, unless it says otherwise.
///
/// # Example: more time and memory, for a build
///
/// ```
/// use std::time::Duration;
/// use catena_tools::Limits;
///
/// let limits = Limits {
///     wall: Duration::from_secs(120),
///     cpu: Duration::from_secs(240),
///     memory: 4 << 30,
///     ..Limits::default()
/// };
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from start to end. Default: 10 s.
    pub wall: Duration,
    /// Processor time, of all processes together. Default: 10 s.
    pub cpu: Duration,
    /// Memory in bytes: what one process may allocate (the kernel refuses more), and what all
    /// together may hold (they are killed). Default: 1 GiB.
    pub memory: u64,
    /// Bytes of one file. Default: 64 MiB.
    pub file_size: u64,
    /// Bytes to which the working folder may grow, with what was in it; each file counts at least
    /// 4 KiB. Default: 256 MiB.
    pub disk: u64,
    /// Processes and threads at a time. Default: 64.
    pub processes: u32,
    /// Bytes kept of each of standard output and standard error, half from the start and half from
    /// the end. A program that writes [256 times](Limits::OUTPUT_FACTOR) as much is killed.
    /// Default: 64 KiB.
    pub output: usize,
}

impl Limits {
    /// How many times [`output`](Limits::output) a stream may carry before the run is ended.
    pub const OUTPUT_FACTOR: u64 = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(10),
            cpu: Duration::from_secs(10),
            memory: 1 << 30,
            file_size: 64 << 20,
            disk: 256 << 20,
            processes: 64,
            output: 64 << 10,
        }
    }
}
