//! Shows a chain while it reads.

use std::{io::IsTerminal, time::Duration};

use catena_agents::Unit;
use catena_core::{Event, EventKind, Usage};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{requests::retried, terminal::headline};

/// A live bar on a terminal; elsewhere a line for each chunk; nothing if the user wants none.
pub(crate) struct Display {
    bar: ProgressBar,
    lines: bool,
    usage: Usage,
    read: u64,
}

impl Display {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::no_length();
        bar.set_draw_target(if quiet || !terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} reading {bar:24} {pos}/{len} chunks, {prefix} tokens, {elapsed}\n  {wide_msg}",
        ) {
            bar.set_style(style);
        }
        bar.set_prefix("0");
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            lines: !quiet && !terminal,
            usage: Usage::default(),
            read: 0,
        }
    }

    /// Updates the display.
    pub(crate) fn show(&mut self, event: &Event) {
        match &event.kind {
            EventKind::NodeStarted {
                items: Some(chunks),
            } => {
                self.bar.set_length(*chunks as u64);
                if self.lines {
                    let s = if *chunks == 1 { "" } else { "s" };
                    sayln!("reading {chunks} chunk{s}");
                }
            }
            EventKind::CallFinished { usage, .. } => {
                self.usage += *usage;
                self.bar
                    .set_prefix(HumanCount(self.usage.tokens()).to_string());
            }
            EventKind::CallRetried { .. } => {
                let Some(line) = retried(event) else { return };
                self.bar.set_message(line.clone());
                if self.lines {
                    sayln!("{line}");
                }
            }
            EventKind::Note { name, data } if name == "unit" => {
                self.read += 1;
                self.bar.set_position(self.read);
                let Ok(unit) = serde_json::from_value::<Unit>(data.clone()) else {
                    return;
                };
                let head = headline(&unit.text, 100);
                let head = if head.is_empty() {
                    "(nothing yet)"
                } else {
                    &head
                };
                self.bar.set_message(head.to_owned());
                if self.lines {
                    sayln!("chunk {}: {head}", self.read);
                }
            }
            _ => {}
        }
    }

    /// Takes the bar away, before something else is printed.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
