//! `catena runs`: recorded runs.

mod graph;
mod list;
mod prune;
mod resume;
mod show;

use std::{io::Write, path::Path, sync::Arc};

use catena_core::{RunId, RunRecord, SqliteJournal, export_run};

use crate::{
    args::{Runs, Which},
    config::Config,
    failure::Failure,
    journal,
    output_file::OutputFile,
    terminal::print,
};

pub(crate) async fn run(runs: Runs, config: &Config) -> Result<(), Failure> {
    match runs {
        Runs::List {
            journal,
            limit,
            json,
        } => list::list(&journal, limit, json).await,
        Runs::Show { which, json } => show::show(&which, json).await,
        Runs::Resume {
            which,
            answers,
            limits,
            output,
        } => resume::resume(&which, answers, limits, output, config).await,
        Runs::Fork {
            which,
            at,
            answers,
            with,
            limits,
            output,
        } => {
            let changes = resume::Changes { at, with };
            resume::fork(&which, changes, answers, limits, output, config).await
        }
        Runs::Graph {
            which,
            format,
            plain,
        } => graph::graph(&which, format, plain).await,
        Runs::Export { which, output } => export(&which, output.as_deref()).await,
        Runs::Prune {
            journal,
            older_than,
            keep,
            all,
            dry_run,
            json,
        } => {
            let which = prune::Which {
                older_than,
                keep,
                all,
            };
            prune::prune(&journal, which, dry_run, json).await
        }
    }
}

/// The journal and the run that a person means.
async fn found(which: &Which) -> Result<(Arc<SqliteJournal>, RunId), Failure> {
    let Some(journal) = journal::open_known(&which.journal)? else {
        return Err(Failure::usage("no run was recorded yet"));
    };
    let id = journal::find(&journal, &which.run).await?;
    Ok((journal, id))
}

/// What a run is about: its question, what was said, or the names of its texts.
fn subject(record: &RunRecord) -> String {
    let input = &record.input;
    for said in [
        &input["task"]["question"],
        &input["text"],
        // A patent: the problem that it solves.
        &input["draft"]["problem"],
    ] {
        if let Some(said) = said.as_str() {
            return said.to_owned();
        }
    }
    // A repair: its files, or what they are to do.
    let files = input["files"].as_array().into_iter().flatten();
    let paths: Vec<_> = files.filter_map(|file| file["path"].as_str()).collect();
    if !paths.is_empty() {
        return paths.join(", ");
    }
    let documents = input["documents"].as_array().into_iter().flatten();
    let names: Vec<_> = documents
        .filter_map(|document| document["name"].as_str())
        .collect();
    names.join(", ")
}

async fn export(which: &Which, output: Option<&Path>) -> Result<(), Failure> {
    let (journal, id) = found(which).await?;
    let mut lines = Vec::new();
    export_run(&*journal, &id, &mut lines).await?;
    let Some(path) = output else {
        print(&String::from_utf8_lossy(&lines));
        return Ok(());
    };
    let mut file = OutputFile::private(path)?;
    let written = file.write_all(&lines);
    written
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
    file.finish()
}
