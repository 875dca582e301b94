//! What a run leaves: the patent, what there is of it, or what it waits for.

use std::{path::PathBuf, time::Instant};

use catena_agents::{
    Finding, ParagraphBasis, Patent, PatentPiece, PatentWork, Severity, WrittenPatent,
    check_patent, patent_basis,
};
use catena_core::{Error, Outcome, RunId};
use serde_json::{Value, json};

use super::super::{
    everything::Everything,
    output::{Form, Target, rendered, shown},
};
use super::{
    approval::Asked,
    aside::{Aside, first_of},
    job::Job,
    show::pieces,
};
use crate::{failure::Failure, report::usage_line, terminal::print};

/// What is not complete, as files.
pub(super) struct Left {
    written: Vec<PathBuf>,
    missing: Vec<PatentPiece>,
    pieces: usize,
}

impl Job {
    fn jurisdiction(&self) -> catena_agents::Jurisdiction {
        self.setting.jurisdiction.into()
    }
}

/// Writes a patent into all its files.
fn write(
    all: &Everything,
    targets: &[Target],
    notice: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::new();
    for target in targets {
        let bytes = match target.form {
            Form::Json => all.to_json().into_bytes(),
            form => rendered(&all.patent, form, all.jurisdiction.into(), notice)?,
        };
        target.write(&bytes)?;
        written.push(target.path.clone());
    }
    Ok(written)
}

/// Writes and tells what a run gave.
pub(super) fn tell(
    job: &Job,
    id: &RunId,
    outcome: Outcome<WrittenPatent>,
    aside: &Aside,
    started: Instant,
) -> Result<(), Failure> {
    let Outcome {
        output: written,
        usage,
        unspent,
        unrecorded,
        ..
    } = outcome;
    let all = Everything {
        run: id.clone(),
        complete: true,
        missing: written.work.missing(),
        model: job.setting.model.clone(),
        jurisdiction: job.setting.jurisdiction,
        length: job.setting.length,
        patent: written.patent,
        work: written.work,
        findings: written.findings,
        basis: written.basis,
        draft: job.task.draft.clone(),
        references: job.task.references.clone(),
        usage,
    };
    let saved = write(&all, &job.setting.targets, None);
    // What is complete is not to be confused with what it was before.
    let removed = match &saved {
        Ok(_) => remove_partial(id, &job.setting.targets),
        Err(_) => Vec::new(),
    };
    let failure = saved.as_ref().err().map(ToString::to_string);
    let failure = failure.or(unrecorded.as_ref().map(ToString::to_string));
    if job.run.output.json {
        let written = saved.as_deref().unwrap_or_default();
        let object = json!({
            "run": id,
            "status": "complete",
            "written": written,
            "title": all.patent.title(),
            "claims": all.patent.claims.len(),
            "paragraphs": all.patent.numbered().count(),
            "words": all.patent.to_text().split_whitespace().count(),
            "missing": all.missing,
            "findings": counts(&all.findings),
            "unsupported_paragraphs": unsupported(&all.basis),
            "aside": aside,
            "model": all.model,
            "usage": usage,
            "cost_dollars": usage.cost.dollars(),
            "elapsed_seconds": started.elapsed().as_secs_f64(),
            "error": failure,
        });
        print(&format!("{object:#}\n"));
    } else {
        if let Ok(written) = &saved {
            let lines: String = written
                .iter()
                .map(|path| format!("{}: written\n", shown(path)))
                .collect();
            print(&lines);
        }
        if !job.run.output.quiet {
            for path in removed {
                sayln!("{}: removed, the patent is complete", shown(&path));
            }
            sayln!("{}", summary(&all));
            for line in aside.lines() {
                sayln!("{line}");
            }
            sayln!("{}", usage_line(&usage, &unspent, started.elapsed()));
        }
    }
    let told = |failure: Failure| match job.run.output.json {
        true => failure.told(),
        false => failure,
    };
    saved.map_err(told)?;
    match unrecorded {
        Some(error) => Err(told(error.into())),
        None => Ok(()),
    }
}

/// Writes what there is of a patent that is not complete, beside where it would be; nothing if there is
/// nothing.
pub(super) fn leave(
    job: &Job,
    id: &RunId,
    work: PatentWork,
    error: &Error,
) -> Result<Option<Left>, Failure> {
    let all_pieces = pieces(&work);
    if !all_pieces.iter().any(|piece| work.has(*piece)) {
        return Ok(None);
    }
    let usage = error.spent().copied().unwrap_or_default();
    let guide = job.jurisdiction().guide();
    let mut marked = Patent::new(format!("[INCOMPLETE] {}", work.title));
    let patent = work.patent(&job.task.draft, &guide);
    marked.set_abstract(patent.abstract_text());
    marked.sections = patent.sections;
    marked.claims = patent.claims;
    let all = Everything {
        run: id.clone(),
        complete: false,
        missing: work.missing(),
        model: job.setting.model.clone(),
        jurisdiction: job.setting.jurisdiction,
        length: job.setting.length,
        findings: check_patent(&marked, &guide),
        basis: patent_basis(&marked, &job.task.draft, &job.task.references),
        patent: marked,
        work,
        draft: job.task.draft.clone(),
        references: job.task.references.clone(),
        usage,
    };
    let notice = notice(&all.missing);
    let targets: Vec<Target> = job.setting.targets.iter().map(Target::partial).collect();
    Ok(Some(Left {
        written: write(&all, &targets, Some(&notice))?,
        missing: all.missing,
        pieces: all_pieces.len(),
    }))
}

