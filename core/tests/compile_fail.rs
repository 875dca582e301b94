//! Wrong wiring does not compile, and the compiler says what is wrong: each file of `tests/ui` is a
//! mistake, and beside it stands the message. What is legal next to them is in `tests/ui-pass`.
//!
//! After a change of the words, `TRYBUILD=overwrite cargo test -p catena-core --test compile_fail`
//! pins the new ones; the difference is there to be read.

#![allow(missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::Command,
};

use trybuild::TestCases;

/// The compiler whose words are pinned; the next one may choose others.
const COMPILER: &str = "rustc 1.95.";

/// Where copies of the mistakes lie whose words do not matter.
const COPIES: &str = "CATENA_UI_COPIES";

#[test]
fn every_mistake_is_refused_in_the_pinned_words() {
    if let Ok(copies) = env::var(COPIES) {
        TestCases::new().compile_fail(format!("{copies}/*.rs"));
        return;
    }
    let compiler = compiler();
    if compiler.starts_with(COMPILER) {
        TestCases::new().compile_fail("tests/ui/*.rs");
    } else {
        eprintln!("the words of {compiler} are not compared: pinned are those of {COMPILER}*");
        refused_in_any_words();
    }
}

#[test]
fn the_page_about_wiring_errors_tells_of_every_mistake_and_quotes_it() {
    let page = fs::read_to_string("../docs/wiring-errors.md").unwrap();
    let messages = messages();
    // Rows of a table: | `mistake` | ``quotation`` | what to change |
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("| ``"));
    let told: BTreeSet<&str> = rows
        .map(|row| {
            let mistake = row.split('`').nth(1).unwrap();
            let quotation = row.split("``").nth(1).unwrap().trim();
            let message = messages
                .get(mistake)
                .unwrap_or_else(|| panic!("{mistake} is no file of tests/ui"));
            assert!(message.contains(quotation), "{mistake} says: {message}");
            mistake
        })
        .collect();
    assert_eq!(told, messages.keys().map(String::as_str).collect());
    let mut whole = page.split("```text\n").skip(1).peekable();
    assert!(whole.peek().is_some());
    for block in whole {
        let quotation = block.split("```").next().unwrap();
        assert!(
            messages.values().any(|message| message == quotation),
            "{quotation}"
        );
    }
}

/// The pinned messages, by mistake.
fn messages() -> BTreeMap<String, String> {
    let files = fs::read_dir("tests/ui").unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "stderr")
        })
        .map(|path| {
            let mistake = path.file_stem().unwrap().to_str().unwrap();
            (mistake.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Runs the first test once more, in a process that has trybuild take whatever is said.
fn refused_in_any_words() {
    let copies = tempfile::tempdir().unwrap();
    for mistake in fs::read_dir("tests/ui").unwrap() {
        let path = mistake.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            fs::copy(&path, copies.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", "every_mistake_is_refused_in_the_pinned_words"])
        .env(COPIES, copies.path())
        .env("TRYBUILD", "overwrite")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{said}");
}

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    version.trim().to_owned()
}
