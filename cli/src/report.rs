//! What `ask` and `summarize` print when they are done, or when they failed.

use std::{io::stdout, time::Duration};

use anstyle::{AnsiColor, Style};
use catena_agents::{ChainAnswer, Passage, Unit};
use catena_core::{Budget, Error, FinishReason, Interrupt, RunId, Usage};
use serde::Serialize;

use crate::terminal::{harmless, print, styled};

/// The one object of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    pub(crate) run: &'a RunId,
    /// `finished`, `failed`, `cancelled` or `interrupted`.
    pub(crate) status: &'static str,
    pub(crate) model: &'a str,
    pub(crate) window: u32,
    pub(crate) documents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<&'a str>,
    /// Why the answer ended: `stop`, `length` or `content_filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish: Option<FinishReason>,
    pub(crate) passages: &'a [Passage],
    /// What each worker handed on; of a run that failed, as far as it came.
    pub(crate) units: &'a [Unit],
    pub(crate) usage: Usage,
    pub(crate) cost_dollars: f64,
    pub(crate) elapsed_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
    /// The questions that the run waits for.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) interrupts: &'a [Interrupt],
}

impl Report<'_> {
    pub(crate) fn print(&self) {
        // Strings, numbers and lists of them: serialising cannot fail.
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        print(&format!("{json}\n"));
    }
}

/// Passages to standard output, usage to standard error.
pub(crate) fn print_support(answer: &ChainAnswer) {
    let heading = Style::new().bold();
    let place = AnsiColor::Cyan.on_default();
    if answer.passages.is_empty() {
        return;
    }
    let mut text = format!("\n{}\n", styled("Passages", heading, &stdout()));
    for (index, passage) in answer.passages.iter().enumerate() {
        let at = &passage.place;
        let at = format!(
            "{}, line {}, bytes {}-{}",
            harmless(&at.document),
            at.line,
            at.bytes.start,
            at.bytes.end
        );
        let at = styled(&at, place, &stdout());
        text += &format!(
            "[{}] \u{201c}{}\u{201d}\n    {at}\n",
            index + 1,
            harmless(&passage.quote)
        );
    }
    print(&text);
}

/// What there is to say of `what`, if it ended before its end.
pub(crate) fn cut(what: &str, finish: FinishReason) -> Option<String> {
    match finish {
        FinishReason::Length => Some(format!("{what} was cut off at its limit of tokens")),
        FinishReason::ContentFilter => Some(format!("of {what} the provider withheld the rest")),
        _ => None,
    }
}

/// What there is to say of an answer that ended before its end, and what can be done.
pub(crate) fn cut_answer(finish: FinishReason) -> Option<String> {
    let told = cut("the answer", finish)?;
    Some(match finish {
        FinishReason::Length => format!("{told}; --answer-tokens allows more"),
        _ => told,
    })
}

/// One line: calls, tokens, money, time, and what the budget has left if there is one.
pub(crate) fn usage_line(usage: &Usage, unspent: &Budget, elapsed: Duration) -> String {
    let cached = match usage.cached_tokens {
        0 => String::new(),
        cached => format!(" ({cached} of them cached)"),
    };
    let left = match unspent.to_string() {
        left if left.is_empty() => left,
        left => format!("; left: {left}"),
    };
    format!(
        "{} calls, {} tokens read{cached}, {} written, {}, {:.1} s{left}",
        usage.calls,
        usage.input_tokens,
        usage.output_tokens,
        usage.cost,
        elapsed.as_secs_f64()
    )
}

/// What a run that did not finish leaves: the last unit, and where to go on.
pub(crate) fn print_partial(units: &[Unit], error: &Error, elapsed: Duration) {
    if let Some(unit) = units.last().filter(|unit| !unit.text.is_empty()) {
        sayln!(
            "after {} chunks the notes were:\n{}",
            units.len(),
            harmless(&unit.text)
        );
    }
    if let Some(usage) = error.spent() {
        let unspent = error.unspent().copied().unwrap_or_default();
        sayln!("{}", usage_line(usage, &unspent, elapsed));
    }
}
