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

/// Takes out what draft, references and claims contradict, where they say the other.
pub(super) fn without_contradictions(around: &Surroundings<'_>, work: &mut PatentWork) {
    let found = contradictions(&around.patent(work));
    if found.is_empty() {
        return;
    }
    let backing = Backing::of(around, work);
    let gone: Vec<String> = found
        .iter()
        .filter_map(|Contradiction { here, there }| {
            match (backing.backs(here), backing.backs(there)) {
                (false, true) => Some(here.statement.sentence.clone()),
                (true, false) => Some(there.statement.sentence.clone()),
                // Who decides knows more than the notes say.
                _ => None,
            }
        })
        .collect();
    if gone.is_empty() {
        return;
    }
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    around.all_prose(work, |text| without(text, &gone));
    // What went may have been all that a claim rested on.
    support(around, work);
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

    /// Whether the material says so: in a plain sentence about the same, or else in the same words.
    fn backs(&self, said: &Said) -> bool {
        let own = &said.statement;
        let mut same = self
            .statements
            .iter()
            .filter(|other| other.about == own.about)
            .peekable();
        match same.peek() {
            Some(_) => same.any(|other| !other.value.conflicts(&own.value)),
            None => says(self.material, &own.clause),
        }
    }
}
