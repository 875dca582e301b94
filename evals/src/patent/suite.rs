//! Granted patents, the drafts that are derived from them, and what was written from these.

use std::path::Path;

use catena_agents::{Draft, Patent};
use catena_core::{Error, Result};
use serde::Deserialize;

use super::{PatentStrategy, WrittenItem, derive_draft};
use crate::{
    jsonl::{lines, parse},
    kept::Kept,
};

/// A granted patent and the draft that is derived from it.
#[derive(Clone, Debug)]
pub struct PatentItem {
    /// The patent's number.
    pub id: String,
    /// The patent.
    pub truth: Patent,
    /// What its inventor could have answered; see [`derive_draft`].
    pub draft: Draft,
}

/// Granted patents of a file.
#[derive(Clone, Debug)]
pub struct PatentSuite {
    /// The name of its file, with that of the folder where the file's says too little.
    pub name: String,
    /// The patents, in the order of the file.
    pub items: Vec<PatentItem>,
}

impl PatentSuite {
    /// Whether a path is that of full texts of patents: it or its folder is named so.
    pub fn knows(path: &Path) -> bool {
        name_of(path).is_some()
    }

    /// Reads records of full texts, one a line ([`Patent::from_record`]).
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an unknown name, a file that cannot be read, and a line that
    /// is no record.
    pub fn load(path: &Path) -> Result<Self> {
        let name = name_of(path).ok_or_else(|| {
            Error::invalid(format!("{} is no file of patents", path.display()))
                .with_help("its name or its folder's has to hold patent")
        })?;
        let items = lines(path, "records of patents", |line, number| {
            let said = |error: Error| error.to_string();
            let truth = Patent::from_record(line).map_err(said)?;
            Ok(PatentItem {
                id: id_of(line, number)?,
                draft: derive_draft(&truth).map_err(said)?,
                truth,
            })
        })?;
        Ok(Self { name, items })
    }

    /// Keeps the first `count` patents.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.items.truncate(count);
        self
    }

    /// Writes the patents that have no result in `folder` yet, one after the other, and tells `progress` of
    /// each. One that fails is kept with its error, and is tried again the next time.
    ///
    /// Results, with the transcripts, are in `folder/SUITE/STRATEGY.jsonl`, a line each.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when the file holds results of another setting; otherwise when the
    /// file cannot be read or written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the patent under way and no other.
    pub async fn evaluate(
        &self,
        strategy: &PatentStrategy,
        folder: &Path,
        mut progress: impl FnMut(&WrittenItem, usize),
    ) -> Result<PatentEvaluation> {
        let mut kept = Kept::open(folder, &self.name, strategy.name(), strategy.setting())?;
        let mut items: Vec<WrittenItem> = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let written = match kept.take(&item.id) {
                Some(written) => written,
                None => kept.keep(strategy.write(item).await)?,
            };
            progress(&written, items.len() + 1);
            items.push(written);
        }
        Ok(PatentEvaluation {
            strategy: strategy.name().to_owned(),
            items,
        })
    }
}

/// What one strategy wrote.
#[derive(Clone, Debug)]
pub struct PatentEvaluation {
    /// The strategy's name.
    pub strategy: String,
    /// A result for each patent, in their order.
    pub items: Vec<WrittenItem>,
}

impl PatentEvaluation {
    /// How many patents failed.
    pub fn failures(&self) -> usize {
        let failed = self.items.iter();
        failed.filter(|item| item.answered.error.is_some()).count()
    }
}

/// The name of a suite, if a path is that of one.
fn name_of(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_string_lossy().into_owned();
    let folder = path.parent().and_then(Path::file_name);
    let folder = folder.unwrap_or_default().to_string_lossy().into_owned();
    let is_named = |name: &str| name.to_lowercase().contains("patent");
    match (is_named(&name), is_named(&folder)) {
        (true, _) => Some(name),
        (false, true) => Some(format!("{folder}-{name}")),
        (false, false) => None,
    }
}

/// The number of a patent, as one of the forms of records has it; else that of its line.
fn id_of(line: &str, number: usize) -> std::result::Result<String, String> {
    #[derive(Deserialize)]
    struct Named {
        guid: Option<String>,
        doc: Option<String>,
    }
    let named: Named = parse(line)?;
    let id = named.guid.or(named.doc).unwrap_or_default();
    // It becomes the name of a file.
    let id: String = id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    Ok(match id.is_empty() {
        true => format!("line-{number}"),
        false => id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_known_by_its_name_or_its_folder() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(
            name("data/patents/full_text.jsonl").unwrap(),
            "patents-full_text"
        );
        assert_eq!(name("Patents_us.jsonl").unwrap(), "Patents_us");
        assert_eq!(name("data/texts.jsonl"), None);
    }

    #[test]
    fn a_number_names_a_file() {
        assert_eq!(id_of(r#"{"guid": "US-1-B1"}"#, 3).unwrap(), "US-1-B1");
        assert_eq!(id_of(r#"{"doc": "../US 2"}"#, 3).unwrap(), "US2");
        assert_eq!(id_of("{}", 3).unwrap(), "line-3");
    }
}
