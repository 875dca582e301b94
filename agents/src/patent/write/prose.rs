//! What a model writes becomes prose of a patent: without Markdown, talk about itself, gaps and repetition.

use std::collections::HashSet;

use catena_core::sentences;

use super::super::{check::words, gaps::opening};

/// A text that cannot end the marks around it in a prompt.
pub(super) fn fenced(text: &str) -> String {
    text.replace("\"\"\"", "'''")
}

/// The first sentences of a text that together count at most `most`; all of it if it does.
pub(super) fn within(text: &str, most: usize, count: impl Fn(&str) -> usize) -> &str {
    let (mut total, mut end) = (0, 0);
    for range in sentences(text) {
        total += count(text.get(range.clone()).unwrap_or_default());
        if total > most {
            return text.get(..end).unwrap_or_default();
        }
        end = range.end;
    }
    text
}

/// One line without quotes, a label before it and punctuation behind it.
pub(super) fn line(text: &str, label: &str) -> String {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("```"))
        .unwrap_or_default();
    let mut text = without_marks(first);
    for label in [label, "Title", "Answer"] {
        let found = text
            .get(..label.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(label));
        if let Some(rest) = text
            .get(label.len()..)
            .and_then(|rest| rest.trim_start().strip_prefix(':'))
            && found
        {
            text = rest.trim().to_owned();
        }
    }
    if is_talk(&text) || has_gap(&text) {
        return String::new();
    }
    text.trim_matches(|c: char| c.is_whitespace() || "\"'“”‘’*_`.:;,".contains(c))
        .to_owned()
}

/// Whether a text says anything: a word or two is no sentence, whoever asked for it.
pub(super) fn is_said(text: &str) -> bool {
    text.split_whitespace().nth(2).is_some()
}

/// Paragraphs of prose, divided by blank lines. `cut`: the text was cut off, and its last sentence goes
/// unless it is whole.
pub(super) fn clean(text: &str, cut: bool) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut seen = HashSet::new();
    let mut push = |open: &mut String| {
        let text = std::mem::take(open);
        let kept = kept_sentences(&text, &mut seen);
        if !kept.is_empty() {
            paragraphs.push(kept);
        }
    };
    let mut lines = text.trim_end().lines().peekable();
    while let Some(raw) = lines.next() {
        let line = raw.trim();
        let broken = cut && lines.peek().is_none();
        if line.is_empty() {
            push(&mut open);
            continue;
        }
        if line.starts_with("```") || is_heading(line) || line.chars().all(|c| "-=*_".contains(c)) {
            push(&mut open);
            continue;
        }
        let (item, listed) = without_bullet(line);
        let mut item = without_label(&without_marks(item)).to_owned();
        if listed && !broken && !item.is_empty() && !item.ends_with(['.', ':', ';', ',', '!', '?'])
        {
            item.push('.');
        }
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(&item);
    }
    push(&mut open);
    if let Some((_, before)) = paragraphs.split_last_mut() {
        for paragraph in before {
            if paragraph.ends_with(char::is_alphanumeric) {
                paragraph.push('.');
            }
        }
    }
    if cut {
        drop_broken(&mut paragraphs);
    }
    paragraphs.join("\n\n")
}

/// The sentences that may stay, each once in the whole text.
fn kept_sentences(text: &str, seen: &mut HashSet<String>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for range in sentences(text) {
        let sentence = text.get(range).unwrap_or_default().trim();
        let key: String = sentence
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect();
        if !key.chars().any(char::is_alphabetic)
            || is_talk(sentence)
            || has_gap(sentence)
            || !seen.insert(key)
        {
            continue;
        }
        kept.push(sentence);
    }
    // What it announces is gone, or stands elsewhere.
    while kept.last().is_some_and(|last| last.ends_with(':')) {
        kept.pop();
    }
    kept.join(" ")
}

