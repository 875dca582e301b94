//! Which memories go into a prompt, and in which form, so that they fit.

use serde::{Deserialize, Serialize};

/// The form in which a memory goes into a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Every word of it.
    Raw,
    /// Its summary.
    Summary,
    /// Its first tokens, as many as this. The flash memory alone, when nothing else fits.
    Cut(u64),
    /// Not at all.
    Dropped,
}

/// Why a memory has its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There was room for every word.
    Room,
    /// The controller found that it does not help to answer.
    NotNeeded,
    /// The controller found that its summary says enough.
    SummaryEnough,
    /// There was no room for more.
    NoRoom,
}

/// What the controller found about a memory (SCM's second question).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was not asked about.
    #[default]
    Unasked,
    /// It does not help to answer.
    NotNeeded,
    /// Its summary says enough.
    SummaryEnough,
    /// It takes every word.
    Needed,
}

/// A memory that may go into a prompt. Sizes are in tokens, with all that is written around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Every word of it.
    pub raw: u64,
    /// Its summary; `None` where it has none.
    pub summary: Option<u64>,
    /// What the controller found about it.
    pub verdict: Verdict,
}

impl Candidate {
    /// Its form as the flash memory, as long as there is room: as it is when it has fewer than `flash_limit`
    /// tokens or no shorter summary, otherwise as its summary.
    pub fn flash_form(&self, flash_limit: u64) -> Form {
        match self.raw >= flash_limit && self.shorter() {
            true => Form::Summary,
            false => Form::Raw,
        }
    }

    /// The tokens that it takes in a form.
    pub fn size(&self, form: Form) -> u64 {
        match form {
            Form::Raw => self.raw,
            Form::Summary => self.summary.unwrap_or(self.raw),
            Form::Cut(tokens) => tokens,
            Form::Dropped => 0,
        }
    }

    fn shorter(&self) -> bool {
        self.summary.is_some_and(|summary| summary < self.raw)
    }
}

/// What goes into the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The form of the flash memory.
    pub flash: Option<(Form, Reason)>,
    /// A form for each candidate, in their order.
    pub forms: Vec<(Form, Reason)>,
    /// The tokens of all, no more than the limit.
    pub tokens: u64,
}

