//! A question that is answered with Yes or No.

use std::sync::Arc;

use catena_core::{ChatModel, ChatRequest, Context, Prompt, Result, Scorer};
use serde::Serialize;

/// Asks for Yes or No: by the probabilities of the two words where the model gives them, which is
/// one token read off and not to be misread, and by what it says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) scorer: Option<Arc<dyn Scorer>>,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asked {
    /// `None` when the answer could not be read.
    pub(super) yes: Option<bool>,
    /// The probability of Yes beside No, where there are probabilities.
    pub(super) probability: Option<f32>,
}

/// Words that an answer may begin with.
const ANSWER_TOKENS: u32 = 4;

/// Alternatives looked through for Yes and No.
const ALTERNATIVES: u8 = 10;

impl Asker {
    /// Asks; `None` when the question does not fit the window.
    pub(super) async fn ask(
        &self,
        cx: &Context,
        prompt: &Prompt,
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
            let choices = ["Yes".to_owned(), "No".to_owned()];
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
                let of_word = token
                    .top
                    .iter()
                    .filter(|(text, _)| text.trim().eq_ignore_ascii_case(word));
                of_word.map(|(_, logprob)| logprob.exp()).sum()
            };
            let (yes, no) = (probability("yes"), probability("no"));
            (yes + no > 0.0).then(|| Asked::probable(yes / (yes + no)))
        });
        Ok(Some(probable.unwrap_or(Asked {
            yes: said(&answer.text),
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

/// Yes or No, if the first word is one of them.
fn said(text: &str) -> Option<bool> {
    let first = text
        .split(|c: char| !c.is_alphabetic())
        .find(|word| !word.is_empty())?;
    match first.to_ascii_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts() {
        assert_eq!(said(" Yes."), Some(true));
        assert_eq!(said("**No**, because yes"), Some(false));
        assert_eq!(said("I would say yes"), None);
        assert_eq!(said("\n"), None);
    }
}
