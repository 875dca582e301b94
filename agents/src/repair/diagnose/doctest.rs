//! What Python's doctest says of an example that failed.

use super::{Diagnostic, Fault};

/// The examples that failed in a text.
pub(super) fn in_text(text: &str) -> Vec<Diagnostic> {
    let lines: Vec<&str> = text.lines().collect();
    let failed = lines.iter().enumerate();
    let failed = failed.filter(|(_, line)| line.trim_end() == "Failed example:");
    failed.filter_map(|(at, _)| one(&lines, at)).collect()
}

fn one(lines: &[&str], at: usize) -> Option<Diagnostic> {
    let place = at.checked_sub(1).and_then(|above| lines.get(above))?;
    let (file, line) = super::python::frame(place)?;
    let mut rest = lines.get(at + 1..)?;
    let example = indented(&mut rest);
    let (expected, mut raised) = match rest.split_first()? {
        (head, after) if head.starts_with("Expected:") => {
            rest = after;
            (indented(&mut rest), false)
        }
        (head, after) if head.starts_with("Expected nothing") => {
            rest = after;
            ("nothing".to_owned(), false)
        }
        _ => (String::new(), true),
    };
    let got = match rest.split_first() {
        Some((head, after)) if head.starts_with("Got:") => {
            rest = after;
            indented(&mut rest)
        }
        Some((head, after)) if head.starts_with("Exception raised:") => {
            (rest, raised) = (after, true);
            indented(&mut rest)
        }
        _ => "nothing".to_owned(),
    };
    let exception = got.lines().next_back().and_then(super::python::exception);
    let is_trace = got.starts_with("Traceback (most recent call last):");
    let diagnostic = match exception.filter(|_| raised || is_trace) {
        Some((name, message)) => Diagnostic::new(
            Fault::Exception(name.to_owned()),
            format!("{name}: {message} in `{example}`"),
        ),
        None => Diagnostic {
            values: Some((got.clone(), expected.clone())),
            ..Diagnostic::new(
                Fault::Assertion,
                format!("`{example}` failed: got {got}, expected {expected}"),
            )
        },
    };
    let source = Some(example);
    Some(
        Diagnostic {
            source,
            ..diagnostic
        }
        .at(file, line),
    )
}

/// The indented lines that a text begins with, which it loses.
fn indented(rest: &mut &[&str]) -> String {
    let count = rest.iter().take_while(|line| line.starts_with("    "));
    let (block, after) = rest.split_at(count.count());
    *rest = after;
    let lines = block.iter().map(|line| line.get(4..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_tells_its_values_or_what_was_raised() {
        let text = "\
**********************************************************************
File \"/a/copy/a.py\", line 4, in a.f
Failed example:
    f(1)
Expected:
    2
Got:
    1
**********************************************************************
File \"/a/copy/a.py\", line 6, in a.f
Failed example:
    f([])
Exception raised:
    Traceback (most recent call last):
      File \"/usr/lib/python3.11/doctest.py\", line 1353, in __run
        exec(compile(example.source, filename, \"single\",
    IndexError: list index out of range
**********************************************************************
File \"/a/copy/a.py\", line 8, in a.f
Failed example:
    f(2)
Expected nothing
Got:
    2
";
        let [values, raised, more] = &*in_text(text) else {
            panic!("three")
        };
        assert_eq!(values.message, "`f(1)` failed: got 1, expected 2");
        assert_eq!(
            (values.file.as_deref(), values.line),
            (Some("/a/copy/a.py"), Some(4))
        );
        assert_eq!(raised.fault, Fault::Exception("IndexError".to_owned()));
        assert_eq!(more.values, Some(("2".to_owned(), "nothing".to_owned())));
        assert!(in_text("Failed example:\n").is_empty());
    }
}
