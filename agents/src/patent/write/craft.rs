//! What all steps share: the model, its window, and how it is asked.

use std::{borrow::Cow, sync::Arc};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Context, Embedder, Error, Prompt, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{AutoPatent, PatentFlow, PatentLength, Retrieval, json, prose};
use crate::{Draft, Guide, Prompts, whole::is_cut};

/// Smaller windows are refused at once: hardly anything of a draft would fit beside the instructions.
const LEAST_WINDOW: u32 = 256;

/// Tokens left free in every window, for a tokenizer that divides a whole differently from its parts.
const SLACK: u64 = 16;

#[derive(Clone)]
pub(super) struct Craft {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) window: u64,
    pub(super) guide: Guide,
    pub(super) flow: PatentFlow,
    pub(super) length: PatentLength,
    pub(super) rounds: u32,
    pub(super) retrieval: Retrieval,
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    pub(super) orders: bool,
    pub(super) polish_calls: u32,
    pub(super) prompts: Arc<Templates>,
}

/// The templates, loaded once.
pub(super) struct Templates {
    pub(super) title: Prompt,
    pub(super) abstract_text: Prompt,
    pub(super) background: Prompt,
    pub(super) summary: Prompt,
    pub(super) claims: Prompt,
    pub(super) details: Prompt,
    pub(super) plan: Prompt,
    pub(super) choose: Prompt,
    pub(super) write: Prompt,
    pub(super) examine: Prompt,
    pub(super) revise: Prompt,
    pub(super) zero_shot: Prompt,
    pub(super) paper_component: Prompt,
    pub(super) paper_plan: Prompt,
    pub(super) paper_retrieve: Prompt,
    pub(super) paper_write: Prompt,
    pub(super) paper_review: Prompt,
    pub(super) paper_revise: Prompt,
}

impl Templates {
    fn load(prompts: &Prompts) -> Result<Self> {
        let load = |name: &str| prompts.load(&format!("patent/{name}"));
        Ok(Self {
            title: load("title")?,
            abstract_text: load("abstract")?,
            background: load("background")?,
            summary: load("summary")?,
            claims: load("claims")?,
            details: load("details")?,
            plan: load("plan")?,
            choose: load("choose")?,
            write: load("write")?,
            examine: load("examine")?,
            revise: load("revise")?,
            zero_shot: load("zero_shot")?,
            paper_component: load("paper_component")?,
            paper_plan: load("paper_plan")?,
            paper_retrieve: load("paper_retrieve")?,
            paper_write: load("paper_write")?,
            paper_review: load("paper_review")?,
            paper_revise: load("paper_revise")?,
        })
    }
}

/// An answer, and whether it was cut at its limit.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) cut: bool,
}

