//! Words as NLTK's `word_tokenize` divides a sentence, for the metrics that are defined by it.

use catena_core::sentences;

/// The tokens of a sentence: words, and punctuation by itself.
///
/// The rules of NLTK's `NLTKWordTokenizer`, in their order, without regular expressions. Left whole,
/// other than there, are `d'ye`, `more'n`, `'tis` and `'twas`.
///
/// # Example
///
/// ```
/// use catena_evals::treebank_words;
///
/// assert_eq!(treebank_words("It isn't 3.5 g."), ["It", "is", "n't", "3.5", "g", "."]);
/// ```
pub fn treebank_words(sentence: &str) -> Vec<String> {
    let mut text: Vec<char> = sentence.chars().collect();
    for pass in [
        open_quotes,
        final_period,
        colons,
        dots_and_signs,
        final_period_again,
        marks,
        brackets,
        dashes,
        close_quotes,
        clitics,
        contractions,
    ] {
        text = pass(&text);
    }
    text.split(|c| c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| word.iter().collect())
        .collect()
}

/// The tokens of a text, sentence by sentence.
pub(super) fn words_of_text(text: &str) -> Vec<String> {
    sentences(text)
        .filter_map(|range| text.get(range))
        .flat_map(|sentence| treebank_words(sentence.trim()))
        .collect()
}

fn at(text: &[char], index: usize) -> Option<char> {
    text.get(index).copied()
}

fn before(text: &[char], index: usize) -> Option<char> {
    at(text, index.checked_sub(1)?)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `chars` with blanks around every run of characters that `is_in`, as one if `runs`.
fn padded(text: &[char], runs: bool, is_in: impl Fn(char) -> bool) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut inside = false;
    for &c in text {
        let now = is_in(c);
        if inside && (!now || !runs) {
            out.push(' ');
        }
        if now && (!inside || !runs) {
            out.push(' ');
        }
        out.push(c);
        inside = now;
    }
    if inside {
        out.push(' ');
    }
    out
}

fn open_quotes(text: &[char]) -> Vec<char> {
    // `([«“‘„]|[`]+)`: graves together, the others one by one.
    let text = padded(text, false, |c| matches!(c, '«' | '“' | '‘' | '„'));
    let mut text = padded(&text, true, |c| c == '`');
    if text.first() == Some(&'"') {
        text.splice(0..1, [' ', '`', '`', ' ']);
    }
    // A quote behind a blank or an opening bracket.
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut index = 0;
    while let Some(c) = at(&text, index) {
        out.push(c);
        index += 1;
        if !matches!(c, ' ' | '(' | '[' | '{' | '<') {
            continue;
        }
        let quote = match (at(&text, index), at(&text, index + 1)) {
            (Some('"'), _) => 1,
            (Some('\''), Some('\'')) => 2,
            _ => continue,
        };
        out.extend([' ', '`', '`', ' ']);
        index += quote;
    }
    // An apostrophe that opens a word and is no clitic's.
    let text = out;
    let mut out = Vec::with_capacity(text.len() + 8);
    for (index, &c) in text.iter().enumerate() {
        out.push(c);
        let opens = c == '\''
            && !before(&text, index).is_some_and(is_word)
            && at(&text, index + 1).is_some_and(is_word)
            && !is_clitic(text.get(index + 1..).unwrap_or_default());
        if opens {
            out.push(' ');
        }
    }
    out
}

/// Whether the first word is what stands behind the apostrophe of a short form.
fn is_clitic(text: &[char]) -> bool {
    let word: String = text.iter().take_while(|c| is_word(**c)).collect();
    ["re", "ve", "ll", "m", "t", "s", "d", "n"].contains(&word.to_lowercase().as_str())
}

/// `([^\.])(\.)([\]\)}>"\'»”’ ]*)\s*$`, with blanks around the brackets and quotes behind it.
fn final_period(text: &[char]) -> Vec<char> {
    divided_period(text, "])}>\"'»”’ ", " ")
}

fn final_period_again(text: &[char]) -> Vec<char> {
    divided_period(text, "])}>\"'", "")
}

fn divided_period(text: &[char], closing: &str, gap: &str) -> Vec<char> {
    let end = text
        .iter()
        .rposition(|c| !c.is_whitespace())
        .map_or(0, |last| last + 1);
    let body = text.get(..end).unwrap_or_default();
    let period = body
        .iter()
        .rposition(|c| !closing.contains(*c))
        .filter(|last| at(body, *last) == Some('.'))
        .filter(|last| before(body, *last).is_some_and(|c| c != '.'));
    let Some(period) = period else {
        return text.to_vec();
    };
    let mut out: Vec<char> = body.get(..period).unwrap_or_default().to_vec();
    out.extend([' ', '.']);
    out.extend(gap.chars());
    out.extend(body.get(period + 1..).unwrap_or_default());
    out.push(' ');
    out
}

