//! What a person reads and changes before a run goes on: a file for each question.

use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use catena_core::{Interrupt, Journal, RunId, open_interrupts};
use catena_tools::Document;
use serde_json::Value;

use super::{
    super::output::{shown, write_over},
    setting::Setting,
};
use crate::failure::Failure;

/// A question and the file that answers it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) id: String,
    /// `plan` or `claims`.
    pub(super) name: String,
    pub(super) file: PathBuf,
    /// As it was asked.
    text: String,
    run: RunId,
}

/// The line that says which run a file belongs to: another one may have been told to write over it.
const RUN: &str = "<!-- catena run ";

impl Asked {
    fn new(interrupt: &Interrupt, run: &RunId, setting: &Setting) -> Option<Self> {
        let text = interrupt.question.get("text")?.as_str()?;
        let first = setting.targets.first()?;
        Some(Self {
            id: interrupt.id.clone(),
            name: interrupt.name().to_owned(),
            file: first.note(interrupt.name()),
            text: format!("{}\n", text.trim_end()),
            run: run.clone(),
        })
    }

    /// Puts each question into its file.
    pub(super) fn put(
        interrupts: &[Interrupt],
        run: &RunId,
        setting: &Setting,
    ) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for interrupt in interrupts {
            if let Some(asked) = Self::new(interrupt, run, setting) {
                let text = format!("{RUN}{run} -->\n{}", asked.text);
                write_over(&asked.file, text.as_bytes())?;
                all.push(asked);
            }
        }
        Ok(all)
    }

    /// What the file says now: `true` if nothing was changed.
    pub(super) fn answer(&self) -> Result<Value, Failure> {
        let text = Document::read(&self.file)
            .map_err(|error| {
                Failure::from(error).also(format!(
                    "--answer {}=true approves the {} as it was",
                    self.name, self.name
                ))
            })?
            .text;
        let (belongs, text) = match text.split_once('\n') {
            Some((first, rest)) if first.starts_with(RUN) => (first, rest),
            _ => ("", &*text),
        };
        // Who took the line out has taken the file for this run's own.
        if !belongs.is_empty() && !belongs.contains(self.run.as_str()) {
            return Err(Failure::new(format!(
                "{} belongs to another run by now",
                shown(&self.file)
            ))
            .help(format!(
                "--answer {}=true approves the {} as it was; a file without its first line is taken for this run's",
                self.name, self.name
            )));
        }
        Ok(match text.trim_end() == self.text.trim_end() {
            true => true.into(),
            false => text.into(),
        })
    }
}

/// The answers to what a recorded run waits for, but for those that were given already.
pub(super) async fn answers(
    journal: &dyn Journal,
    id: &RunId,
    setting: &Setting,
    given: Vec<(String, Value)>,
) -> Result<Vec<(String, Value)>, Failure> {
    let mut answers = given;
    for interrupt in open_interrupts(journal, id).await? {
        let known = answers
            .iter()
            .any(|(name, _)| *name == interrupt.id || name == interrupt.name());
        if !known && let Some(asked) = Asked::new(&interrupt, id, setting) {
            answers.push((asked.id.clone(), asked.answer()?));
        }
    }
    Ok(answers)
}

/// Waits for the person at the terminal to change the files; `None` where there is none.
pub(super) async fn wait(all: &[Asked]) -> Option<()> {
    if all.is_empty() || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return None;
    }
    for asked in all {
        sayln!("{}: the {} to be approved", shown(&asked.file), asked.name);
    }
    say!("Change it there if you like, then press Enter to go on. ");
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|read| read > 0)
    });
    line.await.ok()?.ok()?.then_some(())
}
