//! The tests in a file of Rust.

use std::collections::BTreeSet;

use super::{
    doctests::doctests,
    found::{Found, around},
    functions::table,
    kinds::Kinds,
    statements::{attributes, is_body, is_statement, name},
};
use crate::repair::{
    edit::syntax::{Node, Source, is_word, words},
    word,
};

/// The tests of a file, and those of its functions, macros and tables that `helpers` names.
pub(super) fn tests<'a>(source: &'a Source, helpers: &BTreeSet<String>) -> Vec<Found<'a>> {
    let mut found = doctests(source);
    let mut making: BTreeSet<&str> = BTreeSet::new();
    let mut end = 0;
    for node in source.root().all() {
        // What is in a test is a part of it.
        if node.bytes().start < end {
            continue;
        }
        let attributes = attributes(node);
        let is_test =
            node.kind() != "attribute_item" && attributes.iter().any(|said| is_test(*said));
        let is_item = is_statement(node);
        let is_made = is_item && invoked(node).is_some_and(|name| making.contains(name));
        let makes = is_item && makes_tests(node);
        let helper = match node.kind() {
            "function_item" | "macro_definition" => name(node),
            _ => table(node),
        };
        let helper = helper.filter(|name| helpers.contains(*name));
        if !(is_test || makes || is_made || helper.is_some() || is_condition(node)) {
            continue;
        }
        if makes && node.kind() == "macro_definition" {
            making.extend(name(node));
        }
        let said: String = attributes.iter().map(|said| said.same()).collect();
        let first = attributes.first().unwrap_or(&node);
        end = node.bytes().end;
        found.push(Found {
            code: around(node) + &said + &node.same(),
            node,
            lines: first.lines().start..node.lines().end,
            name: helper.filter(|_| !is_test).map(str::to_owned),
            is_harmless: is_made || is_test && is_only_test(&attributes, node),
            docstring: None,
            of: Some(String::new()),
        });
    }
    found
}

/// Which kinds of tests a file holds.
pub(super) fn kinds(source: &Source) -> Kinds {
    let runs = |found: &Found<'_>| {
        let first = source
            .text()
            .lines()
            .nth(found.lines.start)
            .unwrap_or_default();
        word::words(first).all(|word| RUNNING.contains(&word) || word.starts_with("edition20"))
    };
    let tokens = words(source.root().tokens());
    Kinds {
        items: attributes_in(&tokens).any(|said| called(said) == "test"),
        doctests: doctests(source).iter().any(runs),
        of_pytest: false,
    }
}

/// What may be said of a block of a doc comment that is compiled.
const RUNNING: [&str; 4] = ["rust", "should_panic", "no_run", "compile_fail"];

/// The attributes of a test.
const TESTS: [&str; 6] = [
    "test",
    "rstest",
    "test_case",
    "should_panic",
    "bench",
    "quickcheck",
];

/// Whether an attribute is of a test: `#[test]`, `#[tokio::test(…)]`, `#[cfg(test)]`, …
fn is_test(attribute: Node<'_>) -> bool {
    let tokens = words(attribute.tokens());
    attributes_in(&tokens).any(says_test)
}

fn says_test(said: &[&str]) -> bool {
    match called(said) {
        // What is there in their absence is none of them.
        "cfg" if said == ["cfg", "(", "not", "(", "test", ")", ")"] => false,
        "cfg" | "cfg_attr" => said.contains(&"test"),
        name => TESTS.contains(&name),
    }
}

/// The macro of which a statement is made.
fn invoked(statement: Node<'_>) -> Option<&str> {
    let mut own = [statement].into_iter().chain(statement.children().next());
    own.find_map(|node| node.field("macro")).map(Node::text)
}

/// Whether what a macro is given or stands for holds attributes of tests.
fn makes_tests(statement: Node<'_>) -> bool {
    let is_given = |node: &Node<'_>| node.kind() == "token_tree";
    let own = statement.walk(|node| !is_body(node) && !is_given(&node));
    { own }
        .filter(is_given)
        .any(|given| attributes_in(&words(given.tokens())).any(says_test))
}

/// Whether it is what is said of the whole file or module that decides whether it is compiled.
fn is_condition(node: Node<'_>) -> bool {
    let is_said = node.kind() == "inner_attribute_item";
    is_said
        && words(node.tokens())
            .get(3)
            .is_some_and(|name| name.starts_with("cfg"))
}

/// Whether an item is a test or a module of tests, and nothing that takes the place of other code in them.
fn is_only_test(attributes: &[Node<'_>], item: Node<'_>) -> bool {
    let all: Vec<String> = attributes.iter().map(|said| said.same()).collect();
    let is_of_tests = all.first().is_some_and(|first| first == "#[cfg(test)]");
    let first = attributes.get(usize::from(is_of_tests));
    let is_module = is_of_tests && all.len() == 1 && item.kind() == "mod_item";
    is_module
        || first.is_some_and(|first| {
            let tokens = words(first.tokens());
            attributes_in(&tokens).any(|said| TESTS.contains(&called(said)))
        })
}

/// What stands in the attributes among tokens.
fn attributes_in<'a, 'b>(tokens: &'b [&'a str]) -> impl Iterator<Item = &'b [&'a str]> {
    let begins = |(_, two): &(usize, &[&str])| *two == ["#", "["];
    let all = tokens.windows(2).enumerate().filter(begins);
    all.map(|(at, _)| {
        let inner = tokens.get(at + 2..).unwrap_or_default();
        let mut open = 1;
        let end = inner.iter().position(|token| {
            open += i32::from(*token == "[") - i32::from(*token == "]");
            open == 0
        });
        inner.get(..end.unwrap_or(inner.len())).unwrap_or_default()
    })
}

