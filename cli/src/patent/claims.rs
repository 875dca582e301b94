//! `catena patent claims`: what must change when the claims do.

use std::path::Path;

use catena_agents::{
    ClaimChange, Finding, Patent, PatentClaim, PatentTask, Rule, check_patent, claims_changed,
};
use serde_json::json;

use super::{
    everything::Everything,
    input,
    write::{Flow, begin},
};
use crate::{
    args::{Out, PatentClaims},
    config::Config,
    failure::Failure,
    terminal::{harmless, print},
};

pub(super) async fn claims(args: PatentClaims, config: &Config) -> Result<(), Failure> {
    let all = input::everything(&args.file)?;
    let claims = read(&args.claims)?;
    let change = claims_changed(&all.work, &claims);
    let findings = about_claims(&all, &claims);
    let quiet = args.run.output.quiet || args.run.output.json;
    if args.out.is_empty() {
        tell(&args, &change, &findings);
        return Ok(());
    }
    if change.claims.is_empty() {
        return Err(Failure::usage(
            "the claims say what they said: nothing is to be written",
        ));
    }
    if !quiet {
        say!("{}", in_words(&change, &findings));
    }
    let mut work = all.work;
    work.claims = claims;
    let pieces = change.pieces.iter().map(|(piece, _)| *piece);
    let task = PatentTask::new(all.draft)
        .references(all.references)
        .redo(work, pieces);
    let out = Out {
        out: args.out,
        force: args.force,
    };
    let run = args.run.length_of(all.length);
    begin(task, run, &out, all.jurisdiction, Flow::Planned, config).await
}

/// Numbered claims by themselves, or those of a patent.
fn read(path: &Path) -> Result<Vec<PatentClaim>, Failure> {
    let document = input::document(path)?;
    let whole = document.text.lines().any(|line| line.starts_with("## "));
    let text = match whole {
        true => document.text,
        false => format!(
            "## Claims\n{}",
            document.text.trim_start_matches('\u{feff}')
        ),
    };
    let patent = Patent::from_markdown(&text)
        .map_err(|error| Failure::from(error).in_file(&document.name))?;
    if patent.claims.is_empty() {
        return Err(Failure::new(format!("{} has no claims", document.name))
            .help("a claim begins with its number: '1. A cup comprising …'"));
    }
    Ok(patent.claims)
}

/// What the rules for claims say of the patent with its new claims.
fn about_claims(all: &Everything, claims: &[PatentClaim]) -> Vec<Finding> {
    const RULES: [Rule; 5] = [
        Rule::ClaimNumbers,
        Rule::ClaimReferences,
        Rule::ClaimSentence,
        Rule::AntecedentBasis,
        Rule::ClaimSupport,
    ];
    let guide = catena_agents::Jurisdiction::from(all.jurisdiction).guide();
    let mut patent = all.patent.clone();
    patent.claims = claims.to_vec();
    let mut findings = check_patent(&patent, &guide);
    findings.retain(|finding| RULES.contains(&finding.rule));
    findings
}

fn tell(args: &PatentClaims, change: &ClaimChange, findings: &[Finding]) {
    if args.run.output.json {
        let object = json!({ "change": change, "findings": findings });
        print(&format!("{object:#}\n"));
        return;
    }
    print(&in_words(change, findings));
    if !change.pieces.is_empty() {
        sayln!("with --out FILE these pieces are written anew, and the claims taken over");
    }
}

fn in_words(change: &ClaimChange, findings: &[Finding]) -> String {
    let mut text = String::new();
    if change.claims.is_empty() {
        text += "the claims say what they said\n";
    } else {
        let numbers: Vec<String> = change.claims.iter().map(ToString::to_string).collect();
        text += &format!("new, gone or different: claim {}\n", numbers.join(", "));
        if change.pieces.is_empty() {
            text += "no piece rests on what changed\n";
        }
    }
    for (piece, why) in &change.pieces {
        text += &format!("{piece} must change: {}\n", harmless(why));
    }
    for finding in findings {
        text += &format!("{}\n", harmless(&finding.to_string()).replace('\n', " "));
    }
    text
}
