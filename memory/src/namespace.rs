//! Whose memories they are.

use std::fmt;

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
    /// A namespace of these names; any text is a name.
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
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.user, self.bot, self.conversation)
    }
}

/// A namespace's number in its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamespaceId(pub u64);
