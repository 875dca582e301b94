//! Words that tell what is wrong with something, or missing.

use super::super::check::words;

/// With which a comparison says what others lack.
const LACKS: &[&str] = &[
    "but",
    "however",
    "only",
    "cannot",
    "not",
    "no",
    "fail",
    "fails",
    "lack",
    "lacks",
    "drawback",
    "drawbacks",
    "disadvantage",
    "disadvantages",
    "problem",
    "problems",
    "limited",
    "expensive",
    "difficult",
    "slow",
    "without",
    "too",
    "less",
    "require",
    "requires",
    "shortcoming",
    "shortcomings",
    "insufficient",
    "poor",
    "inefficient",
    "although",
    "while",
    "unable",
    "undesirable",
    "complex",
    "costly",
    "limitation",
    "limitations",
    "need",
    "suffer",
    "suffers",
];

/// With which, besides, a problem is told or a wish: the beginnings of these words.
const WRONG: &[&str] = &[
    "avoid",
    "better",
    "break",
    "brittle",
    "bulky",
    "burn",
    "clog",
    "collapse",
    "confus",
    "contaminat",
    "corrod",
    "corrosion",
    "cost",
    "crack",
    "cumbersome",
    "damag",
    "danger",
    "decay",
    "defect",
    "degrad",
    "delay",
    "deteriorat",
    "difficulty",
    "dirt",
    "discomfort",
    "disturb",
    "error",
    "fail",
    "fall",
    "fault",
    "fatigu",
    "flaw",
    "forget",
    "freez",
    "friction",
    "harm",
    "hazard",
    "hurt",
    "imbalanc",
    "impair",
    "impossibl",
    "imprecis",
    "improv",
    "inaccura",
    "inconvenien",
    "ineffective",
    "infect",
    "injur",
    "insecure",
    "interfer",
    "jam",
    "leak",
    "lose",
    "loss",
    "lost",
    "manual",
    "mislead",
    "miss",
    "must",
    "noise",
    "noisy",
    "object",
    "obstacl",
    "obstruct",
    "outdated",
    "overflow",
    "overheat",
    "overload",
    "pain",
    "pollut",
    "prevent",
    "reduc",
    "risk",
    "rust",
    "scarc",
    "scratch",
    "should",
    "simplif",
    "shorten",
    "slip",
    "spill",
    "spoil",
    "strain",
    "stuck",
    "tear",
    "tedious",
    "tip",
    "toppl",
    "trouble",
    "uncertain",
    "uncomfortable",
    "uneven",
    "unknown",
    "unpleasant",
    "unreliable",
    "unsafe",
    "unstable",
    "unwanted",
    "vibrat",
    "vulnerab",
    "want",
    "wast",
    "weak",
    "wear",
    "worn",
    "worse",
    "wrong",
];

/// Whether a text says of something what it lacks.
pub(super) fn says_what_lacks(text: &str) -> bool {
    words(text).iter().any(|word| word.is(LACKS))
}

/// Whether a text says what is wrong, or what is wanted.
pub(super) fn says_what_is_wrong(text: &str) -> bool {
    says_what_lacks(text)
        || words(text)
            .iter()
            .any(|word| WRONG.iter().any(|start| word.lower.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_by_its_words() {
        for text in [
            "Cups tip over.",
            "Hot drinks burn those who sit beside them.",
            "It takes much time, and measurements are inaccurate.",
            "It would be desirable to improve the range.",
            "Existing pumps need oil.",
        ] {
            assert!(says_what_is_wrong(text), "{text}");
        }
        for text in [
            "The invention is a cup with a foot.",
            "A pump has a valve and a float of cork.",
            "The field is the washing of dishes.",
        ] {
            assert!(!says_what_is_wrong(text), "{text}");
        }
    }
}
