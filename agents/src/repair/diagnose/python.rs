//! Tracebacks of Python, and what pytest makes of them.

use super::{Diagnostic, Fault, doctest::OF_PYTEST};
use crate::repair::word::is_part;

/// The exceptions and failed assertions in a text.
pub(super) fn in_text(text: &str) -> Vec<Diagnostic> {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.found
}

/// A frame: file, line, and the line's text.
type Frame = (String, u32, Option<String>);

#[derive(Default)]
struct Reader {
    found: Vec<Diagnostic>,
    /// The last frame of the program's own, in a traceback or before a syntax error.
    frame: Option<Frame>,
    /// Those above it.
    others: Vec<(String, u32)>,
    in_traceback: bool,
    /// pytest: the line that failed, and what is said of it.
    marked: Option<String>,
    explained: Vec<String>,
    /// pytest: what an example raised is told with it.
    is_of_example: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.is_of_example {
            let place = pytest_place(line);
            self.is_of_example = place.is_none_or(|(.., name)| !OF_PYTEST.contains(&name));
        } else if line.starts_with("UNEXPECTED EXCEPTION: ") {
            self.is_of_example = true;
        } else if line.trim_end() == "Traceback (most recent call last):" {
            self.in_traceback = true;
            self.frame = None;
            self.others.clear();
        } else if let Some((file, number)) = frame(line) {
            if is_own(&file) {
                let above = self.frame.replace((file, number, None));
                self.others
                    .extend(above.map(|(file, number, _)| (file, number)));
            } else if let Some((_, _, source @ None)) = &mut self.frame {
                // What follows is the text of another frame.
                *source = Some(String::new());
            }
        } else if let Some(explained) = line.strip_prefix("E  ") {
            self.explained.push(explained.trim().to_owned());
        } else if let Some(marked) = line.strip_prefix("> ") {
            self.marked = Some(marked.trim().to_owned());
        } else if let Some((file, number, name)) = pytest_place(line) {
            // A warning ends nothing, unless pytest says before it that it was raised. Of an example all is told
            // before its place.
            let is_told = OF_PYTEST.contains(&name);
            if !is_told && (!name.ends_with("Warning") || !self.explained.is_empty()) {
                self.pytest(file, number, name);
            }
        } else if line.starts_with("    ") {
            if let Some((_, _, source @ None)) = &mut self.frame {
                *source = Some(line.trim().to_owned());
            }
        } else if !line.starts_with(' ') {
            if let Some((name, message)) = exception(line)
                && (self.in_traceback || self.frame.is_some())
            {
                self.raised(name, message);
            }
            self.in_traceback = false;
            self.frame = None;
            self.others.clear();
        }
    }

    fn raised(&mut self, name: &str, message: &str) {
        let source = match &self.frame {
            Some((_, _, Some(source))) if !source.is_empty() => Some(source.clone()),
            _ => None,
        };
        let (fault, message, values) = match name {
            "AssertionError" => {
                let what = match (&source, message.is_empty()) {
                    (Some(source), true) => format!("`{source}` failed"),
                    (Some(source), false) => format!("`{source}` failed: {message}"),
                    (None, _) => format!("an assertion failed: {message}"),
                };
                (Fault::Assertion, what, differing(message))
            }
            _ => (
                Fault::Exception(name.to_owned()),
                format!("{name}: {message}")
                    .trim_end_matches(": ")
                    .to_owned(),
                None,
            ),
        };
        let mut diagnostic = Diagnostic {
            source,
            values,
            others: std::mem::take(&mut self.others),
            ..Diagnostic::new(fault, message)
        };
        if let Some((file, line, _)) = self.frame.take() {
            diagnostic = diagnostic.at(file, line);
        }
        self.found.push(diagnostic);
    }

    fn pytest(&mut self, file: &str, line: u32, name: &str) {
        let explained = std::mem::take(&mut self.explained);
        let source = self.marked.take();
        let first = explained.first().map_or("", |first| &**first);
        let (fault, message, values) = match name {
            "AssertionError" => {
                let compared = first.trim_start_matches("AssertionError: ");
                let compared = compared.strip_prefix("assert ").unwrap_or(compared);
                let values = compared
                    .split_once(" == ")
                    .map(|(got, expected)| (got.to_owned(), expected.to_owned()));
                let source = source.as_deref().unwrap_or("assert");
                let message = format!("`{source}` failed: {compared}");
                (
                    Fault::Assertion,
                    message,
                    values.or_else(|| differing(compared)),
                )
            }
            _ => (Fault::Exception(name.to_owned()), first.to_owned(), None),
        };
        let diagnostic = Diagnostic {
            source,
            values,
            ..Diagnostic::new(fault, message)
        };
        self.found.push(diagnostic.at(file, line));
    }
}

/// `  File "a.py", line 3, in f`
pub(super) fn frame(line: &str) -> Option<(String, u32)> {
    let (file, rest) = line
        .trim_start()
        .strip_prefix("File \"")?
        .split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((file.to_owned(), digits.parse().ok()?))
}

