//! Antecedent basis: what a claim calls "the X" or "said X" was introduced before, in the claim or in
//! one that it refers to.
//!
//! A noun phrase begins behind "the" or "said" and ends before punctuation or a word that no noun
//! phrase goes on with. It has an antecedent if its words stand earlier in that order, or all of
//! them in any order (`the stored values` after `storing values`). If not, shorter beginnings of
//! it are tried, as long as what is left looks like a verb. A plural is no mention of what was
//! introduced once and alone (`number.rs`). Not reported, because granted claims are full of it: "the
//! X of …" at its first mention, which may be inherent in what follows (MPEP 2173.05(e));
//! superlatives; and fixed phrases.

use super::{
    super::Patent,
    Finding, PatentPlace, Rule, Severity, finding,
    number::is_plural_of_one,
    said::{Claims, Said},
    words::{Word, singular, words},
};

/// Words that no noun phrase goes on with.
pub(super) const STOPS: &[&str] = &[
    "a",
    "an",
    "the",
    "said",
    "of",
    "to",
    "in",
    "on",
    "at",
    "by",
    "for",
    "from",
    "with",
    "without",
    "within",
    "into",
    "onto",
    "through",
    "via",
    "over",
    "under",
    "between",
    "among",
    "against",
    "along",
    "across",
    "about",
    "around",
    "above",
    "below",
    "behind",
    "during",
    "until",
    "upon",
    "toward",
    "towards",
    "per",
    "as",
    "than",
    "and",
    "or",
    "but",
    "nor",
    "if",
    "when",
    "while",
    "whether",
    "wherein",
    "whereby",
    "where",
    "which",
    "that",
    "who",
    "whose",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "being",
    "has",
    "have",
    "having",
    "had",
    "does",
    "do",
    "can",
    "may",
    "might",
    "must",
    "shall",
    "should",
    "will",
    "would",
    "could",
    "not",
    "comprises",
    "comprising",
    "comprise",
    "comprised",
    "includes",
    "including",
    "include",
    "included",
    "consists",
    "consisting",
    "consist",
    "contains",
    "containing",
    "contain",
    "further",
    "also",
    "then",
    "thereby",
    "therefrom",
    "thereof",
    "therein",
    "therewith",
    "thereto",
    "each",
    "so",
    "such",
    "according",
    "responsive",
    "based",
    "configured",
    "adapted",
    "arranged",
    "disposed",
    "located",
    "coupled",
    "connected",
    "mounted",
    "formed",
    "provided",
    "using",
    "used",
    "its",
    "their",
    "it",
    "them",
    "they",
    "these",
    "those",
    "this",
    "only",
    "both",
    "either",
    "after",
    "before",
    "because",
    "since",
    "due",
    "relative",
    "substantially",
    "respectively",
    "automatically",
    "in-use",
    "characterised",
    "characterized",
    "ranges",
    "exhibits",
    "executed",
];

/// Behind "the": counts and the like, which are no part of the name.
const COUNTS: &[&str] = &[
    "at",
    "least",
    "one",
    "two",
    "three",
    "four",
    "more",
    "or",
    "plurality",
    "of",
    "each",
    "respective",
    "corresponding",
    "individual",
    "same",
    "various",
    "multiple",
    "set",
    "pair",
    "number",
    "associated",
];

/// What "the" stands before without pointing at anything.
const FIXED: &[&str] = &[
    "following",
    "group",
    "other",
    "others",
    "same",
    "like",
    "latter",
    "former",
    "art",
    "extent",
    "case",
    "event",
    "form",
    "fact",
    "present",
    "invention",
    "way",
    "basis",
    "ratio",
    "rest",
    "remainder",
    "presence",
    "absence",
    "latest",
    "earliest",
    "next",
    "claim",
    "claims",
    "preceding",
    "steps",
    "step",
    "order",
    "time",
    "total",
];

pub(super) fn check(patent: &Patent, findings: &mut Vec<Finding>) {
    let known = Claims::of(patent);
    for claim in &patent.claims {
        let mut so_far = known.before(claim.number());
        // Once a phrase is reported it is known, here and in the claims that depend on this one.
        flawed(claim.text(), &mut so_far, |flaw, _, article, phrase| {
            let (message, advice) = match flaw {
                Flaw::Missing => (
                    format!("'{article} {phrase}' was not introduced before"),
                    format!(
                        "introduce it with 'a' or 'an', or refer to the claim that has '{phrase}'"
                    ),
                ),
                Flaw::Number => (
                    format!("'{article} {phrase}' points at several, and one was introduced"),
                    "name one, or introduce several ('at least one', 'a plurality of')".to_owned(),
                ),
            };
            findings.push(finding(
                Rule::AntecedentBasis,
                Severity::Warning,
                PatentPlace::Claim(claim.number()),
                message,
                advice,
            ));
        });
    }
}

