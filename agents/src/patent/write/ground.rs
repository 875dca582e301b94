//! What a model made up, told by the words of what it was shown.

use std::collections::HashSet;

use catena_core::sentences;

use super::{
    super::{
        Draft, Question,
        check::{stem, words},
    },
    glossary::is_figure,
};

/// Words in which things are put, whatever the notes say.
const USUAL: &[&str] = &[
    "made",
    "arranged",
    "located",
    "provided",
    "attached",
    "connected",
    "configured",
    "formed",
    "comprise",
    "comprising",
    "comprises",
    "include",
    "including",
    "includes",
    "further",
    "least",
    "one",
    "two",
    "wherein",
    "placed",
    "adapted",
    "additional",
    "part",
    "step",
    "means",
    "unit",
    "embodiment",
    "may",
    "example",
    "other",
    "another",
    "each",
    "used",
    "using",
    "use",
    "allow",
    "provide",
    "between",
    "within",
    "first",
    "second",
    "such",
    "device",
    "method",
    "system",
];

/// The words of some texts, by their stems, and the texts in lower case.
pub(super) struct Ground {
    stems: HashSet<String>,
    text: String,
    /// Whether the texts are in Latin letters alone, but for Greek ones in formulas.
    latin: bool,
}

impl Ground {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut stems = HashSet::new();
        let mut text = String::from(" ");
        for one in texts {
            stems.extend(catena_tools::words(one).map(|word| stem(&word)));
            for word in words(one) {
                text.push_str(&word.lower);
                text.push(' ');
            }
        }
        let latin = !text.chars().any(is_of_another_script);
        Self { stems, text, latin }
    }

    pub(super) fn of_draft(draft: &Draft) -> Self {
        Self::of(Question::ALL.map(|question| draft.answer(question)))
    }

    /// How many words of a text carry meaning, and how many of them stand nowhere in the ground.
    fn count(&self, words: impl Iterator<Item = String>) -> (usize, usize) {
        let own: Vec<String> = words
            // Numbers are looked at elsewhere.
            .filter(|word| !USUAL.contains(&word.as_str()) && word.parse::<u64>().is_err())
            .collect();
        let unknown = own.iter().filter(|word| !self.stems.contains(&stem(word)));
        (own.len(), unknown.count())
    }

    /// Whether at most a fifth of the words that carry meaning stand nowhere in the ground, and none is in
    /// letters that it does not have.
    pub(super) fn holds(&self, text: &str) -> bool {
        let (all, unknown) = self.count(catena_tools::words(text));
        unknown * 5 <= all && !self.is_foreign(text)
    }

    /// Whether a text has letters of a script of which the ground has none: small models slip into another
    /// language within a word.
    pub(super) fn is_foreign(&self, text: &str) -> bool {
        self.latin && text.chars().any(is_of_another_script)
    }

    /// Whether any of the words that carry meaning stands in the ground, or there is only one, which may be
    /// a usual heading.
    pub(super) fn touches(&self, text: &str) -> bool {
        let (all, unknown) = self.count(catena_tools::words(text));
        all < 2 || unknown < all
    }

    /// Whether any word of a text stands in the ground, usual words too.
    pub(super) fn touches_any(&self, text: &str) -> bool {
        catena_tools::words(text).any(|word| self.stems.contains(&stem(&word)))
    }

    /// Whether at most a third of what `new` says and `old` does not stands nowhere in the ground.
    pub(super) fn holds_change(&self, old: &str, new: &str) -> bool {
        let before: HashSet<String> = catena_tools::words(old).collect();
        let added = catena_tools::words(new).filter(|word| !before.contains(word));
        let (all, unknown) = self.count(added);
        unknown * 3 <= all
    }

    /// The sentences that name what the ground does not: a product, a firm, a standard; and those in letters that
    /// it does not have. Names are told by their capitals, behind the first word.
    pub(super) fn named<'a>(&self, text: &'a str) -> Vec<&'a str> {
        sentences(text)
            .filter_map(|range| text.get(range))
            .filter(|sentence| !self.knows_names(sentence) || self.is_foreign(sentence))
            .collect()
    }

    fn knows_names(&self, sentence: &str) -> bool {
        let found = words(sentence);
        let is_name = |at: usize| {
            found.get(at).is_some_and(|word| {
                let mut chars = word.text.chars();
                at > 0
                    && chars.next().is_some_and(char::is_uppercase)
                    && chars.any(char::is_alphabetic)
                    && !is_figure(word)
            })
        };
        let mut at = 0;
        while at < found.len() {
            let length = (at..found.len()).take_while(|at| is_name(*at)).count();
            let run: Vec<&str> = found
                .iter()
                .skip(at)
                .take(length)
                .map(|word| word.lower.as_str())
                .collect();
            let known = match run.as_slice() {
                [] => true,
                // The plural of a name that is known is known.
                [one] => self.stems.contains(&stem(one)) || self.text.contains(&format!(" {one} ")),
                several => self.text.contains(&format!(" {} ", several.join(" "))),
            };
            if !known {
                return false;
            }
            at += length.max(1);
        }
        true
    }

    /// The sentences of which more than half stands nowhere in the ground, the worst first, as long
    /// as half of the text's words stay.
    pub(super) fn made_up<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut found: Vec<(f64, &str)> = sentences(text)
            .filter_map(|range| text.get(range))
            .filter_map(|sentence| {
                let (all, unknown) = self.count(catena_tools::words(sentence));
                let share = unknown as f64 / all.max(1) as f64;
                (all >= 3 && unknown * 2 > all).then_some((share, sentence))
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let total = text.split_whitespace().count();
        let mut gone = 0;
        found
            .into_iter()
            .map(|(_, sentence)| sentence)
            .take_while(|sentence| {
                gone += sentence.split_whitespace().count();
                gone * 2 <= total
            })
            .collect()
    }
}

