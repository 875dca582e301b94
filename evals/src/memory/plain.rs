//! What SCM is compared with: turns that are chosen in one way, and put before the model as they are.

use std::sync::Arc;

use async_trait::async_trait;
use catena_agents::Prompts;
use catena_core::{Agent, ChatModel, ChatRequest, Context, Error, Prompt, Result};
use catena_memory::{MemoryItem, Query, Ranking, Search};
use serde::Serialize;

use super::{Filled, FromMemory, MemoryStrategy};
use crate::{Question, strategy::run};

/// Which turns are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Choice {
    /// Those that a search finds, ranked.
    Found {
        search: Search,
        words: f32,
        ranking: Ranking,
    },
    /// The last ones.
    Last,
}

impl Choice {
    /// The turns, the first to be kept first.
    async fn items(
        &self,
        filled: &Filled,
        question: &str,
        count: usize,
    ) -> Result<Vec<MemoryItem>> {
        let Self::Found {
            search,
            words,
            ranking,
        } = *self
        else {
            return filled.lately(count).await;
        };
        let query = Query::new(question).search(search).words(words);
        // As many as `MemoryChat` looks through, and the last turns where it ranks them too.
        let query = query.limit(count.saturating_mul(2).saturating_add(1));
        let mut found = filled.memory().search(filled.namespace(), &query).await?;
        if ranking.lifts() {
            Ranking::add_latest(&mut found, filled.lately(count).await?);
        }
        ranking.sort(&mut found, filled.turns() + 1);
        found.truncate(count);
        Ok(found.into_iter().map(|found| found.item).collect())
    }
}

/// Turns that are chosen without a controller, and an answer from them if there is a model.
pub(super) struct Plain {
    pub(super) name: String,
    pub(super) setting: String,
    pub(super) choice: Choice,
    /// How many turns are chosen.
    pub(super) count: usize,
    /// `None`: turns are looked for, and nothing is answered.
    pub(super) answer: Option<Arc<AnswerFromTurns>>,
}

#[async_trait]
impl MemoryStrategy for Plain {
    fn name(&self) -> &str {
        &self.name
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    async fn answer(&self, filled: &Filled, question: &Question) -> FromMemory {
        let mut from_memory = FromMemory::unanswered(&self.setting, question);
        let items = match self.choice.items(filled, &question.text, self.count).await {
            Ok(items) => items,
            Err(error) => return from_memory.failed(&error),
        };
        from_memory.activated = items.iter().map(MemoryItem::turn).collect();
        let Some(agent) = &self.answer else {
            return from_memory;
        };
        let chosen = items.len();
        let (output, ran) = run(agent, (question.text.clone(), items), &self.name).await;
        match output {
            Ok((text, kept)) => {
                from_memory.answered.answer = text;
                from_memory.activated.truncate(kept);
                from_memory.dropped = chosen - kept;
            }
            Err(error) => from_memory = from_memory.failed(&error),
        }
        from_memory.answered.ran(ran);
        from_memory
    }
}

/// Answers a question from turns, with the prompt that [`MemoryChat`](catena_agents::MemoryChat)
/// answers with. Its input is the question and the turns, the most important first; what does not fit
/// is dropped from the end. Returns the answer, and how many turns were kept.
#[derive(Debug)]
pub(super) struct AnswerFromTurns {
    model: Arc<dyn ChatModel>,
    prompt: Prompt,
    instructions: String,
    window: u32,
    answer_tokens: u32,
    dates: bool,
}

/// A turn as it stands in the prompt.
#[derive(Serialize)]
struct Line {
    turn: u64,
    when: String,
    user: String,
    bot: String,
    summary: String,
}

#[derive(Serialize)]
struct Variables<'a> {
    instructions: &'a str,
    now: &'a str,
    facts: [(); 0],
    past: bool,
    memories: &'a [Line],
    message: &'a str,
}

impl AnswerFromTurns {
    pub(super) fn new(
        model: Arc<dyn ChatModel>,
        window: u32,
        answer_tokens: u32,
        instructions: impl Into<String>,
        dates: bool,
        prompts: &Prompts,
    ) -> Result<Self> {
        let limit = model.profile().context_window;
        if window > limit {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the model's {limit}"
            )));
        }
        Ok(Self {
            model,
            prompt: prompts.load("memory/answer")?,
            instructions: instructions.into(),
            window,
            answer_tokens,
            dates,
        })
    }

    fn request(&self, question: &str, lines: &[Line]) -> Result<ChatRequest> {
        let messages = self.prompt.render(&Variables {
            instructions: &self.instructions,
            now: "",
            facts: [],
            past: false,
            memories: lines,
            message: question,
        })?;
        Ok(ChatRequest::new(messages).max_tokens(self.answer_tokens))
    }

    fn line(&self, item: &MemoryItem) -> Line {
        let mut when = String::new();
        if self.dates {
            when = item.at().to_string();
            when.truncate("2026-11-25".len());
        }
        Line {
            turn: item.turn(),
            when,
            user: item.observation.clone(),
            bot: item.response.clone(),
            summary: String::new(),
        }
    }

    fn fits(&self, request: &ChatRequest) -> bool {
        let needed = self.model.prompt_tokens(request) + u64::from(self.answer_tokens);
        needed <= u64::from(self.window)
    }
}

#[async_trait]
impl Agent for AnswerFromTurns {
    type Input = (String, Vec<MemoryItem>);
    type Output = (String, usize);

    async fn run(&self, (question, items): Self::Input, cx: &Context) -> Result<Self::Output> {
        let with = |count: usize| -> Result<ChatRequest> {
            let mut lines: Vec<_> = items
                .iter()
                .take(count)
                .map(|item| self.line(item))
                .collect();
            lines.sort_by_key(|line| line.turn);
            self.request(&question, &lines)
        };
        // The most turns that fit: more turns never take fewer tokens.
        let (mut fit, mut too_many) = (0, items.len() + 1);
        while too_many - fit > 1 {
            let middle = fit + (too_many - fit) / 2;
            match self.fits(&with(middle)?) {
                true => fit = middle,
                false => too_many = middle,
            }
        }
        let answer = cx.chat(&*self.model, with(fit)?).await?;
        Ok((answer.text.trim().to_owned(), fit))
    }
}

#[cfg(test)]
mod tests {
    use catena_memory::HashingEmbedder;

    use super::*;
    use crate::{Conversation, Turn};

    #[tokio::test]
    async fn where_recency_lifts_it_is_chosen_among_the_last_turns_too() {
        let turn = |observation: String| Turn {
            observation,
            ..Turn::default()
        };
        let rain = (2..=9).map(|day| turn(format!("It rained on day {day}.")));
        let turns = [turn("The kiln is red.".to_owned())]
            .into_iter()
            .chain(rain);
        let conversation = Conversation {
            id: "c".to_owned(),
            turns: turns.collect(),
            questions: Vec::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        let embedder = Arc::new(HashingEmbedder::new());
        let filled = Filled::open(&path, &[conversation], embedder)
            .await
            .unwrap();
        let chosen = async |ranking: Ranking, count: usize| {
            let choice = Choice::Found {
                search: Search::Words,
                words: 0.4,
                ranking,
            };
            let items = choice.items(&filled[0], "Which kiln?", count).await;
            let items = items.unwrap();
            items.iter().map(MemoryItem::turn).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Ranking::RELEVANCE, 2).await, [1]);
        assert_eq!(chosen(Ranking::PAPER, 2).await, [1, 9]);
        assert_eq!(chosen(Ranking::PAPER, usize::MAX).await.len(), 9);
    }
}
