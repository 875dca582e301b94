//! What comes out: a whole patent application as data.

mod dataset;
#[cfg(feature = "docx")]
mod docx;
mod markdown;
mod markup;
mod order;
mod plain;

use std::fmt;

use catena_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A patent application.
///
/// The description is a list of sections (background, summary, drawings, detailed description …),
/// each a list of sub-headings and paragraphs. Paragraphs are numbered through, from `[0001]`.
///
/// # Example
///
/// ```
/// use catena_agents::{Patent, PatentClaim, PatentSection};
///
/// let mut patent = Patent::new("Cup with a wide foot");
/// patent.set_abstract("A cup whose foot is wider than its rim.");
/// let mut background = PatentSection::new("Background")?;
/// background.push_paragraph("Cups tip over.");
/// patent.sections.push(background);
/// patent.claims.push(PatentClaim::new(1, "A cup having a foot and a rim."));
///
/// assert!(patent.to_text().contains("[0001] Cups tip over."));
/// assert_eq!(Patent::from_markdown(&patent.to_markdown())?, patent);
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patent {
    title: String,
    #[serde(rename = "abstract")]
    summary: String,
    /// The description, in the order in which it is printed.
    pub sections: Vec<PatentSection>,
    /// The claims, in the order in which they are printed.
    pub claims: Vec<PatentClaim>,
}

impl Patent {
    /// The most bytes that a text which is read may have, in any form.
    pub const TEXT_LIMIT: usize = 16_000_000;

    /// A patent with nothing but a title.
    pub fn new(title: impl AsRef<str>) -> Self {
        Self {
            title: one_line(title.as_ref()),
            ..Self::default()
        }
    }

    /// The title, one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The abstract; a blank line divides its paragraphs, of which there should be one.
    pub fn abstract_text(&self) -> &str {
        &self.summary
    }

    /// Replaces the abstract.
    pub fn set_abstract(&mut self, text: impl AsRef<str>) {
        self.summary = paragraphs(text.as_ref()).join("\n\n");
    }

    /// The first section of a kind.
    pub fn section(&self, kind: SectionKind) -> Option<&PatentSection> {
        self.sections.iter().find(|section| section.kind() == kind)
    }

    /// The paragraphs of the description with their numbers, from 1, and their sections.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &PatentSection, &str)> {
        self.sections
            .iter()
            .flat_map(|section| section.paragraphs().map(move |text| (section, text)))
            .zip(1..)
            .map(|((section, text), number)| (number, section, text))
    }

    /// The claim with this number; the first, if several have it.
    pub fn claim(&self, number: u32) -> Option<&PatentClaim> {
        self.claims.iter().find(|claim| claim.number == number)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// A text that is too long or is not such JSON, with line and column.
    pub fn from_json(text: &str) -> Result<Self> {
        let text = readable(text)?;
        let mut patent: Self = serde_json::from_str(text).map_err(|error| {
            Error::invalid(format!("the patent cannot be read as JSON: {error}"))
        })?;
        patent.title = one_line(&patent.title);
        patent.set_abstract(patent.summary.clone());
        Ok(patent)
    }

    /// JSON, indented: `title`, `abstract`, `sections` and `claims`.
    pub fn to_json(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// A section of the description under its main heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSection")]
pub struct PatentSection {
    heading: String,
    blocks: Vec<PatentBlock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSection {
    heading: String,
    blocks: Vec<PatentBlock>,
}

impl TryFrom<RawSection> for PatentSection {
    type Error = Error;

    fn try_from(raw: RawSection) -> Result<Self> {
        let mut section = Self::new(raw.heading)?;
        for block in raw.blocks {
            match block {
                PatentBlock::Heading { level, text } => section.push_heading(level, text),
                PatentBlock::Paragraph(text) => section.push_paragraph(text),
            }
        }
        Ok(section)
    }
}

/// A part of a [`PatentSection`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatentBlock {
    /// A heading inside the section; it has no number.
    Heading {
        /// 1 below the section's own, 2 below that.
        level: u8,
        /// One line.
        text: String,
    },
    /// A numbered paragraph; it may have several lines, none of which is blank.
    Paragraph(String),
}

impl PatentSection {
    /// An empty section.
    ///
    /// # Errors
    ///
    /// A heading that is empty, or that means the claims or the abstract: these are not sections.
    pub fn new(heading: impl AsRef<str>) -> Result<Self> {
        let heading = one_line(heading.as_ref());
        let kind = SectionKind::of(&heading);
        if heading.is_empty() || matches!(kind, SectionKind::Claims | SectionKind::Abstract) {
            return Err(Error::invalid(format!(
                "a section of the description cannot be headed '{heading}'"
            ))
            .with_help("claims and abstract are parts of their own"));
        }
        Ok(Self {
            heading,
            blocks: Vec::new(),
        })
    }

    /// The heading, one line.
    pub fn heading(&self) -> &str {
        &self.heading
    }

    /// What the heading says it is.
    pub fn kind(&self) -> SectionKind {
        SectionKind::of(&self.heading)
    }

    /// Sub-headings and paragraphs.
    pub fn blocks(&self) -> &[PatentBlock] {
        &self.blocks
    }

    /// The paragraphs alone.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match block {
            PatentBlock::Paragraph(text) => Some(text.as_str()),
            PatentBlock::Heading { .. } => None,
        })
    }

    /// Adds a sub-heading of level 1 or 2 (what is outside of these is the nearer one); an empty one adds
    /// nothing.
    pub fn push_heading(&mut self, level: u8, text: impl AsRef<str>) {
        let text = one_line(text.as_ref());
        if !text.is_empty() {
            self.blocks.push(PatentBlock::Heading {
                level: level.clamp(1, 2),
                text,
            });
        }
    }

    /// Adds a paragraph; a blank line divides it into several, and an empty one adds nothing.
    pub fn push_paragraph(&mut self, text: impl AsRef<str>) {
        self.blocks.extend(
            paragraphs(text.as_ref())
                .into_iter()
                .map(PatentBlock::Paragraph),
        );
    }
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RawClaim")]
pub struct PatentClaim {
    number: u32,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    number: u32,
    text: String,
}

