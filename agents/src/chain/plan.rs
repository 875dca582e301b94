//! The first node: divides the documents so that no prompt exceeds the window.

use async_trait::async_trait;
use catena_core::{Agent, Context, Error, Fold, Result, Segmenter};
use catena_tools::DocumentKind;

use super::{
    ChainInput, Order,
    manager::Manager,
    types::{Part, State},
    worker::Worker,
};

pub(super) struct Plan {
    worker: Worker,
    manager: Manager,
    order: Order,
}

impl Plan {
    pub(super) fn new(worker: Worker, manager: Manager, order: Order) -> Self {
        Self {
            worker,
            manager,
            order,
        }
    }
}

#[async_trait]
impl Agent for Plan {
    type Input = ChainInput;
    type Output = Fold<State, Part>;

    async fn run(&self, input: ChainInput, _cx: &Context) -> Result<Self::Output> {
        self.manager.check(&input.task)?;
        let chunk_tokens = self.worker.chunk_tokens(&input.task)?;
        let counter = self.worker.model.counter();
        let mut parts = Vec::new();
        for (document, source) in input.documents.iter().enumerate() {
            let segmenter = match source.kind {
                DocumentKind::Prose => Segmenter::prose(chunk_tokens),
                DocumentKind::Code => Segmenter::code(chunk_tokens),
            };
            parts.extend(
                segmenter
                    .split(&source.text, counter)?
                    .into_iter()
                    .map(|chunk| Part {
                        document,
                        range: chunk.range,
                        text: chunk.text,
                    }),
            );
        }
        if parts.is_empty() {
            return Err(Error::invalid("there is no text to read")
                .with_help("give a document with text in it"));
        }
        if self.order == Order::RightToLeft {
            parts.reverse();
        }
        let state = State {
            input,
            units: Vec::with_capacity(parts.len()),
        };
        Ok(Fold {
            state,
            items: parts,
        })
    }
}
