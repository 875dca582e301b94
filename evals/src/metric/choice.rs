//! Multiple choice: which option an answer in free text means.

use super::normalize_answer;

/// The index of the option that `prediction` chooses, if it is clear.
///
/// Options are lettered from A. In this order: the answer is the text of one option; it opens with
/// a letter that is set off (`B`, `B.`, `(B)`, `**B**`, `Answer: B`); it names one letter and no
/// other in brackets or after the word *answer*, *option* or *choice*; it contains the text of one
/// option and no other. A letter beyond the options, or two of them, is no choice.
///
/// # Example
///
/// ```
/// use catena_evals::chosen;
///
/// let choices = ["A ship", "A house", "Nothing"];
/// assert_eq!(chosen("(B) A house", &choices), Some(1));
/// assert_eq!(chosen("The answer is C.", &choices), Some(2));
/// assert_eq!(chosen("He built a ship.", &choices), Some(0));
/// assert_eq!(chosen("A man built it", &choices), None);
/// ```
pub fn chosen<S: AsRef<str>>(prediction: &str, choices: &[S]) -> Option<usize> {
    let texts: Vec<_> = choices
        .iter()
        .map(|choice| normalize_answer(choice.as_ref()))
        .collect();
    let whole = normalize_answer(prediction);
    if let Some(index) = texts
        .iter()
        .position(|text| *text == whole && !text.is_empty())
    {
        return Some(index);
    }
    let within = |index: usize| Some(index).filter(|&index| index < choices.len());
    if let Some((index, rest)) = opening_letter(prediction) {
        return within(index).filter(|_| !names_another(index, rest));
    }
    match unique(named_letters(prediction)) {
        Named::None => {}
        Named::One(index) => return within(index),
        Named::Several => return None,
    }
    let padded = format!(" {whole} ");
    let contained = texts
        .iter()
        .enumerate()
        .filter(|(_, text)| !text.is_empty() && padded.contains(&format!(" {text} ")))
        .map(|(index, _)| index);
    match unique(contained) {
        Named::One(index) => Some(index),
        Named::None | Named::Several => None,
    }
}

/// 1 if `prediction` chooses an option whose text is one of the `golds`, else 0; an answer that
/// chooses none is wrong.
///
/// `golds` are texts of options, compared after [`normalize_answer`]. See [`chosen`].
pub fn multiple_choice<S: AsRef<str>, G: AsRef<str>>(
    prediction: &str,
    choices: &[S],
    golds: &[G],
) -> f64 {
    let Some(choice) = chosen(prediction, choices).and_then(|index| choices.get(index)) else {
        return 0.0;
    };
    super::exact_match(choice.as_ref(), golds)
}

enum Named {
    None,
    One(usize),
    Several,
}

fn unique(indices: impl Iterator<Item = usize>) -> Named {
    indices.fold(Named::None, |named, index| match named {
        Named::None => Named::One(index),
        Named::One(same) if same == index => named,
        Named::One(_) | Named::Several => Named::Several,
    })
}

/// The letter of `B`, `B.`, `(B) …`, `**B:** …`, and what comes after it; but not of `A man …`.
fn opening_letter(text: &str) -> Option<(usize, &str)> {
    let text =
        text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '"' | '\''));
    let bracket = text.starts_with(['(', '[']);
    let mut rest = text.trim_start_matches(['(', '[']).chars();
    let index = index_of(rest.next()?)?;
    let after = rest.as_str();
    let set_off = after.trim().is_empty()
        || after.starts_with([')', ']'])
        || (!bracket && after.starts_with(['.', ':', '*', ',', '\n']));
    // `A.D. 1066` and `D.C.` are words.
    let acronym = after
        .strip_prefix('.')
        .is_some_and(|tail| tail.starts_with(char::is_alphanumeric));
    (set_off && !acronym).then_some((index, after))
}

/// Whether what follows an opening letter goes on to another: `(A) or (B)`, `A, B`.
fn names_another(index: usize, rest: &str) -> bool {
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '(' | '['));
    let listed = rest
        .strip_prefix("or ")
        .or_else(|| rest.strip_prefix("and "));
    opening_letter(listed.unwrap_or(rest)).is_some_and(|(other, _)| other != index)
}

/// Letters in brackets, and letters after a word that announces one.
fn named_letters(text: &str) -> impl Iterator<Item = usize> {
    let mut announced = false;
    text.split_whitespace().filter_map(move |word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = bare.to_lowercase();
        let mut letters = bare.chars();
        let letter = letters
            .next()
            .filter(|_| letters.next().is_none())
            .and_then(index_of);
        let bracketed = word.trim_start_matches(['*', '"']).starts_with('(') && word.contains(')');
        // `the answer is a ship`: only a capital that ends its phrase is meant as a letter.
        let last = bare != "A" || word != bare;
        let named = letter.filter(|_| bracketed || (announced && last));
        announced = matches!(lower.as_str(), "answer" | "option" | "choice")
            || (announced && matches!(lower.as_str(), "is" | "be" | "would" | "correct" | ""));
        named
    })
}

fn index_of(letter: char) -> Option<usize> {
    ('A'..='H').position(|candidate| candidate == letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICES: [&str; 4] = ["A red ship", "The house", "A ship", "It sank"];

    #[test]
    fn letters_are_found_where_they_are_set_off() {
        for answer in [
            "B",
            "B.",
            "(B)",
            "[B]",
            "B) The house",
            "**B**",
            "Answer: B",
            "The answer is (B).",
            "I think it is (B), since (B) says so.",
            "The correct answer would be B",
            "Option B",
            " B\nbecause he said so",
            "the house.",
        ] {
            assert_eq!(chosen(answer, &CHOICES), Some(1), "{answer}");
        }
    }

    #[test]
    fn what_is_unclear_is_no_choice() {
        for answer in [
            "",
            "(A) or (B)",
            "A, B",
            "E",
            "(F)",
            "A man did",
            "A.D. 1066",
            "The answer is a red one",
            "because",
        ] {
            assert_eq!(chosen(answer, &CHOICES), None, "{answer}");
        }
    }

    #[test]
    fn the_text_of_one_option_is_a_choice() {
        assert_eq!(chosen("In the end, it sank!", &CHOICES), Some(3));
        assert_eq!(chosen("It sank before the house", &CHOICES), None);
    }

    #[test]
    fn an_unclear_answer_is_wrong() {
        assert_eq!(multiple_choice("(D)", &CHOICES, &["It sank."]), 1.0);
        assert_eq!(multiple_choice("(C)", &CHOICES, &["It sank."]), 0.0);
        assert_eq!(multiple_choice("No idea", &CHOICES, &["It sank."]), 0.0);
    }
}
