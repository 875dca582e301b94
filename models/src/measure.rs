//! How fast a model is: one request on a clock, and many of different lengths at a time.
//!
//! # Example: how long the first token takes
//!
//! ```
//! use std::time::Instant;
//!
//! use catena_core::{ChatMessage, ChatRequest};
//! use catena_models::{ScriptedModel, measure};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
//! let model = ScriptedModel::new().otherwise("Once upon a time there was a keeper.");
//! let story = measure::story(&model, 1, 200);
//! let request = ChatRequest::new([ChatMessage::user(story)]).max_tokens(16);
//! let timed = measure::timed(&model, request, Instant::now).await?;
//! println!("{:?} to read {} tokens", timed.first - timed.begun, timed.usage.input_tokens);
//! # Ok(()) }
//! ```

use std::{
    fmt,
    time::{Duration, Instant},
};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Delta, Error, Result, Usage};
use futures::{StreamExt, TryStreamExt, stream};

/// How many requests a [`crowd`] has.
pub const CROWD: usize = 32;

/// When a request was made and answered, on the clock that [`timed`] was given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timed<C> {
    /// Before it was made.
    pub begun: C,
    /// When the first text came; as `end` if none did.
    pub first: C,
    /// When the answer was whole.
    pub end: C,
    /// In how many pieces its text came; 0 if there was none.
    pub pieces: usize,
    /// What it took, as the model reports it.
    pub usage: Usage,
}

/// Makes a request and reads `clock` when it begins, at the first text and at the end.
///
/// # Errors
///
/// Those of the model; malformed output if its stream ends before the answer does.
///
/// # Cancel safety
///
/// Dropping the future gives the request up.
pub async fn timed<C: Copy>(
    model: &dyn ChatModel,
    request: ChatRequest,
    clock: impl Fn() -> C,
) -> Result<Timed<C>> {
    let begun = clock();
    let mut first = None;
    let mut pieces = 0;
    let mut stream = model.stream(request).await?;
    while let Some(delta) = stream.next().await {
        match delta? {
            Delta::Text(_) => {
                first.get_or_insert_with(&clock);
                pieces += 1;
            }
            Delta::End { usage, .. } => {
                let end = clock();
                let first = first.unwrap_or(end);
                return Ok(Timed {
                    begun,
                    first,
                    end,
                    pieces,
                    usage,
                });
            }
            _ => {}
        }
    }
    Err(Error::malformed_output("the answer broke off"))
}

/// A prompt of about `length` tokens, as `model` counts them, that a model likes to go on with.
///
/// It begins with `name`: two stories of different names have no beginning in common that a prefix
/// cache could use.
pub fn story(model: &dyn ChatModel, name: u64, length: u64) -> String {
    let mut text = format!("{name}. Continue this story at great length.\n");
    let mut day = 1000 * name;
    while tokens(model, &text) < length {
        day += 1;
        text += &format!("On day {day} the keeper of the lighthouse counted the ships. ");
    }
    text
}

fn tokens(model: &dyn ChatModel, text: &str) -> u64 {
    model.prompt_tokens(&ChatRequest::new([ChatMessage::user(text)]))
}

/// What a [`crowd`] took.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Crowd {
    /// How many requests were under way at a time.
    pub at_a_time: usize,
    /// From the first request to the last answer.
    pub time: Duration,
    /// The longest that one request waited for its answer.
    pub slowest: Duration,
    /// Of all of them together.
    pub usage: Usage,
}

/// Asks [`CROWD`] requests of very different lengths, `at_a_time` under way at a time: prompts of 40
/// to `longest` tokens without order, answers of 8 to 64. Crowds of different `name`s share no
/// prompts.
///
/// # Errors
///
/// The first error of a request; the others are given up.
///
/// # Cancel safety
///
/// Dropping the future gives all requests up.
pub async fn crowd(
    model: &dyn ChatModel,
    name: u64,
    at_a_time: usize,
    longest: u64,
) -> Result<Crowd> {
    let members: Vec<_> = (0..CROWD as u64)
        .map(|number| member(model, name, number, longest))
        .collect();
    let begun = Instant::now();
    let asked = members
        .into_iter()
        .map(|request| timed(model, request, Instant::now));
    let answers: Vec<Timed<Instant>> = stream::iter(asked)
        .buffer_unordered(at_a_time)
        .try_collect()
        .await?;
    let waited = answers.iter().map(|timed| timed.end - timed.begun);
    Ok(Crowd {
        at_a_time,
        time: begun.elapsed(),
        slowest: waited.max().unwrap_or_default(),
        usage: answers.iter().map(|timed| timed.usage).sum(),
    })
}

/// A request of a crowd, of which the lengths follow from its number: neighbours are not alike.
fn member(model: &dyn ChatModel, crowd: u64, number: u64, longest: u64) -> ChatRequest {
    let count = CROWD as u64;
    let mixed = number * 13 % count;
    let length = 40 + mixed * longest.saturating_sub(40) / (count - 1);
    let prompt = story(model, crowd * count + number, length);
    let answer = 8 + (number * 7 % count) as u32 * 56 / (CROWD as u32 - 1);
    ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(answer)
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "{:2} at a time: {} answered in {seconds:.1} s; {:.0} tokens/s read and {:.0} written, \
             together; the slowest took {:.1} s",
            self.at_a_time,
            self.usage.calls,
            self.usage.input_tokens as f64 / seconds,
            self.usage.output_tokens as f64 / seconds,
            self.slowest.as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::HashSet};

    use super::*;
    use crate::ScriptedModel;

    #[tokio::test]
    async fn the_clock_is_read_at_the_beginning_the_first_text_and_the_end() {
        let model = ScriptedModel::new().otherwise("one two three");
        let ticks = Cell::new(0);
        let clock = || ticks.replace(ticks.get() + 1);
        let request = ChatRequest::new([ChatMessage::user("count")]);
        let timed = timed(&model, request, clock).await.unwrap();
        assert_eq!((timed.begun, timed.first, timed.end), (0, 1, 2));
        assert!(timed.usage.output_tokens > 0);
    }

    #[test]
    fn a_story_is_as_long_as_asked_and_begins_like_no_other() {
        let model = ScriptedModel::new();
        let (one, other) = (story(&model, 1, 300), story(&model, 2, 300));
        assert!((300..340).contains(&tokens(&model, &one)));
        assert_ne!(one.chars().next(), other.chars().next());
    }

    #[tokio::test]
    async fn a_crowd_is_of_very_different_lengths_and_answered_to_the_last() {
        let model = ScriptedModel::new().otherwise("yes");
        let crowd = crowd(&model, 1, 8, 2000).await.unwrap();
        assert_eq!(crowd.usage.calls, 32);
        let members: Vec<_> = (0..32)
            .map(|number| member(&model, 1, number, 2000))
            .collect();
        let lengths: Vec<_> = members
            .iter()
            .map(|request| model.prompt_tokens(request))
            .collect();
        assert!(lengths.iter().min().unwrap() < &80 && lengths.iter().max().unwrap() > &1900);
        let answers: HashSet<_> = members.iter().map(|request| request.max_tokens).collect();
        assert!(answers.len() > 16, "{answers:?}");
    }
}
