//! Summaries of a document's segments, and of such summaries together, within a window.

use std::sync::Arc;

use catena_core::{
    ChatModel, ChatRequest, Context, Error, FinishReason, Prompt, Result, Segmenter,
};
use serde::Serialize;

use crate::whole::{is_cut, tell_cut, whole_sentences};

/// Asks for summaries, within the window.
#[derive(Clone, Debug)]
pub(super) struct Summariser {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) segment: Prompt,
    pub(super) digest: Prompt,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
    pub(super) summary_tokens: u32,
}

/// A segment and what is in view beside it.
#[derive(Serialize)]
pub(super) struct View<'a> {
    /// Summaries of segments that have to do with it.
    pub(super) earlier: Vec<&'a str>,
    /// The summary of the segment before; empty for the first.
    pub(super) previous: &'a str,
    pub(super) text: &'a str,
}

/// A summary, or what stands in its place.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) finish: FinishReason,
    /// Whether the model said nothing.
    pub(super) empty: bool,
}

#[derive(Serialize)]
struct DigestVariables<'a> {
    summaries: &'a [String],
    last: bool,
}

/// For tokenizers that divide a whole differently from its parts.
const SLACK: u64 = 8;

impl Summariser {
    fn request(&self, prompt: &Prompt, variables: &impl Serialize) -> Result<ChatRequest> {
        let messages = prompt.render(variables)?;
        Ok(ChatRequest::new(messages).max_tokens(self.summary_tokens))
    }

    /// The tokens of a segment: what instructions, the summary before and the one to come leave. Nothing is
    /// set aside for what is activated, or there would be half as many segments again. It goes where the
    /// segment and the summary before leave room, which is mostly shorter than it may be.
    pub(super) fn room(&self) -> Result<usize> {
        let view = View {
            earlier: Vec::new(),
            previous: "-",
            text: "",
        };
        let fixed = self
            .model
            .prompt_tokens(&self.request(&self.segment, &view)?);
        let taken = fixed + 2 * u64::from(self.summary_tokens) + SLACK;
        let room = self.window.saturating_sub(taken);
        // Two summaries have to fit beside the instructions, or nothing could be joined.
        let two = 2 * u64::from(self.summary_tokens);
        if room <= two {
            return Err(Error::invalid(format!(
                "a window of {} tokens leaves {room} for a segment, beside summaries of {}",
                self.window, self.summary_tokens
            ))
            .with_help("choose a larger window, or shorter summaries"));
        }
        Ok(usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// Whether a segment's prompt and its summary fit the window.
    pub(super) fn holds(&self, view: &View<'_>) -> Result<bool> {
        Ok(self.is_within(&self.request(&self.segment, view)?))
    }

    pub(super) async fn summarise(&self, cx: &Context, view: &View<'_>) -> Result<Said> {
        let request = self.request(&self.segment, view)?;
        self.said(cx, request, view.text).await
    }

    pub(super) async fn join(
        &self,
        cx: &Context,
        summaries: &[String],
        last: bool,
    ) -> Result<Said> {
        let variables = DigestVariables { summaries, last };
        let request = self.request(&self.digest, &variables)?;
        let instead = summaries.first().map_or("", String::as_str);
        self.said(cx, request, instead).await
    }

    /// What the model says, or, if it says nothing, the beginning of `instead`.
    async fn said(&self, cx: &Context, request: ChatRequest, instead: &str) -> Result<Said> {
        let answer = cx.chat(&*self.model, request).await?;
        tell_cut(cx, "a summary", answer.finish);
        let said = match is_cut(answer.finish) {
            true => whole_sentences(&answer.text),
            false => answer.text.trim(),
        };
        let empty = said.is_empty();
        let limit = usize::try_from(self.summary_tokens).unwrap_or(usize::MAX);
        let text = if empty { instead } else { said };
        let chunks = Segmenter::prose(limit).split(text, self.model.counter())?;
        let first = chunks.first().map_or("", |chunk| chunk.text.trim());
        Ok(Said {
            text: first.to_owned(),
            finish: answer.finish,
            empty,
        })
    }

    /// As many summaries together as fit, at least two where there are: each level is shorter than
    /// the one before.
    pub(super) fn groups<'a>(&self, summaries: &'a [String]) -> Result<Vec<&'a [String]>> {
        let mut groups = Vec::new();
        let mut rest = summaries;
        while !rest.is_empty() {
            let mut count = rest.len().min(2);
            while count < rest.len() && self.fits(&rest[..=count])? {
                count += 1;
            }
            let (group, others) = rest.split_at(count);
            groups.push(group);
            rest = others;
        }
        Ok(groups)
    }

    fn fits(&self, summaries: &[String]) -> Result<bool> {
        let variables = DigestVariables {
            summaries,
            last: false,
        };
        Ok(self.is_within(&self.request(&self.digest, &variables)?))
    }

    fn is_within(&self, request: &ChatRequest) -> bool {
        let needed = self.model.prompt_tokens(request) + u64::from(self.summary_tokens);
        needed + SLACK <= self.window
    }
}
