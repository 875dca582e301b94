//! What plain sentences say of a thing, in a form in which two of them can be laid side by side.
//!
//! A clause is read as subject, verb and what is said, by the surface: "The float 12 is made of cork" says
//! of `float` the material cork. A sentence that names a choice, a condition, an example or a moment
//! says nothing, and neither does one about the document; so what is read holds always.

use catena_core::sentences;

use super::{
    super::{
        mentions::mentions,
        words::{Word, singular, words},
    },
    opposites::{material, pairs, related},
    vocabulary::{DEPENDS, FILLERS, HAS, MADE, NO_SUBJECT, NUMBERS, PORTIONS, SAYS_NOTHING, VERBS},
};

/// What a clause says, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) struct Statement {
    /// The thing, without blanks and hyphens, so that spellings are one.
    pub(super) subject: String,
    /// What it answers: the clause without what two statements can differ in.
    pub(in crate::patent) about: String,
    pub(in crate::patent) value: Value,
    /// The clause, and the sentence that it stands in, word for word.
    pub(in crate::patent) clause: String,
    pub(in crate::patent) sentence: String,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) enum Value {
    /// That it is so, or that it is not.
    So(bool),
    /// On which side of a pair of opposites it is.
    Side(bool),
    /// How many.
    Count(String),
    /// Of which materials.
    Made(Vec<&'static str>),
}

impl Value {
    /// Whether two answers cannot both hold.
    pub(in crate::patent) fn conflicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Made(own), Self::Made(others)) => !own
                .iter()
                .any(|one| others.iter().any(|two| related(one, two))),
            _ => self != other,
        }
    }
}

/// What the plain sentences of a text say; `terms` are things of which "a float of cork" tells the material.
pub(in crate::patent) fn statements(text: &str, terms: &[String]) -> Vec<Statement> {
    let terms: Vec<Vec<String>> = terms.iter().map(|term| key(term)).collect();
    let mut found = Vec::new();
    for sentence in sentences(text).filter_map(|range| text.get(range)) {
        found.extend(read(sentence.trim(), &terms));
    }
    found
}

fn read(sentence: &str, terms: &[Vec<String>]) -> Vec<Statement> {
    let body = without_lead(sentence);
    let words = words(body);
    let quoted = body.contains(['"', '“', '”', '?', '[']);
    if quoted || words.iter().any(|word| word.is(SAYS_NOTHING)) {
        return Vec::new();
    }
    let words = outside_parentheses(body, words);
    let reader = Reader {
        sentence,
        body,
        numerals: mentions(body)
            .iter()
            .map(|mention| mention.bytes.start)
            .collect(),
        words,
    };
    let mut found = reader.clauses();
    found.extend(reader.named(terms));
    found
}

/// `The diode (LED) is red`, `the lid (3) is flat`: another name and a numeral say nothing.
fn outside_parentheses<'a>(body: &str, words: Vec<Word<'a>>) -> Vec<Word<'a>> {
    let (mut end, mut open) = (0, 0_usize);
    let mut is_outside = |word: &Word<'_>| {
        let gap = body.get(end..word.start).unwrap_or_default();
        open = (open + gap.matches('(').count()).saturating_sub(gap.matches(')').count());
        end = word.end();
        open == 0
    };
    words.into_iter().filter(|word| is_outside(word)).collect()
}

/// `As shown in FIG. 1, the lid is flat`: where it is shown does not matter.
fn without_lead(sentence: &str) -> &str {
    const LEADS: &[&str] = &[
        "as shown in",
        "as illustrated in",
        "as depicted in",
        "referring to",
        "with reference to",
        "further,",
        "furthermore,",
        "moreover,",
        "additionally,",
        "in addition,",
    ];
    let lower = sentence.to_ascii_lowercase();
    match sentence.split_once(", ") {
        Some((_, rest)) if LEADS.iter().any(|lead| lower.starts_with(lead)) => rest,
        _ => sentence,
    }
}

