//! Bug types by rule.

use super::{
    super::{
        BugType::{self, *},
        Stage,
    },
    Diagnostic, Fault, PYTHON_EXCEPTIONS, RUST_CODES, RUST_MESSAGES, RUST_PANICS, Report,
};

/// The type of what is wrong and the rule that says so, where one does: that of the first diagnostic
/// that has a rule, of those of the stage at which it failed.
pub(in super::super) fn by_rule(report: &Report) -> Option<(BugType, String)> {
    let first = report.diagnostics.iter().find_map(rule);
    first.or_else(|| Some((FunctionalMinor, slip(report)?.to_owned())))
}

/// The types among which the model chooses when no rule decides.
pub(in super::super) fn choices(report: &Report) -> &'static [BugType] {
    const COMPILE: &[BugType] = &[
        IncompleteSyntax,
        IncorrectIndentation,
        LibraryImport,
        ApiMisuse,
        DefinitionMissing,
        IncorrectArgument,
    ];
    const RUN: &[BugType] = &[
        ApiMisuse,
        DefinitionMissing,
        BoundaryCondition,
        IncorrectArgument,
        RuntimeMinor,
    ];
    const TEST: &[BugType] = &[LogicError, Hallucination, OutputFormat, FunctionalMinor];
    let told = report.diagnostics.first().map(|first| &first.fault);
    match report.stage {
        _ if matches!(told, None | Some(Fault::Reported | Fault::Untested)) => &BugType::ALL,
        Some(Stage::Compile) => COMPILE,
        Some(Stage::Run | Stage::Timeout) => RUN,
        Some(Stage::Test) | None => TEST,
    }
}

fn rule(diagnostic: &Diagnostic) -> Option<(BugType, String)> {
    let message = &*diagnostic.message;
    match &diagnostic.fault {
        Fault::Compiler(Some(code)) => {
            let (_, bug) = RUST_CODES.iter().find(|(known, _)| known == code)?;
            Some((*bug, code.clone()))
        }
        Fault::Compiler(None) => {
            let first = message.lines().next().unwrap_or_default();
            let (part, bug) = RUST_MESSAGES
                .iter()
                .find(|(part, _)| first.contains(part))?;
            Some((*bug, part.trim().to_owned()))
        }
        Fault::Exception(name) => {
            let (_, bug) = PYTHON_EXCEPTIONS.iter().find(|(known, _)| known == name)?;
            Some((refined(name, message).unwrap_or(*bug), name.clone()))
        }
        Fault::Panic => {
            let (begins, bug) = RUST_PANICS
                .iter()
                .find(|(begins, _)| message.starts_with(begins))?;
            Some((*bug, (*begins).to_owned()))
        }
        Fault::Assertion => {
            let (got, expected) = diagnostic.values.as_ref()?;
            let rule = form(got, expected)?;
            Some((OutputFormat, rule.to_owned()))
        }
        Fault::Timeout => Some((RuntimeMinor, "time-out".to_owned())),
        Fault::Reported | Fault::Untested => None,
    }
}

/// What a message says beyond the exception's name: Python has one `TypeError` for two types of bugs.
fn refined(name: &str, message: &str) -> Option<BugType> {
    let says = |text: &str| message.contains(text);
    match name {
        "TypeError" if says("argument") => Some(IncorrectArgument),
        "SyntaxError" if says("import *") => Some(LibraryImport),
        "SyntaxError" if says("'return' outside") || says("'break' outside") => {
            Some(IncorrectIndentation)
        }
        _ => None,
    }
}

/// How two values are the same but for their form, if they are.
fn form(got: &str, expected: &str) -> Option<&'static str> {
    let (got, expected) = (got.trim(), expected.trim());
    if got == expected || got.is_empty() || expected.is_empty() {
        return None;
    }
    let bare = |text: &str| -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && !"\"'()[]{},".contains(*c))
            .collect()
    };
    if got == "None" || expected == "None" {
        return (kind(got) != kind(expected)).then_some("another type");
    }
    if kind(got) != kind(expected) {
        return Some("another type");
    }
    if let (Ok(a), Ok(b)) = (got.parse::<f64>(), expected.parse::<f64>()) {
        return ((a - b).abs() < 0.01 && a != b).then_some("another precision");
    }
    let (a, b) = (bare(got), bare(expected));
    if a == b {
        return Some("another shape");
    }
    if a.to_lowercase() == b.to_lowercase() {
        return Some("another case");
    }
    let sorted = |text: &str| {
        let mut parts: Vec<_> = text
            .split(|c: char| ",()[]{}".contains(c))
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        parts.sort();
        parts
    };
    let (a, b) = (sorted(got), sorted(expected));
    (a.len() > 1 && a == b).then_some("another order")
}

/// How the values of all failed assertions differ by one from those that were expected, if they do and there
/// are several: of a single one that is chance often enough.
fn slip(report: &Report) -> Option<&'static str> {
    let told = report.diagnostics.iter();
    let steps: Option<Vec<_>> = told.map(|told| step(told.values.as_ref()?)).collect();
    let steps = steps.filter(|steps| steps.len() > 1)?;
    let first = steps.first()?;
    steps.iter().all(|step| step == first).then_some(*first)
}

