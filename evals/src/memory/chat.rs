//! SCM: a turn of [`MemoryChat`] that is not remembered.

use std::sync::Arc;

use async_trait::async_trait;
use catena_agents::{Ablation, Activated, MemoryChat, Message};
use catena_memory::{Form, Ranking};

use super::{Asking, Filled, FromMemory, MemoryStrategy};
use crate::{Question, strategy::run};

/// Asks a [`MemoryChat`] after the last turn.
pub(super) struct Chat {
    pub(super) name: String,
    pub(super) setting: String,
    pub(super) asking: Asking,
    pub(super) ablation: Ablation,
    pub(super) ranking: Ranking,
}

impl Chat {
    fn chat(&self, filled: &Filled) -> MemoryChat {
        let Asking {
            model,
            scorer,
            window,
            set,
            activate,
            prompts,
        } = &self.asking;
        let chat = MemoryChat::new(model.clone(), filled.memory().clone(), filled.namespace())
            .instructions(set.instructions())
            .window(*window)
            .answer_tokens(set.answer_tokens())
            .activate(*activate)
            .ranking(self.ranking)
            .ablation(self.ablation)
            .dates(set.has_dates())
            .learn_facts(false)
            .remember(false)
            .prompts(prompts.clone());
        match scorer {
            Some(scorer) => chat.scorer(scorer.clone()),
            None => chat,
        }
    }
}

#[async_trait]
impl MemoryStrategy for Chat {
    fn name(&self) -> &str {
        &self.name
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    async fn answer(&self, filled: &Filled, question: &Question) -> FromMemory {
        let mut from_memory = FromMemory::unanswered(&self.setting, question);
        let graph = match self.chat(filled).build() {
            Ok(graph) => Arc::new(graph),
            Err(error) => return from_memory.failed(&error),
        };
        let (output, ran) = run(&graph, Message::new(&question.text), &self.name).await;
        match output {
            Ok(reply) => {
                let all = reply.recall.activated.iter().chain(&reply.recall.flash);
                let (shown, dropped): (Vec<&Activated>, Vec<_>) =
                    all.partition(|activated| activated.form != Form::Dropped);
                from_memory.activated = shown.iter().map(|activated| activated.turn).collect();
                from_memory.dropped = dropped.len();
                from_memory.answered.answer = reply.text;
            }
            Err(error) => from_memory = from_memory.failed(&error),
        }
        from_memory.answered.ran(ran);
        from_memory
    }
}
