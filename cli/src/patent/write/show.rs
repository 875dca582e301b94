//! A patent as a person sees it grow.

use std::{collections::BTreeSet, io::IsTerminal, io::stderr, time::Duration};

use catena_agents::{PatentPiece, PatentWork};
use catena_core::{Event, EventKind, Usage};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{requests::retried, terminal::headline};

/// A live bar on a terminal; elsewhere a line for each piece; nothing if the user wants none.
pub(super) struct Show {
    bar: ProgressBar,
    lines: bool,
    usage: Usage,
    seen: BTreeSet<PatentPiece>,
}

impl Show {
    pub(super) fn new(quiet: bool) -> Self {
        let terminal = stderr().is_terminal();
        let bar = ProgressBar::no_length();
        bar.set_draw_target(match quiet || !terminal {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        });
        let style = "{spinner} writing {bar:24} {pos}/{len} pieces, {prefix} tokens, {elapsed}\n  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix("0");
        bar.set_length(PatentPiece::COMPONENTS.len() as u64 + 1);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            lines: !quiet && !terminal,
            usage: Usage::default(),
            seen: BTreeSet::new(),
        }
    }

    /// Shows what an event tells of; `work` is what is written with it.
    pub(super) fn event(&mut self, event: &Event, work: &PatentWork) {
        match &event.kind {
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
            EventKind::Note { .. } => self.pieces(work),
            _ => {}
        }
    }

    fn pieces(&mut self, work: &PatentWork) {
        let all = pieces(work);
        for piece in &all {
            if work.has(*piece) && self.seen.insert(*piece) {
                let line = line(*piece, work);
                self.bar.set_message(line.clone());
                if self.lines {
                    sayln!("{line}");
                }
            }
        }
        self.bar.set_length(all.len() as u64);
        let done = all.iter().filter(|piece| work.has(**piece)).count();
        self.bar.set_position(done as u64);
    }

    /// Takes the bar away, before something else is printed.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Every piece that is known of.
pub(super) fn pieces(work: &PatentWork) -> Vec<PatentPiece> {
    let subsections = work.plan.subsections();
    PatentPiece::COMPONENTS
        .into_iter()
        .chain([PatentPiece::Plan])
        .chain(subsections.map(|(id, ..)| PatentPiece::Subsection(id)))
        .collect()
}

/// What is told of a piece that is there.
fn line(piece: PatentPiece, work: &PatentWork) -> String {
    let words = |text: &str| {
        let count = text.split_whitespace().count();
        format!("{count} word{}", if count == 1 { "" } else { "s" })
    };
    match piece {
        PatentPiece::Title => format!("title: {}", headline(&work.title, 80)),
        PatentPiece::Abstract => format!("abstract: {}", words(&work.abstract_text)),
        PatentPiece::Background => format!("background: {}", words(&work.background)),
        PatentPiece::Summary => format!("summary: {}", words(&work.summary)),
        PatentPiece::Claims => format!("claims: {}", work.claims.len()),
        PatentPiece::Plan => format!(
            "plan: {} sections with {} subsections",
            work.plan.sections.len(),
            work.plan.subsections().count()
        ),
        PatentPiece::Subsection(id) => {
            let heading = work.plan.subsections().find(|(other, ..)| *other == id);
            let heading = heading.map_or("", |(_, _, subsection)| subsection.heading.as_str());
            let Some(subsection) = work.subsections.get(&id) else {
                return id.to_string();
            };
            let verdict = match &subsection.verdict {
                Some(verdict) if verdict.passes() => ", passes",
                Some(_) => ", does not pass",
                None => "",
            };
            format!(
                "{id} {}: {}{verdict}",
                headline(heading, 60),
                words(&subsection.text)
            )
        }
        other => other.to_string(),
    }
}
