//! Contradictions: what is said of one thing in two places and cannot both hold.
//!
//! Only plain sentences are compared ([`statement`]): other materials, opposite words, other counts, and a
//! sentence with its negation. Claims are not compared with each other, since each may be of another embodiment;
//! background and field tell of other things of the same name.

mod opposites;
mod statement;
mod vocabulary;

pub(in crate::patent) use statement::{Statement, statements};

use std::collections::{HashMap, HashSet};

use super::{
    super::{Patent, SectionKind},
    Finding, PatentPlace, Rule, Severity, finding, introduced,
    words::{singular, words},
};

/// Words that tell one of several things of a name: "the valve" alone may then be any of them.
const ONE_OF_SEVERAL: &[&str] = &[
    "first",
    "second",
    "third",
    "fourth",
    "other",
    "another",
    "each",
    "respective",
    "every",
];

/// Two statements that cannot both hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) struct Contradiction {
    /// What comes later, and never a claim.
    pub(in crate::patent) here: Said,
    /// What it contradicts.
    pub(in crate::patent) there: Said,
}

/// A statement with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) struct Said {
    pub(in crate::patent) place: PatentPlace,
    pub(in crate::patent) statement: Statement,
}

impl Said {
    /// That it contradicts another statement, in words.
    pub(in crate::patent) fn against(&self, other: &Self) -> String {
        let (own, others) = (&self.statement.clause, &other.statement.clause);
        format!("'{own}' contradicts '{others}' in {}", other.place)
    }
}

pub(super) fn check(patent: &Patent, findings: &mut Vec<Finding>) {
    for Contradiction { here, there } in contradictions(patent) {
        findings.push(finding(
            Rule::Contradiction,
            Severity::Warning,
            here.place.clone(),
            here.against(&there),
            "let both say the same, or say of which embodiment each is true",
        ));
    }
}

/// The contradictions between description, abstract and claims, in the order of the text.
pub(in crate::patent) fn contradictions(patent: &Patent) -> Vec<Contradiction> {
    let mut known = Known::of(patent);
    for claim in &patent.claims {
        known.claim(claim.number(), claim.text());
    }
    for (number, section, text) in patent.numbered() {
        let of_others = matches!(
            section.kind(),
            SectionKind::Background | SectionKind::Field | SectionKind::CrossReference
        );
        if !of_others {
            known.text(&PatentPlace::Paragraph(number), text);
        }
    }
    known.text(&PatentPlace::Abstract, patent.abstract_text());
    known.found
}

/// What was said so far.
#[derive(Default)]
struct Known {
    /// What the claims introduce.
    terms: Vec<String>,
    /// Names of which there are several things.
    vague: HashSet<String>,
    /// By what they are about.
    claimed: HashMap<String, Vec<Said>>,
    /// The first of each; what comes later agrees with it or is found.
    told: HashMap<String, Said>,
    found: Vec<Contradiction>,
}

impl Known {
    fn of(patent: &Patent) -> Self {
        let mut known = Self::default();
        for claim in &patent.claims {
            known.terms.extend(introduced(claim.text()));
            known.distinguish(claim.text());
        }
        for (_, _, text) in patent.numbered() {
            known.distinguish(text);
        }
        known
    }

    /// Takes down which names a text tells several things of.
    fn distinguish(&mut self, text: &str) {
        let words = words(text);
        for (at, word) in words.iter().enumerate() {
            if !word.is(ONE_OF_SEVERAL) {
                continue;
            }
            let mut name = String::new();
            for next in words.iter().skip(at + 1).take(4) {
                name.push_str(&singular(&next.lower).replace('-', ""));
                self.vague.insert(name.clone());
            }
        }
    }

    /// The parts of a claim are statements of their own.
    fn claim(&mut self, number: u32, text: &str) {
        for part in text.split(';') {
            for statement in self.read(part) {
                let said = Said {
                    place: PatentPlace::Claim(number),
                    statement,
                };
                let about = said.statement.about.clone();
                self.claimed.entry(about).or_default().push(said);
            }
        }
    }

    fn text(&mut self, place: &PatentPlace, text: &str) {
        for statement in self.read(text) {
            let here = Said {
                place: place.clone(),
                statement,
            };
            // What contradicts a claim may contradict what comes later, too.
            if let Some(there) = self.opposed(&here.statement) {
                self.report(here.clone(), there);
            }
            let about = here.statement.about.clone();
            self.told.entry(about).or_insert(here);
        }
    }

    fn read(&self, text: &str) -> Vec<Statement> {
        let mut found = statements(text, &self.terms);
        found.retain(|statement| !self.vague.contains(&statement.subject));
        found
    }

    /// What was said before and cannot hold beside this.
    fn opposed(&self, statement: &Statement) -> Option<Said> {
        let conflicts = |said: &&Said| {
            said.statement.value.conflicts(&statement.value)
                && said.statement.sentence != statement.sentence
        };
        let claimed = self.claimed.get(&statement.about);
        let claimed = claimed.map_or(&[][..], Vec::as_slice);
        // Claims of several embodiments: one that agrees is enough.
        let all = claimed.iter().all(|said| conflicts(&said));
        let in_claims = claimed.first().filter(|_| all);
        let told = self.told.get(&statement.about).filter(conflicts);
        told.or(in_claims).cloned()
    }

    /// Once for two sentences, however much in them is opposed.
    fn report(&mut self, here: Said, there: Said) {
        let again = self.found.last().is_some_and(|found| {
            found.here.place == here.place
                && found.here.statement.sentence == here.statement.sentence
                && found.there.statement.sentence == there.statement.sentence
        });
        if !again {
            self.found.push(Contradiction { here, there });
        }
    }
}

#[cfg(test)]
mod tests;