impl Craft {
    pub(super) fn new(settings: &AutoPatent) -> Result<Self> {
        let profile = settings.model.profile();
        let window = settings
            .window
            .unwrap_or_else(|| profile.context_window.min(8192));
        if window < LEAST_WINDOW {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is too small to write a patent in"
            ))
            .with_help(format!("use {LEAST_WINDOW} or more; 2048 does well")));
        }
        if window > profile.context_window {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the {} of '{}'",
                profile.context_window, profile.name
            ))
            .with_help("choose a smaller window, or a model with a larger one"));
        }
        let PatentLength {
            sections,
            subsections,
            tokens,
            ..
        } = settings.length;
        if sections == 0 || subsections == 0 || tokens == 0 {
            return Err(Error::invalid(
                "a patent needs at least one section, one subsection and one token of it",
            ));
        }
        Ok(Self {
            model: Arc::clone(&settings.model),
            window: u64::from(window),
            guide: settings.guide.clone(),
            flow: settings.flow,
            length: settings.length,
            rounds: settings.rounds,
            retrieval: settings.retrieval,
            embedder: settings.embedder.clone(),
            orders: settings.orders,
            polish_calls: settings.polish_calls,
            prompts: Arc::new(Templates::load(&settings.prompts)?),
        })
    }

    /// The draft as the model sees it.
    pub(super) fn seen<'a>(&self, draft: &'a Draft) -> Cow<'a, Draft> {
        match self.orders {
            true => Cow::Borrowed(draft),
            false => Cow::Owned(draft.without_orders()),
        }
    }

    /// `tokens`, and at most a third of the window: the rest is for what it is written from.
    pub(super) fn tokens(&self, tokens: u32) -> u32 {
        tokens
            .min(u32::try_from(self.window / 3).unwrap_or(u32::MAX))
            .max(1)
    }

    /// The messages with as many of the passages, best first, as the window has room for beside an answer
    /// of `tokens`; in their own order. And how many were left out.
    ///
    /// # Errors
    ///
    /// [`is_context_overflow`](Error::is_context_overflow) when the window is too small without any.
    pub(super) fn fitted(
        &self,
        passages: &[(usize, &str)],
        tokens: u32,
        render: impl Fn(&str) -> Result<Vec<ChatMessage>>,
    ) -> Result<(Vec<ChatMessage>, usize)> {
        let base = self.model.prompt_tokens(&ChatRequest::new(render("")?));
        let taken = base + u64::from(tokens) + SLACK;
        let Some(mut room) = self.window.checked_sub(taken) else {
            return Err(Error::context_overflow(
                taken - self.window,
                format!(
                    "a window of {} tokens is too small: instructions take {base}, the answer {tokens}",
                    self.window
                ),
            )
            .with_help("use a larger window, or a model that has one"));
        };
        let counter = self.model.counter();
        let mut chosen: Vec<(usize, &str)> = Vec::new();
        for (order, text) in passages {
            let cost = counter.count(text) as u64 + 2;
            if cost <= room {
                room -= cost;
                chosen.push((*order, *text));
            }
        }
        let left_out = passages.len() - chosen.len();
        chosen.sort_by_key(|(order, _)| *order);
        let texts: Vec<&str> = chosen.iter().map(|(_, text)| *text).collect();
        let messages = render(&prose::fenced(&texts.join("\n")))?;
        Ok((messages, left_out))
    }

    /// Asks for a text. From a server that heeds no limit, as much of the answer as was asked for.
    pub(super) async fn text(
        &self,
        cx: &Context,
        messages: Vec<ChatMessage>,
        tokens: u32,
        temperature: f32,
    ) -> Result<Answer> {
        let request = ChatRequest::new(messages)
            .max_tokens(tokens)
            .temperature(temperature)
            .seed(1);
        let answer = cx.chat(&*self.model, request).await?;
        let counter = self.model.counter();
        // Its counter may be an estimate: what is a little more is taken.
        let most = tokens as usize * 3 / 2 + 16;
        let within = prose::within(&answer.text, most, |text| counter.count(text));
        Ok(Answer {
            cut: is_cut(answer.finish) || within.len() < answer.text.len(),
            text: within.to_owned(),
        })
    }

    /// Asks for JSON; `None` when it is none after one repair. An answer that was cut off is read as far as
    /// it is whole.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        cx: &Context,
        messages: Vec<ChatMessage>,
        tokens: u32,
        schema: Value,
    ) -> Result<Option<T>> {
        let mut request = ChatRequest::new(messages).max_tokens(tokens);
        if self.model.profile().json_schema {
            request = request.json_schema(schema);
        }
        let answer = cx.chat(&*self.model, request.clone()).await?;
        let error = match json::read(&answer.text) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error,
        };
        request.messages.extend([
            ChatMessage::assistant(answer.text),
            ChatMessage::user(format!(
                "That is not the JSON asked for: {error}. Answer with the JSON alone."
            )),
        ]);
        // The repair shows the answer once more; where there is no room for that, there is none.
        let needed = self.model.prompt_tokens(&request) + u64::from(tokens);
        if needed > self.window {
            return Ok(None);
        }
        let answer = cx.chat(&*self.model, request).await?;
        Ok(json::read(&answer.text).ok())
    }
}

/// Tells that rules took the place of a model's answer that was of no use.
pub(super) fn fell_back(cx: &Context, piece: &impl Serialize, why: &str) {
    #[derive(Serialize)]
    struct Fallback<'a, T> {
        piece: &'a T,
        why: &'a str,
    }
    cx.note("patent.fallback", &Fallback { piece, why });
}

/// Tells how many passages a prompt had no room for.
pub(super) fn left_out(cx: &Context, piece: &impl Serialize, passages: usize) {
    #[derive(Serialize)]
    struct LeftOut<'a, T> {
        piece: &'a T,
        passages: usize,
    }
    if passages > 0 {
        cx.note("patent.left_out", &LeftOut { piece, passages });
    }
}