/// Tells of a run that failed and of what it left.
pub(super) fn failed(
    job: &Job,
    id: &RunId,
    error: &Error,
    failure: Failure,
    left: Option<Left>,
    started: Instant,
) -> Failure {
    let usage = error.spent().copied().unwrap_or_default();
    let (written, missing) = match &left {
        Some(left) => (left.written.as_slice(), left.missing.as_slice()),
        None => (&[][..], &[][..]),
    };
    if job.run.output.json {
        let object = json!({
            "run": id,
            "status": if error.is_cancelled() { "cancelled" } else { "failed" },
            "written": written,
            "missing": missing,
            "model": job.setting.model,
            "usage": usage,
            "cost_dollars": usage.cost.dollars(),
            "elapsed_seconds": started.elapsed().as_secs_f64(),
            "error": failure.to_string(),
            "help": failure.help_text(),
        });
        print(&format!("{object:#}\n"));
        return failure.told();
    }
    match &left {
        Some(left) => {
            sayln!(
                "{} of {} pieces are written; missing: {}",
                left.pieces - left.missing.len(),
                left.pieces,
                listed(&left.missing)
            );
            for path in written {
                sayln!("{}: what there is, marked as incomplete", shown(path));
            }
        }
        None => sayln!("nothing is written yet"),
    }
    if error.spent().is_some() && !job.run.output.quiet {
        let unspent = error.unspent().copied().unwrap_or_default();
        sayln!("{}", usage_line(&usage, &unspent, started.elapsed()));
    }
    failure
}

/// Tells what a run waits for.
pub(super) fn waiting(
    job: &Job,
    id: &RunId,
    work: &PatentWork,
    asked: &[Asked],
    error: Error,
    started: Instant,
) -> Failure {
    let names: Vec<&str> = asked.iter().map(|one| one.name.as_str()).collect();
    let usage = error.spent().copied().unwrap_or_default();
    let failure = Failure::new(format!(
        "it waits for approval of the {}",
        names.join(" and the ")
    ));
    let failure = match job.journal.is_some() {
        true => failure.help(format!(
            "change {} if you like; `catena runs resume {id}` goes on with what it says then",
            asked
                .iter()
                .map(|one| shown(&one.file))
                .collect::<Vec<_>>()
                .join(" and ")
        )),
        false => failure.help("without a record it cannot go on: leave --no-journal away"),
    };
    if !job.run.output.json {
        return failure;
    }
    let waits: Vec<Value> = asked
        .iter()
        .map(|one| json!({ "question": one.id, "name": one.name, "file": one.file }))
        .collect();
    let object = json!({
        "run": id,
        "status": "waiting",
        "waits": waits,
        "written": [],
        "missing": work.missing(),
        "model": job.setting.model,
        "usage": usage,
        "cost_dollars": usage.cost.dollars(),
        "elapsed_seconds": started.elapsed().as_secs_f64(),
        "error": failure.to_string(),
        "help": failure.help_text(),
    });
    print(&format!("{object:#}\n"));
    failure.told()
}

/// Removes what this run left when it was not complete; of another run, or of a person, nothing.
fn remove_partial(id: &RunId, targets: &[Target]) -> Vec<PathBuf> {
    let partial: Vec<Target> = targets.iter().map(Target::partial).collect();
    let ours = partial
        .iter()
        .filter(|target| target.form == Form::Json)
        .any(|target| {
            let text = std::fs::read_to_string(&target.path).unwrap_or_default();
            serde_json::from_str::<Everything>(&text).is_ok_and(|all| all.run == *id)
        });
    if !ours {
        return Vec::new();
    }
    partial
        .into_iter()
        .filter(|target| std::fs::remove_file(&target.path).is_ok())
        .map(|target| target.path)
        .collect()
}

fn notice(missing: &[PatentPiece]) -> String {
    match missing.is_empty() {
        true => "INCOMPLETE; missing: the last pass over the whole".into(),
        false => format!("INCOMPLETE; missing: {}", listed(missing)),
    }
}

fn listed(missing: &[PatentPiece]) -> String {
    match missing.is_empty() {
        true => "only the last pass over the whole".into(),
        false => first_of(missing),
    }
}

/// How many findings of each severity, and the rules that are broken.
fn counts(findings: &[Finding]) -> Value {
    let count = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    json!({
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "advice": count(Severity::Advice),
    })
}

fn unsupported(basis: &[ParagraphBasis]) -> usize {
    basis.iter().filter(|one| one.sources.is_empty()).count()
}

/// What to look at in a patent that is complete.
fn summary(all: &Everything) -> String {
    let text = all.patent.to_text();
    let words = text.split_whitespace().count();
    let findings = all.findings.len();
    let errors = all
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    format!(
        "{} claims, {} paragraphs, {words} words; {findings} findings, {} of them errors \
         (`catena patent check`); paragraphs that rest on nothing: {} (`catena patent report`)",
        all.patent.claims.len(),
        all.patent.numbered().count(),
        errors.count(),
        unsupported(&all.basis)
    )
}
