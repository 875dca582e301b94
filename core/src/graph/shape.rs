//! How a graph is wired, as data.

use serde::{Deserialize, Serialize};

/// How a graph is wired, without its agents: what a journal keeps to refuse a program that has
/// changed, and what pictures are drawn from.
///
/// # Example
///
/// ```
/// use catena_core::{Graph, agent};
///
/// let mut graph = Graph::builder("shout");
/// let shout = graph.node("shout", agent(|text: String, _cx| async move { Ok(text + "!") }));
/// let graph = graph.build(shout, shout)?;
/// assert_eq!(graph.shape().nodes[0].name, "shout");
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shape {
    /// The graph's name.
    pub name: String,
    /// Its nodes, in the order in which they were added.
    pub nodes: Vec<NodeShape>,
    /// Its edges: those of a branch in the order of its arms.
    pub edges: Vec<EdgeShape>,
    /// The node at which messages enter.
    pub entry: usize,
    /// The node from which they leave.
    pub exit: usize,
    /// How often a node may run; for graphs with a cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_limit: Option<usize>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeShape {
    /// Its name.
    pub name: String,
    /// What it does with a message.
    pub kind: NodeKind,
    /// What happens when it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<String>,
    /// The graph that it runs, if its agent is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Box<Shape>>,
}

/// What a node does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// Runs its agent once.
    Agent,
    /// Runs its agent on each item of a list, some at a time.
    Map,
    /// Runs its agent on each item of a list, one after the other, with a state.
    Fold,
    /// Sends the message along one of its arms.
    Branch,
}

impl NodeKind {
    fn noun(self) -> &'static str {
        match self {
            Self::Agent => "an agent",
            Self::Map => "a map",
            Self::Fold => "a fold",
            Self::Branch => "a branch",
        }
    }
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EdgeShape {
    /// The node that sends.
    pub from: usize,
    /// The node that receives.
    pub to: usize,
    /// The pattern of a branch's arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
}

/// What an [`Agent`](crate::Agent) says of its inside; see
/// [`Agent::inside`](crate::Agent::inside).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inside {
    /// What happens when it fails.
    pub on_failure: Vec<String>,
    /// The graph that it runs.
    pub graph: Option<Shape>,
}

impl Shape {
    /// What differs first between this, recorded, and `now`, in words; `None` if they are equal.
    pub fn difference(&self, now: &Self) -> Option<String> {
        if self == now {
            return None;
        }
        if self.name != now.name {
            return Some(format!(
                "the graph was '{}' and is '{}'",
                self.name, now.name
            ));
        }
        let missing = |from: &Self, of: &Self| {
            let mut names = of.nodes.iter().map(|node| &node.name);
            let missing = names.find(|name| from.nodes.iter().all(|node| node.name != **name));
            missing.cloned()
        };
        match (missing(now, self), missing(self, now)) {
            (Some(gone), Some(new)) if self.nodes.len() == now.nodes.len() => {
                return Some(format!("the node '{gone}' has become '{new}'"));
            }
            (Some(gone), _) => return Some(format!("the node '{gone}' is gone")),
            (None, Some(new)) => return Some(format!("the node '{new}' is new")),
            (None, None) => {}
        }
        let mut nodes = self.nodes.iter().zip(&now.nodes);
        if let Some(difference) = nodes.find_map(|(old, new)| old.difference(new)) {
            return Some(difference);
        }
        let told = |shape: &Self| {
            shape
                .edges
                .iter()
                .map(|edge| shape.tell(edge))
                .collect::<Vec<_>>()
        };
        let (old, new) = (told(self), told(now));
        if let Some(gone) = old.iter().find(|edge| !new.contains(edge)) {
            return Some(format!("the edge {gone} is gone"));
        }
        if let Some(added) = new.iter().find(|edge| !old.contains(edge)) {
            return Some(format!("the edge {added} is new"));
        }
        if self.step_limit != now.step_limit {
            let limit = |limit: Option<usize>| limit.map_or("none".to_owned(), |n| n.to_string());
            return Some(format!(
                "the step limit was {} and is {}",
                limit(self.step_limit),
                limit(now.step_limit)
            ));
        }
        Some("entry, exit or the order of edges differ".to_owned())
    }

    /// A node's name; empty for an index that it does not have.
    pub(crate) fn node_name(&self, index: usize) -> &str {
        self.nodes.get(index).map_or("", |node| &node.name)
    }

    fn tell(&self, edge: &EdgeShape) -> String {
        let ends = format!(
            "from '{}' to '{}'",
            self.node_name(edge.from),
            self.node_name(edge.to)
        );
        match &edge.arm {
            Some(arm) => format!("{ends} ({arm})"),
            None => ends,
        }
    }
}

impl NodeShape {
    fn difference(&self, now: &Self) -> Option<String> {
        if self.name != now.name {
            return Some(format!(
                "the node '{}' stands where '{}' stood",
                now.name, self.name
            ));
        }
        let name = &self.name;
        if self.kind != now.kind {
            let (old, new) = (self.kind.noun(), now.kind.noun());
            return Some(format!("the node '{name}' was {old} and is {new}"));
        }
        if self.on_failure != now.on_failure {
            return Some(format!(
                "what happens when the node '{name}' fails has changed"
            ));
        }
        match (&self.graph, &now.graph) {
            (Some(old), Some(new)) => old
                .difference(new)
                .map(|difference| format!("in the node '{name}', {difference}")),
            (None, None) => None,
            _ => Some(format!(
                "the node '{name}' is no longer what it was: a graph or an agent"
            )),
        }
    }
}
