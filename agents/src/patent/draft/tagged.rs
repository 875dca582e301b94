//! A draft in the form of the AutoPatent data set: `<Draft>`, `<Question1>`, `<Answer1>` … .

use std::ops::Range;

use catena_core::{Error, Result};

use super::{Draft, Question, readable, unix_lines};

impl Draft {
    /// The paper's tagged form, with the tags closed as they should be.
    ///
    /// A `<` of an answer that would begin one of the tags gets a backslash behind it.
    pub fn to_tagged(&self) -> String {
        let mut out = String::from("<Draft>\n");
        for question in Question::ALL {
            let number = question.number();
            out.push_str(&format!(
                "<Question{number}>{}</Question{number}>\n<Answer{number}>{}</Answer{number}>\n",
                question.text(),
                escaped(self.answer(question))
            ));
        }
        out.push_str("</Draft>\n");
        out
    }

    /// Reads the tagged form.
    ///
    /// The script that made the published data set closes its tags wrongly (specification §1), so an
    /// answer ends at the next tag of a draft, whichever that is.
    ///
    /// # Errors
    ///
    /// A text that is too long, and an answer that is missing or comes twice, with the line.
    pub fn from_tagged(text: &str) -> Result<Self> {
        let text = unix_lines(readable(text)?);
        let mut answers: [Option<&str>; 5] = [None; 5];
        let mut tags = tags(&text).peekable();
        while let Some(tag) = tags.next() {
            let Name::Answer(question) = tag.name else {
                continue;
            };
            if tag.closing {
                continue;
            }
            let end = tags.peek().map_or(text.len(), |next| next.range.start);
            let Some(slot) = answers.get_mut(question.number() as usize - 1) else {
                continue;
            };
            if slot.is_some() {
                return Err(Error::invalid(format!(
                    "line {}: {question} was answered already",
                    line(&text, tag.range.start)
                )));
            }
            *slot = text.get(tag.range.end..end);
            // `<Answer1>…<Answer1>` is one of the ways in which tags are closed wrongly.
            if tags.peek().is_some_and(|next| next.name == tag.name) {
                tags.next();
            }
        }
        let mut draft = Self::default();
        for (question, answer) in Question::ALL.into_iter().zip(answers) {
            let number = question.number();
            let answer = answer.ok_or_else(|| {
                Error::invalid(format!("the draft has no answer to {question}"))
                    .with_help(format!("add '<Answer{number}>…</Answer{number}>'"))
            })?;
            draft.set(question, unescaped(answer))?;
        }
        Ok(draft)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Draft,
    Question,
    Answer(Question),
}

struct Tag {
    name: Name,
    closing: bool,
    range: Range<usize>,
}

/// The tags in a text, in their order.
fn tags(text: &str) -> impl Iterator<Item = Tag> {
    text.match_indices('<').filter_map(|(start, _)| {
        let rest = text.get(start + 1..)?;
        let (closing, inner) = match rest.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, rest),
        };
        let (name, length) = name(inner)?;
        let end = start + 1 + usize::from(closing) + length;
        Some(Tag {
            name,
            closing,
            range: start..end,
        })
    })
}

/// The name at the start of `text`, up to `>`, and its length with that.
fn name(text: &str) -> Option<(Name, usize)> {
    if text.starts_with("Draft>") {
        return Some((Name::Draft, "Draft>".len()));
    }
    for (word, answer) in [("Question", false), ("Answer", true)] {
        let Some(rest) = text.strip_prefix(word) else {
            continue;
        };
        let question = Question::numbered(rest.chars().next()?.to_digit(10)?)?;
        let name = if answer {
            Name::Answer(question)
        } else {
            Name::Question
        };
        return rest
            .get(1..)?
            .starts_with('>')
            .then_some((name, word.len() + 2));
    }
    None
}

/// Whether a tag, or one that is escaped already, begins at this `<`.
fn needs_escape(rest: &str) -> bool {
    let rest = rest.trim_start_matches('\\');
    name(rest.strip_prefix('/').unwrap_or(rest)).is_some()
}

fn escaped(answer: &str) -> String {
    let mut out = String::with_capacity(answer.len());
    let mut pieces = answer.split('<');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push('<');
        if needs_escape(piece) {
            out.push('\\');
        }
        out.push_str(piece);
    }
    out
}

fn unescaped(answer: &str) -> String {
    let mut out = String::with_capacity(answer.len());
    let mut pieces = answer.split('<');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push('<');
        out.push_str(
            piece
                .strip_prefix('\\')
                .filter(|rest| needs_escape(rest))
                .unwrap_or(piece),
        );
    }
    out
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrongly_closed_tags_are_read() {
        let right = Draft::new(["a", "b", "c < d", "e", "f"]).unwrap();
        for (open, close) in [("</Answer", ">"), ("<Answer", ">"), ("", "")] {
            let mut text = String::from("<Draft>\n");
            for question in Question::ALL {
                let number = question.number();
                text.push_str(&format!(
                    "<Question{number}>What?\n<Answer{number}>{}",
                    right.answer(question)
                ));
                if !open.is_empty() {
                    text.push_str(&format!("{open}{number}{close}"));
                }
                text.push('\n');
            }
            assert_eq!(Draft::read(&text).unwrap(), right, "{text}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        let error = Draft::from_tagged("<Draft>\n<Answer1>a</Answer1>\n<Answer1>b</Answer1>");
        assert!(error.unwrap_err().to_string().starts_with("line 3:"));
        let error = Draft::from_tagged("<Answer1>a</Answer1>").unwrap_err();
        assert!(error.to_string().contains("question 2"), "{error}");
    }
}
