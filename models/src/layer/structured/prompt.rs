//! What the model is told.

use catena_core::{ChatMessage, ChatRequest, Format, Role};
use serde_json::Value;

/// `request`, its schema in words: in the system message, which is the same for many requests, so
/// that a prefix cache serves them.
pub(super) fn told(request: &ChatRequest, schema: &Value) -> ChatRequest {
    let rule = format!(
        "Answer with JSON alone, without any other text. It must satisfy this JSON Schema:\n{schema}"
    );
    let mut told = request.clone();
    told.format = Format::Text;
    match told.messages.first_mut() {
        Some(first) if first.role == Role::System => {
            first.content.push_str("\n\n");
            first.content.push_str(&rule);
        }
        _ => told.messages.insert(0, ChatMessage::system(rule)),
    }
    told
}

/// `request` after `answer`, with which something is `wrong`.
pub(super) fn repair(request: &ChatRequest, answer: &str, wrong: &str) -> ChatRequest {
    let mut repair = request.clone();
    // The beginning of an answer is part of it.
    let begun = repair
        .messages
        .pop_if(|last| last.role == Role::Assistant && last.tool_calls.is_empty());
    let answer = begun.map_or_else(String::new, |begun| begun.content) + answer;
    if !answer.is_empty() {
        repair.messages.push(ChatMessage::assistant(answer));
    }
    repair.messages.push(ChatMessage::user(format!(
        "That does not satisfy the JSON Schema: {wrong}. Answer again, with the corrected JSON \
         alone."
    )));
    repair
}
