//! From the type of a tool's arguments to what a model is told of them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The JSON Schema of `A`, in one piece: models follow no references.
pub(crate) fn of<A: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<A>();
    let mut schema = Value::from(schema);
    if let Value::Object(schema) = &mut schema {
        // The type's name in Rust says nothing to a model.
        schema.remove("title");
        // Its documentation neither: the tool is described already.
        schema.remove("description");
        // Some providers insist on it, also for a tool that takes nothing.
        if schema.get("type").and_then(Value::as_str) != Some("object") && is_unit(schema) {
            *schema = Map::new();
        }
        if schema.is_empty() {
            schema.insert("type".to_owned(), "object".into());
        }
        if schema.get("type").and_then(Value::as_str) == Some("object") {
            schema
                .entry("properties")
                .or_insert_with(|| Map::new().into());
        }
    }
    schema
}

/// `()`, which is null in JSON.
fn is_unit(schema: &Map<String, Value>) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Where to look.
    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Arguments {
        /// The city's name.
        city: String,
        /// How many days ahead.
        #[serde(default)]
        #[schemars(range(max = 7))]
        days: u8,
        unit: Option<Unit>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code)]
    enum Unit {
        Celsius,
        Fahrenheit,
    }

    #[test]
    fn a_schema_is_derived_in_one_piece() {
        // As a value: the order of keys is a feature of serde_json that any crate in a build may turn on.
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "city": {"description": "The city's name.", "type": "string"},
                "days": {"default": 0, "description": "How many days ahead.", "format": "uint8",
                    "maximum": 7, "minimum": 0, "type": "integer"},
                "unit": {"enum": ["celsius", "fahrenheit", null], "type": ["string", "null"]},
            },
            "required": ["city"],
        });
        assert_eq!(of::<Arguments>(), schema);
    }

    #[test]
    fn no_arguments_are_an_object_with_nothing_in_it() {
        #[derive(Deserialize, JsonSchema)]
        struct Nothing {}
        let empty = serde_json::json!({"type": "object", "properties": {}});
        assert_eq!(of::<Nothing>(), empty);
        assert_eq!(of::<()>(), empty);
    }
}