/// Where a claim of `patent` says `the` or `said` of something that was not introduced before: the byte of
/// the article, and the phrase behind it.
pub(in crate::patent) fn unintroduced(patent: &Patent, claim: u32) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut so_far = Claims::of(patent).before(claim);
    if let Some(claim) = patent.claim(claim) {
        flawed(claim.text(), &mut so_far, |flaw, at, _, phrase| {
            if flaw == Flaw::Missing {
                found.push((at, phrase.to_owned()));
            }
        });
    }
    found
}

/// The names that a text introduces with `a`, `an` or a count, in their order, each once.
pub(in crate::patent) fn introduced(text: &str) -> Vec<String> {
    let words = words(text);
    let mut found: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let rest = words.get(at + 1..).unwrap_or_default();
        let begins = word.is(&["a", "an", "one", "two", "three", "four", "several"])
            || word.is(&["of"])
                && at
                    .checked_sub(1)
                    .and_then(|before| words.get(before))
                    .is_some_and(|before| before.is(&["plurality", "pair", "set", "number"]));
        let of_many = rest
            .first()
            .is_some_and(|next| next.is(&["plurality", "pair", "set", "number", "or", "more"]));
        if !begins || of_many {
            continue;
        }
        let phrase = phrase(rest);
        let name = name_in(phrase, rest.get(phrase.len()));
        let (Some(first), Some(last)) = (name.first(), name.last()) else {
            continue;
        };
        let name = text.get(first.start..last.end()).unwrap_or_default();
        // "A storing, evaluating and controlling unit": its first word alone is no name.
        let goes_on = name.ends_with("ing")
            && !name.contains(' ')
            && rest
                .get(phrase.len())
                .is_some_and(|next| next.after_punctuation && next.lower.ends_with("ing"));
        let numeral = goes_on || name.chars().all(|c| !c.is_alphabetic());
        if !numeral && !found.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            found.push(name.to_owned());
        }
    }
    found
}

/// The noun phrase without a verb that ends it, at most five words.
fn name_in<'a, 'b>(phrase: &'b [Word<'a>], next: Option<&Word<'a>>) -> &'b [Word<'a>] {
    let verb = |word: &Word<'_>| {
        ["ly", "ed", "able", "ible"]
            .iter()
            .any(|ending| word.lower.ends_with(ending))
            || word.lower.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut length = 1 + phrase.iter().skip(1).take_while(|word| !verb(word)).count();
    // "A sensor detecting the light", "a sensor detects the light": what stands before an article there
    // is a verb.
    let object = next.is_some_and(|next| {
        !next.after_punctuation && next.is(&["a", "an", "the", "said", "each", "at"])
    });
    let last = length.checked_sub(1).and_then(|last| phrase.get(last));
    if length == phrase.len()
        && length > 1
        && object
        && last.is_some_and(|last| last.lower.ends_with("ing") || last.lower.ends_with('s'))
    {
        length -= 1;
    }
    phrase.get(..length.min(5)).unwrap_or(phrase)
}

/// Whether no noun phrase goes on with this word.
pub(in crate::patent) fn is_stop(word: &Word<'_>) -> bool {
    word.is(STOPS)
}

/// Verbs of claims and descriptions, in the singular, that are hardly ever a noun.
const VERBS: &[&str] = &[
    "allows",
    "becomes",
    "carries",
    "closes",
    "communicates",
    "connects",
    "corresponds",
    "defines",
    "detects",
    "determines",
    "enables",
    "encloses",
    "engages",
    "ensures",
    "extends",
    "falls",
    "generates",
    "holds",
    "joins",
    "keeps",
    "lies",
    "moves",
    "opens",
    "operates",
    "prevents",
    "protrudes",
    "provides",
    "receives",
    "remains",
    "rises",
    "rotates",
    "sends",
    "separates",
    "serves",
    "surrounds",
    "transmits",
];

/// Whether a name that ends with `last` ends before these words: before punctuation, a word that no name goes
/// on with, or a verb. Where it cannot be told, it goes on: `the valve closing spring`.
pub(in crate::patent) fn ends_name(last: &Word<'_>, rest: &[Word<'_>]) -> bool {
    let Some(next) = rest.first() else {
        return true;
    };
    let ends =
        |word: Option<&Word<'_>>| word.is_none_or(|word| word.after_punctuation || is_stop(word));
    let plural = singular(&last.lower) != last.lower;
    // "The valves open".
    let bare = || plural && VERBS.iter().any(|verb| singular(verb) == next.lower);
    if ends(Some(next)) || next.is(VERBS) || bare() {
        return true;
    }
    let after = rest.get(1);
    let lower = next.lower.as_str();
    let is_noun = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    // "A lever joined to", but "a spring loaded valve" and "a water feed".
    if lower.ends_with("ed") && !is_noun(&["eed"]) && !next.is(&["bed", "led", "shed", "sled"]) {
        return ends(after) || after.is_some_and(|after| after.lower.ends_with("ly"));
    }
    // "The valve slowly opens", but "the valve assembly".
    if lower.ends_with("ly") && !is_noun(&["assembly", "supply", "family", "fly"]) {
        return ends_name(last, rest.get(1..).unwrap_or_default());
    }
    // "The lid seals the rim", "water flows into", "a sensor measuring the light": what stands before an article
    // or the way is a verb.
    let object = after.is_some_and(|after| {
        !after.after_punctuation
            && after.is(&[
                "a", "an", "the", "said", "into", "onto", "through", "toward", "towards",
            ])
    });
    object && (lower.ends_with('s') && !plural || lower.ends_with("ing"))
}