/// The last part of what an attribute is called.
fn called<'a>(said: &[&'a str]) -> &'a str {
    let path = said
        .iter()
        .take_while(|token| is_word(token) || **token == "::");
    path.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests;

    const TEXT: &str = r##"
/// Adds.
/// ```
/// assert_eq!(a(), 2);
/// ```
fn a<'x>() -> u32 { let _ = ('{', "}", r#"}"}"#); 1 } // {

#[cfg(test)]
mod tests {
    #[test]
    fn t() { assert_eq!(super::a(), 2); }
}

#[test]
fn u() {
    a();
}
"##;

    #[test]
    fn tests_are_found_whole() {
        let found = tests("a.rs", TEXT);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert_eq!(found[0], "/// ```\n/// assert_eq!(a(), 2);\n/// ```\n");
        assert!(
            found[1].starts_with("#[cfg(test)]mod") && found[1].ends_with("}}"),
            "{found:#?}"
        );
        assert_eq!(found[2], "#[test]fn u(){a();}");
        assert_eq!(tests("a.rs", &TEXT.replace("; 1 }", "; 2 }")), found);
    }

    #[test]
    fn doctests_are_found_however_they_are_written() {
        for text in [
            "/** Adds.\n```\nassert_eq!(a(), 2);\n```\n*/\nfn a() {}\n",
            "/**\n * ```\n * assert_eq!(a(), 2);\n * ```\n */\nfn a() {}\n",
            "/*! ```\nassert_eq!(a(), 2);\n``` */\n",
            "/// ~~~\n/// assert_eq!(a(), 2);\n/// ~~~\nfn a() {}\n",
            "/// Adds.\n///\n///     assert_eq!(a(), 2);\nfn a() {}\n",
            "#[doc = \"```\"]\n#[doc = \"assert_eq!(a(), 2);\"]\n#[doc = \"```\"]\nfn a() {}\n",
        ] {
            let found = tests("a.rs", text);
            assert_eq!(found.len(), 1, "{text}");
            assert_ne!(
                tests("a.rs", &text.replace("(), 2", "(), 1")),
                found,
                "{text}"
            );
            assert_eq!(
                tests("a.rs", &text.replace("fn a", "pub fn a")),
                found,
                "{text}"
            );
        }
        assert!(tests("a.rs", "/** Adds. */\nfn a() {}\n/* ```\n``` */\n/**/\n").is_empty());
    }

    #[test]
    fn what_keeps_a_test_from_being_run_is_part_of_it() {
        let found = tests("a.rs", TEXT);
        for (from, to) in [
            ("#[test]\nfn u", "#[ignore]\n#[test]\nfn u"),
            ("#[test]\nfn u", "#[test]\n#[ignore]\nfn u"),
            ("#[test]\nfn u", "#[cfg(any())]\n\n// why\n#[test]\nfn u"),
            ("#[test]\nfn u", "fn u"),
            ("#[cfg(test)]\n", "#[cfg(all(test, any()))]\n"),
            ("/// ```\n/// assert", "/// ```ignore\n/// assert"),
            ("(), 2);\n/// ```", "(), 1);\n/// ```"),
            ("/// Adds.", "#![cfg(any())]"),
            ("a();\n", "// a();\n"),
        ] {
            assert_ne!(tests("a.rs", &TEXT.replace(from, to)), found, "{to}");
        }
        for (begin, end) in [
            ("/*", "*/"),
            ("const X: &str = \"", "\";"),
            ("#[cfg(any())]\nmod off {", "}"),
            ("skip! {", "}"),
            ("fn off() {", "}"),
        ] {
            let within = TEXT.replace("#[test]\nfn u", &format!("{begin}\n#[test]\nfn u"));
            assert_ne!(tests("a.rs", &(within + end)), found, "{begin}");
        }
    }

    #[test]
    fn tests_that_macros_make_are_found() {
        let text = "macro_rules! sums {\n    ($($name:ident: $a:expr,)*) => { $(#[test] fn $name() { assert_eq!(a(), $a); })* };\n}\nsums! {\n    one: 1,\n}\nproptest! {\n    #[test]\n    fn t(x in 0..3) { a(x) }\n}\nfn a() {}\n";
        let found = tests("a.rs", text);
        assert_eq!(found.len(), 3, "{found:#?}");
        for (from, to) in [
            ("one: 1", "one: 2"),
            ("a(), $a", "$a, $a"),
            ("0..3", "0..0"),
        ] {
            assert_ne!(tests("a.rs", &text.replace(from, to)), found, "{to}");
        }
        assert_eq!(
            tests("a.rs", &text.replace("fn a() {}", "fn a() { b() }")),
            found
        );
    }
}
