//! Finds where a streamed JSON value ends.

/// The engine goes on after the value that its grammar asked for, so the end is found here.
///
/// The text is JSON by construction; this tells complete from incomplete, it does not validate.
#[derive(Debug, Default)]
pub(crate) struct JsonEnd {
    depth: usize,
    state: State,
    escaped: bool,
    done: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// Before the value, or between the tokens of an object or array.
    #[default]
    Between,
    /// In a string.
    Text,
    /// In a top-level number, `true`, `false` or `null`, which ends at the first byte that cannot
    /// be part of it.
    Scalar,
}

impl JsonEnd {
    /// Reads on; the number of bytes of `text` that belong to the value once it is complete.
    pub(crate) fn push(&mut self, text: &str) -> Option<usize> {
        if self.done {
            return Some(0);
        }
        let end = text
            .bytes()
            .enumerate()
            .find_map(|(at, byte)| self.step(at, byte));
        self.done = end.is_some();
        end
    }

    fn step(&mut self, at: usize, byte: u8) -> Option<usize> {
        match self.state {
            State::Text => {
                if self.escaped {
                    self.escaped = false;
                } else if byte == b'\\' {
                    self.escaped = true;
                } else if byte == b'"' {
                    self.state = State::Between;
                    return (self.depth == 0).then_some(at + 1);
                }
            }
            State::Scalar => {
                let part = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                return (!part).then_some(at);
            }
            State::Between => match byte {
                b'"' => self.state = State::Text,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    return (self.depth == 0).then_some(at + 1);
                }
                _ if self.depth == 0 && !byte.is_ascii_whitespace() => self.state = State::Scalar,
                _ => {}
            },
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<&str> {
        let by_bytes = {
            let mut end = JsonEnd::default();
            let mut read = 0;
            text.split_inclusive(|_| true).find_map(|piece| {
                let found = end.push(piece).map(|at| read + at);
                read += piece.len();
                found
            })
        };
        assert_eq!(
            JsonEnd::default().push(text),
            by_bytes,
            "pieces do not matter"
        );
        by_bytes.map(|end| &text[..end])
    }

    #[test]
    fn a_value_ends_at_its_last_bracket() {
        assert_eq!(whole(r#" {"a": [1, {}]} {"b""#), Some(r#" {"a": [1, {}]}"#));
        assert_eq!(whole("[]]"), Some("[]"));
        assert_eq!(whole(r#"{"a": ["#), None);
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert_eq!(whole(r#"{"a": "}\"}"}x"#), Some(r#"{"a": "}\"}"}"#));
        assert_eq!(whole(r#"{"a\\": "}"}"#), Some(r#"{"a\\": "}"}"#));
        assert_eq!(whole(r#""a]é" "#), Some(r#""a]é""#));
    }

    #[test]
    fn a_bare_scalar_ends_where_it_cannot_go_on() {
        assert_eq!(whole("-1.5e+3\n"), Some("-1.5e+3"));
        assert_eq!(whole("true "), Some("true"));
        assert_eq!(whole("12"), None);
    }
}
