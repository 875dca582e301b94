//! What distinguishes two requests, for a person.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// How many differences are told.
const MOST: usize = 5;

/// How many characters of a text are shown on each side of a difference.
const AROUND: usize = 30;

/// How alike two requests are: the share of their words that both have, 0 to 1.
pub(super) fn likeness(one: &Value, other: &Value) -> f64 {
    let (mut counts, mut total) = (HashMap::new(), 0_usize);
    for_each_word(one, &mut |word| {
        *counts.entry(word.to_owned()).or_insert(0_usize) += 1;
        total += 1;
    });
    let mut common = 0_usize;
    for_each_word(other, &mut |word| {
        total += 1;
        if let Some(count @ 1..) = counts.get_mut(word) {
            *count -= 1;
            common += 1;
        }
    });
    2.0 * common as f64 / total.max(1) as f64
}

fn for_each_word(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => text.split_whitespace().for_each(take),
        Value::Array(values) => values.iter().for_each(|value| for_each_word(value, take)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            take(name);
            for_each_word(value, take);
        }),
        value => take(&value.to_string()),
    }
}

/// The first differences, one a line.
pub(super) fn differences(recorded: &Value, asked: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("request", recorded, asked, &mut found);
    found.truncate(MOST);
    found
}

fn compare(at: &str, recorded: &Value, asked: &Value, found: &mut Vec<String>) {
    if recorded == asked || found.len() >= MOST {
        return;
    }
    match (recorded, asked) {
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let (old, new) = (old.get(name), new.get(name));
                let null = &Value::Null;
                compare(
                    &format!("{at}.{name}"),
                    old.unwrap_or(null),
                    new.unwrap_or(null),
                    found,
                );
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{at}[{index}]"), old, new, found);
            }
            if old.len() != new.len() {
                let (old, new) = (old.len(), new.len());
                found.push(format!("{at}: {old} were recorded, {new} are asked"));
            }
        }
        (Value::String(old), Value::String(new)) => found.push(texts(at, old, new)),
        (old, new) => {
            let (old, new) = (shortened(old), shortened(new));
            found.push(format!("{at}: {old} was recorded, {new} is asked"));
        }
    }
}

/// The first place at which two texts differ.
fn texts(at: &str, old: &str, new: &str) -> String {
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b);
    let same = same.count();
    let (old, new) = (around(old, same), around(new, same));
    format!("{at}, from character {same}: {old} was recorded, {new} is asked")
}

fn around(text: &str, place: usize) -> String {
    let start = place.saturating_sub(AROUND);
    let mut rest = text.chars().skip(start);
    let shown: String = rest.by_ref().take(2 * AROUND).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if rest.next().is_some() { "…" } else { "" };
    format!("{before}{shown:?}{after}")
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(2 * AROUND) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_a_difference_is_named() {
        let long = "word ".repeat(20);
        let recorded = json!({"a": [{"text": format!("{long}cat")}], "n": 1, "gone": true});
        let asked = json!({"a": [{"text": format!("{long}dog")}, 2], "n": 2});
        let said = differences(&recorded, &asked);
        assert_eq!(said.len(), 4, "{said:?}");
        let place = "request.a[0].text, from character 100: …\"word";
        assert!(said[0].starts_with(place), "{}", said[0]);
        assert!(said[0].contains("cat\" was recorded") && said[0].ends_with("dog\" is asked"));
        assert_eq!(said[1], "request.a: 1 were recorded, 2 are asked");
        assert_eq!(said[2], "request.gone: true was recorded, null is asked");
        assert_eq!(said[3], "request.n: 1 was recorded, 2 is asked");
    }

    #[test]
    fn no_more_is_told_than_a_person_reads() {
        let many = |by: i64| Value::from((0..100).map(|n| n * by).collect::<Vec<_>>());
        assert_eq!(differences(&many(1), &many(2)).len(), MOST);
        assert!(differences(&many(1), &many(1)).is_empty());
        let text = json!("x".repeat(10_000));
        assert!(differences(&text, &json!(1))[0].len() < 200);
    }

    #[test]
    fn likeness_counts_words() {
        let of = |one: &str, other: &str| likeness(&json!(one), &json!(other));
        assert_eq!(of("a b c", "c b a"), 1.0);
        assert_eq!(of("a a a", "a b c"), 1.0 / 3.0);
        assert_eq!(of("a", "b"), 0.0);
    }
}