/// A text cut off loses its last sentence unless it ends as one does, or nothing else is there.
fn drop_broken(paragraphs: &mut Vec<String>) {
    let alone = paragraphs.len() == 1;
    let Some(last) = paragraphs.last_mut() else {
        return;
    };
    if last.ends_with(['.', '!', '?', '”', '"']) {
        return;
    }
    let start = sentences(last).last().map_or(0, |range| range.start);
    if start == 0 && alone {
        // Better a sentence that ends early than none.
        let end = last.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')');
        *last = format!("{end}.");
        return;
    }
    last.truncate(start);
    last.truncate(last.trim_end().len());
    if last.is_empty() {
        paragraphs.pop();
    }
}

/// What speaks of the writing instead of the invention.
fn is_talk(sentence: &str) -> bool {
    const STARTS: &[&str] = &[
        "here is",
        "here's",
        "here are",
        "sure,",
        "sure!",
        "certainly",
        "of course",
        "as an ai",
        "i'm sorry",
        "i am sorry",
        "i cannot",
        "i hope",
        "please note",
        "please provide",
        "note that this",
        "note:",
        "this subsection",
        "the summary section",
        "the summary of the",
        "the background section",
        "the background of the",
        "this summary",
        "this background",
        "in this subsection",
        "this section",
        "in this section",
        "the following subsection",
        "the following section",
        "let me know",
        "based on the notes",
        "based on the provided",
        "according to the notes",
        "the notes ",
        "the inventor's notes",
        "the text above",
        "in conclusion",
        "in summary",
        "overall,",
        "the revised",
        "revised text",
    ];
    const ANYWHERE: &[&str] = &[
        "in the notes",
        "from the notes",
        "by the notes",
        "the inventor's notes",
        "the detailed description begins",
        "this subsection",
    ];
    let lower = sentence.to_lowercase();
    STARTS.iter().any(|start| lower.starts_with(start))
        || ANYWHERE.iter().any(|phrase| lower.contains(phrase))
        || mentions_claim(&lower)
}

