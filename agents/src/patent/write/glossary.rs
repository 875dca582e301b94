//! Terms and reference numerals that all sections share: taken from the claims and the draft, never asked
//! of a model.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::{
    Draft, PatentClaim, Question,
    check::{Mention, Word, ends_name, introduced, mentions, singular, squashed, words},
};

/// The most terms.
const TERMS: usize = 40;

/// The numeral of the first thing that has none in the draft.
const FIRST: u32 = 100;

/// Terms of the claims and of the draft, with their reference numerals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glossary {
    /// Terms of the claims in the order of their introduction, then those that only the draft numbers.
    pub terms: Vec<Term>,
}

/// A term, always written the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What it is called, without an article.
    pub name: String,
    /// Its reference numeral; none where nothing is drawn.
    #[serde(default)]
    pub numeral: Option<String>,
    /// The claims that use it.
    #[serde(default)]
    pub claims: Vec<u32>,
}

impl Glossary {
    /// Of these claims and this draft. Numerals that the draft gives stay; if something is drawn, every
    /// other term gets one of its own.
    pub fn of(draft: &Draft, claims: &[PatentClaim]) -> Self {
        let mut glossary = Self::default();
        for claim in claims {
            for name in introduced(claim.text()) {
                // "The device" of a simulation device is that device.
                let short = glossary.terms.first().is_some_and(|subject| {
                    let (subject, own) = (key(&subject.name), key(&name));
                    own.len() == 1 && subject.len() > 1 && subject.last() == own.first()
                });
                // Another spelling is no other term.
                let known = glossary
                    .terms
                    .iter()
                    .any(|term| squashed(&term.name) == squashed(&name));
                if !short && !known && glossary.terms.len() < TERMS {
                    glossary.terms.push(Term {
                        name,
                        numeral: None,
                        claims: Vec::new(),
                    });
                }
            }
        }
        for term in &mut glossary.terms {
            let used = |claim: &&PatentClaim| !places(claim.text(), &term.name).is_empty();
            term.claims = claims
                .iter()
                .filter(used)
                .map(PatentClaim::number)
                .collect();
        }
        glossary.number(draft);
        glossary
    }

    /// Keeps the numerals of an earlier glossary for terms that both have; what would then have a numeral
    /// twice gets another.
    pub(super) fn keep(&mut self, earlier: &Self) {
        if earlier.terms.is_empty() || self.terms.iter().all(|term| term.numeral.is_none()) {
            return;
        }
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for term in &mut self.terms {
            if let Some(known) = earlier
                .find(&term.name)
                .and_then(|known| known.numeral.clone())
            {
                taken.insert(known.clone());
                term.numeral = Some(known);
            }
        }
        let mut kept: BTreeSet<String> = earlier
            .terms
            .iter()
            .filter_map(|term| term.numeral.clone())
            .chain(taken)
            .collect();
        let own: BTreeSet<String> = self
            .terms
            .iter()
            .filter_map(|term| term.numeral.clone())
            .collect();
        let mut next = FIRST;
        for term in &mut self.terms {
            let known = earlier.find(&term.name).is_some();
            let Some(numeral) = &mut term.numeral else {
                continue;
            };
            if known || !kept.contains(numeral) {
                continue;
            }
            while kept.contains(&next.to_string()) || own.contains(&next.to_string()) {
                next += 2;
            }
            *numeral = next.to_string();
            kept.insert(numeral.clone());
        }
    }

    /// The term of this name, singular and plural alike.
    pub fn find(&self, name: &str) -> Option<&Term> {
        let key = key(name);
        self.terms.iter().find(|term| self::key(&term.name) == key)
    }

    /// The terms that a text uses.
    pub fn used_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Term> {
        self.terms
            .iter()
            .filter(move |term| !places(text, &term.name).is_empty())
    }

