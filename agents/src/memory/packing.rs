//! What was recalled in the prompt: in which form, and where.

use catena_memory::{Candidate, Form, Found, MemoryItem, Packing, Verdict, pack};

use super::{
    Ablation,
    controller::Controller,
    types::{Flash, Line},
};

/// The flash memory goes in whole below that share (500 of 2,500 tokens in the authors' code).
const FLASH: (u64, u64) = (1, 5);

impl Controller {
    /// The tokens of a memory as a line of the prompt.
    pub(super) fn size(&self, item: &MemoryItem, form: Form) -> u64 {
        let line = self.renderer.line(item, form);
        line.map_or(0, |line| self.renderer.size(&line))
    }

    /// The tokens of the turn before in the form in which it goes in as long as there is room.
    pub(super) fn flash_tokens(&self, item: &MemoryItem, room: u64) -> u64 {
        let candidate = self.flash_candidate(item);
        candidate.size(candidate.flash_form(flash_limit(room)))
    }

    /// In which form each memory goes into the prompt.
    pub(super) fn pack(
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
                let size = |form| self.size(&found.item, form);
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
        let before = flash.map(|item| self.flash_candidate(item));
        let mut packing = pack(before, &candidates, flash_limit(room), room);
        if let (Some(item), Some((Form::Cut(tokens), reason))) = (flash, packing.flash) {
            packing.flash = match self.renderer.cut_within(item, tokens) {
                Some(form) => Some((form, reason)),
                // What is written around it alone would be too much.
                None => {
                    packing.tokens = packing.tokens.saturating_sub(tokens);
                    Some((Form::Dropped, reason))
                }
            };
        }
        packing
    }

    fn flash_candidate(&self, item: &MemoryItem) -> Candidate {
        let size = |form| match self.renderer.flash(item, form) {
            Some(flash) => self.renderer.flash_size(&flash),
            // It goes among the others.
            None => self.size(item, form),
        };
        Candidate {
            raw: size(Form::Raw),
            summary: (!item.summary.is_empty()).then(|| size(Form::Summary)),
            verdict: Verdict::Unasked,
        }
    }

    /// The memories in the order in which they were said, the turn before among them where it is no
    /// exchange.
    pub(super) fn lines(
        &self,
        flash: Option<&MemoryItem>,
        found: &[Found],
        packing: &Packing,
    ) -> Vec<Line> {
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

    /// The turn before, where it is an exchange.
    pub(super) fn flash(&self, item: Option<&MemoryItem>, packing: &Packing) -> Option<Flash> {
        self.renderer.flash(item?, packing.flash?.0)
    }
}

/// The tokens below which the flash memory goes in whole.
fn flash_limit(room: u64) -> u64 {
    room * FLASH.0 / FLASH.1
}
