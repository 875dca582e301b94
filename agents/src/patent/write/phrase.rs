//! Fragments as they stand in a claim: its subject, its parts, and what a dependent claim adds.

use catena_core::sentences;

use super::{
    super::check::{introduced, singular, words},
    wording::{article, lowered},
};

/// A part or a detail has at most so many words; a claim that goes on and on is cut.
const WORDS: usize = 60;

/// A subject without an article, in lower case.
pub(super) fn subject(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_matches(|c: char| !c.is_alphanumeric() && c != ')');
    let mut rest = text;
    for start in ["A ", "An ", "The ", "a ", "an ", "the "] {
        if let Some(without) = text.strip_prefix(start) {
            rest = without;
        }
    }
    // "Comprising" and what follows is not its name.
    let cut = words(rest)
        .iter()
        .find(|word| word.is(&["comprising", "comprises", "wherein", "including"]))
        .map_or(rest.len(), |word| word.start);
    let rest = rest.get(..cut)?.trim_end_matches([' ', ',', ':']);
    let named = rest
        .split_whitespace()
        .take(16)
        .collect::<Vec<_>>()
        .join(" ");
    let plain: Vec<String> = named
        .split_whitespace()
        .map(
            |word| match word.chars().filter(|c| c.is_uppercase()).count() {
                1 if word.chars().count() > 1 => word.to_lowercase(),
                _ => word.to_owned(),
            },
        )
        .collect();
    (!plain.is_empty()).then(|| one_thing(&plain))
}

/// `enhanced systems and methods for washing` claims two kinds at once: the first of them, in the singular.
fn one_thing(words: &[String]) -> String {
    let kinds = [
        "method",
        "methods",
        "system",
        "systems",
        "apparatus",
        "device",
        "devices",
    ];
    let is_kind = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| kinds.contains(&word.as_str()))
    };
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word == "and" && at > 0 && is_kind(at - 1) && is_kind(at + 1) {
            at += 2;
            continue;
        }
        kept.push(word.clone());
        at += 1;
    }
    let head = kept
        .iter()
        .position(|word| {
            ["for", "of", "with", "having", "in", "to", "applied"].contains(&word.as_str())
        })
        .unwrap_or(kept.len());
    if let Some(word) = head.checked_sub(1).and_then(|at| kept.get_mut(at))
        && kinds.contains(&word.as_str())
    {
        *word = singular(word);
    }
    kept.join(" ")
}

pub(super) fn is_method(subject: &str) -> bool {
    words(subject)
        .first()
        .is_some_and(|word| word.is(&["method", "process", "procedure", "technique"]))
}

/// Whether a fragment is something that is done: `slicing the fruit`, `dynamically assigning …`.
pub(super) fn is_step(text: &str) -> bool {
    // What ends like a verb and usually is a thing, unless it does something to one.
    const THINGS: &[&str] = &[
        "housing",
        "opening",
        "ring",
        "spring",
        "string",
        "wing",
        "bearing",
        "casing",
        "coating",
        "winding",
        "fitting",
        "building",
        "lining",
        "bushing",
        "railing",
        "reading",
        "setting",
        "tubing",
        "wiring",
        "mounting",
        "ceiling",
        "thing",
        "heading",
        "marking",
        "cutting",
        "lettering",
    ];
    let found = words(text);
    let adverb = found.first().is_some_and(|word| word.lower.ends_with("ly"));
    let at = usize::from(adverb);
    let acts = found.get(at + 1).is_some_and(|next| {
        next.is(&["a", "an", "the", "said", "each", "all"]) && !next.after_punctuation
    });
    found
        .get(at)
        .is_some_and(|word| word.lower.ends_with("ing") && (acts || !word.is(THINGS)))
}