/// What is wrong with a phrase behind "the" or "said".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// It was not introduced.
    Missing,
    /// It is a plural, and one was introduced.
    Number,
}

fn flawed(text: &str, so_far: &mut Said, mut report: impl FnMut(Flaw, usize, &str, &str)) {
    let words = words(text);
    for (at, word) in words.iter().enumerate() {
        so_far.push(word);
        if !word.is(&["the", "said"]) {
            continue;
        }
        let said = word.lower == "said";
        let rest = words.get(at + 1..).unwrap_or_default();
        let skipped = rest.iter().take_while(|word| word.is(COUNTS)).count();
        let rest = rest.get(skipped..).unwrap_or_default();
        let phrase = phrase(rest);
        let (Some(first), Some(last)) = (phrase.first(), phrase.last()) else {
            continue;
        };
        let superlative =
            first.lower.len() > 4 && first.lower.ends_with("est") || first.lower == "most";
        if !said && (first.is(FIXED) || superlative) {
            continue;
        }
        let followed_by_of = rest
            .get(phrase.len())
            .is_some_and(|word| word.lower == "of" && !word.after_punctuation);
        if let Some(name) = antecedent(so_far, phrase) {
            // In "when the water flows" it may be a verb that ends with an s, unless several are told of.
            let may_be_verb = name.len() > 1
                && !rest.get(name.len()).is_some_and(|next| {
                    !next.after_punctuation && next.is(&["are", "were", "have", "being"])
                });
            let certain = !followed_by_of && !may_be_verb && so_far.has_phrase(name);
            if let Some(last) = name.last().filter(|_| certain)
                && is_plural_of_one(last, so_far)
            {
                let name = text.get(first.start..last.end()).unwrap_or_default();
                report(Flaw::Number, word.start, &word.lower, name);
            }
            continue;
        }
        if followed_by_of && !said {
            continue;
        }
        // Before an auxiliary the phrase is complete; else its end is a guess.
        let complete = rest.get(phrase.len()).is_some_and(|word| {
            word.is(&["is", "are", "was", "were", "has", "have", "can", "may"])
        });
        let end = likely_end(phrase).filter(|_| !complete).unwrap_or(last);
        let name = text.get(first.start..end.end()).unwrap_or_default();
        report(Flaw::Missing, word.start, &word.lower, name);
    }
}

/// The words of the noun phrase at the start.
fn phrase<'a, 'b>(words: &'b [Word<'a>]) -> &'b [Word<'a>] {
    let length = words
        .iter()
        .enumerate()
        .take_while(|(index, word)| {
            !(word.is(STOPS) || *index > 0 && word.after_punctuation) && *index < 8
        })
        .count();
    words.get(..length).unwrap_or_default()
}

/// The longest beginning of a phrase that was said before and may be a name by itself.
fn antecedent<'a, 'b>(so_far: &Said, phrase: &'b [Word<'a>]) -> Option<&'b [Word<'a>]> {
    // What this very phrase added is not pushed yet.
    (1..=phrase.len()).rev().find_map(|length| {
        let (name, rest) = phrase.split_at_checked(length)?;
        let complete = match (name.last(), rest.first()) {
            (_, None) => true,
            (Some(last), Some(next)) => is_name_end(&last.lower) && is_verb_like(&next.lower),
            (None, _) => false,
        };
        let said =
            complete && (so_far.has_phrase(name) || name.len() > 1 && so_far.has_words(name));
        said.then_some(name)
    })
}

/// The last word before what looks like a verb.
fn likely_end<'a, 'b>(phrase: &'b [Word<'a>]) -> Option<&'b Word<'a>> {
    phrase
        .windows(2)
        .find(|pair| {
            matches!(pair, [last, next] if is_name_end(&last.lower) && is_verb_like(&next.lower)
                && !next.lower.ends_with("ing"))
        })
        .and_then(<[Word<'_>]>::first)
}

/// Whether a noun phrase can end with this word: ordinals and participles are followed by a noun.
pub(super) fn is_name_end(word: &str) -> bool {
    const ORDINALS: &[&str] = &[
        "first", "second", "third", "fourth", "fifth", "last", "upper", "lower", "inner", "outer",
        "new", "left", "right", "front", "rear", "other",
    ];
    !ORDINALS.contains(&word)
}

pub(super) fn is_verb_like(word: &str) -> bool {
    ["s", "ed", "ing", "ly", "able", "ible"]
        .iter()
        .any(|ending| word.ends_with(ending))
        || [
            "store", "be", "at", "sent", "held", "made", "set", "put", "kept", "built",
        ]
        .contains(&word)
        || word.bytes().all(|byte| byte.is_ascii_digit())
}