impl From<RawClaim> for PatentClaim {
    fn from(raw: RawClaim) -> Self {
        Self::new(raw.number, raw.text)
    }
}

impl PatentClaim {
    /// A claim; blank lines in its text go.
    pub fn new(number: u32, text: impl AsRef<str>) -> Self {
        Self {
            number,
            text: paragraphs(text.as_ref()).join("\n"),
        }
    }

    /// The number that is printed before it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its text without the number; it may have several lines.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What a heading of a patent stands for, in any of the usual wordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SectionKind {
    /// Related applications and priority.
    CrossReference,
    /// The technical field.
    Field,
    /// The background, or prior art.
    Background,
    /// The summary, or disclosure.
    Summary,
    /// What the drawings show, in brief.
    Drawings,
    /// A list of reference numerals.
    Signs,
    /// The detailed description.
    Description,
    /// The claims.
    Claims,
    /// The abstract.
    Abstract,
    /// Anything else.
    Other,
}

impl SectionKind {
    /// What a heading means.
    pub fn of(heading: &str) -> Self {
        let heading = heading.to_lowercase();
        let heading = heading.trim_matches(|c: char| !c.is_alphanumeric());
        let has = |word: &str| heading.contains(word);
        let starts = |word: &str| heading.starts_with(word);
        if matches!(
            heading,
            "claims" | "claim" | "what is claimed is" | "we claim" | "i claim"
        ) {
            Self::Claims
        } else if starts("abstract") {
            Self::Abstract
        } else if has("cross-reference")
            || has("cross reference")
            || has("related application")
            || starts("priority")
            || has("government")
            || has("federally sponsored")
        {
            Self::CrossReference
        } else if has("reference sign") || has("reference numeral") || has("reference number") {
            Self::Signs
        } else if has("drawing") || has("figures") {
            Self::Drawings
        } else if starts("background") || has("prior art") || starts("description of related art") {
            Self::Background
        } else if starts("field") || has("technical field") {
            Self::Field
        } else if has("summary") || starts("disclosure") {
            Self::Summary
        } else if has("detailed description")
            || starts("description of")
            || starts("description") && !heading.contains(' ')
            || has("mode for carrying")
            || has("modes for carrying")
            || has("best mode")
        {
            Self::Description
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossReference => "cross-reference to related applications",
            Self::Field => "technical field",
            Self::Background => "background",
            Self::Summary => "summary",
            Self::Drawings => "brief description of the drawings",
            Self::Signs => "reference signs",
            Self::Description => "detailed description",
            Self::Claims => "claims",
            Self::Abstract => "abstract",
            Self::Other => "other section",
        })
    }
}

/// The text without a byte order mark.
///
/// # Errors
///
/// A text longer than [`Patent::TEXT_LIMIT`].
fn readable(text: &str) -> Result<&str> {
    if text.len() > Patent::TEXT_LIMIT {
        return Err(Error::invalid(format!(
            "the patent has {} bytes, {} are allowed",
            text.len(),
            Patent::TEXT_LIMIT
        )));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// All white space as single blanks.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "")
}

/// The paragraphs of a text: blank lines divide them, white space at the ends of lines goes. So do control
/// characters, which a terminal would obey.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    // A last blank line ends the last paragraph.
    for line in text.replace("\r\n", "\n").split(['\n', '\r']).chain([""]) {
        let line = line.replace('\t', " ").replace(char::is_control, "");
        let line = line.trim();
        if !line.is_empty() {
            if !current.is_empty() {
                current.push('\n');
            }
            current.push_str(line);
        } else if !current.is_empty() {
            found.push(std::mem::take(&mut current));
        }
    }
    found
}

#[cfg(test)]
mod tests;
