//! The memory controller: whether memory is needed, what is activated, and in which form.

use async_trait::async_trait;
use catena_core::{Agent, Context, Embedding, Error, Prompt, Result};
use catena_memory::{
    Candidate, Form, Found, Kind, Memory, MemoryItem, Moment, NamespaceId, Packing, Query, Ranking,
    Reason, Search, Verdict, pack,
};
use serde::Serialize;

use super::{
    Ablation,
    ask::{Asker, Choice},
    render::{Renderer, date},
    spare::without,
    types::{
        Activated, Flash, Line, Message, Need, NeedReason, PastFact, Recall, Recalled, RecalledFact,
    },
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

/// What came of a search, as it stands in the journal: a resumed run recalls the same.
type Searched = (Vec<Found>, Vec<RecalledFact>);

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

/// Values of a fact that are told from before: the latest ones, and the first.
const PAST: usize = 4;

/// So near a fact has to be to a message, as a cosine, to have to do with it, unless they share a word.
/// With `minilm`, of eight facts and sixteen messages: what belongs together has 0.26 and more, what does
/// not 0.22 and less.
const NEAR: f32 = 0.25;

/// Turns that are looked through for the one before. More than one may hold the same words.
const LATELY: usize = 1;

/// Beyond that share of the room for memories an item is worth a question of its own
/// (800 of 2,000 tokens in the paper).
const LONG: (u64, u64) = (2, 5);

/// The flash memory goes in whole below that share (500 of 2,500 tokens in the authors' code).
const FLASH: (u64, u64) = (1, 5);

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
        let (found, facts) = match need.reason {
            NeedReason::NothingThere | NeedReason::Off => Searched::default(),
            _ => {
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
        let verdicts = self.judge(cx, &message, &found, room).await?;
        let flash = flash.filter(|_| self.ablation != Ablation::NoFlash);
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
        if !any {
            return Ok(because(false, NeedReason::NothingThere));
        }
        match self.ablation {
            Ablation::NoActivation => return Ok(because(false, NeedReason::Off)),
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

    /// Searches turns where memory is needed, and facts in any case: a question about the user's home is
    /// taken for one of general knowledge easily. The turn before is no part of it.
    async fn recall(
        &self,
        cx: &Context,
        message: &Message,
        flash: Option<&MemoryItem>,
        needed: bool,
    ) -> Result<Searched> {
        if !needed && self.facts == 0 {
            return Ok(Searched::default());
        }
        let vector = self.embed(cx, message).await?;
        let search = match (&vector, needed) {
            (Some(_), true) => self.search,
            // The index has facts apart from turns, so that this costs the same in every turn; the words of
            // both are together.
            (Some(_), false) => Search::Dense,
            // Words alone decide.
            (None, _) => Search::Words,
        };
        let query = |kind, limit| {
            let query = Query::new(&message.text)
                .search(search)
                .words(self.words)
                .kind(kind)
                .limit(limit);
            match &vector {
                Some(vector) => query.vector(vector.clone()),
                None => query,
            }
        };
        cx.tool("recall", &(self.namespace, &message.text, needed), async {
            let memory = &self.memory;
            // More than are activated, since rank is not relevance alone.
            let wanted = self.activate * 2 + 1;
            let mut found = match needed {
                true => {
                    memory
                        .search(self.namespace, &query(Kind::Turn, wanted))
                        .await?
                }
                false => Vec::new(),
            };
            // Without a flash memory in the prompt, the turn before is a memory as any other.
            if self.ablation != Ablation::NoFlash {
                found.retain(|found| flash.is_none_or(|flash| flash.id != found.item.id));
            }
            let now = flash.map_or(0, MemoryItem::turn) + 1;
            self.ranking.sort(&mut found, now);
            found.truncate(self.activate);
            let mut facts = match self.facts {
                0 => Vec::new(),
                limit => {
                    memory
                        .search(self.namespace, &query(Kind::Fact, limit * 2))
                        .await?
                }
            };
            // Beside one that is near, others only lead a small model astray.
            if !needed || facts.iter().any(near) {
                facts.retain(near);
            }
            Ok((found, self.with_history(facts).await?))
        })
        .await
    }

    /// The message's vector; `None` where words decide, because they are to or the embedder fails.
    async fn embed(&self, cx: &Context, message: &Message) -> Result<Option<Embedding>> {
        if self.search == Search::Words {
            return Ok(None);
        }
        let embedder = self.memory.embedder();
        let texts = [message.text.clone()];
        match cx.embed(&**embedder, &texts).await {
            Ok(vectors) => Ok(vectors.into_iter().next()),
            Err(error) => without(cx, "the search by meaning", error).map(|()| None),
        }
    }

    /// What holds now about each key that came up, and what held before.
    async fn with_history(&self, found: Vec<Found>) -> Result<Vec<RecalledFact>> {
        let mut facts: Vec<RecalledFact> = Vec::new();
        for found in found {
            let near = near(&found);
            let Some(key) = found.item.key.filter(|_| facts.len() < self.facts) else {
                continue;
            };
            if facts.iter().any(|fact| fact.about == key) {
                continue;
            }
            let fact = self.fact(&key).await?;
            facts.extend(fact.map(|fact| RecalledFact { near, ..fact }));
        }
        Ok(facts)
    }

    /// What holds about a key, if anything does, and what held before: the latest values and the first.
    async fn fact(&self, key: &str) -> Result<Option<RecalledFact>> {
        let archive = self.memory.archive();
        let mut all = archive.history(self.namespace, key, 1 + PAST).await?;
        if all.len() > PAST {
            let first = archive.first(self.namespace, key).await?;
            all.truncate(PAST);
            all.extend(first);
        }
        // Told at one moment with another value, it never held.
        all.retain(|item| item.validity.until != Some(item.validity.from));
        let Some(last) = all.first() else {
            return Ok(None);
        };
        let id = last.id;
        let (now, before): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|item| item.validity.until.is_none());
        let now = now.into_iter().next();
        let before = before.into_iter().map(|item| PastFact {
            is: item.observation,
            until: item.validity.until.map(date).unwrap_or_default(),
        });
        Ok(Some(RecalledFact {
            id,
            about: key.to_owned(),
            since: now.as_ref().map(|item| date(item.validity.from)),
            is: now.map(|item| item.observation),
            before: before.collect(),
            near: false,
        }))
    }

    fn fact_size(&self, fact: &RecalledFact) -> u64 {
        let about = &fact.about;
        let past = fact.before.iter();
        let past: String = past
            .map(|past| format!("- {about} before that, until {}: {}\n", past.until, past.is))
            .collect();
        let now = fact.is.as_ref().zip(fact.since.as_ref());
        let now = now.map_or_else(String::new, |(is, since)| {
            format!("- {about}: {is} (since {since})\n")
        });
        self.renderer.count(&format!("{now}{past}")) + 2 * (1 + fact.before.len() as u64)
    }

    /// Facts are short, and go in before anything else, up to a quarter of the room; where that does not
    /// do, without what held longest ago.
    fn facts_that_fit(&self, facts: Vec<RecalledFact>, limit: u64) -> Vec<RecalledFact> {
        let mut left = limit / 4;
        let fitting = |mut fact: RecalledFact| {
            loop {
                if let Some(rest) = left.checked_sub(self.fact_size(&fact)) {
                    left = rest;
                    return Some(fact);
                }
                fact.before.pop()?;
                if fact.is.is_none() && fact.before.is_empty() {
                    return None;
                }
            }
        };
        facts.into_iter().filter_map(fitting).collect()
    }

    /// SCM's second question: when not all fits, of each long item but the best, whether it helps,
    /// and whether its summary does.
    async fn judge(
        &self,
        cx: &Context,
        message: &Message,
        found: &[Found],
        room: u64,
    ) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![Verdict::Unasked; found.len()];
        let sizes: Vec<_> = found.iter().map(|found| self.raw(&found.item)).collect();
        if self.ablation == Ablation::NoController || sizes.iter().sum::<u64>() <= room {
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

    fn raw(&self, item: &MemoryItem) -> u64 {
        let line = self.renderer.line(item, Form::Raw);
        line.map_or(0, |line| self.renderer.size(&line))
    }

    fn pack(
        &self,
        flash: Option<&MemoryItem>,
        found: &[Found],
        verdicts: &[Verdict],
        room: u64,
    ) -> Packing {
        let candidates: Vec<_> = found
            .iter()
            .zip(verdicts)
            .map(|(found, verdict)| {
                let size = |form| {
                    let line = self.renderer.line(&found.item, form);
                    line.map_or(0, |line| self.renderer.size(&line))
                };
                let summarised = !found.item.summary.is_empty();
                Candidate {
                    raw: size(Form::Raw),
                    // Without a controller what does not fit is dropped, never shortened.
                    summary: (summarised && self.ablation != Ablation::NoController)
                        .then(|| size(Form::Summary)),
                    verdict: *verdict,
                }
            })
            .collect();
        let flash = flash.map(|item| {
            let size = |form| match self.renderer.flash(item, form) {
                Some(flash) => self.renderer.flash_size(&flash),
                // It goes among the others.
                None => {
                    let line = self.renderer.line(item, form);
                    line.map_or(0, |line| self.renderer.size(&line))
                }
            };
            Candidate {
                raw: size(Form::Raw),
                summary: (!item.summary.is_empty()).then(|| size(Form::Summary)),
                verdict: Verdict::Unasked,
            }
        });
        let mut packing = pack(flash, &candidates, room * FLASH.0 / FLASH.1, room);
        if let Some((Form::Cut(tokens), _)) = packing.flash
            && tokens <= self.around_flash()
        {
            // There is no room for a word of it: what is written around it alone would be too much.
            packing.flash = Some((Form::Dropped, Reason::NoRoom));
            packing.tokens = packing.tokens.saturating_sub(tokens);
        }
        packing
    }

    /// Tokens that are written around the turn before.
    fn around_flash(&self) -> u64 {
        2 * u64::from(self.renderer.model.profile().message_overhead) + 8
    }

    /// The memories in the order in which they were said, the turn before among them where it is no
    /// exchange.
    fn lines(&self, flash: Option<&MemoryItem>, found: &[Found], packing: &Packing) -> Vec<Line> {
        let placed = found.iter().zip(&packing.forms);
        let before = flash
            .zip(packing.flash)
            .filter(|(item, (form, _))| self.renderer.flash(item, *form).is_none())
            .and_then(|(item, (form, _))| self.renderer.line(item, form));
        let mut lines: Vec<_> = placed
            .filter_map(|(found, (form, _))| self.renderer.line(&found.item, *form))
            .chain(before)
            .collect();
        lines.sort_by_key(|line| line.turn);
        lines
    }

    fn flash(&self, item: Option<&MemoryItem>, packing: &Packing) -> Option<Flash> {
        let form = match packing.flash?.0 {
            // What is written around it has to fit too.
            Form::Cut(tokens) => Form::Cut(tokens.saturating_sub(self.around_flash()).max(1)),
            form => form,
        };
        self.renderer.flash(item?, form)
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

/// Whether a fact has to do with a message, beyond being the nearest that there is.
fn near(fact: &Found) -> bool {
    fact.words.is_some() || fact.cosine.is_some_and(|cosine| cosine >= NEAR)
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
