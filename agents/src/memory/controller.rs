//! The memory controller: whether memory is needed, what is activated, and in which form.

use async_trait::async_trait;
use catena_core::{Agent, Context, Error, Prompt, Result};
use catena_memory::{
    Form, Found, Memory, MemoryItem, Moment, NamespaceId, Packing, Ranking, Reason, Search, Verdict,
};
use serde::Serialize;

use super::{
    Ablation,
    activation::Searched,
    ask::{Asker, Choice},
    render::Renderer,
    types::{Activated, Line, Message, Need, NeedReason, Recall, Recalled, RecalledFact},
};

/// Recalls what a message needs (SCM §3.3 and §3.4).
#[derive(Clone, Debug)]
pub(super) struct Controller {
    pub(super) memory: Memory,
    pub(super) namespace: NamespaceId,
    pub(super) renderer: Renderer,
    pub(super) asker: Asker,
    pub(super) need: Prompt,
    pub(super) enough: Prompt,
    pub(super) ablation: Ablation,
    pub(super) search: Search,
    pub(super) words: f32,
    pub(super) ranking: Ranking,
    pub(super) activate: usize,
    pub(super) facts: usize,
    pub(super) window: u64,
    pub(super) memory_tokens: Option<u64>,
}

/// Whether a message needs notes of earlier talks, or general knowledge is enough.
const NEED: Choice = Choice {
    yes: "notes",
    no: "general",
};

/// Whether a memory helps.
const HELPS: Choice = Choice {
    yes: "Yes",
    no: "No",
};

/// Turns that are looked through for the one before. More than one may hold the same words.
const LATELY: usize = 1;

/// Beyond that share of the room for memories an item is worth a question of its own
/// (800 of 2,000 tokens in the paper).
const LONG: (u64, u64) = (2, 5);

#[derive(Serialize)]
struct NeedVariables<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct EnoughVariables<'a> {
    memory: &'a str,
    message: &'a str,
}

#[async_trait]
impl Agent for Controller {
    type Input = Message;
    type Output = Recalled;

    async fn run(&self, message: Message, cx: &Context) -> Result<Recalled> {
        let now = Moment::from(cx.now().await?);
        let limit = self.room(&message, now)?;
        let flash = self.last_turn(cx).await?;
        let need = self.is_needed(cx, &message, flash.is_some()).await?;
        cx.note("memory.need", &need);
        let nothing = match need.reason {
            NeedReason::Off => true,
            NeedReason::NothingThere => !self.knows_facts(cx).await?,
            _ => false,
        };
        let (found, facts) = match nothing {
            true => Searched::default(),
            false => {
                self.recall(cx, &message, flash.as_ref(), need.needed)
                    .await?
            }
        };
        let known = facts.clone();
        let facts = self.facts_that_fit(facts, limit);
        for left_out in known
            .iter()
            .filter(|fact| !facts.iter().any(|kept| kept.id == fact.id))
        {
            cx.note("memory.fact_left_out", left_out);
        }
        let of_facts: u64 = facts.iter().map(|fact| self.fact_size(fact)).sum();
        let room = limit.saturating_sub(of_facts);
        let flash = flash.filter(|_| self.ablation != Ablation::NoFlash);
        let of_flash = flash
            .as_ref()
            .map_or(0, |item| self.flash_tokens(item, room));
        let verdicts = self.judge(cx, &message, &found, room, of_flash).await?;
        let packing = self.pack(flash.as_ref(), &found, &verdicts, room);
        let mut recalled = Recalled {
            recall: self.tell(need, flash.as_ref(), &found, &verdicts, &packing),
            lines: self.lines(flash.as_ref(), &found, &packing),
            flash: self.flash(flash.as_ref(), &packing),
            message,
            now,
        };
        recalled.recall.tokens += of_facts;
        recalled.recall.limit = limit;
        recalled.recall.facts = facts;
        for activated in recalled
            .recall
            .flash
            .iter()
            .chain(&recalled.recall.activated)
        {
            cx.note("memory.activated", activated);
        }
        for fact in &recalled.recall.facts {
            cx.note("memory.fact", fact);
        }
        Ok(recalled)
    }
}

