//! `catena patent init`: an interview that ends in a draft.

mod file;
mod lines;
mod words;

use std::path::Path;

use catena_agents::{Draft, Question, Severity, examine_draft};
use serde_json::json;

use self::{file::DraftFile, lines::Lines};
use crate::{args::PatentInit, failure::Failure, terminal::print};

pub(super) async fn init(args: PatentInit) -> Result<(), Failure> {
    let waiting = tokio::task::spawn_blocking(move || {
        let lines = Lines::open(args.json)?;
        interview(&args, lines)
    });
    match waiting.await {
        Ok(done) => done,
        Err(error) => Err(Failure::new(format!("the interview broke off: {error}"))),
    }
}

/// Asks what is not answered yet, and keeps every answer at once.
fn interview(args: &PatentInit, mut lines: Lines) -> Result<(), Failure> {
    let mut file = DraftFile::open(&args.file)?;
    let open = file.draft().unanswered();
    if open.len() < Question::ALL.len() && !open.is_empty() {
        sayln!(
            "{}: {} of 5 questions are answered; here are the others",
            args.file.display(),
            Question::ALL.len() - open.len()
        );
    }
    if !open.is_empty() && lines.is_terminal() {
        sayln!("{}", words::WELCOME);
    }
    for question in open {
        sayln!("{}", words::asked(question, lines.is_terminal()));
        let Some(answer) = lines.answer(question)? else {
            break;
        };
        if answer.trim().is_empty() {
            sayln!("left for later");
            continue;
        }
        file.answer(question, answer)?;
    }
    finish(args, file.draft(), &args.file)
}

fn finish(args: &PatentInit, draft: &Draft, path: &Path) -> Result<(), Failure> {
    let open = draft.unanswered();
    let findings = examine_draft(draft);
    if args.json {
        let object = json!({
            "file": path,
            "answered": Question::ALL.len() - open.len(),
            "unanswered": open,
            "findings": findings,
        });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    let name = path.display();
    if open.len() == Question::ALL.len() {
        sayln!("nothing was answered, and nothing written");
        return Ok(());
    }
    match open.first() {
        None => sayln!("{name}: all five questions are answered"),
        Some(first) => sayln!(
            "{name}: {} left, the first is {first}; the same command goes on with it",
            open.len()
        ),
    }
    let worth_a_look = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Advice)
        .count();
    if open.is_empty() && worth_a_look > 0 {
        sayln!("`catena patent check {name}` says what is still thin ({worth_a_look} findings)");
    }
    Ok(())
}
