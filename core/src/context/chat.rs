//! Calls to models.

use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::{
    Context,
    call::{Begun, Call, Target},
};
use crate::{
    CallKind, ChatMessage, ChatModel, ChatRequest, ChatResponse, Delta, Effect, Embedder,
    Embedding, Error, Fingerprint, ModelProfile, Result, Score, Scorer, Usage, telemetry,
};

impl Context {
    /// Asks a chat model.
    ///
    /// # Errors
    ///
    /// - [`is_context_overflow`](Error::is_context_overflow): prompt and answer do not fit the
    ///   model's window; nothing was asked.
    /// - [`is_budget_exceeded`](Error::is_budget_exceeded): the budget does not allow the call, or
    ///   its time passed during it.
    /// - [`is_cancelled`](Error::is_cancelled): the run was cancelled.
    /// - [`is_divergence`](Error::is_divergence): the resumed run asked something else here.
    /// - whatever the model answers.
    pub async fn chat(&self, model: &dyn ChatModel, request: ChatRequest) -> Result<ChatResponse> {
        self.chat_as_call(None, model, request).await
    }

    /// Asks as the call with the number `index`, or as the next.
    async fn chat_as_call(
        &self,
        index: Option<u32>,
        model: &dyn ChatModel,
        mut request: ChatRequest,
    ) -> Result<ChatResponse> {
        let profile = model.profile();
        let max_tokens = request.max_tokens.unwrap_or(profile.max_output_tokens);
        request.max_tokens = Some(max_tokens);
        let prompt_tokens = model.prompt_tokens(&request);
        self.fits(profile, prompt_tokens, max_tokens)?;
        let target = || Target {
            kind: CallKind::Chat,
            name: &profile.name,
            prompt_tokens,
            max_tokens,
        };
        let fingerprint = self.fingerprint(|| Fingerprint::chat(&profile.name, &request));
        let index = index.unwrap_or_else(|| self.next_calls(1));
        let mut call = match self.begin_as(index, fingerprint, Some(target())).await? {
            Begun::Replayed(Effect::Chat(answer)) => return Ok(answer),
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => call,
        };
        let span = telemetry::chat(profile, &request);
        let estimate = model.worst_case(&request).most();
        let reservation = self.reserve(profile, estimate)?;
        call.start(&target(), Some(reservation));
        let longest = Usage::call(prompt_tokens, u64::from(max_tokens));
        let work = self.guarded(converse(model, request, longest, &mut call));
        match telemetry::within(&span, work).await {
            Ok(mut answer) => {
                answer.usage = priced(profile, answer.usage);
                // JSON has no infinity: the probability of nothing is the smallest there is.
                for token in &mut answer.logprobs {
                    let top = token.top.iter_mut().map(|(_, logprob)| logprob);
                    for logprob in top.chain([&mut token.logprob]) {
                        *logprob = logprob.max(f32::MIN);
                    }
                }
                telemetry::answered(&span, &answer);
                call.finish(Effect::Chat(answer.clone()), answer.usage)
                    .await?;
                Ok(answer)
            }
            Err(error) => {
                telemetry::failed(&span, &error);
                Err(call.fail(error))
            }
        }
    }

