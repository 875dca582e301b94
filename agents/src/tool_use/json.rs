//! Tools for models that know of none: a JSON object in place of a call.

use catena_core::{ChatMessage, Error, Prompt, Result, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub(super) struct Json {
    pub(super) specs: Vec<ToolSpec>,
    /// Whether the model can be held to a schema.
    pub(super) constrained: bool,
    pub(super) result: Prompt,
}

/// What the model said.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Object")]
pub(super) enum Said {
    Call(Call),
    Answer(String),
}

#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) tool: String,
    with: Value,
}

#[derive(Deserialize)]
struct Object {
    tool: Option<String>,
    #[serde(default)]
    with: Option<Value>,
    answer: Option<Value>,
}

impl TryFrom<Object> for Said {
    type Error = &'static str;

    fn try_from(object: Object) -> std::result::Result<Self, Self::Error> {
        match (object.tool, object.answer) {
            (Some(tool), None) => Ok(Self::Call(Call {
                tool,
                with: object.with.unwrap_or_else(|| Map::new().into()),
            })),
            (None, Some(Value::String(text))) => Ok(Self::Answer(text)),
            // A number, or a list of them: the answer all the same.
            (None, Some(other)) => Ok(Self::Answer(other.to_string())),
            _ => Err("it has to have either \"tool\" and \"with\", or \"answer\""),
        }
    }
}

impl Call {
    /// The arguments, as text.
    pub(super) fn arguments(&self) -> String {
        self.with.to_string()
    }

    /// The call as the model is shown that it said it.
    pub(super) fn said(&self) -> String {
        let tool = Value::from(&*self.tool);
        format!("{{\"tool\":{tool},\"with\":{}}}", self.with)
    }
}

#[derive(Serialize)]
struct ResultVariables<'a> {
    tool: &'a str,
    result: &'a str,
}

impl Json {
    /// The message with what a tool gave.
    pub(super) fn result(&self, tool: &str, result: &str) -> Result<ChatMessage> {
        let messages = self.result.render(&ResultVariables { tool, result })?;
        let first = messages.into_iter().next();
        first.ok_or_else(|| Error::prompt("the prompt 'tool_use/result' has no message"))
    }

    /// What an answer has to look like: with a call of one of the tools, or not.
    pub(super) fn schema(&self, may_call: bool) -> Value {
        let answer = json!({
            "type": "object",
            "properties": {"answer": {"type": "string"}},
            "required": ["answer"],
            "additionalProperties": false,
        });
        if !may_call {
            return answer;
        }
        let calls = self.specs.iter().map(|spec| {
            json!({
                "type": "object",
                "properties": {"tool": {"enum": [spec.name]}, "with": bare(&spec.parameters)},
                "required": ["tool", "with"],
                "additionalProperties": false,
            })
        });
        json!({"anyOf": calls.chain([answer]).collect::<Vec<_>>()})
    }
}

/// A schema without what no grammar needs and some do not know. Arguments are checked against the whole
/// schema before anything is called.
fn bare(schema: &Value) -> Value {
    const DROPPED: &[&str] = &[
        "$schema",
        "title",
        "description",
        "default",
        "examples",
        "format",
    ];
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, _)| !DROPPED.contains(&&***key));
            let kept = kept.map(|(key, value)| {
                let value = match (&**key, value) {
                    // These are names of the tool's own.
                    ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                        let named = named
                            .iter()
                            .map(|(name, value)| (name.clone(), bare(value)));
                        Value::Object(named.collect())
                    }
                    ("enum" | "const" | "required", value) => value.clone(),
                    (_, value) => bare(value),
                };
                (key.clone(), value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(values) => values.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// The tools as the model reads them: one a line, with a line for each argument.
pub(super) fn listed(specs: &[ToolSpec]) -> String {
    let mut lines = Vec::new();
    for spec in specs {
        lines.push(format!("{}: {}", spec.name, one_line(&spec.description)));
        let required = spec.parameters.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        let properties = spec.parameters.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let optional = if is_required(name) { "" } else { ", optional" };
            let about = schema.get("description").and_then(Value::as_str);
            let about = about.map_or_else(String::new, |about| format!(": {}", one_line(about)));
            lines.push(format!("  {name} ({}{optional}){about}", kind(schema)));
        }
    }
    lines.join("\n")
}

/// The type of an argument in a word or two.
fn kind(schema: &Value) -> String {
    /// The most characters of a schema that is shown as it is.
    const LONGEST: usize = 400;
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices = choices.iter().filter(|choice| !choice.is_null());
        let choices: Vec<String> = choices.map(ToString::to_string).collect();
        return choices.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => {
            let items = schema
                .get("items")
                .map_or_else(|| "anything".to_owned(), self::kind);
            format!("list of {items}")
        }
        Some(Value::String(kind)) if kind != "object" => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            let kinds: Vec<&str> = kinds.filter(|kind| *kind != "null").collect();
            kinds.join(" or ")
        }
        _ => bare(schema).to_string().chars().take(LONGEST).collect(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ToolSpec {
        ToolSpec::new(
            "weather",
            "The weather\nof a city.",
            json!({
                "$schema": "x", "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Its name."},
                    "days": {"type": ["integer", "null"], "format": "uint8", "default": 1},
                    "format": {"enum": ["short", "long"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "at": {"type": "object", "properties": {"lat": {"type": "number"}}},
                },
                "required": ["city"],
            }),
        )
    }

    #[test]
    fn tools_are_listed_line_by_line() {
        insta::assert_snapshot!(listed(&[spec()]));
    }

    #[test]
    fn a_schema_keeps_what_a_grammar_needs() {
        let json = Json {
            specs: vec![spec()],
            constrained: true,
            result: Prompt::new("r", "[user]\n{{ result }}").unwrap(),
        };
        let schema = json.schema(true);
        let with = &schema["anyOf"][0]["properties"]["with"];
        assert_eq!(
            with["properties"]["days"],
            json!({"type": ["integer", "null"]})
        );
        assert_eq!(
            with["properties"]["format"]["enum"],
            json!(["short", "long"])
        );
        assert_eq!(with.get("$schema"), None);
        assert_eq!(schema["anyOf"][1], json.schema(false));
    }

    #[test]
    fn calls_and_answers_are_told_apart() {
        let read = |text: &str| serde_json::from_str::<Said>(text);
        let Ok(Said::Call(call)) = read(r#"{"tool": "t", "with": {"a": 1}}"#) else {
            panic!("no call")
        };
        assert_eq!(call.said(), r#"{"tool":"t","with":{"a":1}}"#);
        assert!(matches!(read(r#"{"tool": "t"}"#), Ok(Said::Call(_))));
        assert!(matches!(read(r#"{"answer": "a"}"#), Ok(Said::Answer(text)) if text == "a"));
        assert!(matches!(read(r#"{"answer": 4}"#), Ok(Said::Answer(text)) if text == "4"));
        for wrong in [
            "{}",
            r#"{"tool": "t", "answer": "a"}"#,
            "[]",
            r#"{"tool": 3}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
