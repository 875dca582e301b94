//! QuALITY in the form of L-Eval: a text with questions, each with its options in the same string.

use serde::Deserialize;

use super::{Item, Paragraph};

#[derive(Deserialize)]
pub(super) struct Quality {
    input: String,
    /// Questions, each followed by lines ` (A) …` to ` (D) …`.
    instructions: Vec<String>,
    /// For each question the right option, with its letter.
    outputs: Vec<String>,
}

pub(super) fn items(record: Quality, line: usize) -> Result<Vec<Item>, String> {
    let (questions, answers) = (record.instructions.len(), record.outputs.len());
    if questions != answers {
        return Err(format!(
            "`instructions` has {questions} questions, `outputs` {answers} answers"
        ));
    }
    let pairs = record.instructions.iter().zip(&record.outputs);
    (1..)
        .zip(pairs)
        .map(|(number, (instruction, output))| {
            let (question, choices) = question(instruction).ok_or_else(|| {
                format!("question {number} is not followed by options (A), (B) …")
            })?;
            let answer = answer(output, &choices)
                .ok_or_else(|| format!("the answer to question {number} is none of its options"))?;
            Ok(Item {
                id: format!("{line}-{number}"),
                context: vec![Paragraph {
                    title: String::new(),
                    text: record.input.clone(),
                }],
                question,
                answers: vec![answer],
                choices,
                supporting: Vec::new(),
            })
        })
        .collect()
}

/// Separates the question from its options, which are lettered in order.
fn question(instruction: &str) -> Option<(String, Vec<String>)> {
    let mut question = String::new();
    let mut choices: Vec<String> = Vec::new();
    for line in instruction.lines() {
        let next = lettered(line.trim()).filter(|(index, _)| *index == choices.len());
        match (next, choices.last_mut()) {
            (Some((_, text)), _) => choices.push(text.to_owned()),
            (None, Some(choice)) => append(choice, line),
            (None, None) => append(&mut question, line),
        }
    }
    let whole =
        !question.is_empty() && choices.len() >= 2 && choices.iter().all(|text| !text.is_empty());
    whole.then_some((question, choices))
}

/// Adds a further line to a text that goes over several.
fn append(text: &mut String, line: &str) {
    let line = line.trim();
    if !text.is_empty() && !line.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// The option that `(B) The text` gives, if letter and text agree.
fn answer(output: &str, choices: &[String]) -> Option<String> {
    let (index, text) = lettered(output.trim())?;
    let choice = choices.get(index)?;
    choice
        .split_whitespace()
        .eq(text.split_whitespace())
        .then(|| choice.clone())
}

/// `(B) The text` as 1 and the text.
fn lettered(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix('(')?;
    let index = ('A'..='H').position(|letter| rest.starts_with(letter))?;
    Some((index, rest.get(1..)?.strip_prefix(')')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_go_over_several_lines() {
        let (stem, choices) =
            question("Who (A) came?\nSay.\n\n (A) Ann\n  or Bo \n (B) (A) nobody").unwrap();
        assert_eq!(stem, "Who (A) came?\nSay.");
        assert_eq!(choices, ["Ann\nor Bo", "(A) nobody"]);
    }

    #[test]
    fn a_question_without_options_is_refused() {
        assert_eq!(question("Who came?"), None);
        assert_eq!(question("Who came?\n (A) Ann"), None);
        assert_eq!(question("Who came?\n (B) Ann\n (C) Bo"), None);
    }

    #[test]
    fn letter_and_text_of_an_answer_agree() {
        let choices = ["Ann  came".to_owned(), "Bo".to_owned()];
        assert_eq!(
            answer("(A) Ann came", &choices).as_deref(),
            Some("Ann  came")
        );
        assert_eq!(answer("(B) Ann came", &choices), None);
        assert_eq!(answer("(C) Bo", &choices), None);
        assert_eq!(answer("Bo", &choices), None);
    }
}