/// A step that begins with a bare verb, as a step of a claim does: `connect the hose` becomes `connecting the hose`.
pub(super) fn as_step(text: &str) -> String {
    const VERBS: &[&str] = &[
        "analyze",
        "apply",
        "assess",
        "assign",
        "associate",
        "attach",
        "calculate",
        "calibrate",
        "capture",
        "change",
        "close",
        "collect",
        "compare",
        "connect",
        "control",
        "convert",
        "cool",
        "correct",
        "create",
        "cut",
        "deliver",
        "detect",
        "determine",
        "display",
        "divide",
        "dry",
        "evaluate",
        "extract",
        "feed",
        "fill",
        "form",
        "generate",
        "grow",
        "heat",
        "identify",
        "input",
        "insert",
        "measure",
        "mix",
        "monitor",
        "move",
        "obtain",
        "open",
        "perform",
        "place",
        "pour",
        "press",
        "process",
        "provide",
        "read",
        "receive",
        "record",
        "release",
        "remove",
        "repeat",
        "select",
        "send",
        "set",
        "show",
        "store",
        "supply",
        "transfer",
        "transmit",
        "use",
        "wash",
    ];
    let Some(first) = text.split_whitespace().next() else {
        return text.to_owned();
    };
    let verb = first.to_lowercase();
    if !VERBS.contains(&verb.as_str()) {
        return text.to_owned();
    }
    let rest = text.get(first.len()..).unwrap_or_default();
    let stem = match verb.as_str() {
        "cut" | "set" | "transfer" | "transmit" | "control" | "input" => {
            format!("{verb}{}", verb.chars().next_back().unwrap_or('t'))
        }
        _ => verb.strip_suffix('e').unwrap_or(&verb).to_owned(),
    };
    format!("{stem}ing{rest}")
}

/// A part as it stands in a list of claim 1.
pub(super) fn part(text: &str, method: bool) -> Option<String> {
    let text = plain(text)?;
    let first = text.split_whitespace().next()?;
    let known = [
        "a", "an", "the", "at", "one", "two", "three", "four", "several", "means", "said",
    ];
    let lower = first.to_lowercase();
    if method || known.contains(&lower.as_str()) {
        return Some(match lower.as_str() {
            // What a list introduces is introduced by it.
            "the" | "said" if !method => {
                let rest = text.get(first.len()..)?.trim();
                with_article(rest)
            }
            _ => lowered(&text),
        });
    }
    Some(with_article(&text))
}

/// A part of a thing called `subject`: of `a housing with a lid`, as a part of a housing, the lid. `None`
/// for the thing itself, whatever else is said of it.
pub(super) fn within(part: &str, subject: &str) -> Option<String> {
    const HAS: &[&str] = &[
        " with ",
        " having ",
        " comprising ",
        " including ",
        " containing ",
        " that has ",
        " that comprises ",
        " that includes ",
        " which has ",
        " which comprises ",
        " which includes ",
    ];
    // A name ends where something is said of what it names: "housing cover" is another one.
    const SAYS: &[&str] = &[
        "that",
        "which",
        "wherein",
        "made",
        "formed",
        "configured",
        "adapted",
        "arranged",
        "for",
        "of",
        "in",
        "on",
        "to",
        "at",
        "by",
        "from",
        "is",
    ];
    let name = subject.split(" for ").next().unwrap_or(subject);
    let bare = part
        .strip_prefix("a ")
        .or_else(|| part.strip_prefix("an "))
        .unwrap_or(part);
    let Some(rest) = bare.strip_prefix(name) else {
        return Some(part.to_owned());
    };
    // "A housing and a lid": the lid is left.
    let others = rest.strip_prefix(" and ");
    if let Some(inner) = others.or_else(|| HAS.iter().find_map(|has| rest.strip_prefix(has))) {
        return self::part(inner, false);
    }
    let next = words(rest).into_iter().next();
    let itself =
        rest.is_empty() || next.is_some_and(|next| next.after_punctuation || next.is(SAYS));
    // "Housings", "housing-like", "housing cover".
    (!itself).then(|| part.to_owned())
}

