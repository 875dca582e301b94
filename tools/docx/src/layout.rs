//! How pages look.

use docx_rs::{AlignmentType, Docx, Footer, Header, PageMargin, PageNum, Paragraph, Run};
use serde::{Deserialize, Serialize};

use crate::{block::is_forbidden, style};

/// Paper, margins, page numbers and headings.
///
/// All layouts have 12-point serif, one and a half lines, and margins of 2.5 cm at the left and the top
/// and 2 cm at the right and the bottom, which 37 CFR 1.52 and the EPO both accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DocxLayout {
    /// Width and height of the paper in twentieths of a point; 1440 are an inch.
    pub paper: (u32, u32),
    /// Where the number of a page stands.
    pub numbers: NumberPlace,
    /// Whether headings of level 1 are printed in capitals, centred and not bold, rather than in bold.
    pub capitals: bool,
    /// A line at the top of every page, such as a warning; `None` is none.
    pub notice: Option<String>,
}

/// Where the number of a page stands, always centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberPlace {
    /// Above the text.
    Top,
    /// Below the text.
    Bottom,
}

/// In twentieths of a point.
const CENTIMETRE: i32 = 567;

impl DocxLayout {
    /// US letter: numbers below the text, headings in capitals (37 CFR 1.52 and 1.77(c)).
    pub fn letter() -> Self {
        Self {
            paper: (12_240, 15_840),
            numbers: NumberPlace::Bottom,
            capitals: true,
            notice: None,
        }
    }

    /// A4: numbers above the text, headings in bold (decision of the EPO's President under rule 49(2) EPC).
    pub fn a4() -> Self {
        Self {
            paper: (11_906, 16_838),
            numbers: NumberPlace::Top,
            capitals: false,
            notice: None,
        }
    }

    /// With a line at the top of every page.
    #[must_use]
    pub fn notice(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(text.into());
        self
    }

    pub(crate) fn apply(&self, document: Docx) -> Docx {
        let (width, height) = self.paper;
        let document = document
            // Otherwise the library writes the time of the call.
            .created_at("2000-01-01T00:00:00Z")
            .updated_at("2000-01-01T00:00:00Z")
            .page_size(width, height)
            .page_margin(PageMargin {
                top: 5 * CENTIMETRE / 2,
                left: 5 * CENTIMETRE / 2,
                right: 2 * CENTIMETRE,
                bottom: 2 * CENTIMETRE,
                header: CENTIMETRE,
                footer: CENTIMETRE,
                gutter: 0,
            });
        let number = || centred().add_page_num(PageNum::new());
        let mut above = Vec::new();
        if let Some(notice) = &self.notice {
            let text = notice.lines().collect::<Vec<_>>().join(" ");
            let run = Run::new().add_text(text.replace(is_forbidden, "")).bold();
            above.push(centred().add_run(run));
        }
        if self.numbers == NumberPlace::Top {
            above.push(number());
        }
        let document = match self.numbers {
            NumberPlace::Top => document,
            NumberPlace::Bottom => document.footer(Footer::new().add_paragraph(number())),
        };
        if above.is_empty() {
            return document;
        }
        document.header(above.into_iter().fold(Header::new(), Header::add_paragraph))
    }
}

fn centred() -> Paragraph {
    Paragraph::new()
        .style(style::EDGE)
        .align(AlignmentType::Center)
}
