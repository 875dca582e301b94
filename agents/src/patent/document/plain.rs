//! A patent as plain text.

use super::{Patent, PatentBlock};

impl Patent {
    /// Plain text as patent offices print it: headings in capitals, paragraphs `[0001]`, claims, and
    /// the abstract last. It is not read back.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", self.title().to_uppercase());
        let mut number = 0;
        for section in &self.sections {
            out.push_str(&format!("\n{}\n", section.heading().to_uppercase()));
            for block in section.blocks() {
                match block {
                    PatentBlock::Heading { text, .. } => out.push_str(&format!("\n{text}\n")),
                    PatentBlock::Paragraph(text) => {
                        number += 1;
                        out.push_str(&format!("\n[{number:04}] {text}\n"));
                    }
                }
            }
        }
        if !self.claims.is_empty() {
            out.push_str("\nCLAIMS\n");
            for claim in &self.claims {
                let text = claim.text().replace('\n', "\n   ");
                out.push_str(&format!("\n{}. {text}\n", claim.number()));
            }
        }
        if !self.abstract_text().is_empty() {
            out.push_str(&format!("\nABSTRACT\n\n{}\n", self.abstract_text()));
        }
        out
    }
}
