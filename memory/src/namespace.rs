//! Whose memories they are.

use std::fmt;

use catena_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Whose memories: of one user, with one bot, in one conversation. Everything in an
/// [`Archive`](crate::Archive) belongs to exactly one, and no search crosses into another.
///
/// # Example
///
/// ```
/// use catena_memory::Namespace;
///
/// let namespace = Namespace::new("ada", "catena", "garden");
/// assert_eq!(namespace.to_string(), "ada/catena/garden");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Namespace {
    /// Who talks.
    pub user: String,
    /// Whom they talk to.
    pub bot: String,
    /// About what: several conversations of the same two.
    pub conversation: String,
}

impl Namespace {
    /// A namespace of these names; see [`check_name`](Self::check_name).
    pub fn new(
        user: impl Into<String>,
        bot: impl Into<String>,
        conversation: impl Into<String>,
    ) -> Self {
        Self {
            user: user.into(),
            bot: bot.into(),
            conversation: conversation.into(),
        }
    }

    /// Whether a text may be the name `of` a user, a bot or a conversation, as which it is told of: 1 to 255 bytes, as many as a file's name
    /// may have, not all of them white space, without control characters. The archive itself takes any;
    /// what is imported, and what a person types, is checked.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid), with what is wrong with it.
    pub fn check_name(of: &str, name: &str) -> Result<()> {
        let wrong = match () {
            () if name.trim().is_empty() => "is empty".to_owned(),
            () if name.len() > LONGEST => format!("has {} bytes", name.len()),
            () if name.contains(char::is_control) => "has a control character in it".to_owned(),
            () => return Ok(()),
        };
        Err(
            Error::invalid(format!("the name of the {of} {wrong}")).with_help(format!(
                "a name is of 1 to {LONGEST} bytes, not all of them white space, and on one line"
            )),
        )
    }

    pub(crate) fn check(&self) -> Result<()> {
        Self::check_name("user", &self.user)?;
        Self::check_name("bot", &self.bot)?;
        Self::check_name("conversation", &self.conversation)
    }
}

const LONGEST: usize = 255;

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.user, self.bot, self.conversation)
    }
}

/// A namespace's number in its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamespaceId(pub u64);