/// `([:,])([^\d])`, and the last character.
fn colons(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut index = 0;
    while let Some(c) = at(text, index) {
        index += 1;
        match (c, at(text, index)) {
            // Before a digit it is part of a number or a time.
            (':' | ',', Some(next)) if !next.is_numeric() => {
                out.extend([' ', c, ' ', next]);
                index += 1;
            }
            (':' | ',', None) => out.extend([' ', c, ' ']),
            _ => out.push(c),
        }
    }
    // The second of two is taken with the first, unless it is the last.
    if out.last().is_some_and(|c| matches!(c, ':' | ',')) {
        out.push(' ');
    }
    out
}

fn dots_and_signs(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut index = 0;
    while let Some(c) = at(text, index) {
        let dots = text
            .get(index..)
            .unwrap_or_default()
            .iter()
            .take_while(|c| **c == '.')
            .count();
        if dots > 1 {
            out.push(' ');
            out.extend(std::iter::repeat_n('.', dots));
            out.push(' ');
            index += dots;
            continue;
        }
        if matches!(
            c,
            ';' | '@' | '#' | '$' | '%' | '&' | '\u{2012}'..='\u{2015}'
        ) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
        index += 1;
    }
    out
}

/// `?`, `!`, `*`, and an apostrophe at the end of a word.
fn marks(text: &[char]) -> Vec<char> {
    let text = padded(text, false, |c| matches!(c, '?' | '!'));
    let mut out = Vec::with_capacity(text.len() + 8);
    for (index, &c) in text.iter().enumerate() {
        let ends = c == '\''
            && at(&text, index + 1) == Some(' ')
            && before(&text, index).is_some_and(|c| c != '\'');
        if ends {
            out.push(' ');
        }
        out.push(c);
    }
    padded(&out, false, |c| c == '*')
}

fn brackets(text: &[char]) -> Vec<char> {
    padded(text, false, |c| {
        matches!(c, '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>')
    })
}

/// `--`, and a blank at both ends of the text for the rules that follow.
fn dashes(text: &[char]) -> Vec<char> {
    let mut out = vec![' '];
    let mut index = 0;
    while let Some(c) = at(text, index) {
        if c == '-' && at(text, index + 1) == Some('-') {
            out.extend([' ', '-', '-', ' ']);
            index += 2;
        } else {
            out.push(c);
            index += 1;
        }
    }
    out.push(' ');
    out
}

fn close_quotes(text: &[char]) -> Vec<char> {
    let text = padded(text, false, |c| matches!(c, '»' | '”' | '’'));
    let mut out: Vec<char> = Vec::with_capacity(text.len() + 8);
    let mut index = 0;
    while let Some(c) = at(&text, index) {
        index += 1;
        match (c, at(&text, index)) {
            ('\'', Some('\'')) => {
                out.extend([' ', '\'', '\'', ' ']);
                index += 1;
            }
            ('"', _) => out.extend([' ', '\'', '\'', ' ']),
            // All white space is one blank.
            (c, _) if c.is_whitespace() => {
                if out.last() != Some(&' ') {
                    out.push(' ');
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// `'s`, `'m`, `'d`, `'`, `'ll`, `'re`, `'ve` and `n't` at the end of a word.
fn clitics(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for word in text.split(|c| *c == ' ').filter(|word| !word.is_empty()) {
        let lower: String = word.iter().collect::<String>();
        let cut = [
            "'s", "'S", "'m", "'M", "'d", "'D", "'", "'ll", "'LL", "'re", "'RE", "'ve", "'VE",
            "n't", "N'T",
        ]
        .iter()
        .filter(|ending| lower.ends_with(**ending))
        .map(|ending| word.len() - ending.chars().count())
        .find(|cut| before(word, *cut).is_some_and(|c| c != '\''));
        let (stem, ending) = word
            .split_at_checked(cut.unwrap_or(word.len()))
            .unwrap_or((word, &[]));
        out.extend(stem);
        out.push(' ');
        out.extend(ending);
        out.push(' ');
    }
    out
}

/// `cannot`, `gimme`, `gonna`, `gotta`, `lemme` and `wanna` are two words each.
fn contractions(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for word in text.split(|c| *c == ' ').filter(|word| !word.is_empty()) {
        let lower: String = word.iter().collect::<String>().to_lowercase();
        let two = ["cannot", "gimme", "gonna", "gotta", "lemme", "wanna"].contains(&lower.as_str());
        let (first, second) = word
            .split_at_checked(if two { 3 } else { word.len() })
            .unwrap_or((word, &[]));
        out.extend(first);
        out.push(' ');
        out.extend(second);
        out.push(' ');
    }
    out
}
