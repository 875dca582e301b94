//! A patent as Markdown, for a person to read and edit, and back.

use catena_core::{Error, Result};

use super::{Patent, PatentBlock, PatentClaim, PatentSection, SectionKind, readable};

impl Patent {
    /// Markdown: the title, a heading for each section with numbered paragraphs, the numbered
    /// claims, and the abstract.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# {}\n", self.title());
        let mut number = 0;
        for section in &self.sections {
            out.push_str(&format!("\n## {}\n", section.heading()));
            for block in section.blocks() {
                match block {
                    PatentBlock::Heading { level, text } => {
                        // Below the section's own, which has two marks.
                        let marks = "#".repeat(2 + usize::from(*level));
                        out.push_str(&format!("\n{marks} {text}\n"));
                    }
                    PatentBlock::Paragraph(text) => {
                        number += 1;
                        out.push_str(&format!("\n[{number:04}] "));
                        push_lines(&mut out, text, true);
                    }
                }
            }
        }
        if !self.claims.is_empty() {
            out.push_str("\n## Claims\n");
            for claim in &self.claims {
                let text = claim.text().replace('\n', "\n   ");
                out.push_str(&format!("\n{}. {text}\n", claim.number()));
            }
        }
        if !self.abstract_text().is_empty() {
            out.push_str("\n## Abstract\n");
            for paragraph in self.abstract_text().split("\n\n") {
                out.push('\n');
                push_lines(&mut out, paragraph, false);
            }
        }
        out
    }

    /// Reads Markdown as it is written and as people change it: paragraphs need no numbers (they are
    /// numbered anew), claims begin with `1.` or `1)` at the start of a line, and what goes on in a
    /// claim is indented or has no number.
    ///
    /// # Errors
    ///
    /// A text that is too long, has text before the first `##` heading other than the title, has a
    /// second title, or has text in the claims before the first number; with the line.
    pub fn from_markdown(text: &str) -> Result<Self> {
        let text = readable(text)?.replace("\r\n", "\n").replace('\r', "\n");
        let mut reader = Reader::default();
        for (index, line) in text.split('\n').enumerate() {
            reader
                .line(line)
                .map_err(|problem| Error::invalid(format!("line {}: {problem}", index + 1)))?;
        }
        reader.end_block();
        let mut patent = reader.patent;
        patent.set_abstract(reader.summary);
        Ok(patent)
    }
}

#[derive(Default)]
struct Reader {
    patent: Patent,
    titled: bool,
    part: Part,
    paragraph: String,
    claim: Option<(u32, String)>,
    summary: String,
}

#[derive(Default, PartialEq)]
enum Part {
    #[default]
    Head,
    Section,
    Claims,
    Abstract,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some((level, heading)) = heading(line) {
            self.end_block();
            return self.heading(level, heading);
        }
        match self.part {
            Part::Head if line.trim().is_empty() => Ok(()),
            Part::Head => Err("text before the first heading '## …'".into()),
            Part::Abstract => {
                self.summary.push_str(unescaped(line));
                self.summary.push('\n');
                Ok(())
            }
            Part::Claims => self.claim_line(line),
            Part::Section => {
                let start = numbered_paragraph(line);
                if line.trim().is_empty() || start.is_some() {
                    self.end_block();
                }
                self.paragraph.push_str(unescaped(start.unwrap_or(line)));
                self.paragraph.push('\n');
                Ok(())
            }
        }
    }

    fn heading(&mut self, level: usize, heading: &str) -> Result<(), String> {
        if level == 1 {
            if self.titled || self.part != Part::Head {
                return Err("a second title '# …'; sections begin with '##'".into());
            }
            self.titled = true;
            self.patent.title = Patent::new(heading).title;
            return Ok(());
        }
        if level == 2 {
            self.part = match SectionKind::of(heading) {
                SectionKind::Claims => Part::Claims,
                SectionKind::Abstract => Part::Abstract,
                _ => {
                    let section = PatentSection::new(heading).map_err(|error| error.to_string())?;
                    self.patent.sections.push(section);
                    Part::Section
                }
            };
            return Ok(());
        }
        match (&self.part, self.patent.sections.last_mut()) {
            (Part::Section, Some(section)) => {
                section.push_heading(if level == 3 { 1 } else { 2 }, heading);
                Ok(())
            }
            _ => Err("a sub-heading outside a section".into()),
        }
    }

    fn claim_line(&mut self, line: &str) -> Result<(), String> {
        if let Some((number, text)) = numbered_claim(line) {
            self.end_block();
            self.claim = Some((number, format!("{text}\n")));
            return Ok(());
        }
        match &mut self.claim {
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
                Ok(())
            }
            None if line.trim().is_empty() => Ok(()),
            None => Err("text before the first claim '1. …'".into()),
        }
    }

    fn end_block(&mut self) {
        if let Some((number, text)) = self.claim.take() {
            self.patent.claims.push(PatentClaim::new(number, text));
        }
        let paragraph = std::mem::take(&mut self.paragraph);
        if let Some(section) = self.patent.sections.last_mut() {
            section.push_paragraph(paragraph);
        }
    }
}

/// Lines, with a backslash before what would begin something else.
fn push_lines(out: &mut String, text: &str, first_is_safe: bool) {
    for (index, line) in text.split('\n').enumerate() {
        let safe = first_is_safe && index == 0 && !line.starts_with('\\');
        if !safe && line.starts_with(['#', '[', '\\']) {
            out.push('\\');
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn unescaped(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix('\\')
        .filter(|rest| rest.starts_with(['#', '[', '\\']))
        .unwrap_or(line)
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = line.get(level..)?;
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    Some((level, rest.trim()))
}

/// What stands behind `[0012]` at the start of a line.
fn numbered_paragraph(line: &str) -> Option<&str> {
    let (number, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && number.len() >= 3).then_some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// Number and text of a claim that begins on this line.
pub(super) fn numbered_claim(line: &str) -> Option<(u32, &str)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at_checked(digits)?;
    let rest = rest.strip_prefix(['.', ')'])?;
    // "1.5 mm" begins no claim.
    if !(rest.is_empty() || rest.starts_with(char::is_whitespace)) {
        return None;
    }
    Some((number.parse().ok()?, rest.trim()))
}
