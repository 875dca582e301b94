//! The figures, in a table.

use std::fs;

use crate::{peer::Answer, rounds::Samples};

/// One figure.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) target: f64,
    pub(crate) ours: Samples,
    pub(crate) peer: Option<Answer>,
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Seconds.
    Time,
    /// Of the raw text.
    Times,
    Bytes,
}

pub(crate) fn head() {
    println!(
        "{:37} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "", "target", "median", "least", "LangGraph", "ratio"
    );
}

impl Row {
    pub(crate) fn print(&self) {
        let show = |value| self.unit.show(value);
        let median = self.ours.median();
        let (theirs, ratio, note) = match &self.peer {
            Some(Answer { value, note }) => (show(*value), ratio(*value, median), note.as_deref()),
            None => ("-".to_owned(), "-".to_owned(), None),
        };
        let missed = if median > self.target { "  MISSED" } else { "" };
        let note = note.map_or_else(String::new, |note| format!("  ({note})"));
        println!(
            "{:37} {:>9} {:>9} {:>9} {theirs:>10} {ratio:>8}{missed}{note}",
            self.what,
            show(self.target),
            show(median),
            show(self.ours.min()),
        );
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Time if value < 10e-6 => format!("{:.2} µs", value * 1e6),
            Self::Time if value < 1e-3 => format!("{:.0} µs", value * 1e6),
            Self::Time => format!("{:.1} ms", value * 1e3),
            Self::Times if value < 10.0 => format!("{value:.2} ×"),
            Self::Times => format!("{value:.0} ×"),
            Self::Bytes => format!("{:.2} MiB", value / 1024.0 / 1024.0),
        }
    }
}

fn ratio(theirs: f64, ours: f64) -> String {
    if ours > 0.0 {
        format!("{:.0}", theirs / ours)
    } else {
        "-".to_owned()
    }
}

/// How many cores there are, and what else they do.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    format!("{cores} cores, load {load} over the last minute")
}