impl Controller {
    /// The tokens that memories may take.
    fn room(&self, message: &Message, now: Moment) -> Result<u64> {
        // With a line and a fact, because the form without them is another and shorter.
        let line = Line {
            turn: 1,
            when: String::new(),
            user: "-".to_owned(),
            bot: "-".to_owned(),
            summary: String::new(),
        };
        let fact = RecalledFact {
            id: catena_memory::ItemId(0),
            about: "-".to_owned(),
            is: Some("-".to_owned()),
            since: Some("-".to_owned()),
            before: Vec::new(),
            near: false,
        };
        let request = self
            .renderer
            .request(&message.text, now, &[fact], &[line], None)?;
        /// For tokenizers that divide a whole differently from its parts.
        const SLACK: u64 = 8;
        let fixed = self.renderer.model.prompt_tokens(&request)
            + u64::from(self.renderer.answer_tokens)
            + SLACK;
        match self.window.checked_sub(fixed) {
            Some(room) => Ok(self.memory_tokens.map_or(room, |limit| limit.min(room))),
            None => Err(Error::context_overflow(
                fixed - self.window,
                format!(
                    "the message and an answer of {} tokens do not fit a window of {}: {} tokens too many",
                    self.renderer.answer_tokens,
                    self.window,
                    fixed - self.window
                ),
            )
            .with_help("say it in fewer words, allow a shorter answer, or use a model with a larger window")),
        }
    }

    async fn last_turn(&self, cx: &Context) -> Result<Option<MemoryItem>> {
        let archive = self.memory.archive();
        let last = cx
            .tool("flash memory", &self.namespace, async {
                archive.last_turns(self.namespace, LATELY).await
            })
            .await?;
        Ok(last.into_iter().next_back())
    }

    /// SCM's first question. What cannot be told is searched for.
    async fn is_needed(&self, cx: &Context, message: &Message, any: bool) -> Result<Need> {
        let because = |needed, reason| Need {
            needed,
            reason,
            probability: None,
        };
        match self.ablation {
            Ablation::NoActivation => return Ok(because(false, NeedReason::Off)),
            _ if !any => return Ok(because(false, NeedReason::NothingThere)),
            Ablation::NoController => return Ok(because(true, NeedReason::NotAsked)),
            _ => {}
        }
        let variables = NeedVariables {
            message: &message.text,
        };
        let asked = self.asker.ask(cx, &self.need, &NEED, &variables).await?;
        Ok(match asked {
            None => because(true, NeedReason::NoRoom),
            Some(asked) => Need {
                needed: asked.yes.unwrap_or(true),
                reason: match asked.yes {
                    Some(_) => NeedReason::Asked,
                    None => NeedReason::Unclear,
                },
                probability: asked.probability,
            },
        })
    }

    /// SCM's second question: when not all fits beside the flash memory, of each long item but the best,
    /// whether it helps, and whether its summary does.
    async fn judge(
        &self,
        cx: &Context,
        message: &Message,
        found: &[Found],
        room: u64,
        of_flash: u64,
    ) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![Verdict::Unasked; found.len()];
        let sizes: Vec<_> = found
            .iter()
            .map(|found| self.size(&found.item, Form::Raw))
            .collect();
        let all = of_flash + sizes.iter().sum::<u64>();
        if self.ablation == Ablation::NoController || all <= room {
            return Ok(verdicts);
        }
        for (index, found) in found.iter().enumerate().skip(1) {
            if sizes[index] * LONG.1 <= room * LONG.0 {
                continue;
            }
            let helps = |memory: String| async move {
                let variables = EnoughVariables {
                    memory: &memory,
                    message: &message.text,
                };
                let asked = self.asker.ask(cx, &self.enough, &HELPS, &variables).await?;
                Ok::<_, Error>(asked.and_then(|asked| asked.yes))
            };
            verdicts[index] = match helps(found.item.text()).await? {
                None => Verdict::Unasked,
                Some(false) => Verdict::NotNeeded,
                Some(true) if found.item.summary.is_empty() => Verdict::Needed,
                Some(true) => match helps(found.item.summary.clone()).await? {
                    Some(true) => Verdict::SummaryEnough,
                    _ => Verdict::Needed,
                },
            };
        }
        Ok(verdicts)
    }

    fn tell(
        &self,
        need: Need,
        flash: Option<&MemoryItem>,
        found: &[Found],
        verdicts: &[Verdict],
        packing: &Packing,
    ) -> Recall {
        let now = flash.map_or(0, MemoryItem::turn) + 1;
        let activated = |item: &MemoryItem, (form, reason): (Form, Reason)| Activated {
            id: item.id,
            turn: item.turn(),
            at: item.at(),
            begins: beginning(&item.observation),
            relevance: 0.0,
            rank: 0.0,
            verdict: Verdict::Unasked,
            form,
            reason,
        };
        let found = found.iter().zip(verdicts).zip(&packing.forms);
        Recall {
            need,
            flash: flash
                .zip(packing.flash)
                .map(|(item, form)| activated(item, form)),
            activated: found
                .map(|((found, verdict), form)| Activated {
                    relevance: found.relevance,
                    rank: self.ranking.score(found, now),
                    verdict: *verdict,
                    ..activated(&found.item, *form)
                })
                .collect(),
            tokens: packing.tokens,
            ..Recall::default()
        }
    }
}

/// The beginning of a text, for a person.
pub(super) fn beginning(text: &str) -> String {
    const LETTERS: usize = 80;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
