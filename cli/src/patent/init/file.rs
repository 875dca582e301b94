//! A draft that is written answer by answer.

use std::path::{Path, PathBuf};

use catena_agents::{Draft, Question};
use catena_tools::Document;

use super::super::{input, output::write_over};
use crate::failure::Failure;

/// The draft and its file.
pub(super) struct DraftFile {
    path: PathBuf,
    draft: Draft,
}

impl DraftFile {
    /// The draft that is there, or a new one; nothing is written yet.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let draft = match path.symlink_metadata() {
            Ok(_) => input::draft(path)?,
            Err(_) => Draft::default(),
        };
        Ok(Self {
            path: path.to_owned(),
            draft,
        })
    }

    pub(super) fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Takes an answer and writes the file. What somebody changed in it meanwhile stays.
    pub(super) fn answer(&mut self, question: Question, answer: String) -> Result<(), Failure> {
        let mut form = Draft::to_markdown as fn(&Draft) -> String;
        if self.path.symlink_metadata().is_ok() {
            self.draft = input::draft(&self.path)?;
            form = form_of(&Document::read(&self.path)?.text);
        }
        if !self.draft.answer(question).is_empty() {
            sayln!(
                "{question} was answered in {} meanwhile; that answer stays",
                self.path.display()
            );
            return Ok(());
        }
        self.draft.set(question, answer)?;
        write_over(&self.path, form(&self.draft).as_bytes())
    }
}

/// How a draft is written that was read from `text`.
fn form_of(text: &str) -> fn(&Draft) -> String {
    match text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .next()
    {
        Some('{') => Draft::to_json,
        Some('<') => Draft::to_tagged,
        _ => Draft::to_markdown,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_keeps_its_form_and_what_was_changed_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("draft");
        let mut draft = Draft::default();
        draft.set(Question::Problem, "Cups tip over.").unwrap();
        fs::write(&path, draft.to_tagged()).unwrap();

        let mut file = DraftFile::open(&path).unwrap();
        draft.set(Question::Drawings, "None.").unwrap();
        fs::write(&path, draft.to_tagged()).unwrap();
        file.answer(Question::Solution, "A wide foot.".into())
            .unwrap();
        file.answer(Question::Drawings, "Many.".into()).unwrap();

        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("<Draft>"), "{text}");
        let read = Draft::read(&text).unwrap();
        assert_eq!(read.answer(Question::Problem), "Cups tip over.");
        assert_eq!(read.answer(Question::Solution), "A wide foot.");
        assert_eq!(read.answer(Question::Drawings), "None.");
    }

    #[test]
    fn what_is_no_draft_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("draft.md");
        fs::write(&path, "# Cup\n\n## Background\n\nCups tip over.\n").unwrap();
        assert!(DraftFile::open(&path).is_err());
    }
}
