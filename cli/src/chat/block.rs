//! Messages of several lines, in a terminal and from a pipe alike.

/// Between two of these, lines are one message.
const QUOTES: &str = "\"\"\"";
/// Between two lines that begin with this, lines are code, which stays as it is. In one that has it twice, it is
/// code within the line.
const FENCE: &str = "```";

/// What is known of a message after some of its lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Block {
    /// Nothing was said yet.
    #[default]
    Empty,
    /// Between quotes, which are closed or not.
    Quoted { closed: bool },
    /// Lines; whether they are within a fence.
    Plain { fenced: bool },
}

impl Block {
    /// Takes the next line, without its end; whether more lines belong to the message: a block was begun and
    /// not ended, or the line ends with a backslash.
    pub(super) fn is_open_after(&mut self, line: &str) -> bool {
        let begins = line.trim_start();
        if let Self::Empty = self {
            *self = match begins.strip_prefix(QUOTES) {
                _ if begins.is_empty() => Self::Empty,
                Some(rest) => {
                    let closed = rest.contains(QUOTES);
                    *self = Self::Quoted { closed };
                    return !closed;
                }
                None => Self::Plain { fenced: false },
            };
        }
        match self {
            Self::Empty => false,
            Self::Quoted { closed } => {
                *closed |= line.contains(QUOTES);
                !*closed
            }
            Self::Plain { fenced } => {
                *fenced = match *fenced {
                    true => !begins.starts_with(FENCE),
                    false => opens_fence(line),
                };
                *fenced || goes_on(line)
            }
        }
    }
}

/// Whether more lines belong to `text`.
pub(super) fn is_open(text: &str) -> bool {
    let mut block = Block::default();
    let open = text.split('\n').map(|line| block.is_open_after(line));
    open.last().unwrap_or_default()
}

/// The message that was meant: without quotes around it and backslashes that join its lines.
pub(super) fn message(text: &str) -> String {
    if let Some(rest) = text.trim_start().strip_prefix(QUOTES) {
        let (inside, after) = rest.split_once(QUOTES).unwrap_or((rest, ""));
        return format!("{inside}{after}").trim().to_owned();
    }
    if text.lines().any(opens_fence) {
        return text.trim().to_owned();
    }
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.pop();
    let mut message = String::new();
    for line in lines {
        message += match goes_on(line) {
            true => &line[..line.len() - 1],
            false => line,
        };
        message.push('\n');
    }
    message += last.unwrap_or_default();
    message.trim().to_owned()
}

/// A line behind which lines are code.
fn opens_fence(line: &str) -> bool {
    let behind = line.trim_start().strip_prefix(FENCE);
    behind.is_some_and(|behind| !behind.contains(FENCE))
}

/// A line that ends with a backslash, and not with one that stands for itself.
fn goes_on(text: &str) -> bool {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_open_until_it_is_closed() {
        for open in [
            "\"\"\"",
            "\"\"\"\na\n",
            "```rust\nfn a",
            "one\\",
            "a\\\\\\",
            " ```",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "",
            "a",
            "\"\"\"a\"\"\"",
            "```\na\n```",
            "C:\\\\",
            "say \"\"\" twice",
            "\"\"\"quoted\"\"\" is what?",
            "```ls -la``` does what?",
            "```ls``` and ```cd```",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }

    #[test]
    fn a_message_is_what_was_meant() {
        assert_eq!(message("\"\"\"\none\n\ntwo\n\"\"\""), "one\n\ntwo");
        assert_eq!(message("one\\\ntwo"), "one\ntwo");
        assert_eq!(message("```\na \\\nb\n```"), "```\na \\\nb\n```");
        assert_eq!(message("  one  "), "one");
        assert_eq!(message("\"\"\"a\"\"\" is what?"), "a is what?");
        assert_eq!(message("```ls``` does\\\nwhat?"), "```ls``` does\nwhat?");
        assert_eq!(message("\"\"\" not closed"), "not closed");
    }
}
