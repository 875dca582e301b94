//! A file of Python, line by line.

use super::{
    indent,
    same::{Same, join},
};

/// A line, what of it is code, and whether it begins inside a string of several lines.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line without comments and strings, but for those that may be code: a word, which may name an
    /// attribute, and what is formatted.
    pub(super) code: String,
    /// The line as it is compared; nothing where it holds no code.
    pub(super) same: String,
    pub(super) is_string: bool,
    /// Whether it is of a string that stands for itself, as a docstring does.
    pub(super) is_docstring: bool,
}

/// A text without comments and strings, but for those that may be code.
pub(in super::super) fn code(text: &str) -> String {
    let lines = lines(text).into_iter();
    lines.map(|line| line.code + "\n").collect()
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
        let (code, same, after) = read(text, open);
        open = after;
        Line {
            text,
            code,
            same,
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

/// What of a line is code, the line as it is compared, and which string of several lines is open behind it.
fn read(line: &str, mut open: Option<Open>) -> (String, String, Option<Open>) {
    let mut code = String::new();
    let mut same = Same::default();
    let mut rest = line;
    // A string of one line: its quote, whether it is formatted, and what is in it.
    let mut short: Option<(char, bool, String)> = None;
    if open.is_some() {
        same.string("\n");
    }
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
        let triple = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quote| rest.starts_with(quote));
        if let Some(Open {
            quote,
            is_formatted,
        }) = open
        {
            if rest.starts_with(quote) {
                (open, step) = (None, quote.len());
                same.string(QUOTE);
            } else {
                if c == '\\' {
                    step += escaped;
                } else if is_formatted {
                    code.push(c);
                }
                same.string(unquoted(rest.get(..step).unwrap_or_default()));
            }
        } else if let Some((quote, is_formatted, inside)) = &mut short {
            if c == *quote {
                let is_word = inside.chars().all(|c| c.is_alphanumeric() || c == '_');
                if *is_formatted || is_word {
                    code += inside;
                }
                code.push(c);
                short = None;
                same.string(QUOTE);
            } else {
                if c == '\\' {
                    step += escaped;
                } else {
                    inside.push(c);
                }
                same.string(unquoted(rest.get(..step).unwrap_or_default()));
            }
        } else if let Some(quote) = triple {
            let is_formatted = formats(&code);
            (open, step) = (
                Some(Open {
                    quote,
                    is_formatted,
                }),
                quote.len(),
            );
            same.string(QUOTE);
        } else if matches!(c, '"' | '\'') {
            short = Some((c, formats(&code), String::new()));
            code.push(c);
            same.string(QUOTE);
        } else if c == '#' {
            break;
        } else {
            code.push(c);
            // At the end of a line it says that the next one goes on.
            if rest != "\\" {
                same.code(c);
            }
        }
        rest = rest.get(step..).unwrap_or_default();
    }
    (code, same.line(), open)
}

/// What all quotes are compared as.
const QUOTE: &str = "\"";

/// A part of a string without what a quote in it needs.
fn unquoted(part: &str) -> &str {
    match part {
        "\\\"" | "\\'" => part.get(1..).unwrap_or_default(),
        part => part,
    }
}

/// Whether the string that begins behind a code is formatted: `f"…"`, `rf"…"`.
fn formats(code: &str) -> bool {
    let word = code.rsplit(|c: char| !c.is_alphanumeric()).next();
    word.is_some_and(|word| word.len() <= 2 && word.contains(['f', 'F']))
}

/// Lines as they are compared: each statement on a line of its own, and how deep it is in blocks.
pub(super) fn same(lines: &[Line<'_>]) -> String {
    let mut all = String::new();
    let mut levels: Vec<usize> = Vec::new();
    let mut open = 0_i64;
    let mut goes_on = false;
    for line in lines.iter().filter(|line| !line.same.is_empty()) {
        if line.is_string || open > 0 || goes_on {
            join(&mut all, &line.same);
        } else {
            let depth = indent(line.text);
            while levels.last().is_some_and(|level| *level >= depth) {
                levels.pop();
            }
            if !all.is_empty() {
                all.push('\n');
            }
            all.extend(levels.iter().map(|_| '\t'));
            all += &line.same;
            levels.push(depth);
        }
        open += brackets(&line.code);
        goes_on = line.code.ends_with('\\');
    }
    all
}

/// How many brackets a code opens, less those that it closes.
pub(super) fn brackets(code: &str) -> i64 {
    let step = |c: char| match c {
        '(' | '[' | '{' => 1,
        ')' | ']' | '}' => -1,
        _ => 0,
    };
    code.chars().map(step).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        same(&lines(text))
    }

    #[test]
    fn comments_quotes_and_breaks_change_no_code() {
        let text = "def f(x):\n    assert g(x, 'a b') == \"it's\"\n    if x:\n        h()\n";
        for other in [
            "def f( x ):  # f\n  # g\n\n  assert g(x, \"a b\") == 'it\\'s'  # why\n  if x:\n    h()\n",
            "def f(x):\n    assert g(\n        x,\n        '''a b''',\n    ) == \\\n        \"it's\"\n    if x:\n        h()\n",
        ] {
            assert_eq!(of(other), of(text), "{other}");
        }
        for other in [
            text.replace("a b", "ab"),
            text.replace("        h", "    h"),
            text.replace("it's", "its"),
            text.replace("x, 'a b'", "'a b', x"),
            text.replace("assert g", "assertg"),
        ] {
            assert_ne!(of(&other), of(text), "{other}");
        }
        assert_ne!(of("x = '''a\n  b'''\n"), of("x = '''a\nb'''\n"));
    }
}
