//! A scripted answer, cut to its limits and streamed word by word.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use catena_core::{Delta, FinishReason, Result, TokenCounter, TokenLogprob, ToolCall, Usage};
use futures::Stream;
use tokio::time::{Instant, Sleep};

use super::record::InFlight;

/// The longest beginning of `text` that has at most `limit` tokens.
pub(super) fn truncate<'a>(text: &'a str, limit: u64, counter: &dyn TokenCounter) -> &'a str {
    let fits = |text: &str| counter.count(text) as u64 <= limit;
    if fits(text) {
        return text;
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let count = ends.partition_point(|&end| fits(text.get(..end).unwrap_or_default()));
    let end = count.checked_sub(1).and_then(|last| ends.get(last));
    end.and_then(|&end| text.get(..end))
        .unwrap_or_default()
        .trim_end()
}

/// The first word of `text` with the white space around it that a stream has to keep: before it,
/// and after it at the end of the text.
fn first_piece(text: &str) -> &str {
    let word = text.len() - text.trim_start().len();
    let rest = text.get(word..).unwrap_or_default();
    let end = rest
        .find(char::is_whitespace)
        .map_or(text.len(), |at| word + at);
    match text.get(end..).unwrap_or_default().trim_start() {
        "" => text,
        _ => text.get(..end).unwrap_or(text),
    }
}

/// Waits between tokens.
struct Pace {
    per_token: Duration,
    sleep: Pin<Box<Sleep>>,
}

/// The stream of one answer.
pub(super) struct Answer {
    text: String,
    /// How much of the text has been given, in bytes.
    at: usize,
    finish: FinishReason,
    usage: Usage,
    counter: Arc<dyn TokenCounter>,
    logprobs: bool,
    /// The log-probability of the piece given last.
    queued: Option<Delta>,
    /// What comes after the text.
    calls: VecDeque<ToolCall>,
    pace: Option<Pace>,
    /// Present until the end: the call is in flight as long as its stream is.
    in_flight: Option<InFlight>,
}

impl Answer {
    /// The answer `text` to a prompt of `input` tokens.
    pub(super) fn new(
        text: String,
        finish: FinishReason,
        input: u64,
        counter: Arc<dyn TokenCounter>,
        in_flight: InFlight,
    ) -> Self {
        Self {
            usage: Usage::call(input, counter.count(&text) as u64),
            text,
            at: 0,
            finish,
            counter,
            logprobs: false,
            queued: None,
            calls: VecDeque::new(),
            pace: None,
            in_flight: Some(in_flight),
        }
    }

    /// Calls tools after the text.
    pub(super) fn with_calls(mut self, calls: Vec<ToolCall>) -> Self {
        let count = |text: &str| self.counter.count(text) as u64;
        let tokens = calls
            .iter()
            .map(|call| count(&call.name) + count(&call.arguments));
        self.usage.output_tokens += tokens.sum::<u64>();
        self.calls = calls.into();
        self
    }

    /// Reports the log-probability of each piece.
    pub(super) fn with_logprobs(mut self, logprobs: bool) -> Self {
        self.logprobs = logprobs;
        self
    }

    /// Waits for `per_token` before each token.
    pub(super) fn paced(mut self, per_token: Duration) -> Self {
        // Without a pace no timer is made: orchestration is measured in microseconds.
        if !per_token.is_zero() {
            let mut pace = Pace {
                per_token,
                sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            };
            pace.restart(self.piece_tokens());
            self.pace = Some(pace);
        }
        self
    }

    fn piece(&self) -> &str {
        first_piece(self.text.get(self.at..).unwrap_or_default())
    }

    fn piece_tokens(&self) -> usize {
        self.counter.count(self.piece())
    }
}

impl Pace {
    fn restart(&mut self, tokens: usize) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        let wait = self.per_token.saturating_mul(tokens);
        self.sleep.as_mut().reset(Instant::now() + wait);
    }
}

impl Stream for Answer {
    type Item = Result<Delta>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(delta) = this.queued.take() {
            return Poll::Ready(Some(Ok(delta)));
        }
        if this.in_flight.is_none() {
            return Poll::Ready(None);
        }
        if this.at == this.text.len()
            && let Some(call) = this.calls.pop_front()
        {
            return Poll::Ready(Some(Ok(Delta::ToolCall(call))));
        }
        if this.at == this.text.len() {
            this.in_flight = None;
            return Poll::Ready(Some(Ok(Delta::End {
                finish: this.finish,
                usage: this.usage,
            })));
        }
        if let Some(pace) = &mut this.pace {
            ready!(pace.sleep.as_mut().poll(cx));
        }
        let piece = this.piece().to_owned();
        this.at += piece.len();
        let tokens = this.piece_tokens();
        if let Some(pace) = &mut this.pace {
            pace.restart(tokens);
        }
        if this.logprobs {
            // What is scripted is certain.
            this.queued = Some(Delta::Logprobs(vec![TokenLogprob {
                token: piece.clone(),
                logprob: 0.0,
                top: vec![(piece.clone(), 0.0)],
            }]));
        }
        Poll::Ready(Some(Ok(Delta::Text(piece))))
    }
}

#[cfg(test)]
mod tests {
    use catena_core::{ApproximateCounter, WordCounter};

    use super::*;

    #[test]
    fn pieces_are_words_and_add_up_to_the_text() {
        for (text, pieces) in [
            ("", &[][..]),
            ("one", &["one"]),
            (" one  two\n", &[" one", "  two\n"]),
            (" \n", &[" \n"]),
            ("größer\u{a0}als", &["größer", "\u{a0}als"]),
        ] {
            let mut rest = text;
            let mut found = Vec::new();
            while !rest.is_empty() {
                let piece = first_piece(rest);
                found.push(piece);
                rest = &rest[piece.len()..];
            }
            assert_eq!(found, pieces, "{text:?}");
        }
    }

    #[test]
    fn an_answer_is_cut_at_its_limit() {
        assert_eq!(truncate("a bc  def g", 3, &WordCounter), "a bc  def");
        assert_eq!(truncate("a bc", 2, &WordCounter), "a bc");
        assert_eq!(truncate("a bc", 0, &WordCounter), "");
        // A token for every three bytes: a word can be cut too.
        assert_eq!(truncate("abcdefgh", 2, &ApproximateCounter), "abcdef");
        assert_eq!(truncate("ßßßß", 1, &ApproximateCounter), "ß");
    }
}
