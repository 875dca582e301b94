//! What is remembered.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// An item's number in its archive; later items have greater ones, and none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemId(pub u64);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: microseconds since the beginning of 1970, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment as a time of the system.
    pub fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.0)
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // SQLite's integers are signed.
        Self(i64::try_from(since.as_micros()).map_or(i64::MAX as u64, i64::unsigned_abs))
    }
}

impl fmt::Display for Moment {
    /// As `2026-11-25T04:00:00Z`; what is after the year 9999 as its last second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = Self(253_402_300_799_999_999);
        humantime::format_rfc3339_seconds(last.min(*self).time()).fmt(f)
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A turn of a conversation, or a segment of a document.
    #[default]
    Turn,
    /// Something that holds from a moment on, until something else does.
    Fact,
}

/// When something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// From this moment on.
    pub from: Moment,
    /// Until before this moment; `None`: still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

impl Validity {
    /// Whether it holds at `moment`.
    pub fn holds_at(&self, moment: Moment) -> bool {
        self.from <= moment && self.until.is_none_or(|until| moment < until)
    }
}

/// Where an item comes from: one time that it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The turn of its conversation, from 1.
    pub turn: u64,
    /// When it was said.
    pub at: Moment,
    /// The run that wrote it, if one did. It may be followed by a slash and a part of the run, `01J.../3`, where
    /// the run writes the same words more than once: [`Forgotten::runs`](crate::Forgotten::runs) names runs without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Something to remember.
///
/// # Example
///
/// ```
/// use catena_memory::{Moment, NewItem};
///
/// let turn = NewItem::turn("My dog is called Rex.", "Nice name!");
/// let fact = NewItem::fact("name of the dog", "Rex").at(Moment(1_800_000_000_000_000));
/// assert_eq!(fact.key.as_deref(), Some("name of the dog"));
/// assert_eq!(turn.response, "Nice name!");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewItem {
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// What a fact is about, in one line: the fact that held about it before is superseded. Of facts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What was said to the bot, what a segment says, or what holds.
    pub observation: String,
    /// What the bot said; empty for facts and segments.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response: String,
    /// The same in fewer words; empty when it is short already.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// When it was said. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// In which turn it was said, from 1 to 2^53. Default: for a turn the next of the conversation, for a fact
    /// the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// The run that writes it, or [a part of it](Source::run). Written a second time by the same, word for word,
    /// a turn is not written again, unless it says a [`turn`](Self::turn) of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl NewItem {
    /// A turn of a conversation.
    pub fn turn(observation: impl Into<String>, response: impl Into<String>) -> Self {
        Self {
            observation: observation.into(),
            response: response.into(),
            ..Self::default()
        }
    }

    /// A fact about `key`.
    pub fn fact(key: impl Into<String>, observation: impl Into<String>) -> Self {
        Self {
            kind: Kind::Fact,
            key: Some(key.into()),
            observation: observation.into(),
            ..Self::default()
        }
    }

    /// Adds a summary.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// Says when it was said.
    #[must_use]
    pub fn at(mut self, at: Moment) -> Self {
        self.at = Some(at);
        self
    }

    /// Says in which turn it was said.
    #[must_use]
    pub fn in_turn(mut self, turn: u64) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Says which run writes it.
    #[must_use]
    pub fn by_run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }
}

/// A record of truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryItem {
    /// Its number.
    pub id: ItemId,
    /// What it is.
    pub kind: Kind,
    /// What a fact is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What was said to the bot, what a segment says, or what holds.
    pub observation: String,
    /// What the bot said; empty for facts and segments.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response: String,
    /// The same in fewer words; empty when it is short already.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// When it holds.
    pub validity: Validity,
    /// The fact that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<ItemId>,
    /// Each time that it was said, the earliest first; at least one.
    pub sources: Vec<Source>,
}

impl MemoryItem {
    /// The last turn in which it was said.
    pub fn turn(&self) -> u64 {
        let turns = self.sources.iter().map(|source| source.turn);
        turns.max().unwrap_or(0)
    }

    /// When it was last said.
    pub fn at(&self) -> Moment {
        self.sources
            .last()
            .map_or(self.validity.from, |source| source.at)
    }

    /// All of its words, as they are searched: key, observation, response.
    pub fn text(&self) -> String {
        text(self.key.as_deref(), &self.observation, &self.response)
    }
}

/// What of an item is embedded and searched.
pub(crate) fn text(key: Option<&str>, observation: &str, response: &str) -> String {
    let parts = [key.unwrap_or_default(), observation, response];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n")
}

/// What became of an item that was to be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The item that holds it now.
    pub id: ItemId,
    /// The turn that it belongs to.
    pub turn: u64,
    /// It was there already, word for word, and has one source more.
    pub merged: bool,
    /// The fact that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<ItemId>,
}
