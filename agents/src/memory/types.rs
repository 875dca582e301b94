//! What goes into a turn, along it, and out of it.

use catena_core::FinishReason;
use catena_memory::{Form, ItemId, Moment, Reason, Verdict};
use serde::{Deserialize, Serialize};

/// Something that is said to the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What is said.
    pub text: String,
}

impl Message {
    /// A message.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

/// What the bot says, and what of its memory it said it from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What it says.
    pub text: String,
    /// Why it ended: an answer that came to its limit of tokens, or of which the provider withheld the
    /// rest, is not whole.
    #[serde(default)]
    pub finish: FinishReason,
    /// The turn that this was, from 1; `None` when it was not remembered.
    pub turn: Option<u64>,
    /// What was activated for it, and why.
    pub recall: Recall,
    /// The facts that were learned from the message, as `about: value`.
    pub learned: Vec<String>,
}

/// What was activated for a turn, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Whether memory was needed (SCM's first question).
    pub need: Need,
    /// The flash memory: the turn before. It is always in, but for windows that a message fills to the last tokens.
    pub flash: Option<Activated>,
    /// What was activated, the highest rank first; also what was dropped.
    pub activated: Vec<Activated>,
    /// The facts that were activated.
    pub facts: Vec<RecalledFact>,
    /// The tokens of all that went into the prompt.
    pub tokens: u64,
    /// The most tokens that it might have had.
    pub limit: u64,
}

impl Recall {
    /// The turns that are in the prompt in any form, in their order.
    pub fn turns(&self) -> Vec<u64> {
        let all = self.activated.iter().chain(&self.flash);
        let mut turns: Vec<_> = all
            .filter(|activated| activated.form != Form::Dropped)
            .map(|activated| activated.turn)
            .collect();
        turns.sort_unstable();
        turns.dedup();
        turns
    }
}

/// Whether memory was needed, and how that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// Whether turns were searched. Facts are looked for all the same, unless activation is turned off.
    pub needed: bool,
    /// How that was found.
    pub reason: NeedReason,
    /// How probable it is, where the model gave probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
}

/// How it was found whether memory is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeedReason {
    /// There is no turn yet: the model was not asked, and only facts were looked for, if there are any. Where the
    /// turn before is all there is, the model is asked.
    #[default]
    NothingThere,
    /// The model was asked.
    Asked,
    /// The model was asked and its answer could not be read; memory is searched then.
    Unclear,
    /// The controller is turned off.
    NotAsked,
    /// The question did not fit the window; memory is searched then.
    NoRoom,
    /// Activation is turned off, of facts too.
    Off,
}

/// A memory that came up, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activated {
    /// The item.
    pub id: ItemId,
    /// The turn in which it was last said.
    pub turn: u64,
    /// When that was.
    pub at: Moment,
    /// Its beginning, for a person.
    pub begins: String,
    /// How much it has to do with the message, from 0 to 1.
    pub relevance: f32,
    /// Relevance and recency together.
    pub rank: f32,
    /// What the controller found about it (SCM's second question).
    pub verdict: Verdict,
    /// In which form it went into the prompt.
    pub form: Form,
    /// Why in this form.
    pub reason: Reason,
}

/// A fact that came up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecalledFact {
    /// The item that holds now, or held last.
    pub id: ItemId,
    /// What it is about.
    pub about: String,
    /// What holds; `None` where nothing does any more.
    pub is: Option<String>,
    /// Since when, as a date.
    pub since: Option<String>,
    /// What held before, the latest first: the latest values, and the very first.
    pub before: Vec<PastFact>,
    /// Why it came up: it has to do with the message, or it is no more than the nearest that there is.
    pub near: bool,
}

/// What held before a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFact {
    /// What held.
    pub is: String,
    /// Until when, as a date.
    pub until: String,
}

/// A memory as it stands in the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) turn: u64,
    pub(super) when: String,
    pub(super) user: String,
    pub(super) bot: String,
    pub(super) summary: String,
}

/// The turn before, as it stands in the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flash {
    pub(super) user: String,
    pub(super) bot: String,
}

/// Between the recall and the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recalled {
    pub(super) message: Message,
    pub(super) now: Moment,
    pub(super) recall: Recall,
    pub(super) lines: Vec<Line>,
    pub(super) flash: Option<Flash>,
}

/// Between the answer and the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) recalled: Recalled,
    pub(super) text: String,
    pub(super) finish: FinishReason,
}
