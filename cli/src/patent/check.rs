//! `catena patent check`: what is wrong with a draft or a patent.

use std::io::stdout;

use anstyle::{AnsiColor, Style};
use catena_agents::{Severity, check_patent, examine_draft};
use serde_json::{Value, json};

use super::input::{self, Content};
use crate::{
    args::{Office, PatentCheck},
    failure::Failure,
    terminal::{harmless, print, styled},
};

/// A finding of a draft or of a patent.
struct Found {
    severity: Severity,
    line: String,
    json: Value,
}

impl Found {
    fn new(severity: Severity, finding: &(impl ToString + serde::Serialize)) -> Self {
        Self {
            severity,
            line: finding.to_string(),
            // Strings and numbers: serialising cannot fail.
            json: serde_json::to_value(finding).unwrap_or_default(),
        }
    }
}

pub(super) fn check(args: &PatentCheck) -> Result<(), Failure> {
    let office = |own: Option<Office>| args.jurisdiction.or(own).unwrap_or_default();
    let (kind, office, found) = match input::read(&args.file)? {
        Content::Draft(draft) => {
            let findings = examine_draft(&draft);
            let found = findings.iter().map(|one| Found::new(one.severity, one));
            ("draft", None, found.collect())
        }
        Content::Patent(patent) => (
            "patent",
            Some(office(None)),
            of_patent(&patent, office(None)),
        ),
        Content::Everything(all) => {
            let office = office(Some(all.jurisdiction));
            ("patent", Some(office), of_patent(&all.patent, office))
        }
    };
    let count = |severity| found.iter().filter(|one| one.severity == severity).count();
    let counts = [Severity::Error, Severity::Warning, Severity::Advice].map(count);
    let [errors, warnings, advice] = counts;
    if args.json {
        let object = json!({
            "file": args.file,
            "kind": kind,
            "jurisdiction": office,
            "errors": errors,
            "warnings": warnings,
            "advice": advice,
            "findings": found.iter().map(|one| &one.json).collect::<Vec<_>>(),
        });
        print(&format!("{object:#}\n"));
    } else {
        let text: String = found.iter().map(line).collect();
        print(&text);
    }
    let bad = match args.strict {
        true => found.len(),
        false => errors,
    };
    if bad == 0 {
        if !args.json {
            sayln!("{kind}: {}", in_words(counts));
        }
        return Ok(());
    }
    let failure = Failure::new(format!("the {kind} has {}", in_words(counts)));
    Err(match args.json {
        true => failure.told(),
        false => failure,
    })
}

fn of_patent(patent: &catena_agents::Patent, office: Office) -> Vec<Found> {
    let guide = catena_agents::Jurisdiction::from(office).guide();
    let findings = check_patent(patent, &guide);
    let found = findings.iter().map(|one| Found::new(one.severity, one));
    found.collect()
}

fn line(found: &Found) -> String {
    let style = match found.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Advice => Style::new(),
    };
    let text = harmless(&found.line).replace('\n', " ");
    format!("{}\n", styled(&text, style, &stdout()))
}

/// `2 errors, 1 warning`, or `no findings`.
fn in_words([errors, warnings, advice]: [usize; 3]) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let parts: Vec<String> = [
        (errors, format!("{errors} error{}", s(errors))),
        (warnings, format!("{warnings} warning{}", s(warnings))),
        (advice, format!("{advice} piece{} of advice", s(advice))),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, words)| words)
    .collect();
    match parts.is_empty() {
        true => "no findings".into(),
        false => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_said_in_words() {
        assert_eq!(in_words([0, 0, 0]), "no findings");
        assert_eq!(in_words([1, 2, 0]), "1 error, 2 warnings");
        assert_eq!(in_words([0, 0, 1]), "1 piece of advice");
    }
}
