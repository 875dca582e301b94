//! What was said so far in a claim and in those that it refers to, word for word.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    super::Patent,
    references::references,
    words::{Word, singular, stem, words},
};

/// The claims of a patent by their number, each read once: a claim is the ancestor of many.
pub(super) struct Claims(HashMap<u32, Known>);

struct Known {
    /// The earlier claims that it refers to.
    refers: Vec<u32>,
    words: Vec<Form>,
}

impl Claims {
    pub(super) fn of(patent: &Patent) -> Self {
        let mut known = HashMap::new();
        for claim in &patent.claims {
            let number = claim.number();
            // Of two with one number the first is meant.
            known.entry(number).or_insert_with(|| Known {
                refers: references(number, claim.text())
                    .into_iter()
                    .flat_map(|reference| reference.claims)
                    .filter(|other| *other < number)
                    .collect(),
                words: words(claim.text()).iter().map(Form::of).collect(),
            });
        }
        Self(known)
    }

    /// What was said in the claims that this one refers to, directly and through others.
    pub(super) fn before(&self, number: u32) -> Said {
        let mut said = Said::default();
        for ancestor in self.ancestors(number) {
            for form in self.0.get(&ancestor).into_iter().flat_map(|one| &one.words) {
                said.add(form.clone());
            }
        }
        said
    }

    /// Earliest first.
    fn ancestors(&self, number: u32) -> Vec<u32> {
        let mut found = HashSet::new();
        let mut open = vec![number];
        while let Some(next) = open.pop() {
            for &other in self.0.get(&next).into_iter().flat_map(|one| &one.refers) {
                if found.insert(other) {
                    open.push(other);
                }
            }
        }
        let mut found: Vec<u32> = found.into_iter().collect();
        found.sort_unstable();
        found
    }
}

/// A word as it is compared: as it stands there, its singular, and its stem with those of its parts.
#[derive(Clone)]
pub(super) struct Form {
    lower: Rc<str>,
    pub(super) singular: Rc<str>,
    stems: Rc<[Rc<str>]>,
    pub(super) after_punctuation: bool,
}

impl Form {
    pub(super) fn is(&self, words: &[&str]) -> bool {
        words.contains(&&*self.lower)
    }

    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    pub(super) fn is_plural(&self) -> bool {
        self.lower != self.singular
    }

    fn of(word: &Word<'_>) -> Self {
        // "line-based calibration" introduces what is "line based".
        let parts = word.lower.split('-').filter(|part| *part != word.lower);
        Self {
            lower: word.lower.as_str().into(),
            singular: singular(&word.lower).into(),
            after_punctuation: word.after_punctuation,
            stems: std::iter::once(word.lower.as_str())
                .chain(parts)
                .map(|part| stem(part).into())
                .collect(),
        }
    }
}

/// The words so far in their order, and by their stem.
#[derive(Default)]
pub(super) struct Said {
    text: Vec<Form>,
    stems: HashSet<Rc<str>>,
}

impl Said {
    pub(super) fn push(&mut self, word: &Word<'_>) {
        self.add(Form::of(word));
    }

    fn add(&mut self, form: Form) {
        self.stems.extend(form.stems.iter().cloned());
        self.text.push(form);
    }

    pub(super) fn forms(&self) -> &[Form] {
        &self.text
    }

    /// Whether these words stand in the text so far in this order.
    pub(super) fn has_phrase(&self, phrase: &[Word<'_>]) -> bool {
        let wanted: Vec<String> = phrase.iter().map(|word| singular(&word.lower)).collect();
        let same = |found: &[Form]| {
            found
                .iter()
                .zip(&wanted)
                .all(|(one, other)| *one.singular == **other)
        };
        !wanted.is_empty() && self.text.windows(wanted.len()).any(same)
    }

    pub(super) fn has_words(&self, phrase: &[Word<'_>]) -> bool {
        phrase
            .iter()
            .all(|word| self.stems.contains(stem(&word.lower).as_str()))
    }
}