fn with_article(text: &str) -> String {
    let text = lowered(text);
    let first = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    // The head of "wheels attached to …" and "support arms": its plural needs no article.
    let name = introduced(&format!("a {text}"))
        .into_iter()
        .next()
        .unwrap_or(first.clone());
    let last = name.split_whitespace().next_back().unwrap_or_default();
    let plural = last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("us");
    match plural || is_step(&text) {
        true => text,
        false => format!("{} {text}", article(&first)),
    }
}

/// What a dependent claim adds, from `wherein` or `further comprising` on.
pub(super) fn feature(text: &str, method: bool) -> Option<String> {
    let text = plain(text)?;
    let lower = text.to_lowercase();
    for start in ["wherein ", "further comprising ", "in which ", "where "] {
        if lower.starts_with(start) {
            let rest = lowered(text.get(start.len()..)?.trim());
            let start = match start.starts_with("further") {
                true => "further comprising",
                false => "wherein",
            };
            return Some(format!("{start} {rest}"));
        }
    }
    const VERBS: &[&str] = &[
        "is",
        "are",
        "has",
        "have",
        "comprises",
        "comprise",
        "includes",
        "include",
        "consists",
        "can",
        "may",
        "contains",
        "extends",
        "defines",
        "forms",
        "engages",
        "receives",
        "provides",
        "ranges",
        "connects",
    ];
    let found = words(&text);
    // A verb behind "wherein" belongs to what is said of the fragment.
    let inner = found
        .iter()
        .position(|word| word.is(&["wherein", "which", "that", "if", "when", "where"]))
        .unwrap_or(found.len());
    let verb = found.iter().take(inner).position(|word| word.is(VERBS));
    if is_step(&text) {
        let says = verb.is_some();
        // A step is no part of a thing.
        return method.then(|| match says {
            true => format!("wherein {}", lowered(&text)),
            false => format!("further comprising {}", lowered(&text)),
        });
    }
    // What is said of something known is a clause, whichever verb it has.
    let definite = found
        .first()
        .is_some_and(|word| word.is(&["the", "each", "said", "both"]));
    if definite || verb.is_some_and(|at| at > 0) {
        let rest = lowered(&text);
        let first = rest.split_whitespace().next().unwrap_or_default();
        let known = ["the", "a", "an", "each", "at", "said", "one", "both", "all"];
        // A clause has a definite subject; "base is made of steel" says which base.
        return Some(match known.contains(&first) {
            true => format!("wherein {rest}"),
            false => format!("wherein the {rest}"),
        });
    }
    Some(format!("further comprising {}", part(&text, method)?))
}

/// Without words that make a claim indefinite: examples, preferences, and `etc.`
fn definite(text: &str) -> String {
    let mut text = text.to_owned();
    for word in [
        "preferably ",
        "optionally ",
        "for example, ",
        "for example ",
        "e.g., ",
        "e.g. ",
    ] {
        while let Some(at) = text.to_lowercase().find(word) {
            // Lower case may have other lengths in rare scripts.
            match text.get(at..at + word.len()) {
                Some(_) => text.replace_range(at..at + word.len(), ""),
                None => break,
            }
        }
    }
    for word in [
        " and the like",
        " or the like",
        ", etc.",
        ", etc",
        " etc.",
        " etc",
    ] {
        text = without(&text, word);
    }
    while let Some(at) = text.find(" such as ") {
        let rest = text.get(at..).unwrap_or_default();
        // What is said of the whole goes on behind the examples.
        let goes_on = [
            ",",
            ";",
            " and is ",
            " and are ",
            " and has ",
            " and have ",
            " is ",
            " are ",
            " that ",
            " which ",
            " wherein ",
        ];
        let end = goes_on.iter().filter_map(|word| rest.find(word)).min();
        text.replace_range(at..at + end.unwrap_or(rest.len()), "");
    }
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" ,", ",")
        .replace(",,", ",")
}

