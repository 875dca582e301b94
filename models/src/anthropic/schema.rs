//! A JSON Schema as the API takes it for the form of an answer.
//!
//! The API holds answers to a part of JSON Schema and refuses the rest. As the official clients do, what it
//! cannot hold an answer to is told in words, in the description.

use catena_core::{Error, Result};
use serde_json::{Map, Value, json};

/// Forms of strings that the API knows.
const FORMATS: [&str; 10] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "uri",
    "uuid",
];

/// What goes along as it is.
const KEPT: [&str; 4] = ["enum", "required", "title", "type"];

/// What says which answers are meant.
const MEANING: [&str; 4] = ["allOf", "anyOf", "enum", "type"];

/// What says nothing about an answer.
const IDLE: [&str; 3] = ["$id", "$schema", "description"];

/// `schema` as the API takes it.
///
/// # Errors
///
/// Invalid if a part of it allows anything, or an object fields of any name: the API holds no answer to
/// that.
pub(super) fn accepted(schema: &Value) -> Result<Value> {
    let Value::Object(schema) = schema else {
        return match schema {
            Value::Bool(false) => Ok(Value::Bool(false)),
            _ => Err(free("a schema that allows anything")),
        };
    };
    if let Some(Value::Array(types)) = schema.get("type") {
        return alternatives(schema, types);
    }
    if schema.contains_key("$ref") {
        return referring(schema);
    }
    let mut kept = Map::new();
    let mut words = Map::new();
    for (key, value) in schema {
        let (key, value) = match (key.as_str(), value) {
            ("$defs" | "definitions" | "properties", Value::Object(named)) => (key, each(named)?),
            ("items", item) => (key, accepted(item)?),
            ("allOf" | "anyOf", Value::Array(all)) => (key, all_of(all)?),
            ("oneOf", Value::Array(all)) => {
                kept.insert("anyOf".to_owned(), all_of(all)?);
                continue;
            }
            ("const", value) => {
                kept.insert("enum".to_owned(), json!([value]));
                continue;
            }
            // Said below, whatever is said here.
            ("additionalProperties", _) => continue,
            ("format", Value::String(format)) if FORMATS.contains(&&**format) => {
                (key, value.clone())
            }
            ("minItems", Value::Number(number)) if matches!(number.as_u64(), Some(0 | 1)) => {
                (key, value.clone())
            }
            (name, value) if KEPT.contains(&name) => (key, value.clone()),
            (name, _) if IDLE.contains(&name) => continue,
            (_, value) => {
                words.insert(key.clone(), value.clone());
                continue;
            }
        };
        kept.insert(key.clone(), value);
    }
    if let (None, Some(kind)) = (kept.get("type"), kind_of(kept.get("enum"))) {
        kept.insert("type".to_owned(), json!(kind));
    }
    if !MEANING.iter().any(|key| kept.contains_key(*key)) {
        return Err(free("a schema that allows anything"));
    }
    if kept.get("type").is_some_and(|kind| kind == "object") {
        close(schema, &mut kept)?;
    }
    if let Some(description) = described(schema, words) {
        kept.insert("description".to_owned(), json!(description));
    }
    Ok(Value::Object(kept))
}

/// What stands beside a reference is not said.
fn referring(schema: &Map<String, Value>) -> Result<Value> {
    let mut kept = Map::new();
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("$ref", target) => kept.insert(key.clone(), target.clone()),
            ("$defs" | "definitions", Value::Object(named)) => {
                kept.insert(key.clone(), each(named)?)
            }
            _ => None,
        };
    }
    Ok(Value::Object(kept))
}

/// An object has the fields that it names, and no others.
fn close(schema: &Map<String, Value>, kept: &mut Map<String, Value>) -> Result<()> {
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let named = schema.get("properties").and_then(Value::as_object);
    if !closed && named.is_none_or(Map::is_empty) {
        return Err(free("an object of which no field has a name"));
    }
    kept.insert("additionalProperties".to_owned(), json!(false));
    Ok(())
}

fn free(what: &str) -> Error {
    Error::invalid(format!("this API holds no answer to {what}")).with_help(
        "name the fields in the schema, or wrap the model in StructuredOutput with json_schema off \
         in its profile",
    )
}

