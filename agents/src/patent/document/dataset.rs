//! Real patents, in the two forms in which public collections give their full texts.

use catena_core::{Error, Result};
use serde::Deserialize;

use super::{
    Patent, PatentClaim, PatentSection, SectionKind, markdown::numbered_claim,
    markup::without_marks, readable,
};

impl Patent {
    /// Reads a granted or published US patent from a JSON record of its full text.
    ///
    /// Two forms are known. Of the patent office's search service: `title`, `abstract`, `background`
    /// (which holds related applications), `brief_summary`, `description` with headings on lines of
    /// their own and paragraphs that begin with `(1)`, and `claims` with `number` and
    /// `limitations`. And of bulk full texts: `sections` with `heading` and `text`, a line a
    /// paragraph, and `claims` as texts that begin with their number. Other keys are ignored. A
    /// text before the first heading gets the heading `Description`; marks for subscripts and
    /// superscripts become characters; paragraphs are numbered anew.
    ///
    /// # Errors
    ///
    /// A text that is too long, is not such a record, or has neither claims nor a description.
    pub fn from_record(json: &str) -> Result<Self> {
        let json = readable(json)?;
        let record: Record = serde_json::from_str(json).map_err(|error| {
            Error::invalid(format!("the record of a patent cannot be read: {error}"))
        })?;
        let mut patent = Self::new(without_marks(&record.title));
        patent.set_abstract(without_marks(&record.summary));
        for text in [record.background, record.brief_summary, record.description] {
            push_text(&mut patent, &text.unwrap_or_default());
        }
        for section in record.sections {
            open(&mut patent, &section.heading);
            for line in section.text.lines() {
                push_paragraph(&mut patent, line);
            }
        }
        for (claim, fallback) in record.claims.iter().zip(1..) {
            let (number, text) = match claim {
                RawClaim::Divided {
                    number,
                    limitations,
                } => (*number, limitations.join("\n")),
                RawClaim::Whole(text) => match numbered_claim(text.trim()) {
                    Some((number, text)) => (number, text.to_owned()),
                    None => (fallback, text.clone()),
                },
            };
            patent
                .claims
                .push(PatentClaim::new(number, without_marks(&text)));
        }
        if patent.claims.is_empty() && patent.sections.is_empty() {
            return Err(Error::invalid(
                "the record of a patent has neither claims nor a description",
            ));
        }
        Ok(patent)
    }
}

#[derive(Deserialize)]
struct Record {
    title: String,
    #[serde(rename = "abstract")]
    summary: String,
    background: Option<String>,
    brief_summary: Option<String>,
    description: Option<String>,
    #[serde(default)]
    sections: Vec<RawSection>,
    #[serde(default)]
    claims: Vec<RawClaim>,
}

#[derive(Deserialize)]
struct RawSection {
    heading: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawClaim {
    Divided {
        number: u32,
        limitations: Vec<String>,
    },
    Whole(String),
}

/// Text with headings on lines of their own and paragraphs that begin with `(1)`.
fn push_text(patent: &mut Patent, text: &str) {
    let mut paragraph = String::new();
    for line in text.lines().map(str::trim) {
        let start = numbered(line);
        let heading = start.is_none() && is_heading(line);
        if start.is_some() || heading {
            push_paragraph(patent, &std::mem::take(&mut paragraph));
        }
        if heading {
            open(patent, line);
        } else if !line.is_empty() {
            paragraph.push_str(start.unwrap_or(line));
            paragraph.push('\n');
        }
    }
    push_paragraph(patent, &paragraph);
}

fn open(patent: &mut Patent, heading: &str) {
    // Claims and abstract have fields of their own; a section so called is only a repetition.
    let section = PatentSection::new(heading)
        .or_else(|_| PatentSection::new(format!("Description: {heading}")));
    patent.sections.extend(section);
}

fn push_paragraph(patent: &mut Patent, text: &str) {
    let text = without_marks(text);
    if text.trim().is_empty() {
        return;
    }
    if patent.sections.is_empty() {
        open(patent, "Description");
    }
    if let Some(section) = patent.sections.last_mut() {
        section.push_paragraph(text);
    }
}

/// What stands behind `(12)` at the start of a line.
fn numbered(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('(')?.split_once(')')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && rest.starts_with(' ')).then_some(rest.trim_start())
}

/// A line in capitals, or one that is a usual heading word for word.
fn is_heading(line: &str) -> bool {
    let letters = || line.chars().filter(|c| c.is_alphabetic());
    let short = letters().count() >= 4 && line.chars().count() <= 120;
    let capitals = letters().all(|c| !c.is_lowercase());
    let known = SectionKind::of(line) != SectionKind::Other
        && line.split_whitespace().count() <= 8
        && !line.ends_with(['.', ';', ':', ',']);
    short && (capitals || known)
}
