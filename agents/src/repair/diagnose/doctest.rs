//! What Python's doctest says of an example that failed, and pytest of one.

use super::{Diagnostic, Fault, python};

/// The examples that failed in a text.
pub(super) fn in_text(text: &str) -> Vec<Diagnostic> {
    let lines: Vec<&str> = text.lines().collect();
    let failed = |at: usize| match lines.get(at).map(|line| line.trim_end()) {
        Some("Failed example:") => one(&lines, at),
        Some(line) => of_pytest(&lines, at, line),
        None => None,
    };
    (0..lines.len()).filter_map(failed).collect()
}

fn one(lines: &[&str], at: usize) -> Option<Diagnostic> {
    let place = at.checked_sub(1).and_then(|above| lines.get(above))?;
    let place = python::frame(place)?;
    let mut rest = lines.get(at + 1..)?;
    let example = indented(&mut rest);
    told(&example, rest, place)
}

/// What pytest calls what an example does otherwise than it says.
pub(super) const OF_PYTEST: [&str; 2] = ["DocTestFailure", "UnexpectedException"];

/// An example, as pytest tells of it: numbered lines up to it, what came out, and at last its place, which is this
/// line.
fn of_pytest(lines: &[&str], at: usize, place: &str) -> Option<Diagnostic> {
    let (file, line, name) = python::pytest_place(place)?;
    if !OF_PYTEST.contains(&name) {
        return None;
    }
    let before = lines.get(..at)?;
    let begin = before.iter().rposition(|line| line.starts_with("____"));
    let told_of = before.get(begin.map_or(0, |begin| begin + 1)..)?;
    let numbered = |line: &'_ str| -> Option<String> {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len()).then(|| rest.trim_start().to_owned())
    };
    let begins = |line: &&str| numbered(line).is_some_and(|line| line.starts_with(">>> "));
    let first = told_of.iter().rposition(begins)?;
    let example = told_of.get(first..)?.iter().map_while(|line| {
        let line = numbered(line)?;
        let code = line
            .strip_prefix(">>> ")
            .or_else(|| line.strip_prefix("... "))?;
        Some(code.to_owned())
    });
    let example: Vec<String> = example.collect();
    let rest = told_of.get(first + example.len()..)?;
    let example = example.join("\n");
    if name == "DocTestFailure" {
        let from = rest.iter().position(|line| line.starts_with("Expected"))?;
        return told(&example, rest.get(from..)?, (file.to_owned(), line));
    }
    let raised = rest.iter().rev().filter(|line| !line.starts_with(' '));
    let (raised, message) = raised.filter_map(|line| python::exception(line)).next()?;
    let frames = rest.iter().filter_map(|line| python::frame(line));
    Some(
        Diagnostic {
            source: Some(example.clone()),
            others: frames.filter(|(file, _)| python::is_own(file)).collect(),
            ..Diagnostic::new(
                Fault::Exception(raised.to_owned()),
                format!("{raised}: {message} in `{example}`"),
            )
        }
        .at(file, line),
    )
}

/// What is told of an example from what was expected on.
fn told(example: &str, mut rest: &[&str], (file, line): (String, u32)) -> Option<Diagnostic> {
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
    let exception = got.lines().next_back().and_then(python::exception);
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
    let source = Some(example.to_owned());
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

    #[test]
    fn pytest_tells_the_same() {
        let text = "\
________________________________ [doctest] a.f _________________________________
002 F.
003 
004     >>> f(1)
Expected:
    2
Got:
    1

/a/copy/a.py:4: DocTestFailure
________________________________ [doctest] a.g _________________________________
011 G.
012 
013     >>> g([])
UNEXPECTED EXCEPTION: IndexError('list index out of range')
Traceback (most recent call last):
  File \"/usr/lib/python3.11/doctest.py\", line 1353, in __run
    exec(compile(example.source, filename, \"single\",
  File \"<doctest a.g[0]>\", line 1, in <module>
  File \"/a/copy/a.py\", line 15, in g
    return x[0]
           ~^^^
IndexError: list index out of range
/a/copy/a.py:13: UnexpectedException
________________________________ [doctest] a.h _________________________________
020     >>> h(1)
Expected nothing
Got:
    1

/a/copy/a.py:20: DocTestFailure
=========================== short test summary info ============================
FAILED a.py::a.f
2 failed in 0.01s
";
        let [values, raised, more] = &*in_text(text) else {
            panic!("three: {:?}", in_text(text))
        };
        assert_eq!(values.message, "`f(1)` failed: got 1, expected 2");
        assert_eq!(
            (values.file.as_deref(), values.line),
            (Some("/a/copy/a.py"), Some(4))
        );
        assert_eq!(
            raised.message,
            "IndexError: list index out of range in `g([])`"
        );
        assert_eq!(raised.others, [("/a/copy/a.py".to_owned(), 15)]);
        assert_eq!(more.message, "`h(1)` failed: got 1, expected nothing");
        // They are told once.
        assert!(python::in_text(text).is_empty());
        assert!(in_text("a.py:4: DocTestFailure\n").is_empty());
    }
}
