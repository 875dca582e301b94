//! `catena runs resume` and `catena runs fork`.

use catena_agents::ChainInput;
use catena_core::{Journal, RunRecord, RunStatus};

use super::found;
use crate::{
    args::{Answers, Limits, Output, Which, With},
    chat,
    config::Config,
    failure::Failure,
    fix,
    memory::{self, READ, RUN},
    patent,
    reading::{Begin, Job, Setting},
    terminal::harmless,
};

/// What is different in a fork, and from where on.
pub(super) struct Changes {
    pub(super) at: usize,
    pub(super) with: With,
}

pub(super) async fn resume(
    which: &Which,
    answers: Answers,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let (journal, id) = found(which).await?;
    let (record, _) = journal
        .load(&id)
        .await?
        .ok_or_else(|| Failure::new(format!("run {id} was forgotten meanwhile")))?;
    // A patent that could not be written to its files is in the record, and is written again.
    if record.status == RunStatus::Finished && record.name != patent::RUN {
        return Err(Failure::usage(format!("run {id} is finished")).help(
            "`catena runs show` shows its answer, `catena runs fork` starts another from it",
        ));
    }
    if record.name == RUN {
        return chat::resume(record, journal, limits, output, config).await;
    }
    if record.name == READ {
        return memory::resume(record, journal, limits, output, config).await;
    }
    if record.name == fix::RUN {
        return fix::resume(record, journal, limits, output, config).await;
    }
    if record.name == patent::RUN {
        let given = answers.answers;
        return patent::resume(record, journal, given, limits, output, config).await;
    }
    let (setting, input) = recorded(&record)?;
    let job = Job {
        name: record.name,
        input,
        with: setting.with(With::default()),
        answer_tokens: setting.answer_tokens,
        approve: setting.approve,
        prefill_ahead: setting.prefill_ahead,
        limits,
        journal: Some(journal),
        begin: Begin::Resume(id),
        answers: answers.answers,
        output,
    };
    job.run(config).await
}

pub(super) async fn fork(
    which: &Which,
    changes: Changes,
    answers: Answers,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let (journal, id) = found(which).await?;
    let (record, entries) = journal
        .load(&id)
        .await?
        .ok_or_else(|| Failure::new(format!("run {id} was forgotten meanwhile")))?;
    if changes.at > entries.len() {
        return Err(Failure::usage(format!(
            "run {id} has {} entries, not {}",
            entries.len(),
            changes.at
        ))
        .help("`catena runs show` numbers them"));
    }
    if record.name == RUN {
        return Err(
            Failure::usage(format!("run {id} is a turn of a conversation"))
                .help("say it again in `catena chat`; conversations go on, and do not fork"),
        );
    }
    if record.name == READ {
        return Err(
            Failure::usage(format!("run {id} read a document into memory"))
                .help("read it into another conversation with `catena memory read -c NAME`"),
        );
    }
    if record.name == fix::RUN {
        return Err(Failure::usage(format!("run {id} is a repair"))
            .help("begin another with `catena fix`; repairs go on, and do not fork"));
    }
    if record.name == patent::RUN {
        return Err(Failure::usage(format!("run {id} wrote a patent")).help(
            "`catena patent redo` writes pieces of it anew; patents go on, and do not fork",
        ));
    }
    let (setting, input) = recorded(&record)?;
    let job = Job {
        name: record.name,
        input,
        with: setting.with(changes.with),
        answer_tokens: setting.answer_tokens,
        approve: setting.approve,
        prefill_ahead: setting.prefill_ahead,
        limits,
        journal: Some(journal),
        begin: Begin::Fork(id, changes.at),
        answers: answers.answers,
        output,
    };
    job.run(config).await
}

/// What a run was recorded with.
fn recorded(record: &RunRecord) -> Result<(Setting, ChainInput), Failure> {
    let unknown = |error: serde_json::Error| {
        Failure::usage(format!(
            "run {} is one of '{}', which this command did not start: {error}",
            record.id,
            harmless(&record.name)
        ))
        .help("resume it with the program that began it")
    };
    let setting = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    let input = serde_json::from_value(record.input.clone()).map_err(unknown)?;
    Ok((setting, input))
}
