//! docs/repair.md has the tables that the code has. `CATENA_WRITE_DOCS=1` writes them.

use std::{collections::BTreeMap, fs, path::Path};

use catena::agents::{BugType, PYTHON_EXCEPTIONS, RUST_CODES, RUST_MESSAGES, RUST_PANICS};

/// The rows of a table of rules: a type, and what leads to it.
fn rows(rules: &[(&str, BugType)]) -> String {
    let mut by_type: BTreeMap<BugType, Vec<String>> = BTreeMap::new();
    for (name, bug) in rules {
        let name = match name.contains('`') {
            true => format!("`` {name} ``"),
            false => format!("`{name}`"),
        };
        by_type.entry(*bug).or_default().push(name);
    }
    by_type
        .into_iter()
        .map(|(bug, names)| format!("| {bug} | {} |\n", names.join(", ")))
        .collect()
}

#[test]
fn the_tables_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/repair.md");
    let text = fs::read_to_string(&path).unwrap();
    let types: String = BugType::ALL
        .iter()
        .map(|bug| {
            let (code, category, name) = (bug.code(), bug.category(), bug.name());
            format!("| {code} | {category} | {name} | {} |\n", bug.definition())
        })
        .collect();
    let mut expected = text.clone();
    for (mark, rows) in [
        ("types", types),
        ("rustc", rows(RUST_CODES)),
        ("messages", rows(RUST_MESSAGES)),
        ("panics", rows(RUST_PANICS)),
        ("python", rows(PYTHON_EXCEPTIONS)),
    ] {
        let begin = format!("<!-- {mark}: checked by tests/repair/docs.rs -->\n");
        let (before, after) = expected.split_once(&begin).unwrap();
        let (table, after) = after.split_once("<!-- end -->").unwrap();
        let head: String = table
            .lines()
            .take(2)
            .map(|line| format!("{line}\n"))
            .collect();
        expected = format!("{before}{begin}{head}{rows}<!-- end -->{after}");
    }
    if std::env::var_os("CATENA_WRITE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(text == expected, "run it with CATENA_WRITE_DOCS=1");
}
