//! Which part of an index a point is in.

use std::{fmt, str::FromStr};

use catena_core::Error;

use crate::{Kind, NamespaceId};

/// The items of one kind in one namespace: what a search of an index is confined to.
///
/// As text it is one word, which an index can keep with a point and filter by.
///
/// # Example
///
/// ```
/// use catena_memory::{Kind, NamespaceId, Partition};
///
/// let partition = Partition { namespace: NamespaceId(12), kind: Kind::Fact };
/// assert_eq!(partition.to_string(), "12/fact");
/// assert_eq!("12/fact".parse::<Partition>()?, partition);
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The namespace.
    pub namespace: NamespaceId,
    /// The kind.
    pub kind: Kind,
}

impl Partition {
    /// Those of one kind in a namespace, or those of every kind.
    pub fn of(namespace: NamespaceId, kind: Option<Kind>) -> impl Iterator<Item = Self> {
        let kinds = [Kind::Turn, Kind::Fact].into_iter();
        kinds
            .filter(move |other| kind.is_none_or(|kind| kind == *other))
            .map(move |kind| Self { namespace, kind })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Turn => "turn",
            Kind::Fact => "fact",
        };
        write!(f, "{}/{kind}", self.namespace.0)
    }
}

impl FromStr for Partition {
    type Err = Error;

    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for what [`Display`](fmt::Display) did not write.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text.split_once('/').and_then(|(namespace, kind)| {
            let kind = match kind {
                "turn" => Kind::Turn,
                "fact" => Kind::Fact,
                _ => return None,
            };
            let namespace = NamespaceId(namespace.parse().ok()?);
            Some(Self { namespace, kind })
        });
        parsed.ok_or_else(|| Error::invalid(format!("'{text}' is no part of an index")))
    }
}
