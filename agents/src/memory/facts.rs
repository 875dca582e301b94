//! What a message says about the one who writes.

use std::{collections::HashSet, sync::Arc};

use catena_core::{ChatModel, ChatRequest, Context, Prompt, Result, sentences};
use serde::Serialize;

use super::spare::short_of;
use crate::whole::{is_cut, tell_cut};

/// Learns facts from messages.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) prompt: Prompt,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
}

/// The most tokens of an answer.
const ANSWER_TOKENS: u32 = 64;

/// The most facts of one message.
const MOST: usize = 5;

#[derive(Serialize)]
struct Variables<'a> {
    known: &'a [String],
    message: &'a str,
}

impl Facts {
    /// The facts in a message, as what they are about and what holds. A message that only asks is
    /// not looked through, nor one that does not fit the window.
    pub(super) async fn learn(
        &self,
        cx: &Context,
        message: &str,
        known: Vec<String>,
    ) -> Result<Vec<(String, String)>> {
        if only_asks(message) {
            return Ok(Vec::new());
        }
        let messages = self.prompt.render(&Variables {
            known: &known,
            message,
        })?;
        let request = ChatRequest::new(messages).max_tokens(ANSWER_TOKENS);
        if self.model.prompt_tokens(&request) + u64::from(ANSWER_TOKENS) > self.window {
            let why = "the message is too long for the question that asks for them";
            short_of(cx, "the facts in the message", why);
            return Ok(Vec::new());
        }
        let answer = cx.chat(&*self.model, request).await?;
        tell_cut(cx, "the list of facts", answer.finish);
        let lines = match is_cut(answer.finish) {
            // The last one may say half of what holds.
            true => answer.text.rsplit_once('\n').map_or("", |(whole, _)| whole),
            false => &answer.text,
        };
        Ok(read(lines, message))
    }
}

fn only_asks(message: &str) -> bool {
    let mut all = sentences(message).map(|range| message[range].trim());
    all.all(|sentence| sentence.is_empty() || sentence.ends_with('?'))
}

/// The lines of an answer that are facts. A value has to stand in the message, word for word but for
/// case: small models fill in what they were shown in the examples.
fn read(answer: &str, message: &str) -> Vec<(String, String)> {
    let said = words(message);
    let mut seen = HashSet::new();
    answer
        .lines()
        .filter_map(|line| {
            line.trim()
                .trim_start_matches(['-', '*', ' '])
                .split_once(':')
        })
        .filter_map(|(about, value)| {
            let about = about_of(about);
            let value = value.trim().trim_end_matches('.').trim();
            let needed = words(value);
            let stands =
                !needed.is_empty() && said.windows(needed.len()).any(|window| window == needed);
            let is_new = !about.is_empty() && stands && seen.insert(about.clone());
            is_new.then(|| (about, value.to_owned()))
        })
        .take(MOST)
        .collect()
}

/// What a fact is about, so that the same thing has the same name.
fn about_of(about: &str) -> String {
    let about = about.trim().to_lowercase();
    let mut words: Vec<_> = about.split_whitespace().collect();
    while let Some(first) = words.first()
        && ["my", "the", "user's", "writer's", "a", "an"].contains(first)
    {
        words.remove(0);
    }
    words.join(" ")
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_to_stand_in_the_message() {
        let message = "I sold the car. My dog Rex is five now!";
        let answer = "name of the dog: rex\n- The age of the dog: five\njob: nurse\nnone\nname of the dog: Max";
        let facts = read(answer, message);
        let expected = [("name of the dog", "rex"), ("age of the dog", "five")];
        assert_eq!(facts, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn questions_alone_tell_nothing() {
        assert!(only_asks("What is my dog called? And the cat?"));
        assert!(!only_asks("My dog is called Rex. What is yours called?"));
    }
}