    fn number(&mut self, draft: &Draft) {
        let drawings = draft.answer(Question::Drawings);
        let mut taken = BTreeSet::new();
        for question in [Question::Solution, Question::KeyPoints, Question::Drawings] {
            for Mention { name, numeral, .. } in mentions(draft.answer(question)) {
                if !taken.insert(numeral.clone()) {
                    continue;
                }
                let full = self.terms.len() >= TERMS;
                match self.terms.iter_mut().find(|term| same(&term.name, &name)) {
                    Some(term) => {
                        term.numeral.get_or_insert(numeral);
                    }
                    None if !full => self.terms.push(Term {
                        name,
                        numeral: Some(numeral),
                        claims: Vec::new(),
                    }),
                    None => {}
                }
            }
        }
        if !draws(drawings) && taken.is_empty() {
            return;
        }
        let number = |numeral: &String| numeral.trim_end_matches(char::is_alphabetic).parse().ok();
        let highest: u32 = taken.iter().filter_map(number).max().unwrap_or(0);
        let mut next = match highest < FIRST {
            true => FIRST,
            false => highest + 2 - highest % 2,
        };
        for term in &mut self.terms {
            if term.numeral.is_none() && is_drawn(&term.name) {
                term.numeral = Some(next.to_string());
                next += 2;
            }
        }
    }

    /// The text with the numeral behind every mention of a term that can be told to be one, and with no
    /// other numeral there. A numeral of a term behind another name goes.
    ///
    /// Of `the base plate` with the term `base` nothing can be told: `plate` may belong to the name.
    pub fn mark(&self, text: &str) -> String {
        let mut text = self.rewrite(text, |numeral| numeral.to_owned());
        // From behind, so that the places before stay right.
        for mention in mentions(&text).into_iter().rev() {
            let owner = self
                .terms
                .iter()
                .find(|term| term.numeral.as_ref() == Some(&mention.numeral));
            if owner.is_some_and(|term| !same(&term.name, &mention.name)) {
                let start = text
                    .get(..mention.bytes.start)
                    .map_or(mention.bytes.start, |before| before.trim_end().len());
                text.replace_range(start..mention.bytes.end, "");
            }
        }
        text
    }

    /// The claim with the numerals of its terms in parentheses, as European claims have them.
    pub fn mark_claim(&self, text: &str) -> String {
        self.rewrite(text, |numeral| format!("({numeral})"))
    }

    fn rewrite(&self, text: &str, form: impl Fn(&str) -> String) -> String {
        if self.terms.iter().all(|term| term.numeral.is_none()) {
            return text.to_owned();
        }
        let words = words(text);
        let mut longest: Vec<&Term> = self.terms.iter().collect();
        longest.sort_by_key(|term| std::cmp::Reverse(term.name.split_whitespace().count()));
        let mut out = String::with_capacity(text.len() + text.len() / 8);
        let (mut done, mut at) = (0, 0);
        while at < words.len() {
            let rest = words.get(at..).unwrap_or_default();
            let found = longest
                .iter()
                .find_map(|term| Some((*term, begins_with(rest, &term.name)?)));
            let Some((term, length)) = found else {
                at += 1;
                continue;
            };
            at += length;
            let (Some(first), Some(last), Some(numeral)) =
                (rest.first(), rest.get(length - 1), &term.numeral)
            else {
                continue;
            };
            out.push_str(text.get(done..first.start).unwrap_or_default());
            out.push_str(&as_named(
                text.get(first.start..last.end()).unwrap_or_default(),
                &term.name,
                first.after_punctuation || first.start == 0,
            ));
            done = last.end();
            let next = rest.get(length);
            let between = next
                .and_then(|next| text.get(last.end()..next.start))
                .unwrap_or_default();
            let closes = |next: &Word<'_>| {
                between.trim() == "(" && text.get(next.end()..).unwrap_or_default().starts_with(')')
            };
            let numbered = next
                .filter(|next| is_numeral(next.text) && (!next.after_punctuation || closes(next)));
            if let Some(next) = numbered {
                // What was written goes, with its parenthesis.
                done = next.end() + usize::from(closes(next));
                at += 1;
            } else if !ends_name(last, rest.get(length..).unwrap_or_default()) {
                continue;
            }
            out.push(' ');
            out.push_str(&form(numeral));
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }
}

/// A mention in the capitals of its term; its first word keeps its own where a sentence may begin.
fn as_named(mention: &str, name: &str, begins: bool) -> String {
    let pairs = mention.split(' ').zip(name.split(' '));
    let same_length = mention.split(' ').count() == name.split(' ').count();
    if !same_length {
        return mention.to_owned();
    }
    let words: Vec<String> = pairs
        .enumerate()
        .map(|(at, (word, wanted))| {
            let lower = !wanted.chars().any(char::is_uppercase);
            match lower && !(at == 0 && begins) && !word.is_empty() {
                true => word.to_lowercase(),
                false => word.to_owned(),
            }
        })
        .collect();
    words.join(" ")
}