/// One of several types, which the API knows as alternatives.
fn alternatives(schema: &Map<String, Value>, types: &[Value]) -> Result<Value> {
    let one = |kind: &Value| {
        let mut one = schema.clone();
        one.remove("description");
        one.insert("type".to_owned(), kind.clone());
        if let Some(Value::Array(values)) = one.get_mut("enum") {
            values.retain(|value| kind_of_value(value) == kind.as_str());
        }
        if kind == "null" {
            one.retain(|key, _| key == "type");
        }
        accepted(&Value::Object(one))
    };
    let all: Vec<Value> = types.iter().map(one).collect::<Result<_>>()?;
    let mut kept = Map::new();
    kept.insert("anyOf".to_owned(), Value::Array(all));
    if let Some(description) = schema.get("description") {
        kept.insert("description".to_owned(), description.clone());
    }
    Ok(Value::Object(kept))
}

fn each(named: &Map<String, Value>) -> Result<Value> {
    let each = named
        .iter()
        .map(|(name, schema)| Ok((name.clone(), accepted(schema)?)));
    Ok(Value::Object(each.collect::<Result<_>>()?))
}

fn all_of(schemas: &[Value]) -> Result<Value> {
    schemas.iter().map(accepted).collect()
}

/// The type that all of the values have.
fn kind_of(values: Option<&Value>) -> Option<&'static str> {
    let values = values?.as_array()?;
    let kind = kind_of_value(values.first()?)?;
    let same = |value| kind_of_value(value) == Some(kind);
    values.iter().all(same).then_some(kind)
}

fn kind_of_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => Some("null"),
        Value::Bool(_) => Some("boolean"),
        Value::String(_) => Some("string"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        _ => None,
    }
}

/// The description, followed by what the API cannot hold an answer to.
fn described(schema: &Map<String, Value>, words: Map<String, Value>) -> Option<String> {
    let own = schema.get("description").and_then(Value::as_str);
    let words = (!words.is_empty()).then(|| Value::Object(words).to_string());
    match (own, words) {
        (Some(own), Some(words)) => Some(format!("{own}\n\n{words}")),
        (own, words) => words.or_else(|| own.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_the_api_takes_is_left_as_it_is() {
        let schema = json!({
            "type": "object",
            "properties": {
                "when": {"type": "string", "format": "date"},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "parts": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/part"}},
            },
            "required": ["when", "kind"],
            "additionalProperties": false,
            "$defs": {"part": {"type": "integer", "description": "A part."}},
        });
        assert_eq!(accepted(&schema).unwrap(), schema);
    }

    #[test]
    fn what_it_cannot_hold_an_answer_to_is_said_in_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How many."},
                "name": {"type": "string", "maxLength": 9},
                "colours": {"type": "array", "items": {"enum": ["red", "blue"]}, "minItems": 2},
            },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "count": {"type": "integer", "description": "How many.\n\n{\"maximum\":10,\"minimum\":1}"},
                "name": {"type": "string", "description": "{\"maxLength\":9}"},
                "colours": {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]},
                    "description": "{\"minItems\":2}"},
            },
            "additionalProperties": false,
        });
        assert_eq!(accepted(&schema).unwrap(), expected);
    }

    #[test]
    fn several_types_are_alternatives() {
        let schema = json!({"type": ["string", "null"], "enum": ["a", null], "description": "d"});
        let expected = json!({
            "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}],
            "description": "d",
        });
        assert_eq!(accepted(&schema).unwrap(), expected);
        let one_of = json!({"oneOf": [{"const": 1}, {"const": true}]});
        let expected = json!({"anyOf": [
            {"type": "integer", "enum": [1]}, {"type": "boolean", "enum": [true]},
        ]});
        assert_eq!(accepted(&one_of).unwrap(), expected);
    }

    #[test]
    fn a_reference_stands_alone() {
        let schema = json!({"$ref": "#/$defs/n", "description": "d", "$defs": {"n": {"const": 1}}});
        let n = json!({"type": "integer", "enum": [1]});
        let expected = json!({"$ref": "#/$defs/n", "$defs": {"n": n}});
        assert_eq!(accepted(&schema).unwrap(), expected);
    }

    #[test]
    fn fields_of_any_name_are_refused() {
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        for refused in [
            json!({"type": "object", "properties": {"map": map}}),
            json!({"type": "array", "items": {"type": "object"}}),
            json!({"type": ["object", "null"]}),
            json!(true),
            json!({"description": "anything"}),
        ] {
            assert!(accepted(&refused).unwrap_err().is_invalid(), "{refused}");
        }
        let empty = json!({"type": "object", "additionalProperties": false});
        assert_eq!(accepted(&empty).unwrap(), empty);
    }
}