/// `claim 1`: claims change, and the description should not have to.
fn mentions_claim(lower: &str) -> bool {
    lower.match_indices("claim").any(|(at, word)| {
        let rest = lower.get(at + word.len()..).unwrap_or_default();
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        rest.strip_prefix(' ')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// What is left to be filled in.
fn has_gap(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    opening(sentence).is_some() || lower.contains("todo:") || lower.contains("tbd")
}

fn is_heading(line: &str) -> bool {
    let marks = line.starts_with('#');
    let bold = line.starts_with("**")
        && line.trim_end_matches(':').ends_with("**")
        && line.matches("**").count() == 2;
    let words = line.split_whitespace().count();
    let label = words <= 6 && line.ends_with(':');
    let bare = words <= 8
        && !line.ends_with(['.', '!', '?', ';', ',', ')', '"'])
        && line
            .split_whitespace()
            .filter(|word| word.chars().count() > 3)
            .all(|word| word.starts_with(char::is_uppercase));
    marks || bold || label || bare
}

/// A line without the bullet or number of a list, and whether it had one.
fn without_bullet(line: &str) -> (&str, bool) {
    for bullet in ["- ", "* ", "• ", "+ "] {
        if let Some(rest) = line.strip_prefix(bullet) {
            return (rest.trim(), true);
        }
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).unwrap_or_default();
    match rest.strip_prefix(['.', ')']) {
        Some(rest) if (1..=2).contains(&digits) && rest.starts_with(' ') => (rest.trim(), true),
        _ => match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            // A paragraph number.
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                (rest.trim(), false)
            }
            _ => (line, false),
        },
    }
}

/// A line without the name of its subject before it: `Foot: The foot is wide.`
fn without_label(line: &str) -> &str {
    let Some((label, rest)) = line.split_once(": ") else {
        return line;
    };
    let words: Vec<&str> = label.split_whitespace().collect();
    let name = words.len() <= 4
        && words.first().is_some_and(|word| {
            word.starts_with(char::is_uppercase) && !["The", "A", "An", "FIG."].contains(word)
        })
        && words
            .iter()
            .all(|word| word.chars().all(|c| c.is_alphanumeric() || c == '-'));
    const FIELDS: &[&str] = &[
        "Function",
        "Functions",
        "Components",
        "Purpose",
        "Role",
        "Example",
        "Benefits",
        "Features",
        "Advantage",
    ];
    match name && rest.starts_with(char::is_uppercase) {
        // "Function: Acts as a hub": of a form, not of a text.
        true if FIELDS.contains(&label) => "",
        true => rest,
        false => line,
    }
}

fn without_marks(text: &str) -> String {
    text.replace("**", "").replace("__", "").replace('`', "")
}

/// The beginning of a text, of whole sentences with at most `limit` words; of a first sentence that is
/// longer, so many words.
pub(super) fn first_words(text: &str, limit: usize) -> String {
    let mut end = 0;
    for range in sentences(text) {
        let so_far = text.get(..range.end).unwrap_or_default();
        if so_far.split_whitespace().count() > limit {
            break;
        }
        end = range.end;
    }
    if end > 0 {
        return text.get(..end).unwrap_or_default().trim().to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().take(limit).collect();
    let text = words.join(" ");
    match text.is_empty() {
        true => text,
        false => format!("{}.", text.trim_end_matches(['.', ',', ';', ':'])),
    }
}

/// Whether a sentence cannot be understood without the one before it.
pub(super) fn leans(sentence: &str) -> bool {
    words(sentence).first().is_some_and(|word| {
        word.is(&[
            "it", "its", "this", "these", "they", "their", "those", "such", "that", "he", "she",
            "both", "here",
        ])
    })
}

/// One paragraph of all.
pub(super) fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_answer_whole_sentences_are_taken() {
        let words = |text: &str| text.split_whitespace().count();
        let text = "The foot is wide. The rim is thin. The lid closes.";
        assert_eq!(
            within(text, 8, words).trim_end(),
            "The foot is wide. The rim is thin."
        );
        assert_eq!(within(text, 11, words), text);
        assert_eq!(within(text, 3, words), "");
    }

    #[test]
    fn prose_is_left_of_what_a_chat_model_writes() {
        let answer = "Certainly! Here is the subsection:\n\n### 1. The Foot\n\n**Structure:**\n\
                      The foot is `wide`. The foot is wide.\n- Material: It is made of cork\n- [Insert more]\n\n\
                      The use is as follows:\n\n3.\n\n[0012] The rim is **thin**.\n\nIn conclusion, it is good.\nThe lid clos";
        assert_eq!(
            clean(answer, true),
            "The foot is wide. It is made of cork.\n\nThe rim is thin."
        );
    }

    #[test]
    fn a_text_is_never_emptied_by_its_limit() {
        assert_eq!(clean("The foot is wi", true), "The foot is wi.");
        assert_eq!(clean("One is here.\n\nTwo is th", true), "One is here.");
        let list = "1. The foot is wide.\n2. The rim is round";
        assert_eq!(clean(list, true), "The foot is wide.");
        assert_eq!(clean(list, false), "The foot is wide. The rim is round.");
        assert_eq!(clean("The foot is wide", false), "The foot is wide");
        assert_eq!(clean(" \n```\n", true), "");
    }

    #[test]
    fn a_line_is_one() {
        assert_eq!(line("\n**Title:** \"A Cup.\"\nIt is.", "Title"), "A Cup");
        assert_eq!(line("Cup: the best", "Title"), "Cup: the best");
        for none in ["", "I cannot help with that.", "[To be written]"] {
            assert_eq!(line(none, "Title"), "");
        }
    }

    #[test]
    fn the_first_words_are_whole_sentences() {
        let text = "One two three. Four five. Six.";
        assert_eq!(first_words(text, 5), "One two three. Four five.");
        assert_eq!(first_words(text, 2), "One two.");
        assert_eq!(first_words("", 2), "");
    }

    #[test]
    fn marks_of_a_prompt_cannot_be_closed_from_inside() {
        assert_eq!(fenced("a \"\"\" b"), "a ''' b");
    }
}