/// Whether a file is the program's own, and not of Python, a package or the harness.
pub(super) fn is_own(file: &str) -> bool {
    let foreign = [
        "/lib/python",
        "site-packages",
        "catena_check.py",
        "catena_own.py",
    ];
    !file.starts_with('<') && !foreign.iter().any(|part| file.contains(part))
}

/// `IndexError: list index out of range`; the name without its module.
pub(super) fn exception(line: &str) -> Option<(&str, &str)> {
    let (name, message) = match line.split_once(": ") {
        Some((name, message)) => (name, message),
        None => (line.trim_end().trim_end_matches(':'), ""),
    };
    let name = name.rsplit('.').next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(is_part);
    is_name.then_some((name, message.trim()))
}

/// `test_a.py:3: AssertionError`
pub(super) fn pytest_place(line: &str) -> Option<(&str, u32, &str)> {
    let (place, name) = line.split_once(": ")?;
    let (file, number) = place.rsplit_once(':')?;
    let (name, _) = exception(name)?;
    file.ends_with(".py").then_some(())?;
    Some((file, number.parse().ok()?, name))
}

/// The values of unittest's `1 != 2`.
fn differing(message: &str) -> Option<(String, String)> {
    let first = message.lines().next()?;
    let (got, expected) = first.split_once(" != ")?;
    Some((got.to_owned(), expected.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_names_the_last_place_of_the_programs_own() {
        let text = "\
Traceback (most recent call last):
  File \"/a/copy/a.py\", line 9, in <module>
    f(1)
  File \"/a/copy/a.py\", line 4, in f
    return json.loads(x)
           ^^^^^^^^^^^^^
  File \"/usr/lib/python3.11/json/__init__.py\", line 339, in loads
    raise TypeError(f'the JSON object must be str')
TypeError: the JSON object must be str, bytes or bytearray, not int
";
        let [told] = &*in_text(text) else {
            panic!("one")
        };
        assert_eq!(told.fault, Fault::Exception("TypeError".to_owned()));
        assert_eq!(
            (told.file.as_deref(), told.line),
            (Some("/a/copy/a.py"), Some(4))
        );
        assert_eq!(told.source.as_deref(), Some("return json.loads(x)"));
        assert_eq!(told.others, [("/a/copy/a.py".to_owned(), 9)]);
    }

    #[test]
    fn a_syntax_error_has_no_traceback() {
        let text =
            "  File \"d.py\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n";
        let [told] = &*in_text(text) else {
            panic!("one")
        };
        assert_eq!(told.fault, Fault::Exception("SyntaxError".to_owned()));
        assert_eq!(
            (told.line, told.source.as_deref()),
            (Some(1), Some("def f(:"))
        );
    }

    #[test]
    fn unittest_tells_the_values() {
        let text = "\
FAIL: test_a (__main__.T.test_a)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"c.py\", line 3, in test_a
    self.assertEqual(f(1), 2)
AssertionError: 1 != 2

Ran 2 tests in 0.001s
";
        let [told] = &*in_text(text) else {
            panic!("one")
        };
        assert_eq!(told.fault, Fault::Assertion);
        assert_eq!(told.values, Some(("1".to_owned(), "2".to_owned())));
        assert_eq!(told.message, "`self.assertEqual(f(1), 2)` failed: 1 != 2");
    }

    #[test]
    fn pytest_is_understood() {
        let text = "\
    def test_add():
>       assert add(1, 2) == 3
E       assert -1 == 3
E        +  where -1 = add(1, 2)

test_calc.py:4: AssertionError
    def test_get():
>       get([])

test_calc.py:7:
_ _ _ _
    def get(x):
>       return x[0]
E       IndexError: list index out of range

calc.py:5: IndexError
";
        let found = in_text(text);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert_eq!(found[0].values, Some(("-1".to_owned(), "3".to_owned())));
        assert_eq!(found[0].line, Some(4));
        assert_eq!(found[1].fault, Fault::Exception("IndexError".to_owned()));
        assert_eq!(found[1].file.as_deref(), Some("calc.py"));
        assert_eq!(found[1].source.as_deref(), Some("return x[0]"));
    }

    #[test]
    fn a_warning_is_no_exception_unless_it_is_raised() {
        let warned = "a.py:3: SyntaxWarning: \"is\" with a literal. Did you mean \"==\"?\n  if x is 1:\n/b/c.py:7: DeprecationWarning: old\n  f()\n";
        assert!(in_text(warned).is_empty(), "{:?}", in_text(warned));
        let raised = format!(
            "{warned}Traceback (most recent call last):\n  File \"a.py\", line 4, in f\n    g()\nUserWarning: x\n"
        );
        let [told] = &*in_text(&raised) else {
            panic!("one")
        };
        assert_eq!(told.fault, Fault::Exception("UserWarning".to_owned()));
        let pytest =
            in_text(">       f()\nE       DeprecationWarning: old\n\na.py:7: DeprecationWarning\n");
        assert_eq!(pytest.len(), 1);
    }

    #[test]
    fn words_are_no_exceptions() {
        assert!(in_text("Note: all is well\nError: none\n").is_empty());
    }
}
