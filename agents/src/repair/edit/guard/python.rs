//! The tests in a file of Python.

use std::collections::HashSet;

use super::{Found, indent, kinds::Kinds};

/// A line, what of it is code, and whether it begins inside a string of several lines.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line without comments and strings, but for those that may be code: a word, which may name an
    /// attribute, and what is formatted.
    pub(super) code: String,
    pub(super) is_string: bool,
    /// Whether it is of a string that stands for itself, as a docstring does.
    is_docstring: bool,
}

/// A text without comments and strings, but for those that may be code.
pub(in super::super) fn code(text: &str) -> String {
    let lines = lines(text).into_iter();
    lines.map(|line| line.code + "\n").collect()
}

pub(super) fn tests(text: &str) -> Vec<Found<'_>> {
    let lines = lines(text);
    let named: HashSet<&str> = lines
        .iter()
        .filter_map(|line| name(line.text.trim()))
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let trimmed = line.text.trim_start();
        let is_doctest = (line.is_string || line.is_docstring) && is_example(line);
        let is_test =
            !line.is_string && (is_test(trimmed) || decides(trimmed) || rebinds(trimmed, &named));
        let mut end = at + 1;
        if is_doctest || is_test {
            // A doctest ends with its output, a function with its block.
            while let Some(next) = lines.get(end)
                && match is_doctest {
                    true => !is_end_of_doctest(next.text) && !is_example(next),
                    false => is_inside(next, indent(line.text)),
                }
            {
                end += 1;
            }
            found.push(Found {
                heads: match is_doctest {
                    true => Vec::new(),
                    false => around(&lines, at),
                },
                lines: at..end,
                name: name(trimmed).filter(|_| !is_doctest),
                is_harmless: is_doctest || is_test && self::is_test(trimmed),
                docstring: is_doctest.then(|| docstring(&lines, at)),
            });
        }
        at = end;
    }
    found
}

/// Which kinds of tests a text holds.
pub(super) fn kinds(text: &str) -> Kinds {
    let lines = lines(text);
    let code = || lines.iter().filter(|line| !line.is_string);
    let speaks = code().any(|line| line.code.contains("pytest"));
    let is_of_pytest = |line: &Line<'_>| {
        if line.code.starts_with("class Test") {
            return !line.code.contains("TestCase");
        }
        let Some(rest) = ["def test", "async def test"]
            .iter()
            .find_map(|begins| line.code.strip_prefix(begins))
        else {
            return false;
        };
        let (end, given) = rest.split_once('(').unwrap_or((rest, ""));
        let given = given.split(')').next().unwrap_or_default();
        let wants = |given: &str| !given.trim().is_empty() && !given.contains(['=', '*']);
        let call = format!("test{}(", end.trim());
        let is_called = code()
            .any(|line| line.code.contains(&call) && !line.code.contains(&format!("def {call}")));
        speaks || !is_called && !given.split(',').any(wants)
    };
    Kinds {
        items: code().any(|line| {
            line.text.trim_start().starts_with("class ") && line.code.contains("TestCase")
        }),
        doctests: lines
            .iter()
            .any(|line| line.is_docstring && is_example(line)),
        of_pytest: code().any(is_of_pytest),
    }
}

/// Whether a line of a string begins an example, perhaps right behind its quotes.
fn is_example(line: &Line<'_>) -> bool {
    let text = line.text.trim_start();
    let inside = match line.is_string {
        true => text,
        false => text
            .trim_start_matches(['r', 'R', 'u', 'U'])
            .trim_start_matches(['"', '\''])
            .trim_start(),
    };
    inside.starts_with(">>> ")
}

fn is_test(line: &str) -> bool {
    let begins = ["def test", "async def test", "class Test"];
    begins.iter().any(|begins| line.starts_with(begins))
        || line.starts_with("class ") && line.contains("TestCase")
}

/// The name of the test that a line begins.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let name = words.find(|word| !matches!(*word, "async" | "def" | "class"));
    name.filter(|_| is_test(line))
}

/// Whether a line gives the name of a test to something else: `test_a = None`, `del Tests.test_a`.
fn rebinds(line: &str, named: &HashSet<&str>) -> bool {
    let assigned = || line.rsplit_once('=').map(|(bound, _)| bound);
    let Some(bound) = line.strip_prefix("del ").or_else(assigned) else {
        return false;
    };
    let mut names = bound.split([',', '=', ':']).map(str::trim);
    names.any(|bound| named.contains(bound.rsplit('.').next().unwrap_or_default()))
}

/// Whether a line has a say in which tests are run.
fn decides(line: &str) -> bool {
    let begins = [
        "pytestmark",
        "__test__",
        "def load_tests",
        "collect_ignore",
        "unittest.main(",
    ];
    begins.iter().any(|begins| line.starts_with(begins))
}

/// The line with which the string begins that a line is of.
fn docstring(lines: &[Line<'_>], at: usize) -> usize {
    let before = lines.get(..=at).unwrap_or_default();
    let first = before.iter().rposition(|line| !line.is_string);
    first.unwrap_or(0)
}

fn is_end_of_doctest(line: &str) -> bool {
    line.trim().is_empty() || line.contains("\"\"\"") || line.contains("'''")
}

fn is_inside(line: &Line<'_>, depth: usize) -> bool {
    line.is_string || line.text.trim().is_empty() || indent(line.text) > depth
}

/// The heads of the blocks around a line, and the decorators right before it and before those.
fn around<'a>(lines: &[Line<'a>], at: usize) -> Vec<&'a str> {
    let mut heads = Vec::new();
    let mut depth = lines.get(at).map_or(0, |line| indent(line.text));
    // Whether what comes next may still be a decorator.
    let mut before = true;
    for line in lines.iter().take(at).rev() {
        let text = line.text.trim();
        if line.is_string || text.is_empty() || text.starts_with('#') {
            continue;
        }
        let own = indent(line.text);
        if own < depth {
            heads.push(line.text);
            depth = own;
            before = true;
        } else if before && own == depth && text.starts_with('@') {
            heads.push(line.text);
        } else if own == depth && !text.starts_with([')', ']', '}']) {
            before = false;
        }
    }
    heads.reverse();
    heads
}