/// Whether a thing of this name can be pointed at in a drawing; told by the last word.
pub(super) fn is_drawn(name: &str) -> bool {
    let last = key(name).pop().unwrap_or_default();
    const DRAWN: &[&str] = &[
        "station",
        "section",
        "portion",
        "partition",
        "junction",
        "fence",
        "appliance",
    ];
    const NOT: &[&str] = &[
        "change",
        "shape",
        "method",
        "process",
        "level",
        "value",
        "temperature",
        "time",
        "data",
        "color",
        "colour",
        "ability",
        "range",
        "way",
        "use",
        "result",
    ];
    let quality = ["tion", "sion", "ness", "ity", "ence", "ance"]
        .iter()
        .any(|end| last.ends_with(end));
    DRAWN.contains(&last.as_str()) || !quality && !NOT.contains(&last.as_str())
}

/// Whether something is drawn.
pub(super) fn draws(drawings: &str) -> bool {
    words(drawings).windows(2).any(|pair| {
        matches!(pair, [word, number] if is_figure(word)
            && number.text.starts_with(|c: char| c.is_ascii_digit()))
    })
}

pub(super) fn is_figure(word: &Word<'_>) -> bool {
    word.is(&["fig", "figs", "figure", "figures"])
}

/// The words of a name in the singular.
fn key(name: &str) -> Vec<String> {
    words(name)
        .iter()
        .map(|word| singular(&word.lower))
        .collect()
}

/// Whether two names are one, or one is the other with words before it.
fn same(a: &str, b: &str) -> bool {
    let (a, b) = (key(a), key(b));
    !a.is_empty() && !b.is_empty() && (a.ends_with(&b) && b.len() > 1 || b.ends_with(&a) || a == b)
}

