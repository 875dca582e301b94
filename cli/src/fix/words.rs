//! A command as a person writes it, as words.

use crate::failure::Failure;

/// The words of a command: blanks divide, quotes and backslashes join. There is no shell, and what only
/// a shell understands is refused.
pub(super) fn split(command: &str) -> Result<Vec<String>, Failure> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => {
                            return Err(Failure::usage(format!(
                                "a quote is not closed in `{command}`"
                            )));
                        }
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => word.extend(chars.next()),
                        Some(other) => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '|' | '&' | ';' | '<' | '>' | '$' | '`' | '*' | '?' => {
                return Err(Failure::usage(format!(
                    "`{c}` in `{command}` is for a shell, and there is none"
                ))
                .help("put it in quotes, or run a shell: --test \"sh -c '…'\""));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.is_empty() {
        true => Err(Failure::usage("the test's command is empty")),
        false => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_join_words() {
        let words = split(r#"sh  -c 'a | b "c"' "d \" e" f\ g ''"#).unwrap();
        assert_eq!(words, ["sh", "-c", "a | b \"c\"", "d \" e", "f g", ""]);
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for command in ["a | b", "a && b", "a > b", "a $X", "'a", " "] {
            assert!(split(command).unwrap_err().is_usage(), "{command}");
        }
    }
}
