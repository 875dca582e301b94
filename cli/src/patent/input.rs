//! Which of the things that a file may hold it holds.

use std::{io::stdin, path::Path};

use catena_agents::{Draft, Patent, Question};
use catena_tools::Document;
use serde_json::Value;

use super::everything::Everything;
use crate::failure::Failure;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    Draft(Draft),
    Patent(Patent),
    /// A patent with what it came from.
    Everything(Box<Everything>),
}

/// Reads a text; `-` is standard input.
pub(super) fn document(path: &Path) -> Result<Document, Failure> {
    let document = match path == Path::new("-") {
        true => Document::from_reader("standard input", stdin())?,
        false => Document::read(path)?,
    };
    Ok(document)
}

/// Reads a draft or a patent in any of their forms.
pub(super) fn read(path: &Path) -> Result<Content, Failure> {
    let document = document(path)?;
    let read = match document.text.trim_start_matches('\u{feff}').trim_start() {
        text if text.starts_with('{') => json(&document.text),
        text if text.starts_with('<') => Draft::from_tagged(text)
            .map(Content::Draft)
            .map_err(Failure::from),
        _ => markdown(&document.text),
    };
    read.map_err(|failure| failure.in_file(&document.name))
}

/// Reads a draft.
pub(super) fn draft(path: &Path) -> Result<Draft, Failure> {
    match read(path)? {
        Content::Draft(draft) => Ok(draft),
        _ => Err(
            Failure::usage(format!("{} is a patent, not a draft", path.display()))
                .help("`catena patent init` writes a draft"),
        ),
    }
}

/// Reads a patent, and whose rules it was written by if it says so.
pub(super) fn patent(path: &Path) -> Result<(Patent, Option<crate::args::Office>), Failure> {
    match read(path)? {
        Content::Patent(patent) => Ok((patent, None)),
        Content::Everything(everything) => {
            let office = everything.jurisdiction;
            Ok((everything.patent, Some(office)))
        }
        Content::Draft(_) => Err(Failure::usage(format!(
            "{} is a draft, not a patent",
            path.display()
        ))
        .help("`catena patent write` makes a patent of it")),
    }
}

/// Reads what `catena patent write` left.
pub(super) fn everything(path: &Path) -> Result<Everything, Failure> {
    match read(path)? {
        Content::Everything(everything) => Ok(*everything),
        _ => Err(Failure::usage(format!(
            "{} is not what `catena patent write` leaves to go on from",
            path.display()
        ))
        .help("name the JSON file that lies beside the patent")),
    }
}

fn json(text: &str) -> Result<Content, Failure> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let failure = Failure::new(format!("it cannot be read as JSON: {error}"));
        match error.to_string().starts_with("trailing characters") {
            true => failure.help("of a file of several records, one line is one patent: put it into a file of its own"),
            false => failure,
        }
    })?;
    let has = |key: &str| value.get(key).is_some();
    if has("work") {
        let everything = serde_json::from_value(value).map_err(|error| {
            Failure::new(format!("it is no patent of `catena patent write`: {error}"))
                .help("another version of catena may have written it")
        })?;
        return Ok(Content::Everything(Box::new(everything)));
    }
    if ["problem", "solution", "key_points"].into_iter().any(has) {
        return Ok(Content::Draft(Draft::from_json(text)?));
    }
    let ours = Patent::from_json(text);
    match (ours, Patent::from_record(text)) {
        (Ok(patent), _) | (Err(_), Ok(patent)) => Ok(Content::Patent(patent)),
        (Err(ours), Err(_)) if text.contains("\"blocks\"") => Err(ours.into()),
        (Err(_), Err(record)) => Err(record.into()),
    }
}

/// A draft has headings that no patent has; a patent may be without any.
fn markdown(text: &str) -> Result<Content, Failure> {
    let draft = Draft::from_markdown(text);
    let patent = Patent::from_markdown(text);
    match (draft, patent) {
        (Ok(draft), _) => Ok(Content::Draft(draft)),
        (Err(_), Ok(patent)) if !is_draft(text) => match patent.sections.is_empty()
            && patent.claims.is_empty()
        {
            false => Ok(Content::Patent(patent)),
            true => Err(Failure::new(
                "it has neither the five answers of a draft nor the sections of a patent",
            )
            .help("`catena patent init` writes a draft; sections of a patent are headed '## …'")),
        },
        (Err(draft), _) if is_draft(text) => Err(draft.into()),
        (Err(_), Err(patent)) => Err(patent.into()),
        (Err(draft), Ok(_)) => Err(draft.into()),
    }
}

/// Whether a line is the heading of a question that is no usual section of a patent.
fn is_draft(text: &str) -> bool {
    let own = [Question::Problem, Question::Solution, Question::KeyPoints];
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| {
            let name = line.trim_matches(|c: char| !c.is_alphabetic());
            own.iter()
                .any(|question| name.eq_ignore_ascii_case(question.title()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        let read = match text.starts_with('{') {
            true => json(text),
            false => markdown(text),
        };
        match read {
            Ok(Content::Draft(_)) => "draft".into(),
            Ok(Content::Patent(_)) => "patent".into(),
            Ok(Content::Everything(_)) => "everything".into(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn a_draft_is_told_from_a_patent() {
        let draft = Draft::new(["a", "b", "c", "d", "e"]).unwrap();
        assert_eq!(kind(&draft.to_markdown()), "draft");
        assert_eq!(kind(&draft.to_json()), "draft");
        let mut patent = Patent::new("Cup");
        let mut section = catena_agents::PatentSection::new("Background").unwrap();
        section.push_paragraph("Cups tip over.");
        patent.sections.push(section);
        assert_eq!(kind(&patent.to_markdown()), "patent");
        assert_eq!(kind(&patent.to_json()), "patent");
        let record = r#"{"title": "Cup", "abstract": "", "sections": [{"heading": "Background", "text": "x"}]}"#;
        assert_eq!(kind(record), "patent");
    }

    #[test]
    fn what_is_wrong_is_told_of_what_it_seems_to_be() {
        assert!(kind("## 1. Technical problem\nx\n").contains("no heading for question 2"));
        assert!(kind("hello\n").contains("text before the first heading"));
        assert!(kind("# Only a title\n").contains("neither"));
        assert!(kind("{\"problem\": 1}").contains("draft cannot be read as JSON"));
        assert!(kind("{\"title\": \"x\", \"abstract\": \"\", \"sections\": [{\"heading\": \"x\", \"blocks\": 1}], \"claims\": []}").contains("line 1"));
        assert!(kind("{} {}").contains("trailing"));
    }
}
