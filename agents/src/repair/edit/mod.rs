//! Corrections: what a model writes, read as changes, and applied to files whole or not at all.

mod apply;
mod docs;
mod endings;
mod fences;
mod guard;
mod imports;
mod plain;
mod read;
mod syntax;

pub(super) use apply::apply;
pub(super) use guard::{Guard, is_test, kinds, names};
pub(super) use plain::plain;
pub(super) use read::read;

use similar::TextDiff;

use super::types::Files;

/// A change that a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The file, if it was named.
    pub(super) path: Option<String>,
    pub(super) what: What,
}

/// What is changed in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// All of it.
    Whole(String),
    /// What stands there exactly once, and what takes its place: one of these, where the text holds what
    /// divides them.
    Replace(Vec<Replace>),
    /// Hunks of a unified diff.
    Patch(Vec<Hunk>),
}

/// What stands in a file, and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replace {
    pub(super) search: String,
    pub(super) replace: String,
}

/// A hunk: the lines that stand there, those that take their place, and the line at which it says that
/// they begin, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) at: Option<usize>,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

/// The changes from one version to another as a unified diff; empty when there are none.
pub(super) fn diff(before: &Files, after: &Files) -> String {
    let mut text = String::new();
    for (path, new) in after {
        let old = before.get(path).map_or("", |old| &**old);
        if old != new {
            let changes = TextDiff::from_lines(old, new);
            let (a, b) = (format!("a/{path}"), format!("b/{path}"));
            text += &changes
                .unified_diff()
                .context_radius(3)
                .header(&a, &b)
                .to_string();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(text: &str) -> Files {
        Files::from([("a.py".to_owned(), text.to_owned())])
    }

    fn text_of(lines: &[&str]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Few different lines, so that anchors are often not unique.
    fn lines() -> impl Strategy<Value = Vec<&'static str>> {
        let line = prop::sample::select(vec!["x = 1", "y = 2", "  z", "", "w  ", "é = '```'"]);
        prop::collection::vec(line, 0..12)
    }

    proptest! {
        #[test]
        fn a_diff_applied_gives_the_other_version(before in lines(), after in lines()) {
            let (before, after) = (files(&text_of(&before)), files(&text_of(&after)));
            prop_assume!(before != after && after["a.py"].trim() != "");
            let diff = diff(&before, &after);
            let changes = read(&diff, &before).unwrap();
            let applied = apply(&before, &changes, &Guard::default()).unwrap();
            prop_assert_eq!(applied, after);
        }

        #[test]
        fn an_edit_applies_exactly_or_not_at_all(text in lines(), search in lines(), replace in lines()) {
            let before = files(&text_of(&text));
            let change = Change {
                path: None,
                what: What::Replace(vec![Replace { search: text_of(&search), replace: text_of(&replace) }]),
            };
            let whole: Vec<usize> = match search.is_empty() {
                true => Vec::new(),
                false => text.windows(search.len()).enumerate()
                    .filter(|(_, window)| *window == search.as_slice())
                    .map(|(at, _)| at).collect(),
            };
            match (apply(&before, &[change], &Guard::default()), &*whole) {
                (Ok(after), [at]) => {
                    let expected = [&text[..*at], &replace, &text[at + search.len()..]].concat();
                    prop_assert_eq!(&after["a.py"], &text_of(&expected));
                }
                // Found by what is left without trailing blanks, or within a line: still once.
                (Ok(after), _) => prop_assert_ne!(&after, &before),
                (Err(refused), _) => prop_assert!(!refused.to_string().is_empty()),
            }
        }

        #[test]
        fn lines_without_their_ends_are_no_change(
            lines in lines(),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n"]), 12),
            is_ended: bool,
        ) {
            let mut text: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
            if !is_ended {
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            }
            let before = files(&text);
            let what = What::Whole(text.lines().map(|line| format!("{line}\n")).collect());
            let refused = apply(&before, &[Change { path: None, what }], &Guard::default()).unwrap_err();
            prop_assert!(refused.is_unchanged(), "{:?}", refused);
        }

        #[test]
        fn whatever_a_model_writes_is_read(answer in "(\\PC|\n|`){0,300}") {
            if let Ok(changes) = read(&answer, &files("def f():\n    return 1\n")) {
                let _ = apply(&files("def f():\n    return 1\n"), &changes, &Guard::default());
            }
        }

        #[test]
        fn any_order_of_the_marks_is_read(parts in prop::collection::vec(prop::sample::select(vec![
            "```\n", "```python\n", "````\n", "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "@@ -1,2 +1,2 @@\n",
            "@@\n", "--- a/a.py\n", "+++ b/a.py\n", "-x\n", "+y\n", " z\n", "def f():\n", "    return 1\n", "a.py\n", "\n", "é",
            "@@ -99999999999999999999 +1 @@\n", "`a.py`:\n", "\\ No newline at end of file\n",
        ]), 0..24)) {
            let answer = parts.concat();
            let before = files("def f():\n    return 1\nx\nz\n");
            if let Ok(changes) = read(&answer, &files("def f():\n    return 1\n"))
                && let Ok(after) = apply(&before, &changes, &Guard::default())
            {
                prop_assert_ne!(&after, &before);
                prop_assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
            }
        }
    }
}
