//! Words as the rules see them.

/// A word of a text: a run of letters and digits, with hyphens and apostrophes inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) struct Word<'a> {
    pub(in crate::patent) text: &'a str,
    pub(in crate::patent) lower: String,
    /// The byte at which it begins.
    pub(in crate::patent) start: usize,
    /// Whether anything but white space stands between the word before it and this one.
    pub(in crate::patent) after_punctuation: bool,
}

impl Word<'_> {
    /// The byte behind it.
    pub(in crate::patent) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(in crate::patent) fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.lower.as_str())
    }
}

/// The words of a text.
pub(in crate::patent) fn words(text: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    let mut start = None;
    let mut last_end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let joins = matches!(c, '-' | '\'' | '’' | '_' | '‐' | '‑')
            && start.is_some()
            && next.is_some_and(char::is_alphanumeric);
        if c.is_alphanumeric() || joins {
            start.get_or_insert(at);
            if chars.peek().is_some() {
                continue;
            }
        }
        let Some(begin) = start.take() else { continue };
        let end = if c.is_alphanumeric() {
            at + c.len_utf8()
        } else {
            at
        };
        let between = text.get(last_end..begin).unwrap_or_default();
        let word = text.get(begin..end).unwrap_or_default();
        found.push(Word {
            text: word,
            lower: word.to_lowercase(),
            start: begin,
            after_punctuation: !between.trim().is_empty(),
        });
        last_end = end;
    }
    found
}

/// A crude stem, under which `measuring`, `measured` and `measures` are one.
pub(in crate::patent) fn stem(word: &str) -> String {
    let mut stem = word.to_lowercase();
    for (suffix, least) in [
        ("'s", 2),
        ("’s", 2),
        ("ations", 4),
        ("ation", 4),
        ("ings", 4),
        ("ing", 4),
        ("ies", 3),
        ("ied", 3),
        ("ed", 4),
        ("es", 4),
        ("ers", 4),
        ("er", 4),
        ("ors", 4),
        ("or", 4),
        ("ly", 4),
        ("s", 3),
        ("y", 3),
    ] {
        if let Some(rest) = stem.strip_suffix(suffix)
            && rest.chars().count() >= least
            && !(suffix == "s" && rest.ends_with('s'))
        {
            stem = rest.to_owned();
            break;
        }
    }
    for suffix in ["e", "at", "i"] {
        if stem.chars().count() > 4 {
            stem.truncate(stem.strip_suffix(suffix).unwrap_or(&stem).len());
        }
    }
    stem
}

/// The singular of a noun, as far as its ending tells.
pub(in crate::patent) fn singular(word: &str) -> String {
    let word = word.to_lowercase();
    if let Some(rest) = word.strip_suffix("ies").filter(|rest| rest.len() > 2) {
        return format!("{rest}y");
    }
    for suffix in ["ches", "shes", "sses", "xes", "zes"] {
        if word.ends_with(suffix) && word.len() > suffix.len() {
            return word.strip_suffix("es").unwrap_or(&word).to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(rest) if rest.len() > 2 && !rest.ends_with(['s', 'u', 'i']) => rest.to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_places() {
        let found = words("A VNA-based (CO₂) user's test-.");
        let texts: Vec<_> = found.iter().map(|word| word.text).collect();
        assert_eq!(texts, ["A", "VNA-based", "CO₂", "user's", "test"]);
        assert!(found[2].after_punctuation && !found[1].after_punctuation);
        assert_eq!(found[2].start, 13);
        assert_eq!(found[2].end(), 13 + "CO₂".len());
    }

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for [a, b] in [
            ["measuring", "measured"],
            ["calibration", "calibrate"],
            ["evaluation", "evaluating"],
            ["system", "systems"],
            ["storing", "stored"],
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_ne!(stem("display"), stem("device"));
        assert_eq!(singular("batteries"), "battery");
        assert_eq!(singular("boxes"), "box");
        assert_eq!(singular("apparatus"), "apparatus");
        assert_eq!(singular("glass"), "glass");
    }
}
