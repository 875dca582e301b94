//! What a model wrote as arguments, checked before anything is called with it.

use catena_core::{Error, Result};
use jsonschema::Validator;
use serde_json::{Map, Value};

/// How many mistakes a model is told at once.
const MOST_TOLD: usize = 5;

/// The most characters of a mistake that is told.
const LONGEST: usize = 200;

/// The arguments that a tool takes.
pub(super) struct Arguments(Validator);

impl Arguments {
    /// Those of the tool `name`, by their schema.
    pub(super) fn new(name: &str, schema: &Value) -> Result<Self> {
        let refused = |why: String| {
            Error::invalid(format!(
                "the arguments of the tool '{name}' have no proper JSON Schema: {why}"
            ))
            .with_help("give it a schema of the type \"object\"")
        };
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(refused("it is not of the type \"object\"".to_owned()));
        }
        jsonschema::meta::validate(schema).map_err(|error| refused(error.to_string()))?;
        let validator = jsonschema::validator_for(schema);
        validator
            .map(Self)
            .map_err(|error| refused(error.to_string()))
    }

    /// Reads arguments, or says what is wrong with them.
    pub(super) fn read(&self, written: &str) -> std::result::Result<Value, String> {
        // Of a tool that takes nothing, models say nothing.
        let written = match written.trim() {
            "" | "null" => "{}",
            written => written,
        };
        let value: Value = serde_json::from_str(written)
            .map_err(|error| format!("the arguments are no JSON: {error}"))?;
        // Some write the object as a text that holds it.
        let value = match &value {
            Value::String(inner) => match serde_json::from_str(inner) {
                Ok(object @ Value::Object(_)) => object,
                _ => value,
            },
            _ => value,
        };
        let wrong = self.violations(&value);
        match wrong.is_empty() {
            true => Ok(value),
            false => Err(format!("the arguments do not fit: {wrong}")),
        }
    }

    fn violations(&self, value: &Value) -> String {
        let errors = self.0.iter_errors(value).take(MOST_TOLD);
        let told = errors.map(|error| {
            let place = error.instance_path().to_string();
            let said: String = error.to_string().chars().take(LONGEST).collect();
            match place.as_str() {
                "" => said,
                place => format!("at {place}: {said}"),
            }
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// Arguments of which only the names are kept and the size told, for what is written about a call.
pub(super) fn outline(arguments: &Value) -> Value {
    /// The most characters of a value that is told whole.
    const SHORT: usize = 200;
    let Value::Object(object) = arguments else {
        return Value::Null;
    };
    let short = object.iter().map(|(name, value)| {
        let text = value.to_string();
        let value = match text.len() <= SHORT {
            true => value.clone(),
            false => Value::String(format!("({} bytes)", text.len())),
        };
        (name.clone(), value)
    });
    Value::Object(short.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn arguments() -> Arguments {
        let schema = json!({
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7}},
            "required": ["city"],
            "additionalProperties": false,
        });
        Arguments::new("weather", &schema).unwrap()
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (written, said) in [
            ("{\"city\": \"Oslo\"", "are no JSON: EOF"),
            ("Oslo", "are no JSON"),
            ("", "\"city\" is a required property"),
            ("[]", "is not of type \"object\""),
            ("\"Oslo\"", "is not of type \"object\""),
            ("{\"city\": 3}", "at /city: 3 is not of type \"string\""),
            ("{\"city\": \"O\", \"days\": 9}", "at /days"),
            ("{\"city\": \"O\", \"shell\": 1}", "'shell' was unexpected"),
        ] {
            let wrong = arguments().read(written).unwrap_err();
            assert!(wrong.contains(said), "{written}: {wrong}");
        }
        let long = format!("{{\"city\": {}1}}", "1".repeat(100_000));
        assert!(arguments().read(&long).unwrap_err().len() < 1000);
    }

    #[test]
    fn what_models_write_around_it_is_forgiven() {
        let oslo = json!({"city": "Oslo"});
        for written in [
            "{\"city\": \"Oslo\"}",
            " {\"city\":\"Oslo\"}\n",
            r#""{\"city\": \"Oslo\"}""#,
        ] {
            assert_eq!(arguments().read(written).unwrap(), oslo);
        }
    }

    proptest! {
        #[test]
        fn nothing_else_gets_through(written in r#"[{}\[\]":,0-9a-z ]{0,40}"#) {
            if let Ok(value) = arguments().read(&written) {
                prop_assert!(value["city"].is_string());
            }
        }
    }
}
