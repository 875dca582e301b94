//! From a stream into the folder.

use std::sync::Arc;

use catena_core::{ChatResponse, ChatStream, FinishReason};
use futures::{StreamExt, stream};

use super::{stats::Counts, store::Store};

/// An answer on its way into the folder.
pub(super) struct Keeping {
    store: Arc<Store>,
    counts: Arc<Counts>,
    key: String,
    answer: ChatResponse,
}

impl Keeping {
    pub(super) fn new(store: Arc<Store>, counts: Arc<Counts>, key: String) -> Self {
        Self {
            store,
            counts,
            key,
            answer: ChatResponse::default(),
        }
    }

    /// `deltas` as they come, written down before the end is passed on.
    pub(super) fn along(self, deltas: ChatStream) -> ChatStream {
        stream::unfold((deltas, Some(self)), async |(mut deltas, mut keeping)| {
            let delta = deltas.next().await?;
            if let (Ok(delta), Some(mut kept)) = (&delta, keeping.take()) {
                match kept.answer.push(delta.clone()) {
                    true => kept.write().await,
                    false => keeping = Some(kept),
                }
            }
            Some((delta, (deltas, keeping)))
        })
        .boxed()
    }

    async fn write(self) {
        // A filter may let it through the next time.
        if self.answer.finish == FinishReason::ContentFilter {
            return;
        }
        if self.store.write(&self.key, self.answer).await.is_err() {
            self.counts.failed_to_write();
        }
    }
}
