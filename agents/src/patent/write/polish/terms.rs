//! One name for a thing, everywhere: the glossary's.

use super::super::{
    super::{
        Draft, Question,
        check::{Spelling, mentions, singular, squashed},
    },
    glossary::{Glossary, Term},
    wording::{article, capital},
};

/// What a text may call the terms of a glossary.
pub(super) struct Names<'a> {
    glossary: &'a Glossary,
    spelling: Spelling<'a>,
    /// Other names that the draft itself gives to a numeral.
    synonyms: Vec<(String, &'a Term)>,
}

impl<'a> Names<'a> {
    pub(super) fn of(glossary: &'a Glossary, draft: &Draft) -> Self {
        let mut synonyms = Vec::new();
        for question in [Question::Solution, Question::KeyPoints, Question::Drawings] {
            for mention in mentions(draft.answer(question)) {
                // An abbreviation is no other name; it stays what it is.
                let short = mention.name.chars().filter(|c| c.is_uppercase()).count() > 1;
                if let Some(term) = owner(glossary, &mention.numeral)
                    && !short
                    && head(&mention.name) != head(&term.name)
                    && !is_term(glossary, &mention.name)
                {
                    synonyms.push((squashed(&mention.name), term));
                }
            }
        }
        Self {
            glossary,
            spelling: Spelling::of(glossary.terms.iter().map(|term| term.name.as_str())),
            synonyms,
        }
    }

    /// The text with every term in its spelling, and under its numeral no other name that is known to mean it.
    pub(super) fn unified(&self, text: &str) -> String {
        let mut out = text.to_owned();
        // From behind, so that the places before stay right.
        for variant in self.spelling.variants(text).into_iter().rev() {
            out.replace_range(variant.bytes, &variant.name);
        }
        self.renamed(out)
    }

    fn renamed(&self, mut text: String) -> String {
        for mention in mentions(&text).into_iter().rev() {
            let Some(term) = owner(self.glossary, &mention.numeral) else {
                continue;
            };
            let Some(wanted) = self.wanted(&mention.name, term) else {
                continue;
            };
            let before = text.get(..mention.bytes.start).unwrap_or_default();
            let end = before.trim_end().len();
            let Some(start) = end.checked_sub(mention.name.len()) else {
                continue;
            };
            let wanted = match mention.name.starts_with(char::is_uppercase) {
                true => capital(&wanted),
                false => wanted,
            };
            // "an oval cup body" and "a body"
            let lead = text.get(..start).unwrap_or_default();
            let (start, wanted) = match ["a ", "an "].iter().find(|one| {
                lead.strip_suffix(**one)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '\n', '(']))
            }) {
                Some(one) => (start - one.len(), format!("{} {wanted}", article(&wanted))),
                None => (start, wanted),
            };
            text.replace_range(start..end, &wanted);
        }
        text
    }

    /// What to call a mention of `term` that is called otherwise; nothing where that might lose a meaning.
    fn wanted(&self, name: &str, term: &Term) -> Option<String> {
        if is_term(self.glossary, name) {
            return None;
        }
        let said: Vec<&str> = name.split_whitespace().collect();
        let count = term.name.split_whitespace().count();
        let (lead, own) = said.split_at_checked(said.len().checked_sub(count)?)?;
        // The cup's "cup body" is its body; "heavy body" says more.
        let whole = self.glossary.terms.first()?;
        let of_the_whole = |word: &&str| {
            whole
                .name
                .split_whitespace()
                .any(|part| part.eq_ignore_ascii_case(word))
        };
        if squashed(&own.join(" ")) == squashed(&term.name) && lead.iter().all(of_the_whole) {
            return Some(own.join(" "));
        }
        let name = squashed(name);
        let known = self
            .synonyms
            .iter()
            .any(|(other, of)| *other == name && of.name == term.name);
        known.then(|| term.name.clone())
    }
}

fn owner<'a>(glossary: &'a Glossary, numeral: &str) -> Option<&'a Term> {
    glossary
        .terms
        .iter()
        .find(|term| term.numeral.as_deref() == Some(numeral))
}

fn is_term(glossary: &Glossary, name: &str) -> bool {
    let name = squashed(name);
    glossary
        .terms
        .iter()
        .any(|term| squashed(&term.name) == name)
}

fn head(name: &str) -> String {
    singular(name.split_whitespace().next_back().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::{super::super::super::PatentClaim, *};

    #[test]
    fn a_thing_has_one_name() {
        let draft = Draft::new([
            "",
            "",
            "The cup has a body 10 and a light-emitting diode 12. The casing 10 is round. An oval ring 14.",
            "",
            "FIG. 1 shows the whole.",
        ])
        .unwrap();
        let claims = [PatentClaim::new(
            1,
            "A cup holder, comprising: a body; a light-emitting diode; and a ring.",
        )];
        let glossary = Glossary::of(&draft, &claims);
        let names = Names::of(&glossary, &draft);
        for (text, unified) in [
            ("The cup body 10 is wide.", "The body 10 is wide."),
            ("Cup bodies 10 are wide.", "Bodies 10 are wide."),
            ("The casing 10 is wide.", "The body 10 is wide."),
            (
                "An inlet, a casing 10, a cup ring 14.",
                "An inlet, a body 10, a ring 14.",
            ),
            (
                "A light emitting diode (LED) 12 glows. The LED 12 is red.",
                "A light-emitting diode (LED) 12 glows. The LED 12 is red.",
            ),
            // These may mean more, or something else.
            ("The heavy body 10 is wide.", "The heavy body 10 is wide."),
            ("The lid 10 is wide.", "The lid 10 is wide."),
            ("The casing is wide.", "The casing is wide."),
            ("The ring 10 is wide.", "The ring 10 is wide."),
        ] {
            assert_eq!(names.unified(text), unified);
            assert_eq!(names.unified(unified), unified);
        }
    }
}
