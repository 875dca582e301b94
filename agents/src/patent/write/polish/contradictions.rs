//! Of two sentences that contradict each other, the one that nothing backs goes.

use super::{
    super::{
        super::check::{Contradiction, Said, Statement, contradictions, introduced, statements},
        ground::says,
        types::PatentWork,
    },
    Surroundings, support,
    text::without,
};

/// How often what remains is looked at again.
const ROUNDS: usize = 4;

/// Takes out what draft, references and claims contradict, where they say the other.
pub(super) fn without_contradictions(around: &Surroundings<'_>, work: &mut PatentWork) {
    let before = contradictions(&around.patent(work)).len();
    let mut changed = work.clone();
    // Each round may show what the first sentence of its kind hid.
    for _ in 0..ROUNDS {
        let backing = Backing::of(around, &changed);
        let found = contradictions(&around.patent(&changed));
        let gone: Vec<&str> = found
            .iter()
            .filter_map(|Contradiction { here, there }| {
                match (backing.backs(here), backing.backs(there)) {
                    (false, true) => Some(here.statement.sentence.as_str()),
                    (true, false) => Some(there.statement.sentence.as_str()),
                    // Who decides knows more than the notes say.
                    _ => None,
                }
            })
            .collect();
        if gone.is_empty() {
            break;
        }
        around.all_prose(&mut changed, |text| without(text, &gone));
    }
    // What went may have been all that a claim rested on.
    support(around, &mut changed);
    if contradictions(&around.patent(&changed)).len() < before {
        *work = changed;
    }
}

/// What a statement may rest on.
struct Backing<'a> {
    material: &'a str,
    statements: Vec<Statement>,
}

impl<'a> Backing<'a> {
    fn of(around: &'a Surroundings<'_>, work: &PatentWork) -> Self {
        let terms: Vec<String> = work
            .claims
            .iter()
            .flat_map(|claim| introduced(claim.text()))
            .collect();
        let material = around.material.as_str();
        // Parts of claims are sentences of their own here.
        let statements = material
            .split(';')
            .flat_map(|part| statements(part, &terms))
            .collect();
        Self {
            material,
            statements,
        }
    }

    /// Whether the material says so: in a plain sentence about the same, or in the same words.
    fn backs(&self, said: &Said) -> bool {
        let own = &said.statement;
        let mut same = self
            .statements
            .iter()
            .filter(|other| other.about == own.about);
        same.any(|other| !other.value.conflicts(&own.value)) || says(self.material, &own.clause)
    }
}
