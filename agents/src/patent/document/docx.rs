//! A patent as a DOCX file, as an office wants its pages.

use catena_core::Result;
use catena_docx::{DocxBlock, DocxLayout, docx};

use super::{Patent, PatentBlock};
use crate::Jurisdiction;

impl Patent {
    /// A DOCX file: title and description with numbered paragraphs, the claims on a page of their own,
    /// and the abstract on another. For the United States on letter paper with headings in capitals and
    /// page numbers at the bottom (37 CFR 1.52, 1.72, 1.75, 1.77), for the EPO on A4 with page numbers at
    /// the top (rules 42 to 49 EPC). Sections are in the order of the office
    /// ([`arranged`](Self::arranged)). `notice` is printed at the top of every page.
    ///
    /// Needs the feature `docx`.
    ///
    /// # Errors
    ///
    /// The file cannot be written to memory.
    ///
    /// # Example
    ///
    /// ```
    /// use catena_agents::{Jurisdiction, Patent, PatentClaim};
    ///
    /// let mut patent = Patent::new("Cup");
    /// patent.claims.push(PatentClaim::new(1, "A cup comprising:\na foot; and\na rim."));
    /// let file = patent.to_docx(Jurisdiction::Ep, None)?;
    /// assert!(file.starts_with(b"PK"));
    /// # Ok::<(), catena_core::Error>(())
    /// ```
    pub fn to_docx(&self, jurisdiction: Jurisdiction, notice: Option<&str>) -> Result<Vec<u8>> {
        let mut layout = match jurisdiction {
            Jurisdiction::Us => DocxLayout::letter(),
            Jurisdiction::Ep => DocxLayout::a4(),
        };
        layout.notice = notice.map(str::to_owned);
        docx(&self.pages(jurisdiction), &layout)
    }

    fn pages(&self, jurisdiction: Jurisdiction) -> Vec<DocxBlock> {
        let heading = |level, text: &str| DocxBlock::Heading {
            level,
            text: text.into(),
        };
        let patent = self.clone().arranged(&jurisdiction.guide());
        let mut blocks = vec![DocxBlock::Title(patent.title().into())];
        let mut number = 0;
        for section in &patent.sections {
            blocks.push(heading(1, section.heading()));
            for block in section.blocks() {
                blocks.push(match block {
                    PatentBlock::Heading { level, text } => heading(1 + level, text),
                    PatentBlock::Paragraph(text) => {
                        number += 1;
                        DocxBlock::Numbered {
                            number,
                            text: text.clone(),
                        }
                    }
                });
            }
        }
        if !patent.claims.is_empty() {
            blocks.extend([DocxBlock::PageBreak, heading(1, "Claims")]);
            // MPEP 608.01(m): the claims are the object of a sentence that begins so.
            if jurisdiction == Jurisdiction::Us {
                blocks.push(DocxBlock::Paragraph("What is claimed is:".into()));
            }
            blocks.extend(patent.claims.iter().map(|claim| DocxBlock::Item {
                number: claim.number(),
                text: claim.text().into(),
            }));
        }
        if !patent.abstract_text().is_empty() {
            blocks.extend([DocxBlock::PageBreak, heading(1, "Abstract")]);
            let paragraphs = patent.abstract_text().split("\n\n");
            blocks.extend(paragraphs.map(|text| DocxBlock::Paragraph(text.into())));
        }
        blocks
    }
}
