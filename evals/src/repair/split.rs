//! Tests of a Rust module, each assertion in a test of its own.

/// The first of the assertions in a text of `#[test]` functions, each in a function of its own behind all
/// that is no assertion before it, in a module as benchmarks have it; and how many there are. `None` for
/// a text without assertions.
///
/// `assert!(a == b)` becomes `assert_eq!(a, b)`, which tells both.
pub(super) fn first_assertions(
    tests: &str,
    choose: impl Fn(usize) -> usize,
) -> Option<(String, usize)> {
    let mut assertions: Vec<String> = Vec::new();
    for body in bodies(tests) {
        let mut before = String::new();
        for statement in statements(body) {
            let statement = uncommented(statement);
            if statement.starts_with("assert") {
                assertions.push(format!("{before}        {}\n", telling(statement)));
            } else if !statement.is_empty() {
                before += &format!("        {statement}\n");
            }
        }
    }
    let all = assertions.len();
    assertions.truncate(choose(all));
    if assertions.is_empty() {
        return None;
    }
    let mut text = "#[cfg(test)]\nmod tests {\n    use super::*;\n".to_owned();
    for (number, assertion) in (1..).zip(assertions) {
        text += &format!("    #[test]\n    fn test_{number}() {{\n{assertion}    }}\n");
    }
    text += "}\n";
    Some((text, all))
}

/// A statement without the comments before it.
fn uncommented(statement: &str) -> &str {
    let mut rest = statement.trim();
    while rest.starts_with("//") {
        rest = rest.split_once('\n').map_or("", |(_, code)| code.trim());
    }
    rest
}

/// The bodies of the test functions.
fn bodies(tests: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = tests;
    while let Some((_, after)) = rest.split_once("#[test]") {
        let Some(open) = after.find('{') else { break };
        let body = after.get(open + 1..).unwrap_or_default();
        let Some(end) = Scanner::new(body).position(|depth, c| depth < 0 && c == '}') else {
            break;
        };
        found.push(body.get(..end).unwrap_or_default());
        rest = body.get(end..).unwrap_or_default();
    }
    found
}

/// The statements of a body, each with its semicolon.
fn statements(body: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(end) = Scanner::new(rest).position(|depth, c| depth == 0 && c == ';') {
        found.push(rest.get(..=end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found.push(rest);
    found
}

/// An assertion that tells what it compares.
fn telling(statement: &str) -> String {
    let told = || {
        let inner = statement
            .strip_prefix("assert!(")?
            .trim_end_matches(';')
            .trim_end();
        let inner = inner.strip_suffix(')')?;
        let mut equals = Vec::new();
        let mut plain = true;
        Scanner::new(inner).position(|depth, c| {
            plain &= depth != 0 || !matches!(c, '&' | '|' | ',');
            false
        });
        let mut scanner = Scanner::new(inner);
        let mut last = ' ';
        scanner.each(|at, depth, c| {
            if depth == 0 && c == '=' && last == '=' {
                equals.push(at);
            }
            if depth == 0 && c == '=' && matches!(last, '!' | '<' | '>') {
                plain = false;
            }
            last = c;
        });
        let [at] = *equals else { return None };
        let (left, right) = (inner.get(..at - 1)?, inner.get(at + 1..)?);
        plain.then(|| format!("assert_eq!({}, {});", left.trim(), right.trim()))
    };
    told().unwrap_or_else(|| statement.to_owned())
}

/// Walks over code, knowing of brackets, strings, characters and comments.
struct Scanner<'a> {
    text: &'a str,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Where the first character of code is for which this holds; the depth is that behind it.
    fn position(&mut self, mut is: impl FnMut(i32, char) -> bool) -> Option<usize> {
        let mut found = None;
        self.each(|at, depth, c| {
            if found.is_none() && is(depth, c) {
                found = Some(at);
            }
        });
        found
    }

    /// Every character of code, but for what is inside strings.
    fn each(&mut self, mut tell: impl FnMut(usize, i32, char)) {
        let mut depth = 0;
        let mut chars = self.text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    while let Some((_, c)) = chars.next() {
                        match c {
                            '\\' => {
                                chars.next();
                            }
                            '"' => break,
                            _ => {}
                        }
                    }
                }
                // A character, and no lifetime: it is closed after one, or begins with a backslash.
                '\'' => {
                    let rest = self.text.get(at + 1..).unwrap_or_default();
                    let mut inner = rest.chars();
                    let first = inner.next();
                    let length = match (first, inner.next()) {
                        (Some('\\'), Some(second)) => {
                            let tail = rest.get(1 + second.len_utf8()..).unwrap_or_default();
                            tail.find('\'').map(|end| 1 + second.len_utf8() + end + 1)
                        }
                        (Some(first), Some('\'')) => Some(first.len_utf8() + 1),
                        _ => None,
                    };
                    let end = length.map(|length| at + 1 + length);
                    while chars
                        .peek()
                        .is_some_and(|(next, _)| end.is_some_and(|end| *next < end))
                    {
                        chars.next();
                    }
                }
                '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                    while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                }
                '(' | '[' | '{' => {
                    depth += 1;
                    tell(at, depth, c);
                }
                ')' | ']' | '}' => {
                    depth -= 1;
                    tell(at, depth, c);
                }
                _ => tell(at, depth, c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = r#"
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_f() {
        let empty: Vec<String> = vec![];
        assert!(f("a;(") == empty); // ; {
        assert!(
            f("b\"") == vec!['(', '\'']
        );
        assert!(f("c").is_empty() && true);
    }
    #[test]
    fn test_g() {
        assert_eq!(g(1), 2);
    }
}
"#;

    #[test]
    fn each_assertion_becomes_a_test_behind_what_it_needs() {
        let (text, all) = first_assertions(TESTS, |all| all).unwrap();
        assert_eq!(all, 4);
        assert_eq!(text.matches("#[test]").count(), 4);
        assert_eq!(text.matches("let empty").count(), 3);
        assert!(text.contains("assert_eq!(f(\"a;(\"), empty);"), "{text}");
        assert!(
            text.contains("assert_eq!(f(\"b\\\"\"), vec!['(', '\\'']);"),
            "{text}"
        );
        assert!(
            text.contains("assert!(f(\"c\").is_empty() && true);"),
            "{text}"
        );
        assert!(text.contains("assert_eq!(g(1), 2);"), "{text}");
        let (first, _) = first_assertions(TESTS, |all| all.div_ceil(4)).unwrap();
        assert_eq!(first.matches("#[test]").count(), 1);
        assert!(first_assertions("mod tests {}", |all| all).is_none());
    }

    #[test]
    fn what_is_not_one_comparison_stays() {
        for stays in [
            "assert!(a != b);",
            "assert!(a == b && c == d);",
            "assert!(f(a == b));",
            "assert!(a == b, \"x\");",
        ] {
            assert_eq!(telling(stays), stays);
        }
        assert_eq!(
            telling("assert!(f(1, 2) == [1, 2]);"),
            "assert_eq!(f(1, 2), [1, 2]);"
        );
    }
}
