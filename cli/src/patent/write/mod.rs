//! `catena patent write`, `redo` and going on with them.

mod approval;
mod aside;
mod job;
mod leave;
mod setting;
mod show;

pub(super) use job::Job;
pub(crate) use job::RUN;
pub(super) use setting::{Flow, Setting};

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use catena_agents::{DraftFinding, PatentPiece, PatentTask, PatentWork, Severity, examine_draft};
use catena_core::{RunRecord, RunStatus, SqliteJournal};
use catena_tools::Document;
use serde_json::Value;

use super::{input, output::Target};
use crate::{
    args::{Approve, Engine, Limits, Office, Out, Output, PatentRedo, PatentRun, PatentWrite},
    config::Config,
    failure::Failure,
    journal,
    reading::Begin,
    stopped::of_another_program,
};

pub(super) async fn write(args: PatentWrite, config: &Config) -> Result<(), Failure> {
    // What is wrong with the command or a file shows before a model is fetched or loaded.
    let draft = input::draft(&args.draft)?;
    sound(&examine_draft(&draft), &args)?;
    let references = references(&args.references)?;
    let flow = match (args.paper_flow, args.zero_shot) {
        (true, _) => Flow::Paper,
        (_, true) => Flow::ZeroShot,
        _ => Flow::Planned,
    };
    let task = PatentTask::new(draft).references(references);
    begin(task, args.run, &args.out, args.jurisdiction, flow, config).await
}

/// Refuses a draft from which nothing useful comes.
fn sound(findings: &[DraftFinding], args: &PatentWrite) -> Result<(), Failure> {
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    let name = args.draft.display();
    if !errors.is_empty() && !args.anyway {
        return Err(
            Failure::new(format!("the draft is not ready: {}", errors.join("; ")))
                .help("mend the draft, or write all the same with --anyway; nothing was spent"),
        );
    }
    let quiet = args.run.output.quiet || args.run.output.json;
    if !findings.is_empty() && !quiet {
        sayln!(
            "the draft has {} findings; `catena patent check {name}` lists them",
            findings.len()
        );
    }
    Ok(())
}

fn references(paths: &[PathBuf]) -> Result<Vec<Document>, Failure> {
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for path in paths {
        let document = Document::read(path)?;
        if !names.insert(document.name.clone()) {
            return Err(Failure::usage(format!("{} is named twice", document.name)));
        }
        all.push(document);
    }
    Ok(all)
}

pub(super) async fn redo(args: PatentRedo, config: &Config) -> Result<(), Failure> {
    let pieces = args
        .pieces
        .iter()
        .map(|text| {
            text.parse::<PatentPiece>()
                .map_err(crate::reading::as_usage)
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let all = input::everything(&args.file)?;
    known(&pieces, &all.work)?;
    let task = PatentTask::new(all.draft)
        .references(all.references)
        .redo(all.work, pieces);
    let run = args.run.length_of(all.length);
    let office = all.jurisdiction;
    begin(task, run, &args.out, office, Flow::Planned, config).await
}

/// Refuses sections that are not in the plan.
fn known(pieces: &[PatentPiece], work: &PatentWork) -> Result<(), Failure> {
    let planned = show::pieces(work);
    for piece in pieces {
        if !planned.contains(piece) {
            let places: Vec<String> = work
                .plan
                .subsections()
                .map(|(id, ..)| id.to_string())
                .collect();
            return Err(Failure::usage(format!("the plan has no section {piece}"))
                .help(format!("it has {}", places.join(", "))));
        }
    }
    Ok(())
}

/// Refuses a run whose side files would take the place of others.
fn unclaimed(targets: &[Target], approve: &[Approve]) -> Result<(), Failure> {
    let notes: Vec<&str> = approve.iter().map(|what| what.name()).collect();
    for (at, target) in targets.iter().enumerate() {
        // Questions are put beside the first file alone.
        target.check_beside(if at == 0 { &notes } else { &[] }, targets)?;
    }
    Ok(())
}

/// Begins a run.
pub(super) async fn begin(
    task: PatentTask,
    run: PatentRun,
    out: &Out,
    jurisdiction: Office,
    flow: Flow,
    config: &Config,
) -> Result<(), Failure> {
    let targets = Setting::targets(Target::all(&out.out, out.force)?)?;
    unclaimed(&targets, &run.approve)?;
    let journal = match run.no_journal {
        true => None,
        false => Some(journal::open(&run.journal)?),
    };
    let setting = Setting::new(&run, jurisdiction, flow, targets, config)?;
    Job {
        task,
        run,
        setting,
        journal,
        begin: Begin::Scratch,
        answers: Vec::new(),
    }
    .run(config)
    .await
}

/// Goes on with a recorded run.
pub(crate) async fn resume(
    record: RunRecord,
    journal: Arc<SqliteJournal>,
    given: Vec<(String, Value)>,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let unknown = |error| of_another_program(&record.id, &error);
    let setting: Setting = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    let task = serde_json::from_value(record.input.clone()).map_err(unknown)?;
    let answers = approval::answers(&*journal, &record.id, &setting, given).await?;
    for target in &setting.targets {
        target.check().map_err(|failure| match record.status {
            RunStatus::Finished => failure.also(format!(
                "the patent of run {} is finished: move the file away to have it written again",
                record.id
            )),
            _ => failure,
        })?;
    }
    let run = PatentRun {
        engine: Engine {
            model: Some(setting.model.clone()),
            window: setting.window,
            device: None,
            prompts: setting.prompts.clone(),
        },
        length: Some(setting.length),
        rounds: setting.rounds,
        approve: setting.approve.clone(),
        limits,
        journal: crate::args::Journal { journal: None },
        no_journal: false,
        output,
    };
    Job {
        task,
        run,
        setting,
        journal: Some(journal),
        begin: Begin::Resume(record.id),
        answers,
    }
    .run(config)
    .await
}
