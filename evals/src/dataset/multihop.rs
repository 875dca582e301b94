//! HotpotQA, 2WikiMultihopQA (which has HotpotQA's form) and MuSiQue.

use serde::Deserialize;

use super::{Item, Paragraph};

#[derive(Deserialize)]
pub(super) struct Hotpot {
    #[serde(rename = "_id")]
    id: String,
    question: String,
    answer: String,
    /// Titles, each with the paragraph's sentences.
    context: Vec<(String, Vec<String>)>,
    /// Titles, each with the number of a sentence.
    supporting_facts: Vec<(String, u64)>,
}

pub(super) fn hotpot(record: Hotpot) -> Result<Item, String> {
    let context = record.context.into_iter();
    Ok(Item {
        id: record.id,
        context: context
            .map(|(title, sentences)| Paragraph {
                title,
                text: join(&sentences),
            })
            .collect(),
        question: record.question,
        answers: vec![record.answer],
        choices: Vec::new(),
        supporting: distinct(record.supporting_facts.into_iter().map(|(title, _)| title)),
    })
}

/// HotpotQA's sentences bring the blank between them along, 2WikiMultihopQA's do not.
fn join(sentences: &[String]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        let separated = text.is_empty()
            || text.ends_with(char::is_whitespace)
            || sentence.starts_with(char::is_whitespace);
        if !separated {
            text.push(' ');
        }
        text.push_str(sentence);
    }
    text
}

#[derive(Deserialize)]
pub(super) struct Musique {
    id: String,
    question: String,
    answer: String,
    answer_aliases: Vec<String>,
    answerable: bool,
    paragraphs: Vec<MusiqueParagraph>,
}

#[derive(Deserialize)]
struct MusiqueParagraph {
    title: String,
    paragraph_text: String,
    is_supporting: bool,
}

pub(super) fn musique(record: Musique) -> Result<Item, String> {
    if !record.answerable {
        return Err(
            "the question has no answer; MuSiQue-Ans has only questions that have".to_owned(),
        );
    }
    let supporting = record
        .paragraphs
        .iter()
        .filter(|paragraph| paragraph.is_supporting);
    let supporting = distinct(supporting.map(|paragraph| paragraph.title.clone()));
    let context = record.paragraphs.into_iter();
    Ok(Item {
        id: record.id,
        context: context
            .map(|paragraph| Paragraph {
                title: paragraph.title,
                text: paragraph.paragraph_text,
            })
            .collect(),
        question: record.question,
        answers: std::iter::once(record.answer)
            .chain(record.answer_aliases)
            .collect(),
        choices: Vec::new(),
        supporting,
    })
}

/// The titles without repetitions, in the order of their first use.
fn distinct(titles: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for title in titles {
        if !distinct.contains(&title) {
            distinct.push(title);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_joined_by_one_blank() {
        let join = |sentences: &[&str]| {
            join(
                &sentences
                    .iter()
                    .map(|s| (*s).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            join(&["One.", " Two.", "Three. ", "Four."]),
            "One. Two. Three. Four."
        );
        assert_eq!(join(&[]), "");
    }
}
