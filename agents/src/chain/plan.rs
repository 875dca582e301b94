//! The first node: divides the documents so that no prompt exceeds the window.

use async_trait::async_trait;
use catena_core::{Agent, Context, Error, Fold, Result, Segmenter};
use catena_tools::DocumentKind;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::{
    ChainInput, ChainOfAgents, Order, Planned,
    manager::Manager,
    types::{Part, State},
    worker::Worker,
};

pub(super) struct Plan {
    worker: Worker,
    manager: Manager,
    order: Order,
    approve: bool,
}

impl Plan {
    pub(super) fn new(worker: Worker, manager: Manager, chain: &ChainOfAgents) -> Self {
        Self {
            worker,
            manager,
            order: chain.order,
            approve: chain.approve,
        }
    }

    /// Has a person say yes before anything is spent.
    async fn approved(&self, chunks: usize, cx: &Context) -> Result<()> {
        if !self.approve {
            return Ok(());
        }
        let planned = Planned::new(chunks, self.worker.window(), self.worker.prefills());
        match cx.interrupt("plan", &planned).await? {
            true => Ok(()),
            false => Err(Error::other("it was not to be read")
                .with_help("fork the run behind 0 entries to be asked again, or start a new one")),
        }
    }
}

#[async_trait]
impl Agent for Plan {
    type Input = ChainInput;
    type Output = Fold<State, Part>;

    async fn run(&self, input: ChainInput, cx: &Context) -> Result<Self::Output> {
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
                        kind: source.kind,
                        range: chunk.range,
                        text: chunk.text,
                        next: None,
                    }),
            );
        }
        if parts.is_empty() {
            return Err(Error::invalid("there is no text to read")
                .with_help("give a document with text in it"));
        }
        self.approved(parts.len(), cx).await?;
        match self.order {
            Order::LeftToRight => {}
            Order::RightToLeft => parts.reverse(),
            Order::Shuffled(seed) => shuffle(&mut parts, seed),
        }
        if self.worker.prefills() {
            for index in 1..parts.len() {
                let next = (parts[index].document, parts[index].range.clone());
                parts[index - 1].next = Some(next);
            }
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

/// The same order for the same seed, on every machine (Fisher and Yates).
fn shuffle(parts: &mut [Part], seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..parts.len()).rev() {
        parts.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
}
