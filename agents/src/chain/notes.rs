//! Notes that grow from chunk to chunk and never exceed their limit.
//!
//! A small model that is to write notes anew for every chunk loses them, or repeats them instead of
//! reading. So a worker only copies what is new, and the notes are put together here.

use std::collections::HashSet;

use catena_core::TokenCounter;

use super::words::words;

/// What a note counts for a word that it shares with the question, and with another note.
const QUESTION: f64 = 1.0;
const NOTE: f64 = 0.25;

struct Note<'a> {
    text: &'a str,
    words: HashSet<String>,
}

/// The lines of `previous` and `found`, each said once and on a line of its own, within `limit`
/// tokens.
///
/// When they are too many, those go first that share the fewest words with the question and with
/// the other notes; of equal ones the later. A single one is not cut, whatever its length.
pub(super) fn collected(
    previous: &str,
    found: &[String],
    question: &str,
    limit: usize,
    counter: &dyn TokenCounter,
) -> String {
    let mut notes: Vec<Note> = Vec::new();
    for text in previous.lines().chain(found.iter().map(String::as_str)) {
        let note = Note {
            text: text.trim(),
            words: words(text),
        };
        // By their text: "Ann beat Bob" and "Bob beat Ann" have the same words.
        if !notes.iter().any(|known| known.text == note.text) {
            notes.push(note);
        }
    }
    let question = words(question);
    loop {
        let text = joined(&notes);
        if notes.len() < 2 || counter.count(&text) <= limit {
            return text;
        }
        let worth: Vec<f64> = (0..notes.len())
            .map(|index| worth(&notes, index, &question))
            .collect();
        let least = (0..notes.len())
            .rev()
            .min_by(|a, b| worth[*a].total_cmp(&worth[*b]));
        notes.remove(least.unwrap_or(0));
    }
}

fn joined(notes: &[Note]) -> String {
    let texts: Vec<&str> = notes.iter().map(|note| note.text).collect();
    texts.join("\n")
}

fn worth(notes: &[Note], index: usize, question: &HashSet<String>) -> f64 {
    let Some(note) = notes.get(index) else {
        return 0.0;
    };
    let others: HashSet<&String> = notes
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index)
        .flat_map(|(_, note)| &note.words)
        .filter(|word| !question.contains(*word))
        .collect();
    let asked = note.words.intersection(question).count() as f64;
    let linked = note
        .words
        .iter()
        .filter(|word| others.contains(word))
        .count() as f64;
    (QUESTION * asked + NOTE * linked) / (note.words.len().max(8) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use catena_core::WordCounter;

    fn notes(previous: &str, found: &[&str], limit: usize) -> String {
        let found: Vec<String> = found.iter().map(|text| (*text).to_owned()).collect();
        let question = "Where was the author of The Red Door born?";
        collected(previous, &found, question, limit, &WordCounter)
    }

    #[test]
    fn notes_grow_and_say_nothing_twice() {
        let first = "Anna Weiss wrote The Red Door.";
        let second = "Anna Weiss was born in Graz.";
        assert_eq!(notes("", &[first], 50), first);
        assert_eq!(notes(first, &[second], 50), format!("{first}\n{second}"));
        assert_eq!(
            notes(first, &[first, second], 50),
            format!("{first}\n{second}")
        );
        assert_eq!(
            notes("Ann beat Bob.", &["Bob beat Ann."], 50),
            "Ann beat Bob.\nBob beat Ann."
        );
    }

    #[test]
    fn what_has_least_to_do_with_the_question_goes_first() {
        let known = "It rained on the day of the fair.\nAnna Weiss wrote The Red Door.";
        assert_eq!(
            notes(known, &["Anna Weiss was born in Graz."], 14),
            "Anna Weiss wrote The Red Door.\nAnna Weiss was born in Graz."
        );
    }
}
