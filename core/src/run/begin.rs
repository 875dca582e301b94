//! Begins a run's record: from scratch, from where it stopped, or in the middle of another.

use std::collections::HashMap;

use serde_json::Value;

use super::options::{From, RunOptions};
use crate::{
    Claim, Effect, Entry, Error, Interrupt, Journal, NodePath, Result, RunEnd, RunId, RunRecord,
    Shape, Usage,
};

/// What a run begins with.
#[derive(Default)]
pub(super) struct Beginning {
    /// Effects of an earlier attempt, by node and call index.
    pub(super) replay: HashMap<(NodePath, u32), Entry>,
    /// An entry that makes way for another: that of the call whose failure ended the run.
    pub(super) reopened: Option<Entry>,
    /// What the entries say was spent.
    pub(super) written: Usage,
    /// What was spent besides.
    pub(super) lost: Usage,
    pub(super) answers: HashMap<String, Value>,
    /// Held as long as the run is executed.
    pub(super) claim: Option<Claim>,
    /// How it had ended before, if it is resumed.
    pub(super) resumed: Option<RunEnd>,
}

/// Opens the record of run `id`.
pub(super) async fn begin(
    id: &RunId,
    input: serde_json::Result<Value>,
    shape: Option<Shape>,
    options: &RunOptions,
) -> Result<Beginning> {
    let Some(journal) = &options.journal else {
        return match (&options.from, options.answers.first()) {
            (From::Stop(id) | From::Entry(id, _), _) => Err(Error::journal(format!(
                "run {id} cannot be taken up without a journal"
            ))),
            (From::Scratch, Some((id, _))) => Err(no_such_question(id, &[])),
            (From::Scratch, None) => Ok(Beginning::default()),
        };
    };
    let input = input.map_err(|error| {
        Error::invalid("the run's input cannot be written down").with_source(error)
    })?;
    let mut record = RunRecord::new(id.clone(), &options.name, input);
    record.shape = shape;
    record.meta = options.meta.clone();
    match &options.from {
        From::Scratch => {
            let answers = answers(options, &[])?;
            let claim = journal.begin(&record).await?;
            Ok(Beginning {
                answers,
                claim: Some(claim),
                ..Beginning::default()
            })
        }
        From::Stop(id) => resume(&**journal, id, &record, options).await,
        From::Entry(id, count) => fork(&**journal, id, *count, record, options).await,
    }
}

async fn resume(
    journal: &dyn Journal,
    id: &RunId,
    now: &RunRecord,
    options: &RunOptions,
) -> Result<Beginning> {
    let (known, entries) = load(journal, id).await?;
    same_program(&known, now)?;
    let difference = match (&known.shape, &now.shape) {
        (Some(old), Some(new)) => old.difference(new),
        (None, None) => None,
        (Some(_), None) => Some("it was a graph and is an agent".to_owned()),
        (None, Some(_)) => Some("it was an agent and is a graph".to_owned()),
    };
    if let Some(difference) = difference {
        return Err(
            Error::divergence(format!("run {id} began with another graph: {difference}"))
                .with_help("resume it with the program that began it, fork it, or start a new run"),
        );
    }
    // What is refused is refused before anything is touched.
    answers(options, &entries)?;
    let claim = journal.begin(&known).await?;
    // Read again: until it was claimed, another program may have gone on with it.
    let (_, mut entries) = load(journal, id).await?;
    let written = spent(&entries);
    let reopened = take_ended(&mut entries, &known);
    Ok(Beginning {
        answers: answers(options, &entries)?,
        replay: by_call(entries),
        reopened,
        written,
        lost: known.lost,
        claim: Some(claim),
        resumed: Some(RunEnd {
            status: known.status,
            output: known.output,
            error: known.error,
            lost: known.lost,
        }),
    })
}

/// Takes away the entry of the call whose failure ended the run. Of calls made at once, one can do so
/// while others go on behind it; it is asked again.
fn take_ended(entries: &mut Vec<Entry>, known: &RunRecord) -> Option<Entry> {
    let ended = |entry: &Entry| match &entry.effect {
        Effect::Failed(error) => known.error.as_ref() == Some(error),
        _ => false,
    };
    let at = entries.iter().rposition(ended)?;
    Some(entries.remove(at))
}

