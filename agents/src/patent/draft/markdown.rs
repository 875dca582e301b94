//! A draft as Markdown: a heading for each question, the answer below it.

use std::collections::BTreeMap;

use catena_core::{Error, Result};

use super::{Draft, Question, readable, unix_lines};

impl Draft {
    /// Markdown: a heading and the question, quoted, for each answer.
    ///
    /// A line of an answer that would read as one of these headings gets a backslash before it.
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("# Draft\n");
        for question in Question::ALL {
            out.push_str(&format!(
                "\n## {}. {}\n\n> {}\n",
                question.number(),
                question.title(),
                question.text()
            ));
            let answer = self.answer(question);
            if answer.is_empty() {
                continue;
            }
            out.push('\n');
            for line in answer.split('\n') {
                if question_of(line.trim_start_matches('\\')).is_some() {
                    out.push('\\');
                }
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }

    /// Reads Markdown with the five headings, in any order and of any level: `## 1. Technical
    /// problem`, `# Technical problem` and `### 1` are the same. The question may be quoted below.
    ///
    /// # Errors
    ///
    /// A text that is too long, a heading that is missing or comes twice, and text before the first
    /// heading other than a title; with the line.
    pub fn from_markdown(text: &str) -> Result<Self> {
        let text = unix_lines(readable(text)?);
        let mut found: BTreeMap<Question, (usize, String)> = BTreeMap::new();
        let mut current = None;
        for (index, line) in text.split('\n').enumerate() {
            let number = index + 1;
            if let Some(question) = question_of(line) {
                if let Some((first, _)) = found.insert(question, (number, String::new())) {
                    return Err(Error::invalid(format!(
                        "line {number}: {question} was answered at line {first} already"
                    )));
                }
                current = Some(question);
                continue;
            }
            let Some((_, answer)) = current.and_then(|question| found.get_mut(&question)) else {
                if line.trim().is_empty() || line.trim_start().starts_with('#') {
                    continue;
                }
                return Err(Error::invalid(format!(
                    "line {number}: this text stands before the first question"
                ))
                .with_help("answers stand below headings such as '## 1. Technical problem'"));
            };
            let unescaped = line
                .strip_prefix('\\')
                .filter(|rest| question_of(rest.trim_start_matches('\\')).is_some());
            answer.push_str(unescaped.unwrap_or(line));
            answer.push('\n');
        }
        let mut draft = Self::default();
        for question in Question::ALL {
            let Some((_, answer)) = found.get(&question) else {
                return Err(
                    Error::invalid(format!("the draft has no heading for {question}")).with_help(
                        format!(
                            "add the line '## {}. {}' and the answer below it; it may be empty",
                            question.number(),
                            question.title()
                        ),
                    ),
                );
            };
            draft.set(question, without_question(answer, question))?;
        }
        Ok(draft)
    }
}

/// The answer without the question quoted above it.
fn without_question(answer: &str, question: Question) -> &str {
    let answer = answer.trim();
    let Some(rest) = answer
        .strip_prefix('>')
        .and_then(|quote| quote.trim_start().strip_prefix(question.text()))
    else {
        return answer;
    };
    // More on the same line is an answer that quotes the question.
    if rest.is_empty() || rest.starts_with('\n') {
        rest
    } else {
        answer
    }
}

/// The question that a line is the heading of.
fn question_of(line: &str) -> Option<Question> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    if !(1..=6).contains(&level) {
        return None;
    }
    let heading = line.get(level..)?;
    if !heading.starts_with([' ', '\t']) {
        return None;
    }
    let heading = heading.trim().trim_end_matches('#').trim_end();
    let digits = heading.bytes().take_while(u8::is_ascii_digit).count();
    let (number, name) = heading.split_at_checked(digits)?;
    let name = name.trim_start_matches(['.', ')', ':']).trim();
    let named = Question::ALL
        .into_iter()
        .find(|question| name.eq_ignore_ascii_case(question.title()));
    if number.is_empty() {
        return named;
    }
    let numbered = Question::numbered(number.parse().ok()?)?;
    (name.is_empty() || named == Some(numbered)).then_some(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let draft = Draft::from_markdown(
            "# My cup\r\n\r\n# drawings\r\nNone.\r\n## 1) Technical Problem ##\r\nTips over.\r\n\
             ### 2\r\n## Technical solution\r\n### A foot\r\nIt is wide.\r\n## 4. Key points\r\n- foot",
        )
        .unwrap();
        assert_eq!(draft.answer(Question::Problem), "Tips over.");
        assert_eq!(draft.answer(Question::Background), "");
        assert_eq!(draft.answer(Question::Solution), "### A foot\nIt is wide.");
        assert_eq!(draft.answer(Question::KeyPoints), "- foot");
        assert_eq!(draft.answer(Question::Drawings), "None.");
    }

    #[test]
    fn errors_name_the_line_or_the_question() {
        let place = |text: &str| Draft::from_markdown(text).unwrap_err().to_string();
        assert!(place("\nHello\n").starts_with("line 2:"));
        assert!(place("## 1. Technical problem\nx\n## Technical problem").starts_with("line 3:"));
        assert!(place("## 1. Technical problem\n").contains("no heading for question 2"));
    }

    #[test]
    fn a_heading_of_another_number_is_text() {
        assert_eq!(question_of("## 2. Technical problem"), None);
        assert_eq!(question_of("## 6. Drawings"), None);
        assert_eq!(question_of("####### 1"), None);
        assert_eq!(question_of("##1"), None);
    }
}
