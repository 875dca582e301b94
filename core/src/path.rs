//! Where in a graph something happens.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The place of a node in a run: `graph/node`, with `[i]` for an item of a `map` or a `fold`, `#n`
/// for the n-th visit in a cycle and `~n` for the n-th attempt after failures, as in
/// `ask/chain[3]`, `draft/revise#2` or `ask/chain[3]~2`.
///
/// With the index of a call it is the key under which the [journal](crate::Journal) records that
/// call, so it must not depend on timing. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct NodePath(Arc<str>);

impl NodePath {
    /// The path of a whole run.
    pub fn root(name: &str) -> Self {
        Self(name.into())
    }

    /// The path of the node `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self([&*self.0, "/", name].concat().into())
    }

    /// The path of item `index` (from 0) of a `map` or a `fold`.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0).into())
    }

    /// The path of visit `visit` (from 1) of a node in a cycle; the first visit has no mark.
    #[must_use]
    pub fn visit(&self, visit: usize) -> Self {
        if visit <= 1 {
            return self.clone();
        }
        Self(format!("{}#{visit}", self.0).into())
    }

    /// The path of attempt `attempt` (from 1) of a node that failed before; the first has no mark.
    #[must_use]
    pub fn attempt(&self, attempt: u32) -> Self {
        if attempt <= 1 {
            return self.clone();
        }
        Self(format!("{}~{attempt}", self.0).into())
    }

    /// Whether this is `other` or lies below it: a node in it, an item, a visit or an attempt.
    pub fn is_within(&self, other: &Self) -> bool {
        match self.0.strip_prefix(&*other.0) {
            Some(rest) => rest.is_empty() || rest.starts_with(MARKS),
            None => false,
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What begins a part of a path; not allowed in the names of nodes.
pub(crate) const MARKS: [char; 5] = ['/', '[', ']', '#', '~'];

impl From<String> for NodePath {
    fn from(path: String) -> Self {
        Self(path.into())
    }
}

impl From<NodePath> for String {
    fn from(path: NodePath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodePath({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_apart() {
        let path = NodePath::root("r").child("n").visit(2).item(0).attempt(3);
        assert_eq!(path.as_str(), "r/n#2[0]~3");
        assert_eq!(path.visit(1).attempt(1), path);
    }

    #[test]
    fn a_longer_name_is_no_part() {
        let node = NodePath::root("r").child("n");
        assert!(node.is_within(&node) && node.attempt(2).child("x").is_within(&node));
        assert!(!NodePath::root("r").child("nn").is_within(&node));
        assert!(!NodePath::root("r").is_within(&node));
    }
}