fn spent(entries: &[Entry]) -> Usage {
    entries.iter().map(|entry| entry.usage).sum()
}

async fn fork(
    journal: &dyn Journal,
    id: &RunId,
    count: usize,
    mut record: RunRecord,
    options: &RunOptions,
) -> Result<Beginning> {
    let (known, mut entries) = load(journal, id).await?;
    same_program(&known, &record)?;
    if count > entries.len() {
        return Err(Error::invalid(format!(
            "run {id} has {} entries, and cannot be forked behind entry {count}",
            entries.len()
        ))
        .with_help("0 takes over none of them"));
    }
    entries.truncate(count);
    take_ended(&mut entries, &known);
    let answers = answers(options, &entries)?;
    record.forked = Some((id.clone(), count));
    let claim = journal.begin(&record).await?;
    journal
        .append(&record.id, entries.clone(), Vec::new())
        .await?;
    Ok(Beginning {
        written: spent(&entries),
        replay: by_call(entries),
        answers,
        claim: Some(claim),
        ..Beginning::default()
    })
}

async fn load(journal: &dyn Journal, id: &RunId) -> Result<(RunRecord, Vec<Entry>)> {
    let found = journal.load(id).await?;
    found.ok_or_else(|| Error::journal(format!("the journal has no run {id}")))
}

fn same_program(known: &RunRecord, now: &RunRecord) -> Result<()> {
    let id = &known.id;
    if known.name != now.name {
        return Err(Error::divergence(format!(
            "run {id} is one of '{}', not of '{}'",
            known.name, now.name
        )));
    }
    if known.input != now.input {
        return Err(
            Error::divergence(format!("run {id} began with another input"))
                .with_help("take it up with the input that it began with, or start a new run"),
        );
    }
    Ok(())
}

fn by_call(entries: Vec<Entry>) -> HashMap<(NodePath, u32), Entry> {
    entries
        .into_iter()
        .map(|entry| ((entry.path.clone(), entry.call), entry))
        .collect()
}

/// The answers by the ids of the questions, each of which must be open.
fn answers(options: &RunOptions, entries: &[Entry]) -> Result<HashMap<String, Value>> {
    let open = open_questions(entries);
    let mut answers = HashMap::new();
    for (id, answer) in &options.answers {
        let exact = open.iter().find(|question| question.id == *id);
        let mut named = open.iter().filter(|question| question.name() == id);
        let question = match (exact, named.next(), named.next()) {
            (Some(question), ..) | (None, Some(question), None) => question,
            _ => return Err(no_such_question(id, &open)),
        };
        answers.insert(question.id.clone(), answer.clone());
    }
    Ok(answers)
}

/// The questions that a journal's entries hold without an answer, and that somebody waits for.
pub(crate) fn open_questions(entries: &[Entry]) -> Vec<&Interrupt> {
    let mut open: Vec<(&Entry, &Interrupt)> = Vec::new();
    for entry in entries {
        match &entry.effect {
            Effect::Question(interrupt) => open.push((entry, interrupt)),
            Effect::Answer(_) => open.retain(|(question, _)| {
                question.path != entry.path || question.call + 1 != entry.call
            }),
            // What it had asked by then is of no use to anybody.
            Effect::GaveUp { .. } => {
                open.retain(|(question, _)| !question.path.is_within(&entry.path))
            }
            _ => {}
        }
    }
    open.into_iter().map(|(_, interrupt)| interrupt).collect()
}

fn no_such_question(id: &str, open: &[&Interrupt]) -> Error {
    let ids: Vec<_> = open
        .iter()
        .map(|question| format!("'{}'", question.id))
        .collect();
    let error = Error::invalid(format!("the run has no open question '{id}'"));
    error.with_help(match ids.as_slice() {
        [] => "it has none".to_owned(),
        ids => format!("open are: {}", ids.join(", ")),
    })
}
