//! What becomes of a turn: its summary, the facts in it, and its place in the archive.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Agent, ChatModel, ChatRequest, Context, Prompt, Result, sentences};
use catena_memory::{ItemId, Memory, NamespaceId, NewItem, Written};
use serde::Serialize;

use super::{
    facts::Facts,
    render::one_line,
    spare::without,
    types::{Answered, Recall, Reply},
};
use crate::{
    Prompts,
    whole::{is_cut, tell_cut, whole_sentences},
};

/// Writes a turn down (SCM §3.2).
#[derive(Clone, Debug)]
pub(super) struct Remember {
    pub(super) memory: Memory,
    pub(super) namespace: NamespaceId,
    pub(super) summariser: Summariser,
    /// `None`: no facts are learned.
    pub(super) facts: Option<Facts>,
    /// Whether anything is written down at all.
    pub(super) remember: bool,
    /// After how many turns each time the memories are consolidated, at first (see [`is_due`]); 0: never.
    pub(super) consolidate_every: u64,
}

#[async_trait]
impl Agent for Remember {
    type Input = Answered;
    type Output = Reply;

    async fn run(&self, answered: Answered, cx: &Context) -> Result<Reply> {
        let Answered {
            recalled,
            text,
            finish,
        } = answered;
        let mut reply = Reply {
            text,
            finish,
            turn: None,
            recall: recalled.recall,
            learned: Vec::new(),
        };
        if !self.remember {
            return Ok(reply);
        }
        let message = &recalled.message.text;
        let run = cx.run_id().to_string();
        // First and by itself: what was said is not lost with what is made of it.
        let turn = NewItem::turn(message, &reply.text)
            .at(recalled.now)
            .by_run(&run);
        let written = self.write(cx, "remember", vec![turn]).await?;
        let Some(turn) = written.into_iter().next() else {
            return Ok(reply);
        };
        reply.turn = Some(turn.turn);
        if let Err(error) = self.summarise(cx, turn.id, message, &reply.text).await {
            without(cx, "a summary", error)?;
        }
        let facts = self.learn(cx, message, &reply.recall).await;
        match facts {
            Ok(facts) if facts.is_empty() => {}
            Ok(facts) => {
                let items = facts.iter().map(|(about, value)| NewItem {
                    turn: Some(turn.turn),
                    ..NewItem::fact(about, value).at(recalled.now).by_run(&run)
                });
                self.write(cx, "learn", items.collect()).await?;
                let told = facts
                    .iter()
                    .map(|(about, value)| format!("{about}: {value}"));
                reply.learned = told.collect();
            }
            Err(error) => without(cx, "learning facts", error)?,
        }
        if is_due(self.consolidate_every, turn.turn) {
            self.memory.consolidate_in_background(self.namespace);
        }
        Ok(reply)
    }
}

impl Remember {
    async fn write(&self, cx: &Context, what: &str, items: Vec<NewItem>) -> Result<Vec<Written>> {
        let write = async {
            self.memory
                .remember_all(self.namespace, items.clone())
                .await
        };
        let written: Vec<Written> = cx.tool(what, &items, write).await?;
        cx.note("memory.written", &written);
        Ok(written)
    }

    /// Gives a long turn its summary.
    async fn summarise(&self, cx: &Context, id: ItemId, user: &str, bot: &str) -> Result<()> {
        let summary = self.summariser.summary(cx, user, bot).await?;
        if summary.is_empty() {
            return Ok(());
        }
        let archive = self.memory.archive();
        cx.tool("summarise", &(id, &summary), async {
            archive.summarise(self.namespace, id, summary.clone()).await
        })
        .await?;
        Ok(())
    }

    async fn learn(
        &self,
        cx: &Context,
        message: &str,
        recall: &Recall,
    ) -> Result<Vec<(String, String)>> {
        let Some(facts) = &self.facts else {
            return Ok(Vec::new());
        };
        // A small model puts whatever it reads under the names that it is shown.
        let near = recall.facts.iter().filter(|fact| fact.near);
        let known = near.map(|fact| one_line(&fact.about));
        facts.learn(cx, message, known.collect()).await
    }
}

/// Whether the memories are consolidated after `turn`: where it is a multiple of the step that holds for it, which
/// is `every` doubled as long as 8 steps of the doubled size are not more than the turn. Each time reads all that
/// there is; so the sum of that is linear in the turns.
fn is_due(every: u64, turn: u64) -> bool {
    let mut step = every;
    while step > 0 && step.checked_mul(16).is_some_and(|most| most <= turn) {
        step *= 2;
    }
    step > 0 && turn.is_multiple_of(step)
}

