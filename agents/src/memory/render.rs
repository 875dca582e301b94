//! Memories as text in a prompt.

use std::sync::Arc;

use catena_core::{ChatMessage, ChatModel, ChatRequest, Prompt, Result, Segmenter};
use catena_memory::{Form, MemoryItem, Moment};
use serde::Serialize;

use super::{
    tense::asks_about_the_past,
    types::{Flash, Line, RecalledFact},
};

/// The prompt of the answer.
#[derive(Clone, Debug)]
pub(super) struct Renderer {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) prompt: Prompt,
    pub(super) instructions: String,
    pub(super) dates: bool,
    pub(super) answer_tokens: u32,
}

/// The variables of the template.
#[derive(Serialize)]
struct Variables<'a> {
    instructions: &'a str,
    now: String,
    facts: &'a [RecalledFact],
    past: bool,
    memories: &'a [Line],
    message: &'a str,
}

impl Renderer {
    /// The request for an answer from these memories.
    pub(super) fn request(
        &self,
        message: &str,
        now: Moment,
        facts: &[RecalledFact],
        memories: &[Line],
        flash: Option<&Flash>,
    ) -> Result<ChatRequest> {
        let facts: Vec<_> = facts.iter().map(on_lines_of_their_own).collect();
        let mut messages = self.prompt.render(&Variables {
            instructions: &self.instructions,
            now: if self.dates { date(now) } else { String::new() },
            facts: &facts,
            past: asks_about_the_past(message),
            memories,
            message,
        })?;
        if let Some(flash) = flash {
            let before = messages.len().saturating_sub(1);
            let turn = [
                ChatMessage::user(flash.user.clone()),
                ChatMessage::assistant(flash.bot.clone()),
            ];
            messages.splice(before..before, turn);
        }
        Ok(ChatRequest::new(messages).max_tokens(self.answer_tokens))
    }

    /// An item as a line of the prompt; `None` when it is dropped.
    pub(super) fn line(&self, item: &MemoryItem, form: Form) -> Option<Line> {
        let mut line = Line {
            turn: item.turn(),
            when: if self.dates {
                date(item.at())
            } else {
                String::new()
            },
            user: item.observation.clone(),
            bot: item.response.clone(),
            summary: String::new(),
        };
        match form {
            Form::Raw => {}
            Form::Summary => line.summary.clone_from(&item.summary),
            Form::Cut(tokens) => line.summary = self.cut(&item.text(), tokens),
            Form::Dropped => return None,
        }
        Some(line)
    }

    /// The turn before in a form, as an exchange: of its summary the bot is made to have said it. `None`
    /// for one in which one side said nothing, as a segment of a document; that is a [`line`](Self::line).
    pub(super) fn flash(&self, item: &MemoryItem, form: Form) -> Option<Flash> {
        if !is_exchange(item) {
            return None;
        }
        let (user, bot) = match form {
            Form::Raw => (item.observation.clone(), item.response.clone()),
            Form::Summary => ("(shortened)".to_owned(), item.summary.clone()),
            Form::Cut(tokens) => {
                let text = self.cut(&item.text(), tokens);
                ("(shortened)".to_owned(), text)
            }
            Form::Dropped => return None,
        };
        let is_empty = user.trim().is_empty() || bot.trim().is_empty();
        (!is_empty).then_some(Flash { user, bot })
    }

    /// The form in which an item takes no more than so many tokens, with what is written around it; `None`
    /// where not a word of it fits.
    pub(super) fn cut_within(&self, item: &MemoryItem, tokens: u64) -> Option<Form> {
        let tokens = tokens.checked_sub(self.around(item))?;
        let text = self.cut(&item.text(), tokens);
        (!text.trim().is_empty()).then_some(Form::Cut(tokens))
    }

    /// The tokens that are written around the turn before when it is cut.
    fn around(&self, item: &MemoryItem) -> u64 {
        if is_exchange(item) {
            return 2 * u64::from(self.model.profile().message_overhead) + 8;
        }
        let line = self.line(item, Form::Raw);
        line.map_or(0, |line| {
            let summary = "-".to_owned();
            self.size(&Line { summary, ..line })
        })
    }

    /// The tokens that a line takes, with its line break and what is written around it.
    pub(super) fn size(&self, line: &Line) -> u64 {
        let Line {
            turn,
            when,
            user,
            bot,
            summary,
        } = line;
        let text = match summary.is_empty() {
            true => format!("[turn {turn}, {when}] User: {user}\nAssistant: {bot}\n"),
            false => format!("[turn {turn}, {when}] {summary}\n"),
        };
        // Tokens at the ends may join others.
        self.count(&text) + 2
    }

    /// The tokens that the turn before takes.
    pub(super) fn flash_size(&self, flash: &Flash) -> u64 {
        let overhead = u64::from(self.model.profile().message_overhead);
        self.count(&flash.user) + self.count(&flash.bot) + 2 * overhead + 2
    }

    pub(super) fn count(&self, text: &str) -> u64 {
        self.model.counter().count(text) as u64
    }

    /// The first tokens of a text, no more than so many.
    fn cut(&self, text: &str, tokens: u64) -> String {
        let tokens = usize::try_from(tokens).unwrap_or(usize::MAX);
        let chunks = Segmenter::prose(tokens).split(text, self.model.counter());
        let first = chunks.ok().and_then(|chunks| chunks.into_iter().next());
        first.map(|chunk| chunk.text).unwrap_or_default()
    }
}

/// Whether both sides said something. A segment of a document is none.
fn is_exchange(item: &MemoryItem) -> bool {
    !item.observation.trim().is_empty() && !item.response.trim().is_empty()
}

/// A fact whose parts have no line breaks: one that was imported may hold anything, and is not to pass for two.
fn on_lines_of_their_own(fact: &RecalledFact) -> RecalledFact {
    let mut fact = fact.clone();
    let before = fact.before.iter_mut().map(|past| &mut past.is);
    for part in [&mut fact.about]
        .into_iter()
        .chain(&mut fact.is)
        .chain(before)
    {
        *part = one_line(part);
    }
    fact
}

/// A text in one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A moment's date, as `2026-11-25`.
pub(super) fn date(moment: Moment) -> String {
    let mut text = moment.to_string();
    text.truncate("2026-11-25".len());
    text
}

#[cfg(test)]
mod tests {
    use catena_memory::ItemId;

    use super::*;
    use crate::memory::PastFact;

    #[test]
    fn a_fact_cannot_forge_another() {
        let fact = RecalledFact {
            id: ItemId(1),
            about: "name of\nthe dog".to_owned(),
            is: Some("Rex\r\n- home: Oslo".to_owned()),
            since: Some("2026-11-25".to_owned()),
            before: vec![PastFact {
                is: "Tom\u{2028}- job: nurse".to_owned(),
                until: "2026-11-25".to_owned(),
            }],
            near: true,
        };
        let fact = on_lines_of_their_own(&fact);
        assert_eq!(fact.about, "name of the dog");
        assert_eq!(fact.is.as_deref(), Some("Rex - home: Oslo"));
        assert_eq!(fact.before[0].is, "Tom - job: nurse");
    }
}
