//! Conversations, with questions about what was said in them.

mod evidence;
mod locomo;
mod scm;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};
use catena_memory::Moment;
use serde::{Deserialize, Serialize};

use crate::token_f1;

/// A conversation, and questions that are asked after its last turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Unique in its data set.
    pub id: String,
    /// What was said, in its order. Turns are numbered from 1, as in a
    /// [`Memory`](catena_memory::Memory).
    pub turns: Vec<Turn>,
    /// The questions, in the order of the file.
    pub questions: Vec<Question>,
}

impl Conversation {
    /// The first turn that has the words of `turn`: the turn itself, unless it repeats another.
    pub fn first_said(&self, turn: u64) -> u64 {
        let index = usize::try_from(turn.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(said) = self.turns.get(index) else {
            return turn;
        };
        let same = |other: &Turn| {
            (&other.observation, &other.response) == (&said.observation, &said.response)
        };
        let first = (1..).zip(&self.turns).find(|(_, other)| same(other));
        first.map_or(turn, |(number, _)| number)
    }
}

/// What is remembered as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What was said to the bot, or by one person to another.
    pub observation: String,
    /// What the bot said; empty between people.
    pub response: String,
    /// When, where the data set says it.
    pub at: Option<Moment>,
    /// What the data set calls it; empty where it has no name.
    pub name: String,
}

/// A question about a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Unique in its data set.
    pub id: String,
    /// The question.
    pub text: String,
    /// The gold answers, any of which is right; empty where the conversation gives no answer, and
    /// the right one is to say so.
    pub answers: Vec<String>,
    /// The turns that hold the answer, ascending; empty where nobody says which.
    pub evidence: Vec<u64>,
    /// What kind of question it is, in the words of the data set.
    pub category: String,
}

/// What an answer says that says that there is none.
const REFUSALS: [&str; 8] = [
    "not mentioned",
    "no information",
    "not say",
    "not specified",
    "unknown",
    "don't know",
    "do not know",
    "cannot be answered",
];

impl Question {
    /// Whether the conversation answers it.
    pub fn answerable(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The score of `prediction`, from 0 to 1: [`token_f1`] where there is an answer; otherwise 1
    /// for saying that there is none.
    pub fn score(&self, prediction: &str) -> f64 {
        if self.answerable() {
            return token_f1(prediction, &self.answers);
        }
        let prediction = prediction.to_lowercase().replace('’', "'");
        f64::from(REFUSALS.iter().any(|words| prediction.contains(words)))
    }
}

/// A data set of conversations; its files are JSON Lines.
///
/// # Example: how much is said in a file
///
/// ```no_run
/// use catena_evals::Conversations;
///
/// for conversation in Conversations::Locomo.load("conv-26.jsonl")? {
///     println!("{}: {} turns", conversation.id, conversation.turns.len());
/// }
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Conversations {
    /// Dialogues of the SCM authors between a person and a bot; the questions about those in
    /// `NAME.jsonl` are beside them, in `NAME_questions.jsonl`.
    ///
    /// The files do not say which turns hold an answer. For a question about a single turn it is
    /// derived: the turn whose words, by BM25, have most to do with those of the gold answer. Read by
    /// a person, that is the right turn for each of the nine in `dialogue_en.jsonl`. For questions about
    /// several turns no such rule was right for one, and they have no evidence.
    Scm,
    /// LoCoMo: two people over months. An utterance is a turn, `Caroline: …`, without a response, since
    /// evidence is named by utterance; it was said at the time of its session, and what is seen in a
    /// photo that is shared stands behind it in brackets. Evidence that names no utterance is left out.
    Locomo,
}

impl Conversations {
    /// Which data set a file belongs to, by its name; `None` for another one.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_stem()?.to_string_lossy().to_lowercase();
        match name {
            _ if name.ends_with(scm::QUESTIONS) => None,
            _ if name.contains("dialogue") || name.contains("scm") => Some(Self::Scm),
            _ if name.contains("conv-") || name.contains("locomo") => Some(Self::Locomo),
            _ => None,
        }
    }

    /// Reads all conversations of a file, in its order.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the file, or the one with its questions, cannot be read, or
    /// is not what the data set promises. The message names the file and the line.
    pub fn load(self, path: impl AsRef<Path>) -> Result<Vec<Conversation>> {
        let path = path.as_ref();
        let conversations = match self {
            Self::Scm => scm::load(path)?,
            Self::Locomo => locomo::load(path)?,
        };
        let mut ids = HashSet::new();
        for conversation in &conversations {
            check(conversation, &mut ids).map_err(|reason| {
                let (path, id) = (path.display(), &conversation.id);
                Error::invalid(format!("reading the data set {path}: {id:?}: {reason}"))
                    .with_help(format!("the file has to be {self:?} as published"))
            })?;
        }
        Ok(conversations)
    }

    /// What a model is told that answers its questions.
    pub fn instructions(self) -> &'static str {
        match self {
            Self::Scm => "You answer questions about a conversation. Answer briefly.",
            Self::Locomo => {
                "You answer questions about a conversation. Answer with a few words only."
            }
        }
    }

    /// Whether it says when things were said.
    pub fn has_dates(self) -> bool {
        self == Self::Locomo
    }

    /// The most tokens of an answer.
    pub fn answer_tokens(self) -> u32 {
        match self {
            Self::Scm => 96,
            Self::Locomo => 32,
        }
    }
}

/// What is true of a conversation of any data set.
fn check(conversation: &Conversation, ids: &mut HashSet<String>) -> Result<(), String> {
    let Conversation {
        turns, questions, ..
    } = conversation;
    if turns.is_empty() {
        return Err("nothing is said".to_owned());
    }
    if let Some(index) = turns
        .iter()
        .position(|turn| turn.observation.trim().is_empty())
    {
        return Err(format!("turn {} is empty", index + 1));
    }
    if questions.is_empty() {
        return Err("there are no questions".to_owned());
    }
    for Question {
        id, text, answers, ..
    } in questions
    {
        if text.trim().is_empty() || answers.iter().any(|answer| answer.trim().is_empty()) {
            return Err(format!("question {id:?} or an answer to it is empty"));
        }
        if !ids.insert(id.clone()) {
            return Err(format!("the question {id:?} came before"));
        }
    }
    Ok(())
}

/// `folder/NAME.jsonl` to `folder/NAME_questions.jsonl`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}{ending}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_without_an_answer_wants_to_hear_so() {
        let question = Question::default();
        assert_eq!(question.score("It’s not mentioned."), 1.0);
        assert_eq!(question.score("I don’t know"), 1.0);
        assert_eq!(question.score("Self-care"), 0.0);
        let question = Question {
            answers: vec!["a red house".into(), "a barn".into()],
            ..question
        };
        assert_eq!(question.score("The barn."), 1.0);
        assert_eq!(question.score("not mentioned"), 0.0);
    }

    #[test]
    fn files_are_known_by_their_names() {
        let of = |name: &str| Conversations::of(Path::new(name));
        assert_eq!(of("data/dialogue_en.jsonl"), Some(Conversations::Scm));
        assert_eq!(of("data/dialogue_en_questions.jsonl"), None);
        assert_eq!(of("conv-26.jsonl"), Some(Conversations::Locomo));
        assert_eq!(of("locomo/hotpotqa.jsonl"), None);
    }
}
