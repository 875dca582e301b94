//! A question with two answers.

use std::sync::Arc;

use catena_core::{ChatModel, ChatRequest, Context, Prompt, Result, Scorer};
use serde::Serialize;

/// Asks for one of two words: by their probabilities where the model gives them, which is one token read
/// off and not to be misread, and by what it says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) scorer: Option<Arc<dyn Scorer>>,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
}

/// The two words that an answer may be. They begin with different tokens.
pub(super) struct Choice {
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asked {
    /// Whether it is the first word; `None` when the answer could not be read.
    pub(super) yes: Option<bool>,
    /// The probability of the first word beside the other, where there are probabilities.
    pub(super) probability: Option<f32>,
}

/// Words that an answer may begin with.
const ANSWER_TOKENS: u32 = 4;

/// Alternatives looked through for the two words.
const ALTERNATIVES: u8 = 10;

impl Asker {
    /// Asks; `None` when the question does not fit the window.
    pub(super) async fn ask(
        &self,
        cx: &Context,
        prompt: &Prompt,
        choice: &Choice,
        variables: &impl Serialize,
    ) -> Result<Option<Asked>> {
        let messages = prompt.render(variables)?;
        let request = ChatRequest::new(messages).max_tokens(ANSWER_TOKENS);
        let profile = self.model.profile();
        let needed = self.model.prompt_tokens(&request) + u64::from(ANSWER_TOKENS);
        if needed > self.window {
            return Ok(None);
        }
        if let Some(scorer) = &self.scorer {
            let choices = [choice.yes.to_owned(), choice.no.to_owned()];
            let score = cx.score(&**scorer, request, &choices).await?;
            return Ok(Some(Asked::probable(score.logprobs[0].exp())));
        }
        let request = match profile.logprobs {
            true => request.logprobs(ALTERNATIVES),
            false => request,
        };
        let answer = cx.chat(&*self.model, request).await?;
        let first = answer.logprobs.first();
        let probable = first.and_then(|token| {
            let probability = |word: &str| -> f32 {
                let of_word = token.top.iter().filter(|(text, _)| begins(word, text));
                of_word.map(|(_, logprob)| logprob.exp()).sum()
            };
            let (yes, no) = (probability(choice.yes), probability(choice.no));
            (yes + no > 0.0).then(|| Asked::probable(yes / (yes + no)))
        });
        Ok(Some(probable.unwrap_or(Asked {
            yes: said(&answer.text, choice),
            probability: None,
        })))
    }
}

impl Asked {
    fn probable(probability: f32) -> Self {
        Self {
            yes: Some(probability >= 0.5),
            probability: Some(probability),
        }
    }
}

/// Whether a token is the beginning of a word, which may take several. A single letter says too little, and what
/// is a word itself says something else: "No" is no "notes".
fn begins(word: &str, token: &str) -> bool {
    const WORDS: &[&str] = &["no", "not"];
    let token = token.trim().to_lowercase();
    let word = word.to_lowercase();
    token == word || token.len() > 1 && word.starts_with(&token) && !WORDS.contains(&token.as_str())
}

/// Which of the two words comes first, if the answer begins with one of them.
fn said(text: &str, choice: &Choice) -> Option<bool> {
    let first = text
        .split(|c: char| !c.is_alphabetic())
        .find(|word| !word.is_empty())?;
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    match (is(choice.yes), is(choice.no)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICE: Choice = Choice {
        yes: "notes",
        no: "general",
    };

    #[test]
    fn the_first_word_counts() {
        assert_eq!(said(" Notes.", &CHOICE), Some(true));
        assert_eq!(said("**general**, no notes", &CHOICE), Some(false));
        assert_eq!(said("I would say notes", &CHOICE), None);
        assert_eq!(said("\n", &CHOICE), None);
    }

    #[test]
    fn a_word_may_take_several_tokens() {
        assert!(begins("general", " gener"));
        assert!(begins("Yes", "yes"));
        assert!(!begins("notes", "n"));
        assert!(!begins("notes", "No") && !begins("notes", "not"));
        assert!(begins("general", " gene") && begins("no", "No") && begins("notes", " note"));
        assert!(!begins("notes", "general"));
        assert!(!begins("notes", " "));
    }
}
