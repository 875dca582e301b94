//! The scripted model as a [`ChatModel`] and as a [`Scorer`].

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Error, FinishReason, ModelProfile, Result, Score, Scorer,
    TokenCounter, Usage,
};

use super::{
    ScriptedModel,
    answer::{Answer, truncate},
    script::Said,
};
use crate::stop::find_stop;

#[async_trait]
impl ChatModel for ScriptedModel {
    fn profile(&self) -> &ModelProfile {
        &self.settings.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.settings.counter
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let in_flight = self.record.begin();
        let settings = &*self.settings;
        let profile = &settings.profile;
        let limit = request.max_tokens.unwrap_or(profile.max_output_tokens);
        let stops = request.stop.clone();
        let logprobs = profile.logprobs && request.logprobs.is_some();
        let (said, input) = self.reply(request).await?;
        let (mut text, mut calls) = (said.text, said.calls);

        let mut finish = FinishReason::Stop;
        if let Some(at) = find_stop(&text, &stops) {
            text.truncate(at);
            calls.clear();
        }
        let room = u64::from(profile.context_window).saturating_sub(input);
        let limit = u64::from(limit).min(room);
        let end = truncate(&text, limit, &settings.counter).len();
        if end < text.len() {
            text.truncate(end);
            finish = FinishReason::Length;
            calls.clear();
        }
        if !calls.is_empty() {
            finish = FinishReason::ToolCalls;
        }
        let answer = Answer::new(text, finish, input, settings.counter.clone(), in_flight)
            .with_calls(calls)
            .with_logprobs(logprobs)
            .paced(settings.token_latency);
        Ok(Box::pin(answer))
    }
}

impl ScriptedModel {
    /// Records the request, waits, and gives the whole reply and the tokens of the prompt.
    async fn reply(&self, request: ChatRequest) -> Result<(Said, u64)> {
        let settings = &*self.settings;
        let input = self.prompt_tokens(&request);
        let window = u64::from(settings.profile.context_window);
        let reply = match input.checked_sub(window) {
            Some(missing) if missing > 0 => Err(Error::context_overflow(
                missing,
                format!("a prompt of {input} tokens does not fit the window of {window}"),
            )),
            _ => settings.script.reply(&request, || self.record.next_reply()),
        };
        if settings.recording {
            self.record.keep(request);
        }
        if !settings.latency.is_zero() {
            tokio::time::sleep(settings.latency).await;
        }
        Ok((reply?, input))
    }
}

/// The probability of the choice that the scripted answer begins with; the others share the rest.
const LIKELY: f32 = 0.9;

/// The choice that the scripted answer begins with has a probability of 0.9 and the others share
/// the rest; without such a choice all are equally likely.
#[async_trait]
impl Scorer for ScriptedModel {
    fn profile(&self) -> &ModelProfile {
        &self.settings.profile
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        ChatModel::prompt_tokens(self, request)
    }

    async fn score(&self, request: ChatRequest, choices: &[String]) -> Result<Score> {
        check_choices(choices)?;
        let _in_flight = self.record.begin();
        let (Said { text, .. }, input) = self.reply(request).await?;
        let chosen = choices
            .iter()
            .position(|choice| text.trim_start().starts_with(choice.trim_start()));
        let count = choices.len() as f32;
        let logprob = |index: usize| match chosen {
            Some(chosen) if chosen == index => LIKELY.ln(),
            Some(_) => ((1.0 - LIKELY) / (count - 1.0)).ln(),
            None => (1.0 / count).ln(),
        };
        Ok(Score {
            logprobs: (0..choices.len()).map(logprob).collect(),
            usage: Usage::call(input, 1),
        })
    }
}

/// There must be a choice, and the first word must make it.
fn check_choices(choices: &[String]) -> Result<()> {
    if choices.len() < 2 {
        return Err(Error::invalid(format!(
            "scoring needs at least two choices, not {}",
            choices.len()
        )));
    }
    let mut words: Vec<&str> = choices
        .iter()
        .map(|choice| choice.split_whitespace().next().unwrap_or_default())
        .collect();
    words.sort_unstable();
    match words.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(Error::invalid(format!(
            "two choices begin with the same token {:?}",
            pair.first().copied().unwrap_or_default()
        ))),
        None => Ok(()),
    }
}
