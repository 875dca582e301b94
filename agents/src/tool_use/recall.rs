//! A conversation's memory as a tool.

use async_trait::async_trait;
use catena_core::{Context, Error, Result};
use catena_memory::{Found, Kind, Memory, NamespaceId, Query};
use catena_tools::{JsonSchema, Tool};
use serde::{Deserialize, Serialize};

/// The tool `recall`: what was said earlier and what is known, searched by meaning and by words.
///
/// It reads one namespace and writes nothing. The question is embedded through the run, and counts as a
/// call of its budget.
///
/// # Example
///
/// ```
/// use catena_agents::RecallMemory;
/// use catena_core::Result;
/// use catena_memory::{Memory, NamespaceId};
/// use catena_tools::Toolbox;
///
/// fn tools(memory: Memory, ada: NamespaceId) -> Result<Toolbox> {
///     Toolbox::new().with(RecallMemory::new(memory, ada))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RecallMemory {
    memory: Memory,
    namespace: NamespaceId,
}

/// What [`RecallMemory`] is called with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "catena_tools::schemars")]
#[non_exhaustive]
pub struct RecallArguments {
    /// What to look for, as a question or in a few words.
    pub query: String,
    /// The most memories to give, up to 20. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub results: Option<usize>,
}

impl RecallMemory {
    /// Over the namespace of `memory`.
    pub fn new(memory: Memory, namespace: NamespaceId) -> Self {
        Self { memory, namespace }
    }
}

#[async_trait]
impl Tool for RecallMemory {
    type Arguments = RecallArguments;
    type Output = String;

    fn name(&self) -> &str {
        "recall"
    }

    fn description(&self) -> &str {
        "Looks up what was said in earlier conversations and what is known about the user."
    }

    fn repeatable(&self) -> bool {
        true
    }

    async fn call(&self, arguments: RecallArguments, cx: &Context) -> Result<String> {
        if arguments.query.trim().is_empty() {
            return Err(Error::invalid("the query is empty").with_help("say what to look for"));
        }
        let embedder = self.memory.embedder();
        let texts = [arguments.query.clone()];
        let vector = cx.embed(&**embedder, &texts).await?.into_iter().next();
        let limit = arguments.results.unwrap_or(5).clamp(1, 20);
        let query = Query::new(arguments.query).limit(limit);
        let query = match vector {
            Some(vector) => query.vector(vector),
            None => query,
        };
        let found = self.memory.search(self.namespace, &query).await?;
        let lines: Vec<String> = found.iter().map(line).collect();
        match lines.is_empty() {
            true => Ok("Nothing about it is remembered.".to_owned()),
            false => Ok(lines.join("\n")),
        }
    }
}

/// A memory as the model reads it.
fn line(found: &Found) -> String {
    let item = &found.item;
    let mut day = item.at().to_string();
    day.truncate("2026-11-25".len());
    match (item.kind, &item.key) {
        (Kind::Fact, Some(key)) => format!("[known since {day}] {key}: {}", item.observation),
        _ => {
            let turn = item.turn();
            let said = match item.response.is_empty() {
                true => item.observation.clone(),
                false => format!("{}\nAssistant: {}", item.observation, item.response),
            };
            format!("[turn {turn}, {day}] {said}")
        }
    }
}