/// In which way a value differs by one.
fn step((got, expected): &(String, String)) -> Option<&'static str> {
    let (got, expected) = (got.trim(), expected.trim());
    if let (Ok(a), Ok(b)) = (got.parse::<i128>(), expected.parse::<i128>()) {
        return match a.checked_sub(b) {
            Some(1) => Some("one too many"),
            Some(-1) => Some("one too few"),
            _ => None,
        };
    }
    let elements = |text: &str| -> Option<Vec<String>> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let is_flat = !inner.contains(['[', '(', '{', '"', '\'']) && !inner.trim().is_empty();
        is_flat.then(|| {
            inner
                .split(',')
                .map(|part| part.trim().to_owned())
                .collect()
        })
    };
    let (a, b) = (elements(got)?, elements(expected)?);
    let is_more = |long: &[String], short: &[String]| {
        let is_end = long.get(1..) == Some(short) || long.get(..short.len()) == Some(short);
        long.len() == short.len() + 1 && is_end
    };
    match () {
        () if is_more(&a, &b) => Some("an element too many"),
        () if is_more(&b, &a) => Some("an element too few"),
        () => None,
    }
}

/// The type of a value, by how it is written.
fn kind(value: &str) -> &'static str {
    match value.chars().next() {
        Some('"' | '\'') => "string",
        Some('[') => "list",
        Some('(') => "tuple",
        Some('{') => "map",
        _ if matches!(value, "True" | "False" | "true" | "false") => "truth",
        _ if value == "None" => "nothing",
        _ if value.parse::<f64>().is_ok() => "number",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn code(fault: Fault, message: &str) -> Option<&'static str> {
        rule(&Diagnostic::new(fault, message)).map(|(bug, _)| bug.code())
    }

    #[test]
    fn rules_decide_what_compilers_and_interpreters_say() {
        let compiler = |code: &str| Fault::Compiler(Some(code.to_owned()));
        let exception = |name: &str| Fault::Exception(name.to_owned());
        assert_eq!(code(compiler("E0425"), ""), Some("B.2"));
        assert_eq!(code(compiler("E0432"), ""), Some("A.3"));
        assert_eq!(code(compiler("E9999"), ""), None);
        assert_eq!(code(compiler("arithmetic_overflow"), ""), Some("B.3"));
        assert_eq!(code(exception("IndexError"), "list index"), Some("B.3"));
        assert_eq!(code(exception("TypeError"), "unsupported"), Some("B.1"));
        let argument = "f() missing 1 required positional argument: 'x'";
        assert_eq!(code(exception("TypeError"), argument), Some("B.4"));
        assert_eq!(code(exception("MyError"), ""), None);
        let panic = "index out of bounds: the len is 3 but the index is 3";
        assert_eq!(code(Fault::Panic, panic), Some("B.3"));
        assert_eq!(code(Fault::Timeout, ""), Some("B.5"));
        assert_eq!(code(Fault::Assertion, "assert f(1) == 2"), None);
    }

    #[test]
    fn errors_of_rustc_without_a_code_are_told_by_what_they_say() {
        for (message, bug) in [
            ("expected `;`, found `}`", Some("A.1")),
            ("this file contains an unclosed delimiter", Some("A.1")),
            ("cannot find macro `printn` in this scope", Some("B.2")),
            (
                "2 positional arguments in format string, but there is 1 argument",
                Some("B.4"),
            ),
            ("lifetime may not live long enough", Some("B.1")),
            ("this arithmetic operation will overflow", Some("B.3")),
            ("no rules expected the token `;`", Some("B.4")),
            ("unused variable: `x`", None),
            ("linking with `cc` failed: exit status: 1", None),
        ] {
            assert_eq!(code(Fault::Compiler(None), message), bug, "{message}");
        }
    }

    #[test]
    fn values_that_differ_in_form_alone_are_a_matter_of_form() {
        for (got, expected, rule) in [
            ("'1'", "1", Some("another type")),
            ("[1, 2]", "(1, 2)", Some("another type")),
            ("None", "[1]", Some("another type")),
            ("0.333", "0.3333", Some("another precision")),
            ("[2, 1]", "[1, 2]", Some("another order")),
            ("'Yes'", "'yes'", Some("another case")),
            ("3", "4", None),
            ("[1, 3]", "[1, 2]", None),
            ("True", "False", None),
        ] {
            assert_eq!(form(got, expected), rule, "{got} {expected}");
        }
    }

    #[test]
    fn several_values_that_differ_by_one_alike_are_a_slip() {
        let rule = |values: &[(&str, &str)]| {
            let told = values.iter().map(|(got, expected)| Diagnostic {
                values: Some(((*got).to_owned(), (*expected).to_owned())),
                ..Diagnostic::new(Fault::Assertion, "it failed")
            });
            let report = Report {
                diagnostics: told.collect(),
                ..Report::default()
            };
            by_rule(&report).map(|(bug, rule)| format!("{} {rule}", bug.code()))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rule(&[("3", "4"), ("0", "1")]), some("C.4 one too few"));
        assert_eq!(rule(&[("3", "4"), ("2", "1")]), None);
        assert_eq!(rule(&[("3", "4")]), None);
        assert_eq!(rule(&[("3", "4"), ("0", "7")]), None);
        let less = [("[1, 2]", "[1, 2, 3]"), ("[5]", "[4, 5]")];
        assert_eq!(rule(&less), some("C.4 an element too few"));
        assert_eq!(rule(&[("[]", "[1]"), ("[]", "[2]")]), None);
        assert_eq!(
            rule(&[("[[1], [2]]", "[[1]]"), ("[1, 3]", "[1, 2, 3]")]),
            None
        );
        // Of another form, which is seen first.
        assert_eq!(
            rule(&[("'3'", "3"), ("'4'", "4")]),
            some("C.3 another type")
        );
    }

    #[test]
    fn no_error_has_two_types() {
        for table in [RUST_CODES, RUST_MESSAGES, RUST_PANICS, PYTHON_EXCEPTIONS] {
            let names: HashSet<_> = table.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), table.len());
        }
    }
}
