//! Calls that a model writes as text.

use catena_core::{ToolCall, ToolSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A call as small models write it where their chat template has marks that they leave away, so that no
/// server sees a call: `{"name": …, "arguments": {…}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    arguments: Map<String, Value>,
}

/// The calls that an answer consists of: objects of that form, each naming one of these tools, bare or in
/// one code block or in `<tool_call>` marks. None if it says anything else beside them: what an answer
/// quotes is no call.
pub(super) fn written(answer: &str, specs: &[ToolSpec]) -> Vec<ToolCall> {
    let bare = answer
        .replace("<tool_call>", "\n")
        .replace("</tool_call>", "\n");
    let objects = serde_json::Deserializer::from_str(unfenced(bare.trim())).into_iter();
    let calls: Result<Vec<Written>, _> = objects.collect();
    let known = |call: &Written| specs.iter().any(|spec| spec.name == call.name);
    let Some(calls) = calls.ok().filter(|calls| calls.iter().all(known)) else {
        return Vec::new();
    };
    let call =
        |call: Written| ToolCall::new("", call.name, Value::from(call.arguments).to_string());
    calls.into_iter().map(call).collect()
}

/// What stands in a code block that is all of a text.
fn unfenced(text: &str) -> &str {
    let inner = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"));
    let inner = inner.and_then(|inner| inner.strip_suffix("```"));
    inner.map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(answer: &str) -> Vec<(String, String)> {
        let spec = |name: &str| ToolSpec::new(name, "", json!({"type": "object"}));
        let calls = written(answer, &[spec("weather"), spec("clock")]);
        calls
            .into_iter()
            .map(|call| (call.name, call.arguments))
            .collect()
    }

    fn oslo() -> (String, String) {
        ("weather".to_owned(), r#"{"city":"Oslo"}"#.to_owned())
    }

    #[test]
    fn an_answer_that_is_a_call_is_one() {
        let call = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
        for answer in [
            call.to_owned(),
            format!("```json\n{call}\n```\n"),
            format!("```\n{call}\n```"),
            format!("<tool_call>\n{call}\n</tool_call>"),
        ] {
            assert_eq!(names(&answer), [oslo()], "{answer}");
        }
        let clock = r#"{"name": "clock", "arguments": {}}"#;
        let two = format!("<tool_call>{call}</tool_call>\n<tool_call>{clock}</tool_call>");
        assert_eq!(names(&two).len(), 2);
        assert_eq!(names(&format!("{call}\n{clock}")).len(), 2);
    }

    #[test]
    fn an_answer_that_speaks_of_a_call_is_none() {
        let call = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
        for answer in [
            "",
            "It snows.",
            &format!("I would call {call}"),
            &format!("{call}\nThat is how."),
            &format!("```json\n{call}\n```\nand\n```json\n{call}\n```"),
            r#"{"name": "delete", "arguments": {}}"#,
            r#"{"name": "weather", "arguments": "Oslo"}"#,
            r#"{"name": "weather", "arguments": {}, "note": ""}"#,
            r#"{"name": "weather", "arguments": {"city": "#,
            r#"["weather"]"#,
        ] {
            assert!(names(answer).is_empty(), "{answer}");
        }
    }
}
