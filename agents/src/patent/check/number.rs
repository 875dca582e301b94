//! One or several: `the valves` is no mention of a valve that was introduced alone.
//!
//! Only what is beyond doubt counts: the noun stood in the singular alone, it was introduced once, and nothing by
//! its introduction says that there may be more (`each`, `at least one`, `another`, a plural that has it).

use super::{
    antecedent::{STOPS, is_name_end, is_verb_like},
    said::{Form, Said},
    words::{Word, singular},
};

/// Words by which one thing may be several, if they stand near.
const MANY: &[&str] = &[
    "additional",
    "all",
    "another",
    "any",
    "both",
    "different",
    "four",
    "further",
    "least",
    "more",
    "number",
    "other",
    "pair",
    "per",
    "plural",
    "respective",
    "respectively",
    "second",
    "set",
    "third",
    "three",
    "two",
];

/// Words that make several of whatever comes behind them, however far: "each arm having a hub end and a wheel end".
const LOOPS: &[&str] = &[
    "continuously",
    "each",
    "every",
    "intervals",
    "iteratively",
    "multiple",
    "periodically",
    "plurality",
    "repeatedly",
    "repeating",
    "several",
    "successively",
    "times",
];

/// So many words before an introduction one of [`MANY`] counts.
const NEAR: usize = 12;

/// The most words of a name.
const NAME: usize = 4;

/// Whether `noun` is the plural of what was introduced once, and stood in the singular alone.
pub(super) fn is_plural_of_one(noun: &Word<'_>, so_far: &Said) -> bool {
    let one = singular(&noun.lower);
    if one == noun.lower {
        return false;
    }
    let forms = so_far.forms();
    let mut count = 0;
    for (at, form) in forms.iter().enumerate() {
        if *form.singular != *one {
            continue;
        }
        match introduction(forms, at) {
            Introduction::Several => return false,
            Introduction::One => count += 1,
            Introduction::None => {}
        }
    }
    count == 1
}

/// Of how many things a noun is the introduction.
enum Introduction {
    None,
    One,
    Several,
}

fn introduction(forms: &[Form], at: usize) -> Introduction {
    if forms.get(at).is_some_and(Form::is_plural) {
        return Introduction::Several;
    }
    // "A valve seat" introduces a seat.
    let goes_on = forms.get(at + 1).is_some_and(|next| {
        !next.after_punctuation && !next.is(STOPS) && !is_verb_like(next.lower())
    });
    let length = forms
        .get(..at)
        .unwrap_or_default()
        .iter()
        .rev()
        .take_while(|form| !form.is(STOPS) && !form.is(&["one"]))
        .count();
    let Some(article) = at.checked_sub(length + 1).filter(|_| !goes_on) else {
        return Introduction::None;
    };
    let name = forms.get(article + 1..=at).unwrap_or_default();
    if name.len() > NAME || name.iter().any(|form| form.after_punctuation) {
        return Introduction::None;
    }
    // "A first and second valve".
    if name.iter().any(|form| form.is(MANY) || form.is(LOOPS)) {
        return Introduction::Several;
    }
    if !forms
        .get(article)
        .is_some_and(|form| form.is(&["a", "an", "one"]))
    {
        return Introduction::None;
    }
    let near = forms
        .get(article.saturating_sub(NEAR)..article)
        .unwrap_or_default();
    // "At least one valve", "each arm having a hinge".
    let before = forms.get(..article).unwrap_or_default();
    let many = near.iter().any(|form| form.is(MANY)) || before.iter().any(|form| form.is(LOOPS));
    // "Arms with a hinge": one each, or one.
    let of_several = near
        .iter()
        .rev()
        .take(3)
        .any(|form| form.is_plural() && !form.is(STOPS));
    // "An outer and an inner vessel".
    let shared =
        matches!(near, [.., before, and] if and.is(&["and", "or"]) && !is_name_end(before.lower()));
    match many || of_several || shared {
        true => Introduction::Several,
        false => Introduction::One,
    }
}
