//! Answers, line by line: from a line editor on a terminal, and from standard input elsewhere.

use std::io::{self, BufRead, IsTerminal, Read, stderr, stdin, stdout};

use catena_agents::{Draft, Question};
use rustyline::{Config, DefaultEditor, error::ReadlineError};

use crate::failure::{Failure, INTERRUPTED};

/// Ends an answer.
const END: &str = ".";

/// Where answers come from.
pub(super) enum Lines {
    Editor(Box<DefaultEditor>),
    Pipe(Box<dyn BufRead>),
}

impl Lines {
    /// `plain`: standard output is for a program, and no editor may write to it.
    pub(super) fn open(plain: bool) -> Result<Self, Failure> {
        let person = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal();
        if plain || !person {
            return Ok(Self::Pipe(Box::new(io::BufReader::new(stdin()))));
        }
        let editor = DefaultEditor::with_config(Config::default())
            .map_err(|error| Failure::new(format!("the terminal cannot be used: {error}")))?;
        Ok(Self::Editor(Box::new(editor)))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Editor(_))
    }

    /// The lines up to one with a single dot, or to the end; `None` where there is nothing more. Two dots
    /// alone on a line are one.
    pub(super) fn answer(&mut self, question: Question) -> Result<Option<String>, Failure> {
        let mut answer = String::new();
        let mut any = false;
        while let Some(line) = self.line()? {
            any = true;
            match line.trim() {
                END => return Ok(Some(answer)),
                ".." => answer.push_str(END),
                _ => answer.push_str(&line),
            }
            answer.push('\n');
            if answer.len() > Draft::ANSWER_LIMIT {
                return Err(Failure::new(format!(
                    "the answer to {question} has more than {} bytes",
                    Draft::ANSWER_LIMIT
                ))
                .help("say it in fewer words; long texts are for --references of `catena patent write`"));
            }
        }
        Ok(any.then_some(answer))
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        match self {
            Self::Editor(editor) => match editor.readline("> ") {
                Ok(line) => {
                    // A line that the arrow keys do not bring back is not worth a word.
                    let _ = editor.add_history_entry(&line);
                    Ok(Some(line))
                }
                Err(ReadlineError::Eof) => Ok(None),
                Err(ReadlineError::Interrupted) => Err(Failure::new("interrupted")
                    .help("what was answered is kept; the same command goes on behind it")
                    .code(INTERRUPTED)),
                Err(error) => Err(Failure::new(format!(
                    "the terminal cannot be read: {error}"
                ))),
            },
            Self::Pipe(reader) => piped(reader),
        }
    }
}

fn piped(reader: &mut dyn BufRead) -> Result<Option<String>, Failure> {
    let unreadable =
        |error: io::Error| Failure::new(format!("standard input cannot be read: {error}"));
    let mut bytes = Vec::new();
    // No line may take all memory before its answer is found too long.
    let most = Draft::ANSWER_LIMIT as u64 + 2;
    reader
        .take(most)
        .read_until(b'\n', &mut bytes)
        .map_err(unreadable)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new("standard input is no text in UTF-8").help("answers are text"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(text: &'static [u8]) -> Vec<Result<String, String>> {
        let mut lines = Lines::Pipe(Box::new(text));
        let mut found = Vec::new();
        loop {
            match lines.answer(Question::Problem) {
                Ok(Some(answer)) => found.push(Ok(answer)),
                Ok(None) => return found,
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
            }
        }
    }

    #[test]
    fn a_dot_ends_an_answer() {
        let expected = ["one\n\ntwo\n", "", ".\n...\n", "end\n"];
        assert_eq!(
            answers(b"one\n\ntwo\r\n.\n . \n..\n...\n.\nend"),
            expected.map(|text| Ok(text.to_owned()))
        );
        assert_eq!(answers(b""), []);
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        assert!(
            answers(b"a\xff\n")[0]
                .as_ref()
                .unwrap_err()
                .contains("UTF-8")
        );
        let long: &'static [u8] = vec![b'a'; Draft::ANSWER_LIMIT + 10].leak();
        assert!(answers(long)[0].as_ref().unwrap_err().contains("400000"));
    }
}
