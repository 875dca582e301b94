//! The tests in a file of Python.

use super::{Found, indent};

/// A line, and whether it begins inside a string of several lines.
struct Line<'a> {
    text: &'a str,
    is_string: bool,
}

pub(super) fn tests(text: &str) -> Vec<Found<'_>> {
    let lines = lines(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let trimmed = line.text.trim_start();
        let is_doctest = line.is_string && trimmed.starts_with(">>> ");
        let is_test = !line.is_string && (is_test(trimmed) || decides(trimmed));
        let mut end = at + 1;
        if is_doctest || is_test {
            // A doctest ends with its output, a function with its block.
            while let Some(next) = lines.get(end)
                && match is_doctest {
                    true => !is_end_of_doctest(next.text),
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
            });
        }
        at = end;
    }
    found
}

fn is_test(line: &str) -> bool {
    let begins = ["def test", "async def test", "class Test"];
    begins.iter().any(|begins| line.starts_with(begins))
        || line.starts_with("class ") && line.contains("TestCase")
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
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut open: Option<&str> = None;
    let line = |text| {
        let is_string = open.is_some();
        open = after(text, open);
        Line { text, is_string }
    };
    text.lines().map(line).collect()
}

/// Which string of several lines is open behind a line.
fn after<'q>(line: &str, mut open: Option<&'q str>) -> Option<&'q str> {
    let mut rest = line;
    let mut short: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        if let Some(quote) = open {
            if rest.starts_with(quote) {
                (open, step) = (None, quote.len());
            } else if c == '\\' {
                step += rest.chars().nth(1).map_or(0, char::len_utf8);
            }
        } else if let Some(quote) = short {
            if c == quote {
                short = None;
            } else if c == '\\' {
                step += rest.chars().nth(1).map_or(0, char::len_utf8);
            }
        } else if let Some(quote) = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quote| rest.starts_with(quote))
        {
            (open, step) = (Some(quote), quote.len());
        } else if matches!(c, '"' | '\'') {
            short = Some(c);
        } else if c == '#' {
            break;
        }
        rest = rest.get(step..).unwrap_or_default();
    }
    open
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
