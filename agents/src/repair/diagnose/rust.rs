//! rustc, cargo and panics.

use serde::Deserialize;

use super::{Diagnostic, Fault};

/// A line of `cargo --message-format=json`.
#[derive(Debug, Deserialize)]
struct CargoLine {
    reason: String,
    #[serde(default)]
    message: Option<RustcLine>,
}

/// A line of `rustc --error-format=json`, as far as it is of use.
#[derive(Debug, Deserialize)]
struct RustcLine {
    message: String,
    #[serde(default)]
    code: Option<Code>,
    level: String,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Child>,
}

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    is_primary: bool,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    text: Vec<SpanText>,
}

#[derive(Debug, Deserialize)]
struct SpanText {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Child {
    message: String,
    level: String,
}

/// What a line of JSON tells; `None` for a line that is none of rustc or cargo.
pub(super) fn json_line(line: &str) -> Option<Option<Diagnostic>> {
    let line = line.trim_end();
    if !(line.starts_with('{') && line.ends_with('}')) {
        return None;
    }
    if line.starts_with("{\"$message_type\":") {
        let told = serde_json::from_str::<RustcLine>(line).ok();
        return Some(told.and_then(RustcLine::diagnostic));
    }
    let cargo: CargoLine = serde_json::from_str(line).ok()?;
    match &*cargo.reason {
        "compiler-message" => Some(cargo.message.and_then(RustcLine::diagnostic)),
        "compiler-artifact" | "build-script-executed" | "build-finished" => Some(None),
        _ => None,
    }
}

impl RustcLine {
    fn diagnostic(self) -> Option<Diagnostic> {
        if !self.level.starts_with("error") || is_sum(&self.message) {
            return None;
        }
        let mut message = self.message;
        let primary = self.spans.iter().find(|span| span.is_primary);
        if let Some(label) = primary.and_then(|span| span.label.as_deref()) {
            message = format!("{message}: {label}");
        }
        for child in &self.children {
            if matches!(&*child.level, "help" | "note") && child.message.len() < 200 {
                message = format!("{message}\n{}: {}", child.level, child.message);
            }
        }
        let code = self.code.map(|code| code.code);
        let mut diagnostic = Diagnostic::new(Fault::Compiler(code), message);
        // Absolute ones are the standard library's.
        let others = self
            .spans
            .iter()
            .filter(|span| !span.is_primary && !span.file_name.starts_with(['/', '<']));
        diagnostic.others = others
            .map(|span| (span.file_name.clone(), span.line_start))
            .collect();
        Some(match primary {
            None => diagnostic,
            Some(span) => Diagnostic {
                source: span.text.first().map(|text| text.text.trim().to_owned()),
                ..diagnostic.at(&span.file_name, span.line_start)
            },
        })
    }
}

/// rustc's last line, which tells nothing new.
fn is_sum(message: &str) -> bool {
    message.starts_with("aborting due to") || message.starts_with("could not compile")
}

/// The compiler's errors and the panics in a text.
pub(super) fn in_text(text: &str) -> Vec<Diagnostic> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let after = || lines.iter().skip(index + 1).copied();
        if let Some((code, message)) = error(line) {
            let place = after().take(3).find_map(place);
            if is_sum(message) || place.is_none() {
                continue;
            }
            found.push(with_place(
                Diagnostic::new(Fault::Compiler(code), message),
                place,
            ));
        } else if let Some(at) = panicked(line) {
            found.push(panic(at, after()));
        } else if line.contains("has overflowed its stack") {
            found.push(Diagnostic::new(
                Fault::Panic,
                "stack overflow: a recursion has no end",
            ));
        }
    }
    found
}

/// `error[E0308]: mismatched types`, or without a code.
fn error(line: &str) -> Option<(Option<String>, &str)> {
    let rest = line.strip_prefix("error")?;
    if let Some(message) = rest.strip_prefix(": ") {
        return Some((None, message));
    }
    let (code, message) = rest.strip_prefix('[')?.split_once("]: ")?;
    Some((Some(code.to_owned()), message))
}

/// ` --> src/lib.rs:3:5`
fn place(line: &str) -> Option<(String, u32)> {
    file_line(line.trim_start().strip_prefix("--> ")?)
}

/// `src/lib.rs:3:5`, perhaps with a colon behind it.
fn file_line(text: &str) -> Option<(String, u32)> {
    let mut parts = text.trim().trim_end_matches(':').rsplitn(3, ':');
    let (_, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    Some((file.to_owned(), line.parse().ok()?))
}

fn panicked(line: &str) -> Option<&str> {
    let (head, at) = line.split_once(" panicked at ")?;
    head.starts_with("thread '").then_some(at)
}

/// A panic: its place, and what the lines after it say.
fn panic<'a>(at: &str, mut after: impl Iterator<Item = &'a str>) -> Diagnostic {
    let first = after.next().unwrap_or_default();
    let mut message = first.to_owned();
    let is_assertion = first.starts_with("assertion ");
    let (mut left, mut right) = (None, None);
    if is_assertion {
        for line in after.take(4) {
            if let Some(value) = line.trim_start().strip_prefix("left: ") {
                left = Some(value.to_owned());
            } else if let Some(value) = line.trim_start().strip_prefix("right: ") {
                right = Some(value.to_owned());
            } else {
                break;
            }
            message = format!("{message}\n{line}");
        }
    }
    let fault = match is_assertion {
        true => Fault::Assertion,
        false => Fault::Panic,
    };
    let diagnostic = Diagnostic {
        values: left.zip(right),
        ..Diagnostic::new(fault, message)
    };
    with_place(diagnostic, file_line(at))
}

