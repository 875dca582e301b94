//! JSON that satisfies its schema, from any model.

mod check;
mod prompt;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatResponse, ChatStream, Error, FinishReason, Format, ModelProfile,
    Result, TokenCounter, WorstCase,
};

use super::stream::{Sender, ready, sent};
use check::Schema;

/// Holds answers to the JSON Schema of the request, whatever the model can do by itself.
///
/// A model that cannot be held to a schema is told it, in the system message. Each answer is checked;
/// one that breaks the schema is sent back with what is wrong with it, up to a number of times. A
/// repair is a call like any other, and the usage of the answer is that of all of them together.
/// The text of the answer is the JSON alone, without what a model likes to write around it.
///
/// An answer that was cut off at its token limit is not sent back: it would be cut off again. A
/// request without a schema passes through untouched; one with a schema is answered in one piece.
///
/// # Errors of [`stream`](ChatModel::stream)
///
/// Those of the model, and
///
/// - [`is_malformed_output`](Error::is_malformed_output) if the last repair is still wrong, or the
///   answer was cut off;
/// - [`is_invalid`](Error::is_invalid) if the schema is not one.
///
/// # Example: a model that gets it right at the second attempt
///
/// ```
/// use std::sync::Arc;
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::{ScriptedModel, layer::StructuredOutput};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let scripted = ScriptedModel::new().replies(["twelve", "Here you are: {\"count\": 12}"]);
/// let model = StructuredOutput::new(Arc::new(scripted)).max_repairs(2);
/// let schema = json!({"type": "object", "properties": {"count": {"type": "integer"}}});
/// let question = ChatRequest::new([ChatMessage::user("How many months?")]).json_schema(schema);
/// let answer = model.chat(question).await?;
/// assert_eq!((answer.text.as_str(), answer.usage.calls), ("{\"count\": 12}", 2));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StructuredOutput {
    inner: Arc<dyn ChatModel>,
    profile: ModelProfile,
    max_repairs: u32,
}

impl StructuredOutput {
    /// Lets `model` repair an answer up to twice.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        let mut profile = model.profile().clone();
        profile.json_schema = true;
        Self {
            inner: model,
            profile,
            max_repairs: 2,
        }
    }

    /// How often an answer may be sent back; 0 only checks it. Default: 2.
    #[must_use]
    pub fn max_repairs(mut self, repairs: u32) -> Self {
        self.max_repairs = repairs;
        self
    }

    /// `request` in the form that the model can take.
    fn prepared(&self, request: &ChatRequest) -> ChatRequest {
        match &request.format {
            Format::JsonSchema(schema) if !self.inner.profile().json_schema => {
                prompt::told(request, schema)
            }
            _ => request.clone(),
        }
    }

    async fn answer(
        &self,
        request: &ChatRequest,
        schema: &Schema,
        mut deltas: Sender,
    ) -> Result<()> {
        let prepared = self.prepared(request);
        let mut asked = prepared.clone();
        let mut repairs = 0;
        loop {
            let answer = deltas.whole(&*self.inner, asked).await?;
            // With tool calls the model is not done: its answer comes after the results.
            let wrong = match answer.tool_calls.is_empty() {
                true => schema.find(&answer.text).map(str::to_owned),
                false => Ok(answer.text.clone()),
            };
            let wrong = match wrong {
                Ok(json) => {
                    // Whether it was begun does not matter: what is ready does not fail.
                    let _ = deltas.pass(Ok(ready(reduced(answer, json)))).await;
                    return Ok(());
                }
                Err(wrong) => wrong,
            };
            let hopeless = hopeless(answer.finish).map(str::to_owned);
            if repairs == self.max_repairs || hopeless.is_some() {
                deltas.wasted(answer.usage).await;
                return Err(self.failed(&hopeless.unwrap_or(wrong), repairs));
            }
            deltas.spent(answer.usage).await;
            repairs += 1;
            asked = prompt::repair(&prepared, &answer.text, &wrong);
        }
    }

    fn failed(&self, wrong: &str, repairs: u32) -> Error {
        let after = match repairs {
            0 => String::new(),
            1 => " after 1 repair".to_owned(),
            n => format!(" after {n} repairs"),
        };
        Error::malformed_output(format!(
            "the answer of '{}' does not satisfy its schema{after}: {wrong}",
            self.profile.name
        ))
    }
}

/// `answer`, of which the text is only `json`.
fn reduced(mut answer: ChatResponse, json: String) -> ChatResponse {
    if json.len() < answer.text.len() {
        answer.logprobs.clear();
        answer.text = json;
    }
    answer
}

/// Why sending an answer back does not help, if it does not.
fn hopeless(finish: FinishReason) -> Option<&'static str> {
    match finish {
        FinishReason::Length => Some("it was cut off at its token limit"),
        FinishReason::ContentFilter => Some("the provider withheld a part of it"),
        _ => None,
    }
}

#[async_trait]
impl ChatModel for StructuredOutput {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.inner.counter()
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        self.inner.prompt_tokens(&self.prepared(request))
    }

    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        let prepared = self.prepared(request);
        let first = self.inner.worst_case(&prepared);
        if !matches!(request.format, Format::JsonSchema(_)) {
            return first;
        }
        let most = request.max_tokens;
        let most = most.unwrap_or(self.profile.max_output_tokens);
        let longest = prompt::repair(&prepared, &words(most), &words(check::MAX_TOKENS));
        let repair = self.inner.worst_case(&longest);
        let repairs = (0..self.max_repairs).map(|_| repair.most());
        // The last answer has to be paid, whether it is valid or not.
        let all = repairs.fold(first.most(), |all, repair| all + repair);
        WorstCase {
            answered: all,
            failed: all,
        }
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let Format::JsonSchema(schema) = &request.format else {
            return self.inner.stream(request).await;
        };
        let schema = Schema::new(schema)?;
        let structured = self.clone();
        Ok(sent(async move |deltas| {
            structured.answer(&request, &schema, deltas).await
        }))
    }
}

/// A text of so many tokens: with nearly every tokenizer a short word with its space is one.
fn words(tokens: u32) -> String {
    " a".repeat(tokens as usize)
}

impl fmt::Debug for StructuredOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StructuredOutput")
            .field("inner", &self.inner)
            .field("max_repairs", &self.max_repairs)
            .finish_non_exhaustive()
    }
}
