//! What a document consists of.

use docx_rs::{BreakType, Paragraph, Run};
use serde::{Deserialize, Serialize};

use crate::style;

/// A part of a document, from top to bottom.
///
/// Numbers are written as text, not as a field that the word processor counts: they mean the same
/// wherever the file is opened, and need not be consecutive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocxBlock {
    /// The title, centred.
    Title(String),
    /// A heading. 0 counts as level 1, above 3 as 3.
    Heading {
        /// From 1.
        level: u8,
        /// The text.
        text: String,
    },
    /// A paragraph.
    Paragraph(String),
    /// A paragraph that begins with `[0001]`.
    Numbered {
        /// The number, with at least four digits.
        number: u32,
        /// The text.
        text: String,
    },
    /// An item that begins with `1.`; each further line is a paragraph of its own, indented.
    Item {
        /// The number.
        number: u32,
        /// The text.
        text: String,
    },
    /// What follows, if anything does, begins on a new page.
    PageBreak,
}

impl DocxBlock {
    /// `capitals` are for headings of level 1.
    pub(crate) fn paragraphs(&self, capitals: bool) -> Vec<Paragraph> {
        match self {
            Self::Title(text) => vec![paragraph(style::TITLE, None, text)],
            Self::Heading { level, text } => {
                let style = style::heading(*level);
                let text = match (capitals, level) {
                    (true, 0 | 1) => &text.to_uppercase(),
                    _ => text,
                };
                // A heading at the foot of a page, without what it heads, is what nobody wants.
                vec![paragraph(&style, None, text).keep_next(true)]
            }
            Self::Paragraph(text) => vec![paragraph(style::BODY, None, text)],
            Self::Numbered { number, text } => {
                vec![paragraph(
                    style::NUMBERED,
                    Some(format!("[{number:04}]")),
                    text,
                )]
            }
            Self::Item { number, text } => item(*number, text),
            Self::PageBreak => Vec::new(),
        }
    }
}

fn item(number: u32, text: &str) -> Vec<Paragraph> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = paragraph(style::ITEM, Some(format!("{number}.")), first);
    let parts = rest.lines().map(|line| paragraph(style::PART, None, line));
    std::iter::once(first).chain(parts).collect()
}

/// A paragraph, with a number in bold and a tab before the text.
fn paragraph(style: &str, number: Option<String>, text: &str) -> Paragraph {
    let mut paragraph = Paragraph::new().style(style);
    if let Some(number) = number {
        let number = Run::new().add_text(number);
        paragraph = paragraph
            .add_run(if style == style::NUMBERED {
                number.bold()
            } else {
                number
            })
            .add_run(Run::new().add_tab());
        for tab in style::tabs(style) {
            paragraph = paragraph.add_tab(tab);
        }
    }
    let mut run = Run::new();
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            run = run.add_break(BreakType::TextWrapping);
        }
        for (index, piece) in line.split('\t').enumerate() {
            if index > 0 {
                run = run.add_tab();
            }
            run = run.add_text(piece.replace(is_forbidden, ""));
        }
    }
    paragraph.add_run(run)
}

/// Characters that cannot stand in XML 1.0, and control characters that can.
pub(crate) fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')
}