/// The words of a name as they are compared.
fn key(name: &str) -> Vec<String> {
    words(name).iter().map(plain).collect()
}

/// A word in the singular, without hyphens.
fn plain(word: &Word<'_>) -> String {
    singular(&word.lower).replace(['-', '‐', '‑'], "")
}

/// A clause: its words from subject to end.
struct Clause<'a> {
    subject: &'a [Word<'a>],
    /// The verb and what follows; empty where no verb is known.
    rest: &'a [Word<'a>],
}

struct Reader<'a> {
    sentence: &'a str,
    body: &'a str,
    words: Vec<Word<'a>>,
    /// The bytes at which reference numerals begin.
    numerals: Vec<usize>,
}

impl Reader<'_> {
    /// What stands between a word and the one before it.
    fn gap(&self, at: usize) -> &str {
        let before = at.checked_sub(1).and_then(|at| self.words.get(at));
        let start = before.map_or(0, Word::end);
        let end = self
            .words
            .get(at)
            .map_or(self.body.len(), |word| word.start);
        self.body.get(start..end).unwrap_or_default()
    }

    /// The clauses that depend on nothing.
    fn clauses(&self) -> Vec<Statement> {
        let mut found = Vec::new();
        let mut subject: &[Word<'_>] = &[];
        let mut start = 0;
        while start < self.words.len() {
            let end = self.end_of_piece(start);
            let joins = ["and", "but", "wherein", "whereby"];
            let from = (start..end)
                .find(|at| !self.words.get(*at).is_some_and(|word| word.is(&joins)))
                .unwrap_or(end);
            let piece = self.words.get(from..end).unwrap_or_default();
            start = end;
            let Some(first) = piece.first() else { continue };
            if first.is(DEPENDS) || subject.is_empty() && first.is(NO_SUBJECT) {
                // Up to the next part of a claim, all may depend on it.
                break;
            }
            let verb = piece.iter().position(|word| word.is(VERBS));
            let clause = match verb {
                // "and is hollow"
                Some(0) => Clause {
                    subject,
                    rest: piece,
                },
                Some(at) if !first.is(NO_SUBJECT) => {
                    let (own, rest) = piece.split_at_checked(at).unwrap_or((piece, &[]));
                    subject = own;
                    Clause { subject, rest }
                }
                Some(_) => break,
                // "The valve leaks."
                None if from == 0 => Clause {
                    subject: piece,
                    rest: &[],
                },
                // What goes on behind a comma or "and" belongs to what was said.
                None => continue,
            };
            found.extend(self.said(&clause));
        }
        found
    }

    /// Where a piece ends that begins with the word `start`: at punctuation, at "and", at what depends.
    fn end_of_piece(&self, start: usize) -> usize {
        let ends = |at: &usize| {
            let Some(word) = self.words.get(*at) else {
                return true;
            };
            let gap = self.gap(*at);
            let stops = gap.contains([';', ':', '—']) || gap.contains(", ");
            // "in the foot" belongs to what is said, "which floats" does not.
            let place = ["in", "by", "for", "than", "via", "using", "as", "where"];
            let depends = word.is(DEPENDS) && !word.is(&place);
            stops || depends || word.is(&["and", "but", "wherein", "whereby"])
        };
        (start + 1..self.words.len())
            .find(ends)
            .unwrap_or(self.words.len())
    }

    /// What a clause says: that it is so, and each of its words that has an opposite or counts.
    fn said(&self, clause: &Clause<'_>) -> Vec<Statement> {
        let subject: Vec<String> = self.compared(clause.subject, None);
        let verb = clause.rest.first();
        let mut rest: Vec<String> = self.compared(clause.rest, verb);
        let denies = clause.rest.iter().any(|word| word.is(&["not", "never"]))
            || rest.get(1).is_some_and(|word| word == "no");
        rest.retain(|word| word != "no");
        let is_thing = subject
            .iter()
            .any(|word| word.chars().any(char::is_alphabetic));
        let (Some(first), true) = (clause.subject.first(), is_thing) else {
            return Vec::new();
        };
        let end = clause.rest.last().or(clause.subject.last());
        let bytes = match clause.rest.first() {
            // The subject may stand before another clause.
            Some(verb) if first.start < verb.start => {
                first.start..end.map_or(first.start, Word::end)
            }
            _ => 0..self.body.len(),
        };
        let text = self.body.get(bytes).unwrap_or_default();
        let name = subject.concat();
        let statement = |about: String, value| Statement {
            subject: name.clone(),
            about,
            value,
            clause: text.trim_end_matches(['.', ';', ' ']).to_owned(),
            sentence: self.sentence.to_owned(),
        };
        let mut found = vec![statement(
            format!("{name}{}", rest.concat()),
            Value::So(!denies),
        )];
        if !denies {
            let counts = |at: usize, word: &str| {
                // Elsewhere "one" may be one of several, and digits a numeral in a list.
                let digits = clause.rest.iter().any(|own| own.text == word);
                word.starts_with(|c: char| c.is_ascii_digit())
                    && (at == 1 || word != "1" && !digits)
            };
            let differing = differing(&name, &rest, counts);
            found.extend(differing.map(|(about, value)| statement(about, value)));
            let materials = self.made(clause);
            if !materials.is_empty() {
                found.push(statement(made_of(&name), Value::Made(materials)));
            }
        }
        found
    }

    /// The materials that a clause says its subject is of.
    fn made(&self, clause: &Clause<'_>) -> Vec<&'static str> {
        let made = clause.rest.iter().position(|word| word.is(MADE));
        let of = match (made, clause.rest) {
            (Some(at), _) => clause.rest.get(at + 1),
            // "The ring is of cork."
            (None, [is, of, ..]) if is.is(&["is", "are"]) && of.is(&["of"]) => Some(of),
            _ => None,
        };
        of.filter(|word| word.is(&["of", "from", "out"]))
            .map_or_else(Vec::new, |word| self.materials(word.end()))
    }

    /// The words that count, in the singular: without fillers and reference numerals, numbers as digits, and
    /// one verb for those that say the same.
    fn compared(&self, words: &[Word<'_>], verb: Option<&Word<'_>>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut last: Option<&Word<'_>> = None;
        for word in words {
            let behind_verb =
                last.is_some() && last.map(|word| word.start) == verb.map(|verb| verb.start);
            let is_numeral = self.numerals.contains(&word.start) && !behind_verb;
            let digits = word.text.starts_with(|c: char| c.is_ascii_digit());
            let gap = last.and_then(|last| self.body.get(last.end()..word.start));
            last = Some(word);
            if word.is(FILLERS) || is_numeral {
                continue;
            }
            // "2.5" is one number.
            if let (true, Some("." | ","), Some(number)) = (digits, gap, found.last_mut()) {
                number.push('.');
                number.push_str(word.text);
                continue;
            }
            let plain = plain(word);
            let number = NUMBERS.iter().position(|number| *number == plain);
            found.push(match (number, plain.as_str()) {
                (Some(number), _) => number.to_string(),
                (_, "are" | "lie") => "is".into(),
                (_, word) if HAS.contains(&word) => "has".into(),
                _ => plain,
            });
        }
        found
    }

    /// The materials that are listed from a byte on.
    fn materials(&self, from: usize) -> Vec<&'static str> {
        let mut found = Vec::new();
        let mut since = 0;
        for (at, word) in self.words.iter().enumerate() {
            if word.start < from {
                continue;
            }
            let gap = self.gap(at);
            let one = material(&plain(word));
            let stops = gap.contains([';', ':']) || gap.contains(", ") && found.is_empty();
            if stops || word.is(VERBS) || word.is(DEPENDS) || since > 2 {
                break;
            }
            // "of a thin sheet of iron": the first one that is known.
            match (one, word.is(&["and", "a", "an", "the"])) {
                (Some(one), _) => {
                    found.push(one);
                    since = 0;
                }
                (None, true) => {}
                (None, false) => since += 1,
            }
        }
        found
    }

    /// Terms that are named with their material: "a float of cork", "a float made of cork".
    fn named(&self, terms: &[Vec<String>]) -> Vec<Statement> {
        let mut found = Vec::new();
        for (at, of) in self.words.iter().enumerate() {
            if !of.is(&["of", "from"]) {
                continue;
            }
            let mut end = at;
            let is =
                |at: usize, list: &[&str]| self.words.get(at).is_some_and(|word| word.is(list));
            if end > 0 && is(end - 1, MADE) {
                end -= 1;
            } else if of.is(&["from"]) {
                continue;
            }
            let numeral = |at: usize| {
                self.words
                    .get(at)
                    .is_some_and(|word| self.numerals.contains(&word.start))
            };
            if end > 0 && numeral(end - 1) {
                end -= 1;
            }
            let before: Vec<String> = self.words.iter().take(end).map(plain).collect();
            let term = terms
                .iter()
                .filter(|term| before.ends_with(term))
                .max_by_key(|term| term.len());
            let Some(term) = term else { continue };
            let start = end - term.len();
            let led = start == 0 || is(start - 1, &["a", "an", "the", "said"]);
            let portion = term
                .last()
                .is_some_and(|last| PORTIONS.contains(&last.as_str()));
            let bare = self
                .words
                .get(at + 1)
                .is_some_and(|next| material(&plain(next)).is_some());
            let materials = self.materials(of.end());
            let (Some(first), true) = (self.words.get(start), led && bare && !portion) else {
                continue;
            };
            let last = self.words.get(at + 1).map_or(of.end(), Word::end);
            let name = term.concat();
            found.push(Statement {
                about: made_of(&name),
                subject: name,
                value: Value::Made(materials),
                clause: self.body.get(first.start..last).unwrap_or_default().into(),
                sentence: self.sentence.to_owned(),
            });
        }
        found
    }
}

/// Words of relations, which say of the subject on which side of something it is.
const RELATIONS: &[&str] = &[
    "above",
    "below",
    "beneath",
    "underneath",
    "inside",
    "within",
    "outside",
    "upstream",
    "downstream",
    "parallel",
    "perpendicular",
    "before",
    "after",
];

/// Whether a word is what the subject is: "is rigid", "is removably attached", "is dried before". What it has, does
/// or is joined to may have an opposite beside it: "has an upper surface".
fn is_of_subject(rest: &[String], at: usize) -> bool {
    let word = |at: usize| rest.get(at).map_or("", String::as_str);
    let led = word(1).ends_with("ly") || RELATIONS.contains(&word(2));
    word(0) == "is" && (at == 1 || at == 2 && led)
}

/// For each word of what is said of `name` that has an opposite or counts: the clause with a mark in its place, and
/// its side or number.
fn differing(
    name: &str,
    rest: &[String],
    counts: impl Fn(usize, &str) -> bool,
) -> impl Iterator<Item = (String, Value)> {
    rest.iter().enumerate().flat_map(move |(at, word)| {
        let with = |mark: &str| {
            let mut words: Vec<&str> = rest.iter().map(String::as_str).collect();
            if let Some(word) = words.get_mut(at) {
                *word = mark;
            }
            format!("{name}{}", words.concat())
        };
        let sides = pairs(word).filter(|_| is_of_subject(rest, at));
        let sides = sides.map(|(pair, left)| (with(&format!("<{pair}>")), Value::Side(left)));
        let mut found: Vec<(String, Value)> = sides.collect();
        if counts(at, word) {
            found.push((with("<#>"), Value::Count(word.clone())));
        }
        found
    })
}

fn made_of(name: &str) -> String {
    format!("{name}<material>")
}
