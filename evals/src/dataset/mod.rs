//! Data sets, read from their published files into one type of item.

mod multihop;
mod qmsum;
mod quality;

use std::{collections::HashSet, path::Path};

use catena_core::Result;
use serde::{Deserialize, Serialize};

use crate::jsonl::{self, parse};

/// A question over a context, with what a right answer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Unique in its data set.
    pub id: String,
    /// What the question is about, in the order in which it is read.
    pub context: Vec<Paragraph>,
    /// The question, or the instruction for a summary.
    pub question: String,
    /// The gold answers, at least one; any of them is right.
    pub answers: Vec<String>,
    /// The options of a multiple-choice question, without their letters; otherwise empty.
    pub choices: Vec<String>,
    /// The titles of the paragraphs that support the answer; empty where the data set has none.
    pub supporting: Vec<String>,
}

/// A part of a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paragraph {
    /// Its title; empty where the data set has none. Titles need not be unique.
    pub title: String,
    /// Its text.
    pub text: String,
}

impl Item {
    /// The context as one long document: each paragraph is its title on a line of its own, if it
    /// has one, and its text; a blank line is between two.
    pub fn document(&self) -> String {
        let parts: Vec<_> = self
            .context
            .iter()
            .map(
                |Paragraph { title, text }| match (title.trim(), text.trim()) {
                    ("", text) => text.to_owned(),
                    (title, text) => format!("{title}\n{text}"),
                },
            )
            .collect();
        parts.join("\n\n")
    }
}

/// A data set whose files can be read; each is JSON Lines.
///
/// # Example: the questions of a file
///
/// ```no_run
/// use catena_evals::Dataset;
///
/// for item in Dataset::HotpotQa.load("hotpotqa_dev_distractor.jsonl")? {
///     println!("{}: {}", item.id, item.question);
/// }
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dataset {
    /// HotpotQA, distractor setting.
    HotpotQa,
    /// MuSiQue-Ans.
    MuSiQue,
    /// 2WikiMultihopQA.
    TwoWiki,
    /// QuALITY questions in the form of L-Eval: one item a question.
    Quality,
    /// QMSum meetings: one item a query, general queries first. The context is the transcript, a
    /// turn a line.
    QmSum,
}

impl Dataset {
    /// Reads all items of a file, in its order. Blank lines are skipped.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) if the file cannot be read, has no items, or a line is not
    /// what the data set promises: a field is missing or empty, a supporting title or gold option
    /// is not there, an id comes twice. The message names the file and the line.
    pub fn load(self, path: impl AsRef<Path>) -> Result<Vec<Item>> {
        let mut ids = HashSet::new();
        let form = format!("{self:?} as published");
        let items = jsonl::lines(path.as_ref(), &form, |record, line| {
            let read = self.record(record, line)?;
            read.iter().try_for_each(check)?;
            match read.iter().find(|item| !ids.insert(item.id.clone())) {
                Some(twice) => Err(format!("the id {:?} came before", twice.id)),
                None => Ok(read),
            }
        })?;
        Ok(items.into_iter().flatten().collect())
    }

    fn record(self, record: &str, line: usize) -> Result<Vec<Item>, String> {
        match self {
            Self::HotpotQa | Self::TwoWiki => {
                multihop::hotpot(parse(record)?).map(|item| vec![item])
            }
            Self::MuSiQue => multihop::musique(parse(record)?).map(|item| vec![item]),
            Self::Quality => quality::items(parse(record)?, line),
            Self::QmSum => qmsum::items(parse(record)?, line),
        }
    }
}

/// What is true of an item of any data set.
fn check(item: &Item) -> Result<(), String> {
    let empty = |text: &String| text.trim().is_empty();
    let fault = if empty(&item.id) {
        "the id is empty"
    } else if empty(&item.question) {
        "the question is empty"
    } else if item.answers.is_empty() || item.answers.iter().any(empty) {
        "an answer is empty"
    } else if item.context.is_empty() || item.context.iter().all(|paragraph| empty(&paragraph.text))
    {
        "the context is empty"
    } else {
        let lost = item.supporting.iter().find(|title| {
            !item
                .context
                .iter()
                .any(|paragraph| paragraph.title == **title)
        });
        return match lost {
            Some(title) => Err(format!("no paragraph has the supporting title {title:?}")),
            None => Ok(()),
        };
    };
    Err(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        let paragraph = |title: &str, text: &str| Paragraph {
            title: title.into(),
            text: text.into(),
        };
        Item {
            id: "1".into(),
            context: vec![paragraph("Mill", "It turns. "), paragraph("", "No title.")],
            question: "What turns?".into(),
            answers: vec!["the mill".into()],
            ..Item::default()
        }
    }

    #[test]
    fn a_document_has_titles_on_lines_of_their_own() {
        assert_eq!(item().document(), "Mill\nIt turns.\n\nNo title.");
    }

    #[test]
    fn an_item_is_whole() {
        assert_eq!(check(&item()), Ok(()));
        let broken = [
            Item {
                id: " ".into(),
                ..item()
            },
            Item {
                question: String::new(),
                ..item()
            },
            Item {
                answers: Vec::new(),
                ..item()
            },
            Item {
                answers: vec!["yes".into(), String::new()],
                ..item()
            },
            Item {
                context: Vec::new(),
                ..item()
            },
            Item {
                supporting: vec!["Kiln".into()],
                ..item()
            },
        ];
        for item in broken {
            assert!(check(&item).is_err(), "{item:?}");
        }
    }
}