/// Whether any word of a text that carries meaning stands in two sentences of a draft: an invention is named more than
/// once, what somebody has slipped in is not.
pub(super) fn is_central(draft: &Draft, text: &str) -> bool {
    let said: Vec<HashSet<String>> = Question::ALL
        .into_iter()
        .flat_map(|question| {
            let answer = draft.answer(question);
            sentences(answer).filter_map(move |range| answer.get(range))
        })
        .map(|sentence| {
            let words = catena_tools::words(sentence);
            words.map(|word| stem(&word)).collect()
        })
        .collect();
    catena_tools::words(text)
        .filter(|word| !USUAL.contains(&word.as_str()))
        .map(|word| stem(&word))
        .any(|word| said.iter().filter(|one| one.contains(&word)).count() > 1)
}

/// Whether a letter is neither Latin, nor Greek as in formulas, nor a sign such as `℃`.
fn is_of_another_script(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(
            c,
            '\0'..='\u{2FF}'
                | '\u{370}'..='\u{3FF}'
                | '\u{1D00}'..='\u{1EFF}'
                | '\u{2070}'..='\u{214F}'
                // Ligatures, wide letters and those of formulas, as they come from a PDF.
                | '\u{FB00}'..='\u{FB06}'
                | '\u{FF00}'..='\u{FF5E}'
                | '\u{1D400}'..='\u{1D7FF}'
        )
}

/// Whether one sentence of a text has all words of a statement that carry meaning, and denies something only if
/// the statement does.
pub(super) fn says(text: &str, statement: &str) -> bool {
    let denies = |text: &str| {
        words(text)
            .iter()
            .any(|word| word.is(&["not", "no", "never"]))
    };
    let stems = |text: &str| -> HashSet<String> {
        catena_tools::words(text)
            // "Three" tells more than "made".
            .filter(|word| {
                !USUAL.contains(&word.as_str()) || ["one", "two"].contains(&word.as_str())
            })
            .map(|word| stem(&word))
            .collect()
    };
    let wanted = stems(statement);
    !wanted.is_empty()
        && sentences(text)
            .filter_map(|range| text.get(range))
            .any(|sentence| {
                denies(sentence) == denies(statement) && wanted.is_subset(&stems(sentence))
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_another_script_are_made_up() {
        let ground = ground();
        assert!(ground.holds("an arm of brass") && !ground.holds("an arm of brass处理器"));
        let text = "The arm is of brass. The arm of brass is 弯曲的. It is 2 µm at 20 ℃ and α.";
        assert_eq!(ground.named(text), ["The arm of brass is 弯曲的. "]);
        let russian = Ground::of(["A base, Основание, carries an arm."]);
        assert!(russian.named("The base is Основание.").is_empty());
    }

    #[test]
    fn what_is_said_once_is_not_central() {
        let solution = "A cup has a foot. The foot of the cup is wide. All is OWNED.";
        let draft = Draft::new(["Cups tip over.", "", solution, "", ""]).unwrap();
        assert!(is_central(&draft, "Cup made of gold"));
        assert!(!is_central(&draft, "OWNED"));
        assert!(!is_central(&draft, "Wide device"));
    }

    #[test]
    fn a_statement_is_told_by_one_sentence() {
        let text = "A weight of iron lies in the foot. The ring is cork. The ring is not glued.";
        assert!(says(text, "The weight is made of iron"));
        assert!(says(text, "the ring is made of cork"));
        assert!(
            !says(text, "the ring is made of iron"),
            "iron is in another sentence"
        );
        assert!(says(text, "the ring is not glued") && !says(text, "the ring is glued"));
    }

    fn ground() -> Ground {
        let solution = "A base carries an arm of brass. The arm is bent.";
        Ground::of_draft(&Draft::new(["", "", solution, "", ""]).unwrap())
    }

    #[test]
    fn what_a_model_made_up_is_told() {
        assert!(ground().holds("the arm is made of brass"));
        assert!(ground().holds("arms connected to the base"));
        assert!(!ground().holds("the base is made of plastic"));
        assert!(ground().holds(""));
    }

    #[test]
    fn a_change_may_add_what_the_notes_say() {
        let old = "The base is flat.";
        assert!(ground().holds_change(old, "The base is flat. It carries a bent arm."));
        assert!(ground().holds_change(old, "The base carries it."));
        assert!(!ground().holds_change(old, "The base is flat and painted green."));
    }

    #[test]
    fn sentences_out_of_nowhere_go_but_never_half_of_a_text() {
        let text = "The base carries the arm of brass. Corrosion is prevented by painted coatings.";
        assert_eq!(
            ground().made_up(text),
            ["Corrosion is prevented by painted coatings."]
        );
        let invented = "Corrosion is prevented by painted coatings. Lids hinge open easily nearly everywhere else.";
        assert_eq!(ground().made_up(invented).len(), 1, "one of two may go");
    }

    #[test]
    fn names_that_nobody_gave_are_told() {
        let ground =
            Ground::of(["A base carries an arm. Known is the LCD display of a mobile phone."]);
        let text = "The Base carries an Arm. One such device is the ArmMaster. Another is the Base Arm. \
                    FIG. 1 shows a Mobile Phone with LCD displays.";
        assert_eq!(
            ground
                .named(text)
                .iter()
                .map(|one| one.trim())
                .collect::<Vec<_>>(),
            [
                "One such device is the ArmMaster.",
                "Another is the Base Arm."
            ]
        );
    }
}
