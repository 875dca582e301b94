//! A question to a person, in the middle of a run.

use serde::{Deserialize, Serialize};

use crate::NodePath;

/// A typed question to a person that a run waits for; see
/// [`Context::interrupt`](crate::Context::interrupt).
///
/// A run that asked ends with an error that [`is_interrupted`](crate::Error::is_interrupted) and
/// lists its open [`interrupts`](crate::Error::interrupts). Resuming it with
/// [`RunOptions::answer`](crate::RunOptions::answer) goes on behind the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interrupt {
    /// Stable over resumes and unique in the run: the node's path, a colon, and the name that the
    /// agent gave, as in `patent/claims:approve`.
    pub id: String,
    /// The node that asks.
    pub path: NodePath,
    /// What is asked: whatever the agent passed.
    pub question: serde_json::Value,
    /// The Rust type that the answer has to fit, for a person.
    pub answer: String,
}

impl Interrupt {
    pub(crate) fn new<A>(path: &NodePath, name: &str, question: serde_json::Value) -> Self {
        Self {
            id: format!("{path}:{name}"),
            path: path.clone(),
            question,
            answer: short_type_name::<A>(),
        }
    }

    /// The name that the agent gave, without the path.
    pub fn name(&self) -> &str {
        self.id
            .get(self.path.as_str().len() + 1..)
            .unwrap_or(&self.id)
    }
}

/// `alloc::vec::Vec<my::mod::Claim>` as `Vec<Claim>`.
fn short_type_name<T>() -> String {
    std::any::type_name::<T>()
        .split_inclusive(['<', '>', ',', '(', ')', ' ', '&', '[', ']', ';'])
        .map(|part| part.rsplit("::").next().unwrap_or(part))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_path_and_the_name() {
        let path = NodePath::root("patent").child("claims");
        let interrupt = Interrupt::new::<Vec<Option<String>>>(&path, "approve", true.into());
        assert_eq!(interrupt.id, "patent/claims:approve");
        assert_eq!(interrupt.name(), "approve");
        assert_eq!(interrupt.answer, "Vec<Option<String>>");
    }
}