/// How many words a name takes at the start of `words`, if it stands there.
fn begins_with(words: &[Word<'_>], name: &str) -> Option<usize> {
    let key = key(name);
    let found = words.get(..key.len())?;
    let stands = !key.is_empty()
        && found
            .iter()
            .zip(&key)
            .enumerate()
            .all(|(index, (word, part))| {
                (index == 0 || !word.after_punctuation) && singular(&word.lower) == *part
            });
    stands.then_some(key.len())
}

/// Where a name stands in a text: the bytes at which it begins.
pub(super) fn places(text: &str, name: &str) -> Vec<usize> {
    let words = words(text);
    (0..words.len())
        .filter_map(|at| {
            let rest = words.get(at..)?;
            begins_with(rest, name)?;
            Some(rest.first()?.start)
        })
        .collect()
}

fn is_numeral(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word.get(digits..).unwrap_or_default();
    (1..=4).contains(&digits)
        && rest.chars().count() <= 1
        && rest.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(solution: &str, drawings: &str) -> Draft {
        Draft::new(["", "", solution, "", drawings]).unwrap()
    }

    fn claims() -> Vec<PatentClaim> {
        vec![
            PatentClaim::new(
                1,
                "A cup holder, comprising: a base plate; a plurality of support arms hinged to the base \
                 plate; and a base.",
            ),
            PatentClaim::new(
                2,
                "The cup holder of claim 1, wherein the support arms are bent.",
            ),
        ]
    }

    #[test]
    fn terms_are_those_that_the_claims_introduce() {
        let glossary = Glossary::of(&draft("", ""), &claims());
        let names: Vec<_> = glossary.terms.iter().map(|term| &*term.name).collect();
        assert_eq!(names, ["cup holder", "base plate", "support arms", "base"]);
        assert_eq!(glossary.find("support arm").unwrap().claims, [1, 2]);
        assert!(glossary.terms.iter().all(|term| term.numeral.is_none()));
        assert_eq!(glossary.mark("The base is flat."), "The base is flat.");
    }

    #[test]
    fn the_short_name_of_the_whole_is_no_term() {
        let claims = [PatentClaim::new(
            1,
            "A storage device, comprising: a storing, evaluating and controlling unit; a lid around an opening, and a device.",
        )];
        let glossary = Glossary::of(&draft("", ""), &claims);
        let names: Vec<_> = glossary.terms.iter().map(|term| &*term.name).collect();
        assert_eq!(names, ["storage device", "lid", "opening"]);
    }

    #[test]
    fn numerals_of_the_draft_stay_and_the_others_are_new() {
        let draft = draft("The base plate 12 has holes 14.", "FIG. 1 shows the whole.");
        let glossary = Glossary::of(&draft, &claims());
        let numeral = |name: &str| glossary.find(name).unwrap().numeral.clone().unwrap();
        assert_eq!(numeral("base plate"), "12");
        assert_eq!(numeral("holes"), "14");
        assert_eq!(numeral("cup holder"), "100");
        assert_eq!(numeral("support arms"), "102");
        assert_eq!(numeral("base"), "104");
    }

    #[test]
    fn mentions_are_marked_once_and_rightly() {
        let draft = draft("", "FIG. 1: the whole");
        let glossary = Glossary::of(&draft, &claims());
        for (text, marked) in [
            ("The base is flat.", "The base 106 is flat."),
            ("The base 7 is flat.", "The base 106 is flat."),
            ("The base (106) is flat.", "The base 106 is flat."),
            ("The base (7) is flat.", "The base 106 is flat."),
            ("The base (7 mm) is flat.", "The base 106 (7 mm) is flat."),
            (
                "The base plate, and a support arm.",
                "The base plate 102, and a support arm 104.",
            ),
            // May be another name.
            ("The base ring is flat.", "The base ring is flat."),
            (
                "Support arms of the cup holder",
                "Support arms 104 of the cup holder 100",
            ),
            ("FIG. 1 shows 3 holes.", "FIG. 1 shows 3 holes."),
            ("The lid 102 is flat.", "The lid is flat."),
            (
                "Here the Base Plate is flat.",
                "Here the base plate 102 is flat.",
            ),
            ("Base Plate of cork", "Base plate 102 of cork"),
        ] {
            assert_eq!(glossary.mark(text), marked, "{text}");
            assert_eq!(glossary.mark(marked), marked, "{text}");
        }
        assert_eq!(
            glossary.mark_claim("A cup holder, comprising a base."),
            "A cup holder (100), comprising a base (106)."
        );
    }

    #[test]
    fn a_verb_ends_a_name_and_a_noun_does_not() {
        let claims = [PatentClaim::new(
            1,
            "A pump, comprising: a float; a lever; a valve; and a plurality of arms.",
        )];
        let glossary = Glossary::of(&draft("", "FIG. 1: the pump"), &claims);
        for (text, marked) in [
            (
                "a float joined to a valve, wherein the lever opens the valve",
                "a float (102) joined to a valve (106), wherein the lever (104) opens the valve (106)",
            ),
            (
                "the float holds water and slowly rises",
                "the float (102) holds water and slowly rises",
            ),
            (
                "the valve automatically closes",
                "the valve (106) automatically closes",
            ),
            ("the valve slowly closes", "the valve (106) slowly closes"),
            (
                "the lever seals the valve",
                "the lever (104) seals the valve (106)",
            ),
            (
                "a float engaging the lever",
                "a float (102) engaging the lever (104)",
            ),
            (
                "a lever arranged between, and a valve mounted rotatably",
                "a lever (104) arranged between, and a valve (106) mounted rotatably",
            ),
            (
                "the arms hold the float",
                "the arms (108) hold the float (102)",
            ),
            (
                "the float attached to the lever",
                "the float (102) attached to the lever (104)",
            ),
            // Other names.
            ("a valve closing spring", "a valve closing spring"),
            (
                "a valve holder of the pump",
                "a valve holder of the pump (100)",
            ),
            (
                "the valve seats and a float seal",
                "the valve seats and a float seal",
            ),
            ("a lever loaded spring", "a lever loaded spring"),
            (
                "a valve assembly in a float shed",
                "a valve assembly in a float shed",
            ),
        ] {
            assert_eq!(glossary.mark_claim(text), marked, "{text}");
            assert_eq!(glossary.mark_claim(marked), marked, "{text}");
        }
    }
}
