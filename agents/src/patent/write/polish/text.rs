//! Repairs of one text: figures, sentences and words that go.

use catena_core::sentences;

use super::super::{
    super::{Draft, Question, check::words},
    figures::figures,
    glossary::is_figure,
    prose,
    wording::capital,
};

/// The numbers of the figures that the draft describes.
pub(super) fn drawn(draft: &Draft) -> Vec<String> {
    figures(draft.answer(Question::Drawings))
        .iter()
        .flat_map(|figure| mentioned(figure).into_iter().map(|(number, _)| number))
        .collect()
}

/// The figures that a text mentions, with the bytes of the mention.
fn mentioned(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    words(text)
        .windows(2)
        .filter_map(|pair| match pair {
            [word, number]
                if is_figure(word) && number.text.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                let digits = number
                    .text
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect();
                Some((digits, word.start..number.end()))
            }
            _ => None,
        })
        .collect()
}

/// Without mentions of figures that do not exist: the mention goes where the sentence stands without it,
/// and the sentence else.
pub(super) fn without_figures(text: &str, drawn: &[String]) -> String {
    let gone: Vec<&str> = sentences(text)
        .filter_map(|range| text.get(range))
        .filter(|sentence| {
            mentioned(sentence)
                .iter()
                .any(|(number, _)| !drawn.contains(number))
        })
        .collect();
    let mut out = text.to_owned();
    for sentence in gone {
        let mut changed = sentence.to_owned();
        for (number, bytes) in mentioned(sentence).into_iter().rev() {
            if drawn.contains(&number) {
                continue;
            }
            let before = changed.get(..bytes.start).unwrap_or_default();
            let after = changed.get(bytes.end..).unwrap_or_default();
            let cut = [
                "(see ",
                "(",
                ", as shown in ",
                "as shown in ",
                "as illustrated in ",
                "as depicted in ",
            ]
            .into_iter()
            .find(|start| before.to_lowercase().ends_with(start));
            let Some(start) = cut else {
                changed.clear();
                break;
            };
            let before = before.get(..before.len() - start.len()).unwrap_or_default();
            let after = after.trim_start_matches([')', ',']);
            changed = format!(
                "{}{after}",
                before.trim_end().to_owned() + if before.is_empty() { "" } else { " " }
            );
            changed = capital(changed.trim())
                .replace(" .", ".")
                .replace(" ,", ",");
        }
        out = replaced(&out, sentence, &changed);
    }
    out
}

/// Without some of its sentences, and without those behind them that begin with what only these explain; whole
/// if less than a third would be left.
pub(super) fn without(text: &str, gone: &[&str]) -> String {
    if gone.is_empty() {
        return text.to_owned();
    }
    let gone: Vec<&str> = gone.iter().map(|sentence| sentence.trim()).collect();
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| {
            let mut kept: Vec<&str> = Vec::new();
            let mut missing = false;
            for sentence in sentences(paragraph).filter_map(|range| paragraph.get(range)) {
                let sentence = sentence.trim();
                missing = gone.contains(&sentence) || missing && prose::leans(sentence);
                if !missing {
                    kept.push(sentence);
                }
            }
            kept.join(" ")
        })
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    let out = paragraphs.join("\n\n");
    if out.split_whitespace().count() * 3 >= text.split_whitespace().count() {
        return out;
    }
    // Better what leans on nothing than nothing.
    let mut out = text.to_owned();
    for sentence in gone {
        out = replaced(&out, sentence, "");
    }
    match out.trim().is_empty() {
        true => text.to_owned(),
        false => out,
    }
}

/// The first place of a sentence taken by another text, paragraphs kept in order.
fn replaced(text: &str, sentence: &str, new: &str) -> String {
    let sentence = sentence.trim();
    let Some(at) = text.find(sentence) else {
        return text.to_owned();
    };
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + sentence.len()..).unwrap_or_default();
    let joined = format!("{before}{new}{after}");
    let paragraphs: Vec<String> = joined
        .split("\n\n")
        .map(prose::one_paragraph)
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n\n")
}

/// With other words for those that an office or a court takes amiss.
pub(super) fn reworded(text: &str, in_abstract: bool) -> String {
    let mut out = text.to_owned();
    for (bad, good) in [
        ("It is obvious that ", ""),
        ("it is obvious that ", ""),
        ("Obviously, ", ""),
        ("obviously ", ""),
        ("absolutely necessary", "useful"),
        ("the only way", "one way"),
        ("The only way", "One way"),
        ("The present invention is", "One embodiment is"),
        ("the present invention is", "one embodiment is"),
        ("The invention is", "One embodiment is"),
        ("the invention is", "one embodiment is"),
    ] {
        out = out.replace(bad, good);
    }
    if in_abstract {
        for start in [
            "The present invention relates to ",
            "This disclosure relates to ",
            "The present invention provides ",
            "The present invention discloses ",
            "The claimed invention is ",
        ] {
            if let Some(rest) = out.strip_prefix(start) {
                out = capital(rest);
            }
        }
        out = out
            .replace("The present invention", "The disclosed solution")
            .replace("the present invention", "the disclosed solution")
            .replace("The claimed invention", "The disclosed solution")
            .replace("the claimed invention", "the disclosed solution");
    }
    let paragraphs: Vec<String> = out.split("\n\n").map(recapitalised).collect();
    paragraphs.join("\n\n")
}

/// Every sentence begins with a capital again; a sentence whose first word was taken may not.
fn recapitalised(paragraph: &str) -> String {
    let found: Vec<String> = sentences(paragraph)
        .filter_map(|range| paragraph.get(range))
        .map(|sentence| match sentence.starts_with(char::is_lowercase) {
            true => capital(sentence),
            false => sentence.to_owned(),
        })
        .collect();
    found.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_do_not_exist_go() {
        let drawn = ["1".to_owned()];
        for (text, left) in [
            (
                "FIG. 1 shows it. The lid, as shown in FIG. 7, closes. FIG. 3 shows more. It ends.",
                "FIG. 1 shows it. The lid closes. It ends.",
            ),
            ("As shown in FIG. 2, the lid closes.", "The lid closes."),
            ("The lid closes (FIG. 4).", "The lid closes."),
            ("Nothing.", "Nothing."),
        ] {
            assert_eq!(without_figures(text, &drawn), left, "{text}");
        }
    }

    #[test]
    fn harmful_words_are_replaced() {
        assert_eq!(
            reworded(
                "Obviously, the lid closes. The present invention is a cup.",
                false
            ),
            "The lid closes. One embodiment is a cup."
        );
        assert_eq!(
            reworded("The present invention relates to a cup.", true),
            "A cup."
        );
    }

    #[test]
    fn a_sentence_taken_away_leaves_order_behind() {
        let text = "One is here. Two is there.\n\nThree is gone.\n\nFour stays.";
        assert_eq!(
            without(text, &["Two is there.", "Three is gone."]),
            "One is here.\n\nFour stays."
        );
        assert_eq!(without("One.", &["One."]), "One.");
        // "It" would be something else.
        let text =
            "The foot is wide. The lid is blue. It is round. The rim is thin and the rim is flat.";
        assert_eq!(
            without(text, &["The lid is blue."]),
            "The foot is wide. The rim is thin and the rim is flat."
        );
    }
}