    /// Asks a chat model for JSON and reads it as a `T`. An answer that is none is shown to the
    /// model with what is wrong, at most `repairs` times; each is a call like any other, on the
    /// same budget.
    ///
    /// Ask for the form in the request: with
    /// [`json_schema`](ChatRequest::json_schema) where the model can, and in words.
    ///
    /// # Errors
    ///
    /// [`is_malformed_output`](Error::is_malformed_output) when the last answer is none either,
    /// and those of [`chat`](Self::chat).
    pub async fn chat_as<T: DeserializeOwned>(
        &self,
        model: &dyn ChatModel,
        mut request: ChatRequest,
        repairs: u32,
    ) -> Result<T> {
        let index = self.next_calls(1);
        // Repairs have a path of their own: of several answers repaired at once, which is next to
        // be asked for depends on which comes first.
        let repaired = self.path().child(&format!("repair of call {index}"));
        let repaired = self.below(repaired, self.cancel_token().clone());
        let mut left = repairs;
        loop {
            let answer = match left == repairs {
                true => {
                    self.chat_as_call(Some(index), model, request.clone())
                        .await?
                }
                false => repaired.chat(model, request.clone()).await?,
            };
            let error = match serde_json::from_str(json_of(&answer.text)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(rest) = left.checked_sub(1) else {
                return Err(Error::malformed_output(format!(
                    "'{}' did not answer in the form asked for, in {} tries: {error}",
                    model.profile().name,
                    repairs.saturating_add(1)
                ))
                .with_source(error)
                .at(self.path()));
            };
            left = rest;
            request.messages.extend([
                ChatMessage::assistant(answer.text),
                ChatMessage::user(format!(
                    "That is not the JSON asked for: {error}. Answer with the JSON alone."
                )),
            ]);
        }
    }

    /// Compares continuations of a prompt; see [`Scorer::score`].
    ///
    /// # Errors
    ///
    /// Those of [`chat`](Self::chat).
    pub async fn score(
        &self,
        scorer: &dyn Scorer,
        request: ChatRequest,
        choices: &[String],
    ) -> Result<Score> {
        let profile = scorer.profile();
        let prompt_tokens = scorer.prompt_tokens(&request);
        self.fits(profile, prompt_tokens, 1)?;
        let target = || Target {
            kind: CallKind::Score,
            name: &profile.name,
            prompt_tokens,
            max_tokens: 1,
        };
        let fingerprint = self.fingerprint(|| Fingerprint::score(&profile.name, &request, choices));
        let mut call = match self.begin(fingerprint, Some(target())).await? {
            Begun::Replayed(Effect::Score(score)) => return Ok(score),
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => call,
        };
        let span = telemetry::chat(profile, &request);
        let estimate = Usage::call(prompt_tokens, choices.len() as u64);
        let reservation = self.reserve(profile, estimate)?;
        call.start(&target(), Some(reservation));
        let work = self.guarded(scorer.score(request, choices));
        match telemetry::within(&span, work).await {
            Ok(mut score) => {
                score.usage = priced(profile, score.usage);
                // JSON has no infinity: the probability of nothing is the smallest there is.
                for logprob in &mut score.logprobs {
                    *logprob = logprob.max(f32::MIN);
                }
                telemetry::used(&span, &score.usage);
                call.finish(Effect::Score(score.clone()), score.usage)
                    .await?;
                Ok(score)
            }
            Err(error) => {
                telemetry::failed(&span, &error);
                Err(call.fail(error))
            }
        }
    }

    /// Embeds texts, in order. Embedding counts as one call and no tokens.
    ///
    /// # Errors
    ///
    /// Those of [`chat`](Self::chat), except an overflow.
    pub async fn embed(&self, embedder: &dyn Embedder, texts: &[String]) -> Result<Vec<Embedding>> {
        let name = &embedder.profile().name;
        let target = || Target {
            kind: CallKind::Embed,
            name,
            prompt_tokens: 0,
            max_tokens: 0,
        };
        let fingerprint = self.fingerprint(|| Fingerprint::embed(name, texts));
        let mut call = match self.begin(fingerprint, Some(target())).await? {
            Begun::Replayed(Effect::Embed(vectors)) => return Ok(vectors),
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => call,
        };
        let span = telemetry::embeddings(embedder.profile(), embedder.provider());
        let usage = Usage::call(0, 0);
        let reservation = self.run.ledger.reserve(usage);
        let reservation = reservation.map_err(|error| error.at(self.path()))?;
        call.start(&target(), Some(reservation));
        match telemetry::within(&span, self.guarded(embedder.embed(texts))).await {
            Ok(vectors) if vectors.iter().flatten().any(|number| !number.is_finite()) => {
                let error = format!("'{name}' gave a vector with something that is no number");
                let error = Error::malformed_output(error).at(self.path());
                telemetry::failed(&span, &error);
                Err(call.fail(error))
            }
            Ok(vectors) => {
                call.finish(Effect::Embed(vectors.clone()), usage).await?;
                Ok(vectors)
            }
            Err(error) => {
                telemetry::failed(&span, &error);
                Err(call.fail(error))
            }
        }
    }

    fn fits(&self, profile: &ModelProfile, prompt_tokens: u64, max_tokens: u32) -> Result<()> {
        let needed = prompt_tokens + u64::from(max_tokens);
        let window = u64::from(profile.context_window);
        if needed <= window {
            return Ok(());
        }
        let missing = needed - window;
        Err(Error::context_overflow(
            missing,
            format!(
                "a prompt of {prompt_tokens} tokens and an answer of up to {max_tokens} do not fit \
                 the {window} tokens of '{}': {missing} too many",
                profile.name
            ),
        )
        .with_help(
            "shorten the prompt, allow a shorter answer, or use a model with a larger window",
        )
        .at(self.path()))
    }

    fn reserve(
        &self,
        profile: &ModelProfile,
        estimate: Usage,
    ) -> Result<crate::budget::Reservation> {
        self.run
            .ledger
            .reserve(priced(profile, estimate))
            .map_err(|error| error.at(self.path()))
    }
}

/// Streams an answer, which uses no more than `longest`, telling each piece as it comes.
async fn converse(
    model: &dyn ChatModel,
    request: ChatRequest,
    longest: Usage,
    call: &mut Call<'_>,
) -> Result<ChatResponse> {
    let mut stream = model.stream(request).await?;
    let mut answer = ChatResponse::default();
    // A provider charges for a cut-off answer: for its prompt, and for what had come, of which a
    // piece has at least a token.
    let mut cut_off = Usage::call(0, 0);
    while let Some(delta) = stream.next().await {
        let delta = delta?;
        match &delta {
            Delta::Text(text) => {
                cut_off.input_tokens = longest.input_tokens;
                cut_off.output_tokens = longest.output_tokens.min(cut_off.output_tokens + 1);
                call.used(priced(model.profile(), answer.usage + cut_off));
                call.piece(text);
            }
            Delta::Spent(usage) => {
                call.used(priced(model.profile(), answer.usage + *usage + cut_off));
            }
            Delta::Retry { error, wait, usage } => {
                call.again(error.clone(), *wait, priced(model.profile(), *usage))?;
            }
            _ => {}
        }
        if answer.push(delta) {
            return Ok(answer);
        }
    }
    Err(Error::unavailable(format!(
        "the answer of '{}' broke off before its end",
        model.profile().name
    )))
}

fn priced(profile: &ModelProfile, usage: Usage) -> Usage {
    Usage {
        cost: profile.price.of(&usage),
        ..usage
    }
}

/// The JSON in an answer: without the fence of Markdown that models like to put around it.
fn json_of(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```") else {
        return text;
    };
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    inner
        .split_once('\n')
        .map_or(inner, |(_, body)| body)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_no_part_of_the_json() {
        assert_eq!(json_of(" {\"a\": 1}\n"), "{\"a\": 1}");
        assert_eq!(json_of("```json\n[1]\n```"), "[1]");
    }
}
