//! The JSON in an answer, and what is wrong with it.

use catena_core::{Error, Result};
use jsonschema::Validator;
use serde_json::Value;

/// How many places of an answer are tried as the beginning of its JSON.
const MAX_STARTS: usize = 32;

/// How many violations are told.
const MAX_TOLD: usize = 5;

/// How many characters of a violation are told.
const MAX_LENGTH: usize = 200;

/// The tokens of all that is told, for a budget: of four characters each, as those of prose are.
pub(super) const MAX_TOKENS: u32 = (MAX_TOLD * MAX_LENGTH / 4) as u32;

/// A schema that answers can be checked against.
pub(super) struct Schema(Validator);

impl Schema {
    pub(super) fn new(schema: &Value) -> Result<Self> {
        let validator = jsonschema::validator_for(schema);
        validator.map(Self).map_err(|error| {
            Error::invalid(format!(
                "the format of the request is no JSON Schema: {error}"
            ))
        })
    }

    /// The JSON in `answer` that satisfies the schema, or what is wrong.
    ///
    /// That is the whole answer, or else the first object or array in it that does: models write
    /// fences and sentences around their JSON.
    pub(super) fn find<'a>(&self, answer: &'a str) -> std::result::Result<&'a str, String> {
        let whole = answer.trim();
        let mut wrong = match serde_json::from_str(whole) {
            Ok(json) => match self.violations(&json) {
                None => return Ok(whole),
                Some(violations) => return Err(violations),
            },
            Err(error) => format!("it is not JSON ({error})"),
        };
        let mut inside = 0;
        let mut first = true;
        for (start, _) in answer.match_indices(['{', '[']).take(MAX_STARTS) {
            if start < inside {
                continue;
            }
            let Some((json, text)) = value_at(answer, start) else {
                continue;
            };
            // What is in it is no answer by itself.
            inside = start + text.len();
            match self.violations(&json) {
                None => return Ok(text),
                Some(violations) if first => wrong = violations,
                Some(_) => {}
            }
            first = false;
        }
        Err(wrong)
    }

    fn violations(&self, json: &Value) -> Option<String> {
        let told: Vec<String> = self
            .0
            .iter_errors(json)
            .take(MAX_TOLD)
            .map(|error| {
                let place = error.instance_path().to_string();
                let said: String = error.to_string().chars().take(MAX_LENGTH).collect();
                match place.as_str() {
                    "" => said,
                    place => format!("at {place}: {said}"),
                }
            })
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// The JSON value that begins at `start`, and its text.
fn value_at(text: &str, start: usize) -> Option<(Value, &str)> {
    let rest = text.get(start..)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, rest.get(..values.byte_offset())?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::new(&json!({
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
            "additionalProperties": false,
        }))
        .unwrap()
    }

    #[test]
    fn json_is_found_in_what_is_written_around_it() {
        for answer in [
            "{\"n\": 1}",
            "\n {\"n\": 1} \n",
            "```json\n{\"n\": 1}\n```",
            "I think {so}: {\"n\": 1}, or [2].",
            "<think>{\"m\": 2} [1, {\"n\": 3}]</think>{\"n\": 1}",
        ] {
            assert_eq!(schema().find(answer), Ok("{\"n\": 1}"), "{answer}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (answer, said) in [
            ("", "not JSON"),
            ("twelve", "not JSON"),
            ("{\"n\": 1", "not JSON"),
            ("{\"n\": \"x\"}", "at /n"),
            ("Well: {\"m\": 1}", "\"n\" is a required property"),
            ("[{\"n\": 1}]", "is not of type \"object\""),
        ] {
            let wrong = schema().find(answer).unwrap_err();
            assert!(wrong.contains(said), "{answer}: {wrong}");
        }
        let long = format!("{{\"n\": \"{}\"}}", "x".repeat(100_000));
        assert!(schema().find(&long).unwrap_err().len() < 2_000);
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(
            Schema::new(&json!({"type": "odd"}))
                .err()
                .unwrap()
                .is_invalid()
        );
        // Nothing is fetched.
        let elsewhere = json!({"$ref": "http://127.0.0.1:9/schema.json"});
        assert!(Schema::new(&elsewhere).err().unwrap().is_invalid());
    }

    proptest! {
        #[test]
        fn what_is_found_satisfies_the_schema(answer in "[{}\\[\\]\":n1, a]{0,40}") {
            if let Ok(json) = schema().find(&answer) {
                let json: Value = serde_json::from_str(json).unwrap();
                prop_assert!(json["n"].is_i64());
            }
        }
    }
}
