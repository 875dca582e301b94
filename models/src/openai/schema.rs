//! Which JSON Schemas OpenAI holds answers to.

use serde_json::{Map, Value};

/// Whether `schema` may be asked for as `strict`: the outermost is one object, and each object in it says
/// that there are no other fields than those it names, and requires them all, and no string has a length.
/// OpenAI refuses the request otherwise; most servers do not mind.
pub(super) fn is_strict(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
        && schema.get("anyOf").is_none()
        && is_closed(schema)
}

fn is_closed(schema: &Value) -> bool {
    let Value::Object(schema) = schema else {
        return true;
    };
    let inner = schema.iter().all(|(key, value)| match (&**key, value) {
        ("properties" | "$defs" | "definitions", Value::Object(named)) => {
            named.values().all(is_closed)
        }
        ("anyOf" | "allOf" | "oneOf", Value::Array(all)) => all.iter().all(is_closed),
        ("items", item) => is_closed(item),
        ("minLength" | "maxLength", _) => false,
        _ => true,
    });
    inner && (!is_object(schema) || names_all(schema))
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => schema.contains_key("properties"),
    }
}

fn names_all(schema: &Map<String, Value>) -> bool {
    let no_others = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let required = schema.get("required").and_then(Value::as_array);
    let requires = |name: &String| {
        let mut names = required.into_iter().flatten();
        names.any(|required| required == name)
    };
    let named = schema.get("properties").and_then(Value::as_object);
    no_others && named.is_none_or(|named| named.keys().all(requires))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(field: &Value, required: &[&str]) -> Value {
        json!({"type": "object", "properties": {"a": field}, "required": required,
            "additionalProperties": false})
    }

    #[test]
    fn objects_that_require_all_their_fields_and_no_others_are_strict() {
        let text = json!({"type": "string", "enum": ["properties"]});
        let inner = object(&text, &["a"]);
        for strict in [
            inner.clone(),
            object(&inner, &["a"]),
            object(&json!({"type": "array", "items": inner}), &["a"]),
            object(&json!({"anyOf": [inner, {"type": "null"}]}), &["a"]),
            json!({"type": "object", "additionalProperties": false}),
        ] {
            assert!(is_strict(&strict), "{strict}");
        }
    }

    #[test]
    fn what_openai_would_refuse_is_not_asked_for_strictly() {
        let text = json!({"type": "string"});
        let optional = object(&text, &[]);
        for loose in [
            optional.clone(),
            object(&optional, &["a"]),
            object(&json!({"type": "array", "items": optional}), &["a"]),
            object(&json!({"type": ["object", "null"]}), &["a"]),
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": text}, "required": ["a"]}),
            json!({"anyOf": [object(&text, &["a"])]}),
            json!({"type": "array", "items": text}),
            object(&json!({"type": "string", "maxLength": 9}), &["a"]),
        ] {
            assert!(!is_strict(&loose), "{loose}");
        }
    }
}
