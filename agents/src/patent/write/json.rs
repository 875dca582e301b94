//! JSON as models write it: with talk around it, and cut off at a limit.

use serde::de::DeserializeOwned;

/// How many places are tried at which a text that was cut off could be closed.
const TRIES: usize = 200;

/// The first JSON value in a text. One that was cut off is closed behind the last part that is whole.
///
/// # Errors
///
/// What is wrong with it, for the model.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let start = text.find(['{', '[']).ok_or("it has no JSON")?;
    let text = text.get(start..).unwrap_or_default();
    let error = match first(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    closed(text).ok_or(error)
}

/// The first value, whatever follows.
fn first<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    match serde_json::Deserializer::from_str(text).into_iter().next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it is empty".to_owned()),
    }
}

/// Closes what is open, at the last place where that gives a value.
fn closed<T: DeserializeOwned>(text: &str) -> Option<T> {
    // The brackets that are open behind each place where a string or a bracket ends.
    let mut places: Vec<(usize, String)> = Vec::new();
    let mut open: Vec<char> = Vec::new();
    let (mut inside, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match (inside, c) {
            (true, _) if escaped => {
                escaped = false;
                continue;
            }
            (true, '\\') => {
                escaped = true;
                continue;
            }
            (_, '"') => inside = !inside,
            (true, _) => continue,
            (false, '{') => open.push('}'),
            (false, '[') => open.push(']'),
            (false, '}' | ']') => {
                open.pop();
            }
            (false, _) => continue,
        }
        let ends = !inside && matches!(c, '"' | '}' | ']' | '[');
        if ends && !open.is_empty() {
            places.push((at + c.len_utf8(), open.iter().rev().collect()));
        }
    }
    places
        .into_iter()
        .rev()
        .take(TRIES)
        .find_map(|(end, brackets)| {
            let text = format!("{}{brackets}", text.get(..end)?);
            serde_json::from_str(&text).ok()
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn talk_and_fences_are_passed_over() {
        let text = "Sure:\n```json\n{\"a\": [1]}\n``` and more {";
        assert_eq!(read::<Value>(text).unwrap(), json!({"a": [1]}));
        assert!(read::<Value>("none").is_err());
        assert!(read::<u32>("{\"a\": 1}").is_err());
    }

    #[test]
    fn what_was_cut_off_is_read_as_far_as_it_is_whole() {
        let whole = r#"{"a": [{"b": "x \" ]"}, {"b": "y"}], "c": "zz"}"#;
        assert_eq!(
            read::<Value>(&whole[..whole.find("\"c\"").unwrap() + 2]).unwrap(),
            json!({"a": [{"b": "x \" ]"}, {"b": "y"}]})
        );
        assert_eq!(
            read::<Value>(r#"{"a": [{"b": "x"}, {"b": "y and so o"#).unwrap(),
            json!({"a": [{"b": "x"}]})
        );
        assert_eq!(
            read::<Value>(r#"{"a": ["one", "tw"#).unwrap(),
            json!({"a": ["one"]})
        );
        assert_eq!(read::<Value>(r#"{"a": ["#).unwrap(), json!({"a": []}));
    }
}