/// The lines, and which of them begin inside a string.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut open: Option<Open> = None;
    let mut is_bare = false;
    let line = |text| {
        let is_string = open.is_some();
        if !is_string {
            is_bare = is_literal(text);
        }
        let (code, after) = read(text, open);
        open = after;
        Line {
            text,
            code,
            is_string,
            is_docstring: is_bare,
        }
    };
    text.lines().map(line).collect()
}

/// Whether a line begins with a string.
fn is_literal(line: &str) -> bool {
    let marks = ['r', 'R', 'u', 'U'];
    line.trim_start()
        .trim_start_matches(marks)
        .starts_with(['"', '\''])
}

/// A string of several lines that is not closed yet.
#[derive(Clone, Copy)]
struct Open {
    quote: &'static str,
    is_formatted: bool,
}

/// What of a line is code, and which string of several lines is open behind it.
fn read(line: &str, mut open: Option<Open>) -> (String, Option<Open>) {
    let mut code = String::new();
    let mut rest = line;
    // A string of one line: its quote, whether it is formatted, and what is in it.
    let mut short: Option<(char, bool, String)> = None;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        let escaped = || rest.chars().nth(1).map_or(0, char::len_utf8);
        let triple = || {
            ["\"\"\"", "'''"]
                .into_iter()
                .find(|quote| rest.starts_with(quote))
        };
        if let Some(Open {
            quote,
            is_formatted,
        }) = open
        {
            if rest.starts_with(quote) {
                (open, step) = (None, quote.len());
            } else if c == '\\' {
                step += escaped();
            } else if is_formatted {
                code.push(c);
            }
        } else if let Some((quote, is_formatted, inside)) = &mut short {
            if c == *quote {
                let is_word = inside.chars().all(|c| c.is_alphanumeric() || c == '_');
                if *is_formatted || is_word {
                    code += inside;
                }
                code.push(c);
                short = None;
            } else if c == '\\' {
                step += escaped();
            } else {
                inside.push(c);
            }
        } else if let Some(quote) = triple() {
            let is_formatted = formats(&code);
            (open, step) = (
                Some(Open {
                    quote,
                    is_formatted,
                }),
                quote.len(),
            );
        } else if matches!(c, '"' | '\'') {
            short = Some((c, formats(&code), String::new()));
            code.push(c);
        } else if c == '#' {
            break;
        } else {
            code.push(c);
        }
        rest = rest.get(step..).unwrap_or_default();
    }
    (code, open)
}

/// Whether the string that begins behind a code is formatted: `f"…"`, `rf"…"`.
fn formats(code: &str) -> bool {
    let word = code.rsplit(|c: char| !c.is_alphanumeric()).next();
    word.is_some_and(|word| word.len() <= 2 && word.contains(['f', 'F']))
}

#[cfg(test)]
mod tests {
    use super::super::tests;

    const TEXT: &str = "def f(x):\n    \"\"\"\n    >>> f(1)\n    2\n\n    Adds.\n    \"\"\"\n    return x\n\ndef test_f():\n    assert f(1) == 2\n\n    assert f(2) == 3\n\nx = 1\n";

    #[test]
    fn tests_are_found_whole() {
        let found = tests("a.py", TEXT);
        assert_eq!(
            found,
            [">>>f(1)2", "deftest_f():assertf(1)==2assertf(2)==3"]
        );
        assert_eq!(
            tests("a.py", &TEXT.replace("return x", "return x + 1")),
            found
        );
    }

    #[test]
    fn other_names_are_no_tests() {
        let found = tests("a.py", TEXT);
        for line in ["test_x = 1", "x = test_f", "if test_f == 1: pass", "del x"] {
            assert_eq!(tests("a.py", &TEXT.replace("x = 1", line)), found, "{line}");
        }
    }

    #[test]
    fn what_keeps_a_test_from_being_run_is_part_of_it() {
        let found = tests("a.py", TEXT);
        for (from, to) in [
            ("def test_f", "@unittest.skip('x')\ndef test_f"),
            ("def test_f", "@mark(\n    1,\n)\n@skip\n# why\ndef test_f"),
            ("def test_f", "if False:\n  def test_f"),
            ("def test_f", "\"\"\"\ndef test_f"),
            ("def test_f", "pytestmark = pytest.mark.skip\ndef test_f"),
            (">>> f(1)", ">>> f(1)  # doctest: +SKIP"),
            ("x = 1", "__test__ = False"),
            ("x = 1", "test_f = None"),
            ("x = 1", "del test_f"),
            ("x = 1", "x = m.test_f = None"),
        ] {
            assert_ne!(tests("a.py", &TEXT.replace(from, to)), found, "{to}");
        }
        let class = "import unittest\n@retry\nclass Sums(unittest.TestCase):\n    def test_a(self):\n        s = '''\nx'''\n        self.fail(s)\n";
        let [whole] = &*tests("a.py", class) else {
            panic!("one")
        };
        assert!(
            whole.starts_with("@retryclassSums") && whole.ends_with("self.fail(s)"),
            "{whole}"
        );
    }
}
