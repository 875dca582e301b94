//! One turn, from its start to its end, as it is seen.

use std::time::Instant;

use catena_agents::{Recall, Reply};
use catena_core::{Error, Event, EventKind, FinishReason, Outcome, Run, RunId, Usage};
use futures::StreamExt;
use indicatif::ProgressBar;
use serde::Serialize;

use super::interrupts::Interrupts;
use crate::{
    args::Output,
    model::spinner,
    report::{cut, cut_answer},
    requests::retried,
    terminal::{harmless, print},
};

/// Where an answer goes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// One object for each turn instead of the text.
    pub(super) json: bool,
    pub(super) quiet: bool,
}

impl Screen {
    pub(super) fn of(output: Output) -> Self {
        Self {
            json: output.json,
            quiet: output.quiet,
        }
    }
}

/// How a turn ended.
pub(super) struct Ended {
    pub(super) run: RunId,
    pub(super) result: Result<Outcome<Reply>, Error>,
    /// Ctrl-C was pressed, though it may have been too late to stop anything.
    pub(super) stopped: bool,
    /// Ctrl-C was pressed again before it had ended.
    pub(super) impatient: bool,
    started: Instant,
}

/// Follows a turn and streams its answer. Ctrl-C cancels it.
pub(super) async fn follow(
    mut run: Run<Reply>,
    interrupts: &mut Interrupts,
    screen: Screen,
) -> Ended {
    let mut answer = Answer::new(screen);
    let started = Instant::now();
    let id = run.id().clone();
    let mut stopped = false;
    loop {
        tokio::select! {
            biased;
            () = interrupts.next() => {
                if stopped {
                    answer.end();
                    return Ended { run: id, result: Err(Error::cancelled()), stopped, impatient: true, started };
                }
                stopped = true;
                run.cancel();
            }
            event = run.next() => match event {
                Some(event) => answer.follow(&event),
                None => break,
            },
        }
    }
    let result = run.outcome().await;
    if let Ok(outcome) = &result {
        answer.complete(&outcome.output.text);
    }
    answer.end();
    let finish = result.as_ref().map(|outcome| outcome.output.finish);
    if let (Ok(Some(told)), false) = (finish.map(cut_answer), screen.json) {
        sayln!("{told}");
    }
    Ended {
        run: id,
        result,
        stopped,
        impatient: false,
        started,
    }
}

/// An answer, as it comes.
struct Answer {
    screen: Screen,
    waiting: ProgressBar,
    /// What was printed.
    came: String,
    ended: bool,
}

impl Answer {
    fn new(screen: Screen) -> Self {
        let waiting = spinner(screen.quiet || screen.json);
        waiting.set_message("recalling");
        Self {
            screen,
            waiting,
            came: String::new(),
            ended: false,
        }
    }

    fn follow(&mut self, event: &Event) {
        let path = event.path.as_str();
        match &event.kind {
            EventKind::Text { text, .. } if path.ends_with("/answer") => self.print(text),
            EventKind::NodeStarted { .. } if path.ends_with("/answer") => {
                self.waiting.set_message("answering");
            }
            EventKind::NodeStarted { .. } if path.ends_with("/remember") => {
                self.end();
                self.waiting = spinner(self.screen.quiet || self.screen.json);
                self.waiting.set_message("remembering");
            }
            EventKind::CallRetried { .. } if !self.screen.quiet => {
                let told = retried(event).unwrap_or_default();
                self.waiting.suspend(|| sayln!("{told}"));
            }
            EventKind::Note { name, data } if name == "memory.without" && !self.screen.quiet => {
                let part = |name: &str| harmless(data[name].as_str().unwrap_or_default());
                let told = format!("without {}: {}", part("what"), part("error"));
                self.waiting.suspend(|| sayln!("{told}"));
            }
            EventKind::Note { name, data } if name == "answer.cut" && !self.screen.quiet => {
                let what = data["what"].as_str().unwrap_or_default();
                let finish = serde_json::from_value(data["finish"].clone()).unwrap_or_default();
                // The answer's own is told when all of it is there.
                if let (Some(told), true) = (cut(&harmless(what), finish), what != "the answer") {
                    self.waiting.suspend(|| sayln!("{told}"));
                }
            }
            _ => {}
        }
    }

    fn print(&mut self, piece: &str) {
        let piece = harmless(piece);
        let piece = match self.came.is_empty() {
            true => piece.trim_start(),
            false => &piece,
        };
        if piece.is_empty() || self.screen.json {
            return;
        }
        self.waiting.finish_and_clear();
        print(piece);
        self.came += piece;
    }

    /// Prints what is missing: of a stream that nobody could read fast enough, events are missing,
    /// and then it is printed anew.
    fn complete(&mut self, answer: &str) {
        let answer = harmless(answer);
        if self.screen.json || self.came.trim() == answer.trim() {
            return;
        }
        self.end();
        print(&format!("{answer}\n"));
    }

    /// Ends its line, once.
    fn end(&mut self) {
        self.waiting.finish_and_clear();
        if !self.came.is_empty() && !self.ended {
            print("\n");
            self.ended = true;
        }
    }
}

/// A turn as one JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    run: &'a RunId,
    /// `finished`, `failed` or `cancelled`.
    status: &'static str,
    conversation: &'a str,
    turn: Option<u64>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    /// Why the answer ended: `stop`, `length` or `content_filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<FinishReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recall: Option<&'a Recall>,
    learned: &'a [String],
    usage: Usage,
    cost_dollars: f64,
    elapsed_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl Ended {
    /// Prints it as one line of JSON.
    pub(super) fn print_json(&self, conversation: &str, message: &str, help: Option<&str>) {
        let reply = self.result.as_ref().ok().map(|outcome| &outcome.output);
        let error = match &self.result {
            Ok(outcome) => outcome.unrecorded.as_ref(),
            Err(error) => Some(error),
        };
        let usage = match &self.result {
            Ok(outcome) => outcome.usage,
            Err(error) => error.spent().copied().unwrap_or_default(),
        };
        let report = Report {
            run: &self.run,
            status: match &self.result {
                Ok(_) => "finished",
                Err(error) if error.is_cancelled() => "cancelled",
                Err(_) => "failed",
            },
            conversation,
            turn: reply.and_then(|reply| reply.turn),
            message,
            answer: reply.map(|reply| &*reply.text),
            finish: reply.map(|reply| reply.finish),
            recall: reply.map(|reply| &reply.recall),
            learned: reply.map_or(&[], |reply| &reply.learned),
            usage,
            cost_dollars: usage.cost.dollars(),
            elapsed_seconds: self.started.elapsed().as_secs_f64(),
            error: error.map(Error::to_string),
            help,
        };
        // Strings, numbers and lists of them: serialising cannot fail.
        let line = serde_json::to_string(&report).unwrap_or_default();
        print(&format!("{line}\n"));
    }
}