/// A text without a word that stands there by itself, not at the beginning of another one.
fn without(text: &str, word: &str) -> String {
    let mut pieces = text.split(word);
    let mut left = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        if piece.starts_with(char::is_alphanumeric) {
            left += word;
        }
        left += piece;
    }
    left
}

/// A fragment without number, marks and end, in one sentence, not too long.
pub(super) fn plain(text: &str) -> Option<String> {
    let text = text.replace("**", "").replace('`', "");
    let text = definite(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let first = sentences(&text).next()?;
    let text = text.get(first)?.trim();
    let text = text.trim_start_matches(|c: char| {
        c.is_ascii_digit() || c.is_whitespace() || "-*•.()[]:;,".contains(c)
    });
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || ".;:,".contains(c));
    let text = text.strip_suffix(" and").unwrap_or(text);
    // "Base: a plate that …" names the part twice.
    let text = match text.split_once(": ") {
        Some((name, rest)) if name.split_whitespace().count() <= 4 => {
            match rest.to_lowercase().starts_with(['a', 't']) && rest.split_whitespace().count() > 2
            {
                true => format!("{name}, {}", lowered(rest)),
                false => format!("{name} {rest}"),
            }
        }
        _ => text.to_owned(),
    };
    let kept: Vec<&str> = text.split_whitespace().take(WORDS).collect();
    let text = kept.join(" ");
    let text = text.trim_end_matches([',', ';']);
    (text.split_whitespace().count() > 0 && text.chars().any(char::is_alphabetic))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_claim_indefinite_goes_and_nothing_else() {
        for (text, expected) in [
            ("a groove etched with plasma", "a groove etched with plasma"),
            ("rings, pins, etc. of steel", "rings, pins of steel"),
            (
                "a bowl or the likelihood of one",
                "a bowl or the likelihood of one",
            ),
            ("a clip or the like", "a clip"),
            (
                "made of a metal such as steel and is welded to the plate",
                "made of a metal and is welded to the plate",
            ),
            (
                "of a metal such as steel, and heated",
                "of a metal, and heated",
            ),
        ] {
            assert_eq!(definite(text), expected);
        }
    }

    #[test]
    fn examples_and_preferences_are_no_features() {
        for (text, left) in [
            (
                "a metal, such as brass, that is preferably bent",
                "a metal, that is bent",
            ),
            ("a cloth, a sponge and the like", "a cloth, a sponge"),
            ("a lid, for example a cap, etc.", "a lid, a cap"),
        ] {
            assert_eq!(definite(text), left);
        }
    }

    #[test]
    fn steps_are_added_to_methods_alone() {
        for (text, step) in [
            ("slicing the fruit", true),
            ("dynamically assigning a match", true),
            ("coating the plate", true),
            ("housing has a lid", false),
            ("a housing", false),
            ("the opening", false),
        ] {
            assert_eq!(is_step(text), step, "{text}");
        }
        assert_eq!(
            feature("drying the cup, wherein air is blown", true).unwrap(),
            "further comprising drying the cup, wherein air is blown"
        );
        assert_eq!(
            feature("drying the cup comprises shaking it", true).unwrap(),
            "wherein drying the cup comprises shaking it"
        );
        assert_eq!(part("opening", false).unwrap(), "an opening");
        for (text, one) in [
            (
                "Enhanced Systems and Methods for washing",
                "enhanced system for washing",
            ),
            (
                "A cup washing apparatus and method",
                "cup washing apparatus",
            ),
            ("Cup holders", "cup holders"),
        ] {
            assert_eq!(subject(text).unwrap(), one);
        }
        assert_eq!(as_step("Connect the VNA to it"), "connecting the VNA to it");
        assert_eq!(as_step("store a value"), "storing a value");
        assert_eq!(as_step("a hose"), "a hose");
        assert_eq!(feature("drying the cup", false), None);
        assert_eq!(
            feature("housing has a lid", false).unwrap(),
            "wherein the housing has a lid"
        );
    }
}