fn with_place(diagnostic: Diagnostic, place: Option<(String, u32)>) -> Diagnostic {
    match place {
        Some((file, line)) => diagnostic.at(file, line),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_of_rustc_and_cargo_are_the_same() {
        let rustc = r#"{"$message_type":"diagnostic","message":"mismatched types","code":{"code":"E0308","explanation":"Expected type did not match."},"level":"error","spans":[{"file_name":"src/a.rs","byte_start":40,"byte_end":43,"line_start":7,"line_end":7,"column_start":41,"column_end":44,"is_primary":true,"text":[{"text":"  let x: i32 = \"a\";","highlight_start":41,"highlight_end":44}],"label":"expected `i32`, found `&str`","suggested_replacement":null,"suggestion_applicability":null,"expansion":null}],"children":[{"message":"try this","code":null,"level":"help","spans":[],"children":[],"rendered":null}],"rendered":"error[E0308]"}"#;
        let cargo = format!(
            r#"{{"reason":"compiler-message","package_id":"x","manifest_path":"","target":{{}},"message":{rustc}}}"#
        );
        let told = json_line(rustc).unwrap().unwrap();
        assert_eq!(told, json_line(&cargo).unwrap().unwrap());
        assert_eq!(told.fault, Fault::Compiler(Some("E0308".to_owned())));
        assert_eq!(
            told.message,
            "mismatched types: expected `i32`, found `&str`\nhelp: try this"
        );
        assert_eq!(
            (told.file.as_deref(), told.line),
            (Some("src/a.rs"), Some(7))
        );
        assert_eq!(told.source.as_deref(), Some("let x: i32 = \"a\";"));
        let span = |file: &str, line: u32, is_primary: bool| {
            format!(r#"{{"file_name":"{file}","line_start":{line},"is_primary":{is_primary}}}"#)
        };
        let spans = [
            ("src/a.rs", 7, true),
            ("src/b.rs", 3, false),
            ("/rustc/c.rs", 1, false),
        ];
        let spans = spans
            .map(|(file, line, is_primary)| span(file, line, is_primary))
            .join(",");
        let several = format!(
            r#"{{"$message_type":"diagnostic","message":"x","level":"error","spans":[{spans}]}}"#
        );
        let told = json_line(&several).unwrap().unwrap();
        assert_eq!(told.others, [("src/b.rs".to_owned(), 3)]);
    }

    #[test]
    fn warnings_and_sums_are_passed_over_and_other_json_is_text() {
        let warning = r#"{"$message_type":"diagnostic","message":"unused","code":null,"level":"warning","spans":[],"children":[],"rendered":""}"#;
        assert_eq!(json_line(warning), Some(None));
        let sum = r#"{"$message_type":"diagnostic","message":"aborting due to 3 previous errors","code":null,"level":"error","spans":[],"children":[],"rendered":""}"#;
        assert_eq!(json_line(sum), Some(None));
        assert_eq!(
            json_line(r#"{"reason":"build-finished","success":false}"#),
            Some(None)
        );
        assert_eq!(json_line(r#"{"reason":"mine"}"#), None);
        assert_eq!(json_line(r#"{"a": 1}"#), None);
    }

    #[test]
    fn errors_and_panics_are_found_in_text() {
        let text = "\
error[E0425]: cannot find value `y` in this scope
 --> src/lib.rs:3:9
  |
error: expected `;`
 --> src/main.rs:9:1
error: could not compile `x` (lib test) due to 1 previous error
error: test failed, to rerun pass `--lib`
thread 'tests::a' (123) panicked at tests/a.rs:5:9:
assertion `left == right` failed: sums
  left: 1
 right: 2
stack backtrace:
thread 'main' panicked at src/lib.rs:1:26:
index out of bounds: the len is 0 but the index is 0
thread 'b' has overflowed its stack
";
        let found = in_text(text);
        let faults: Vec<_> = found.iter().map(|told| (&told.fault, told.line)).collect();
        assert_eq!(
            faults,
            [
                (&Fault::Compiler(Some("E0425".to_owned())), Some(3)),
                (&Fault::Compiler(None), Some(9)),
                (&Fault::Assertion, Some(5)),
                (&Fault::Panic, Some(1)),
                (&Fault::Panic, None),
            ]
        );
        assert_eq!(found[2].values, Some(("1".to_owned(), "2".to_owned())));
        assert_eq!(found[2].file.as_deref(), Some("tests/a.rs"));
    }
}