/// Says a turn in fewer words.
#[derive(Clone, Debug)]
pub(super) struct Summariser {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) prompt: Prompt,
    /// Texts of more tokens are summarised.
    pub(super) above: usize,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
}

/// Turns of more tokens get a summary, unless said otherwise: as in the authors' code.
pub(super) const SUMMARISE_ABOVE: usize = 300;

/// The most tokens of a summary.
const SUMMARY_TOKENS: u32 = 96;

#[derive(Serialize)]
struct Variables<'a> {
    user: &'a str,
    bot: &'a str,
}

impl Summariser {
    /// The summary of a turn or, without `bot`, of a segment; empty when it is short already.
    pub(super) async fn summary(&self, cx: &Context, user: &str, bot: &str) -> Result<String> {
        if !self.is_long(user, bot) {
            return Ok(String::new());
        }
        let request = |user: &str, bot: &str| -> Result<ChatRequest> {
            let messages = self.prompt.render(&Variables { user, bot })?;
            Ok(ChatRequest::new(messages).max_tokens(SUMMARY_TOKENS))
        };
        let whole = request(user, bot)?;
        let needed = self.model.prompt_tokens(&whole) + u64::from(SUMMARY_TOKENS);
        // A turn that does not fit its own prompt is summarised by its beginnings.
        if needed > self.window {
            return Ok(self.beginnings(user, bot));
        }
        let answer = cx.chat(&*self.model, whole).await?;
        tell_cut(cx, "the summary of the turn", answer.finish);
        let said = match is_cut(answer.finish) {
            true => whole_sentences(&answer.text),
            false => &answer.text,
        };
        let summary = said.split_whitespace().collect::<Vec<_>>().join(" ");
        match summary.is_empty() || self.count(&summary) >= self.count(user) + self.count(bot) {
            true => Ok(self.beginnings(user, bot)),
            false => Ok(summary),
        }
    }

    fn is_long(&self, user: &str, bot: &str) -> bool {
        self.count(user) + self.count(bot) > self.above
    }

    /// The first sentences of both, up to the size of a summary.
    fn beginnings(&self, user: &str, bot: &str) -> String {
        let half = usize::try_from(SUMMARY_TOKENS / 2).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        for text in [user, bot] {
            let mut part = String::new();
            for range in sentences(text) {
                let longer = format!("{part}{}", &text[range]);
                if self.count(&longer) > half {
                    break;
                }
                part = longer;
            }
            parts.push(part.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }

    fn count(&self, text: &str) -> usize {
        self.model.counter().count(text)
    }
}

/// Gives a turn the summary that [`MemoryChat`](crate::MemoryChat) gives it when it writes it down:
/// for turns that were not spoken with it, such as those of an imported conversation. Its input is
/// what was said to the bot and what the bot said; its output is empty for a short turn.
#[derive(Clone, Debug)]
pub struct Summarise(Summariser);

impl Summarise {
    /// With `model`, whose prompts and answers take up to `window` tokens together.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](catena_core::Error::is_prompt) when the template is missing or broken.
    pub fn new(model: Arc<dyn ChatModel>, window: u32, prompts: &Prompts) -> Result<Self> {
        Ok(Self(Summariser {
            model,
            prompt: prompts.load("memory/summary")?,
            above: SUMMARISE_ABOVE,
            window: u64::from(window),
        }))
    }

    /// Whether a turn is so long that it gets a summary.
    pub fn is_long(&self, user: &str, bot: &str) -> bool {
        self.0.is_long(user, bot)
    }
}

#[async_trait]
impl Agent for Summarise {
    type Input = (String, String);
    type Output = String;

    async fn run(&self, (user, bot): (String, String), cx: &Context) -> Result<String> {
        self.0.summary(cx, &user, &bot).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(every: u64, turns: u64) -> impl Iterator<Item = u64> {
        (1..=turns).filter(move |turn| is_due(every, *turn))
    }

    #[test]
    fn the_distance_between_consolidations_grows_with_the_conversation() {
        let all: Vec<_> = due(10, 400).collect();
        let expected: Vec<u64> = (10..=160)
            .step_by(10)
            .chain((180..=320).step_by(20))
            .chain((360..=400).step_by(40))
            .collect();
        assert_eq!(all, expected);
        assert_eq!(due(0, 100).count(), 0);
    }

    #[test]
    fn what_consolidations_read_is_linear_in_the_turns() {
        const TURNS: u64 = 100_000;
        for every in [1, 3, 100] {
            let read: u64 = due(every, TURNS).sum();
            assert!(read <= 16 * TURNS, "{read} with {every}");
        }
    }
}
