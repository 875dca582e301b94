//! The examples in doc comments of Rust.

use super::{Found, rust::Line};

/// The code blocks in doc comments: those between fences, and lines that are indented as Markdown has code.
pub(super) fn doctests(lines: &[Line<'_>]) -> Vec<Found> {
    let found = |range: std::ops::Range<usize>| Found {
        code: {
            let own = lines.get(range.clone()).unwrap_or_default().iter();
            own.map(|line| format!("{}\n", line.text.trim())).collect()
        },
        lines: range,
        name: None,
        is_harmless: true,
        docstring: None,
    };
    let mut all = Vec::new();
    let mut open: Option<usize> = None;
    let mut is_block = false;
    for (index, line) in lines.iter().enumerate() {
        let Some(doc) = doc(line.text, &mut is_block) else {
            open = None;
            continue;
        };
        let is_fence = ["```", "~~~"]
            .iter()
            .any(|fence| doc.trim_start().starts_with(fence));
        match open {
            None if is_fence => open = Some(index),
            None if doc.starts_with("     ") && !doc.trim().is_empty() => {
                all.push(found(index..index + 1));
            }
            Some(from) if is_fence => {
                all.push(found(from..index + 1));
                open = None;
            }
            _ => {}
        }
    }
    all
}

/// What a line says of a doc comment, with the blank before it; `is_block` is whether one with a star goes on.
fn doc<'a>(line: &'a str, is_block: &mut bool) -> Option<&'a str> {
    let text = line.trim();
    let begins = text
        .strip_prefix("/**")
        .or_else(|| text.strip_prefix("/*!"));
    if let Some(doc) = begins.filter(|_| !*is_block && !text.starts_with("/**/")) {
        *is_block = !doc.contains("*/");
        return Some(doc.split("*/").next().unwrap_or_default());
    }
    if *is_block {
        *is_block = !text.contains("*/");
        let doc = text.split("*/").next().unwrap_or_default();
        // Stars at the beginning of each line are no part of it.
        return Some(match doc.strip_prefix('*') {
            Some(rest) => rest,
            None => line.trim_end().strip_suffix("*/").unwrap_or(line),
        });
    }
    let attribute = || {
        let rest = text
            .strip_prefix("#[doc")
            .or_else(|| text.strip_prefix("#![doc"))?;
        rest.trim_start()
            .strip_prefix('=')?
            .split_once('"')
            .map(|(_, doc)| doc)
    };
    text.strip_prefix("///")
        .or_else(|| text.strip_prefix("//!"))
        .or_else(attribute)
}