/// Packs memories into `limit` tokens (SCM §3.4).
///
/// `candidates` are in the order of their rank, the highest first. The flash memory, the last turn,
/// is always in: as it is when it has fewer than `flash_limit` tokens, otherwise as its summary.
/// When everything fits, everything goes in as it is. Otherwise the controller's verdicts are
/// carried out (the best candidate is never dropped by one); then, from the lowest rank to the
/// highest, memories are replaced by their summaries until all fits; then, in the same order, they
/// are dropped. Each step makes the whole smaller, and there are at most two for each candidate: it
/// ends, which the authors' code does not always.
pub fn pack(
    flash: Option<Candidate>,
    candidates: &[Candidate],
    flash_limit: u64,
    limit: u64,
) -> Packing {
    let mut flash = flash.map(|flash| {
        let form = flash.flash_form(flash_limit);
        let reason = match form {
            Form::Raw => Reason::Room,
            _ => Reason::NoRoom,
        };
        (flash, (form, reason))
    });
    let mut forms = vec![(Form::Raw, Reason::Room); candidates.len()];
    let of_flash = |flash: &Option<(Candidate, (Form, Reason))>| {
        flash.map_or(0, |(candidate, (form, _))| candidate.size(form))
    };
    let total = |forms: &[(Form, Reason)]| -> u64 {
        let sizes = candidates.iter().zip(forms);
        sizes
            .map(|(candidate, (form, _))| candidate.size(*form))
            .sum()
    };
    let fits = |forms: &[(Form, Reason)], flash: u64| total(forms) + flash <= limit;

    if !fits(&forms, of_flash(&flash)) {
        for (index, candidate) in candidates.iter().enumerate() {
            match candidate.verdict {
                Verdict::NotNeeded if index > 0 => {
                    forms[index] = (Form::Dropped, Reason::NotNeeded);
                }
                Verdict::SummaryEnough if candidate.shorter() => {
                    forms[index] = (Form::Summary, Reason::SummaryEnough);
                }
                _ => {}
            }
        }
    }
    for smaller in [Form::Summary, Form::Dropped] {
        for (index, candidate) in candidates.iter().enumerate().rev() {
            if fits(&forms, of_flash(&flash)) {
                break;
            }
            if candidate.size(smaller) < candidate.size(forms[index].0) {
                forms[index] = (smaller, Reason::NoRoom);
            }
        }
    }
    if let Some((candidate, form)) = &mut flash
        && !fits(&forms, candidate.size(form.0))
    {
        if candidate.shorter() {
            *form = (Form::Summary, Reason::NoRoom);
        }
        if candidate.size(form.0) > limit {
            *form = (Form::Cut(limit), Reason::NoRoom);
        }
    }
    Packing {
        tokens: total(&forms) + of_flash(&flash),
        flash: flash.map(|(_, form)| form),
        forms,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(raw: u64, summary: u64, verdict: Verdict) -> Candidate {
        Candidate {
            raw,
            summary: Some(summary),
            verdict,
        }
    }

    #[test]
    fn what_fits_is_not_touched_whatever_the_verdict() {
        let all = [candidate(10, 2, Verdict::NotNeeded); 3];
        let packing = pack(Some(candidate(10, 2, Verdict::Unasked)), &all, 50, 40);
        assert!(
            packing
                .forms
                .iter()
                .all(|form| *form == (Form::Raw, Reason::Room))
        );
        assert_eq!(packing.tokens, 40);
    }

    #[test]
    fn verdicts_come_before_rank_and_spare_the_best() {
        let all = [
            candidate(100, 10, Verdict::NotNeeded),
            candidate(100, 10, Verdict::NotNeeded),
            candidate(100, 10, Verdict::SummaryEnough),
            candidate(100, 10, Verdict::Needed),
        ];
        let forms = pack(None, &all, 50, 210).forms;
        assert_eq!(
            forms,
            [
                (Form::Raw, Reason::Room),
                (Form::Dropped, Reason::NotNeeded),
                (Form::Summary, Reason::SummaryEnough),
                (Form::Raw, Reason::Room),
            ]
        );
    }

    #[test]
    fn the_lowest_rank_shrinks_first() {
        let all = [candidate(100, 10, Verdict::Unasked); 3];
        let form = |limit| pack(None, &all, 50, limit).forms.map_forms();
        assert_eq!(form(220), [Form::Raw, Form::Raw, Form::Summary]);
        assert_eq!(form(40), [Form::Summary; 3]);
        assert_eq!(form(25), [Form::Summary, Form::Summary, Form::Dropped]);
        assert_eq!(form(5), [Form::Dropped; 3]);
    }

    trait MapForms {
        fn map_forms(&self) -> Vec<Form>;
    }

    impl MapForms for Vec<(Form, Reason)> {
        fn map_forms(&self) -> Vec<Form> {
            self.iter().map(|(form, _)| *form).collect()
        }
    }

    #[test]
    fn the_flash_memory_is_always_in() {
        let long = candidate(900, 700, Verdict::Unasked);
        let packing = pack(Some(long), &[candidate(10, 1, Verdict::Unasked)], 500, 100);
        assert_eq!(packing.flash, Some((Form::Cut(100), Reason::NoRoom)));
        assert_eq!(packing.tokens, 100);
    }

    fn any_candidate() -> impl Strategy<Value = Candidate> {
        let verdict = prop_oneof![
            Just(Verdict::Unasked),
            Just(Verdict::NotNeeded),
            Just(Verdict::SummaryEnough),
            Just(Verdict::Needed),
        ];
        // Summaries that are longer than the text, too: models write such.
        (0..500_u64, proptest::option::of(0..600_u64), verdict).prop_map(
            |(raw, summary, verdict)| Candidate {
                raw,
                summary,
                verdict,
            },
        )
    }

    proptest! {
        #[test]
        fn a_packing_never_exceeds_the_limit_and_never_loops(
            flash in proptest::option::of(any_candidate()),
            candidates in proptest::collection::vec(any_candidate(), 0..20),
            flash_limit in 0..600_u64,
            limit in 0..3000_u64,
        ) {
            let packing = pack(flash, &candidates, flash_limit, limit);
            prop_assert!(packing.tokens <= limit);
            prop_assert_eq!(packing.forms.len(), candidates.len());
            prop_assert_eq!(packing.flash.is_some(), flash.is_some());
            prop_assert!(packing.flash.is_none_or(|(form, _)| form != Form::Dropped));
        }

        #[test]
        fn more_room_never_means_less(
            candidates in proptest::collection::vec(any_candidate(), 0..12),
            limit in 0..2000_u64,
        ) {
            let unasked: Vec<_> = candidates
                .into_iter()
                .map(|candidate| Candidate { verdict: Verdict::Unasked, ..candidate })
                .collect();
            let dropped = |limit| {
                let forms = pack(None, &unasked, 0, limit).forms;
                forms.iter().filter(|(form, _)| *form == Form::Dropped).count()
            };
            prop_assert!(dropped(limit + 500) <= dropped(limit));
        }
    }
}
