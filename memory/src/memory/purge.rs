//! Ridding an index of what was forgotten, whatever came in between.

use catena_core::Result;

use super::{Memory, sync::Told};

impl Memory {
    /// Rids the index of what was forgotten in the archive, if it [owes](crate::Archive::owes_purge) that;
    /// whether it did. [`forget`](Self::forget) does it, and whoever opens the index next.
    ///
    /// # Errors
    ///
    /// Those of the archive and the index.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the index is rid of it, or owes it still.
    pub async fn purge(&self) -> Result<bool> {
        let told = self.0.told.lock().await;
        let purged = self.purge_if_due(&told).await?;
        drop(told);
        self.tell_or_warn().await;
        Ok(purged)
    }

    /// Rids the index of all that was forgotten by now, in its files too, if it owes that; whether it did.
    pub(super) async fn purge_if_due(&self, told: &Told) -> Result<bool> {
        let archive = &self.0.archive;
        let place = self.0.index.describe();
        let Some(due) = archive.purge_due(&place).await? else {
            return Ok(false);
        };
        // At once, whatever else it lacks: an embedder that fails keeps nothing from being forgotten.
        self.remove(&archive.removed_since(told.change).await?)
            .await?;
        self.purge_index().await?;
        archive.set_purged(place, due).await?;
        Ok(true)
    }

    /// As [`purge_if_due`](Self::purge_if_due); `removed`: it had points that the archive knows nothing of, an
    /// older copy for instance, and is purged in any case.
    pub(super) async fn purge_after(&self, told: &Told, removed: bool) -> Result<bool> {
        let purged = self.purge_if_due(told).await?;
        if removed && !purged {
            self.purge_index().await?;
        }
        Ok(purged || removed)
    }

    async fn purge_index(&self) -> Result<()> {
        self.keep_for_long(|index| async move { index.purge().await })
            .await
    }

    /// As [`purge_after`](Self::purge_after); an index that fails owes it still.
    pub(super) async fn purge_or_warn(&self, removed: bool) -> bool {
        let told = self.0.told.lock().await;
        match self.purge_after(&told, removed).await {
            Ok(purged) => purged,
            Err(error) => {
                let place = self.0.index.describe();
                tracing::warn!(
                    "what was forgotten may still be in {place}, and is removed the next time: {error}"
                );
                false
            }
        }
    }

    /// Notes that the index holds nothing of what was forgotten up to a change, where that says anything new.
    pub(super) async fn note_clean(&self, change: u64) -> Result<()> {
        let place = self.0.index.describe();
        match self.0.archive.purge_due(&place).await? {
            Some(_) => self.0.archive.set_purged(place, change).await,
            None => Ok(()),
        }
    }
}
