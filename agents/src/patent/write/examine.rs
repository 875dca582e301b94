//! The examiner: six criteria by the model, and what rules see.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result, sentences};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::{
        Guide, PatentPart,
        check::{mentions, words},
    },
    craft::Craft,
    glossary::is_figure,
    prose,
    types::{Criterion, Examination, Verdict},
};

/// Characters of an examiner's advice, at most.
const ADVICE: usize = 400;

/// Examines with the model.
pub(super) struct ModelExaminer {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct Variables<'a> {
    title: &'a str,
    material: &'a str,
    heading: &'a str,
    guide: &'a str,
    text: String,
}

/// As the model answers.
#[derive(Deserialize)]
struct Raw {
    fails: Vec<String>,
    #[serde(default)]
    advice: String,
}

impl Raw {
    /// The verdict; none if it names only what is no criterion.
    fn verdict(self) -> Option<Verdict> {
        let named = |criterion: &Criterion| {
            let name = criterion.name();
            self.fails
                .iter()
                .any(|fail| fail.trim().eq_ignore_ascii_case(name))
        };
        let fails: Vec<Criterion> = Criterion::ALL.into_iter().filter(named).collect();
        (self.fails.is_empty() || !fails.is_empty()).then_some(Verdict {
            fails,
            // A model that no schema holds may go on and on.
            advice: self.advice.chars().take(ADVICE).collect(),
        })
    }
}

#[async_trait]
impl Agent for ModelExaminer {
    type Input = Examination;
    type Output = Option<Verdict>;

    async fn run(&self, examination: Examination, cx: &Context) -> Result<Option<Verdict>> {
        let tokens = self.craft.tokens(200);
        let passages: Vec<(usize, &str)> = examination
            .references
            .iter()
            .enumerate()
            .map(|(at, text)| (at, &**text))
            .collect();
        let (messages, _) = self.craft.fitted(&passages, tokens, |material| {
            self.craft.prompts.examine.render(&Variables {
                title: &examination.title,
                material,
                heading: &examination.plan.heading,
                guide: &examination.plan.guide,
                text: prose::fenced(&examination.text),
            })
        })?;
        let names = Criterion::ALL.map(Criterion::name);
        let schema = json!({
            "type": "object",
            "properties": {
                "fails": {"type": "array", "items": {"enum": names}, "maxItems": names.len()},
                "advice": {"type": "string", "maxLength": ADVICE},
            },
            "required": ["fails", "advice"],
            "additionalProperties": false,
        });
        let raw: Option<Raw> = self.craft.json(cx, messages, tokens, schema).await?;
        let verdict = raw.and_then(Raw::verdict);
        if verdict.is_none() {
            super::craft::fell_back(cx, &examination.plan.heading, "no verdict can be read");
        }
        Ok(verdict)
    }
}

/// What can be told to be wrong with a subsection without a model, as advice.
pub(super) fn problems(examination: &Examination, guide: &Guide) -> Vec<String> {
    let mut found = Vec::new();
    let material = examination.references.join("\n");
    for invented in invented(&examination.text, &material) {
        found.push(format!(
            "'{invented}' does not stand in the material: take it out."
        ));
    }
    let lower: Vec<String> = words(&examination.text)
        .into_iter()
        .map(|word| word.lower)
        .collect();
    for rule in &guide.wording {
        let wanted: Vec<String> = words(&rule.phrase)
            .into_iter()
            .map(|word| word.lower)
            .collect();
        if rule.parts.contains(&PatentPart::Description)
            && !wanted.is_empty()
            && lower.windows(wanted.len()).any(|window| window == wanted)
        {
            found.push(format!("It says '{}': {}.", rule.phrase, rule.advice));
        }
    }
    found
}

/// Quantities of a text that `material` does not have: numbers with a unit, and percentages.
pub(super) fn invented(text: &str, material: &str) -> Vec<String> {
    let known = quantities(material);
    let mut found: Vec<String> = Vec::new();
    for quantity in quantities(text) {
        if !known.contains(&quantity) && !found.contains(&quantity) {
            found.push(quantity);
        }
    }
    found
}

/// The sentences of a text that have a quantity or a number which `material` does not have.
pub(super) fn inventions<'a>(text: &'a str, material: &str) -> Vec<&'a str> {
    let (known, numbers) = (quantities(material), numbers(material));
    sentences(text)
        .filter_map(|range| text.get(range))
        .filter(|sentence| {
            quantities(sentence)
                .iter()
                .any(|quantity| !known.contains(quantity))
                || self::numbers(sentence)
                    .iter()
                    .any(|number| !numbers.contains(number))
        })
        .collect()
}

/// Words that begin with a digit and are no reference numerals: which of these are right is known elsewhere.
fn numbers(text: &str) -> Vec<String> {
    let numerals = mentions(text);
    let found = words(text);
    found
        .iter()
        .enumerate()
        .filter(|(_, word)| word.text.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|(at, word)| {
            let named = found
                .get(at.wrapping_sub(1))
                .is_some_and(|before| is_figure(before) || before.is(&["claim", "claims"]));
            let around = text.get(..word.start).zip(text.get(word.end()..));
            let enclosed = around
                .is_some_and(|(before, after)| before.ends_with('(') && after.starts_with(')'));
            let numeral = numerals
                .iter()
                .any(|mention| mention.bytes.contains(&word.start));
            !named && !enclosed && !numeral
        })
        .map(|(_, word)| word.lower.clone())
        .collect()
}

/// `12 mm`, `30%`: the number and its unit, one blank between.
fn quantities(text: &str) -> Vec<String> {
    const UNITS: &[&str] = &[
        "mm",
        "cm",
        "m",
        "km",
        "nm",
        "µm",
        "μm",
        "um",
        "inch",
        "inches",
        "feet",
        "ft",
        "g",
        "kg",
        "mg",
        "s",
        "ms",
        "seconds",
        "minutes",
        "hours",
        "days",
        "hz",
        "khz",
        "mhz",
        "ghz",
        "v",
        "mv",
        "kv",
        "volts",
        "w",
        "kw",
        "mw",
        "watts",
        "ma",
        "amps",
        "db",
        "dbm",
        "pa",
        "kpa",
        "mpa",
        "bar",
        "psi",
        "percent",
        "degrees",
        "°c",
        "°f",
        "c",
        "k",
        "ppm",
        "ml",
        "l",
        "liters",
        "litres",
        "mol",
        "rpm",
        "bits",
        "bytes",
        "kb",
        "mb",
        "gb",
        "ohms",
        "meters",
        "metres",
        "millimeters",
        "centimeters",
        "pounds",
        "weeks",
        "months",
        "years",
    ];
    let mut found = Vec::new();
    let found_words = words(text);
    for (at, word) in found_words.iter().enumerate() {
        if !word.text.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let after = text.get(word.end()..).unwrap_or_default();
        let sign = after.trim_start().chars().next();
        let digits: String = word
            .text
            .chars()
            .take_while(|c| c.is_ascii_digit())
            .collect();
        let glued = word
            .text
            .get(digits.len()..)
            .unwrap_or_default()
            .to_lowercase();
        if matches!(sign, Some('%' | '°')) {
            found.push(format!("{} {}", word.text, sign.unwrap_or('%')));
        } else if UNITS.contains(&glued.as_str()) {
            found.push(format!("{digits} {glued}"));
        } else if let Some(next) = found_words.get(at + 1)
            && !next.after_punctuation
            && next.is(UNITS)
        {
            found.push(format!("{} {}", word.text, next.lower));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Jurisdiction;

    #[test]
    fn quantities_that_nobody_gave_are_found() {
        let text = "The plate is 5 mm thick and holds 30% of 12 parts at 20 °C. It weighs 3kg. FIG. 2 and \
                    claim 4.";
        assert_eq!(invented(text, "It is 5 mm, 3 kg."), ["30 %", "20 °"]);
        assert_eq!(
            inventions(text, "5 mm, 30 %, 12, 20 °"),
            ["It weighs 3kg. "]
        );
        assert_eq!(
            inventions("The foot 7 (12) has a score of 10.", "x"),
            ["The foot 7 (12) has a score of 10."]
        );
        assert!(inventions("The foot 7 holds a weight (12).", "x").is_empty());
        assert!(invented("two parts", "").is_empty());
    }

    #[test]
    fn rules_advise_without_a_model() {
        let examination = Examination {
            text: "Obviously the plate is 5 mm thick.".into(),
            ..Examination::default()
        };
        let found = problems(&examination, &Jurisdiction::Us.guide());
        assert_eq!(found.len(), 2, "{found:?}");
        let clean = Examination {
            text: "The plate is thick.".into(),
            ..Examination::default()
        };
        assert!(problems(&clean, &Jurisdiction::Us.guide()).is_empty());
    }

    #[test]
    fn a_verdict_names_what_fails() {
        let verdict = |json: &str| serde_json::from_str::<Raw>(json).unwrap().verdict();
        let fails =
            verdict(r#"{"fails": ["Logic", "consistency", "logic"], "advice": "x"}"#).unwrap();
        assert_eq!(fails.fails, [Criterion::Logic, Criterion::Consistency]);
        assert!(!fails.passes() && fails.advice == "x");
        assert!(verdict(r#"{"fails": []}"#).unwrap().passes());
        assert_eq!(verdict(r#"{"fails": ["style"]}"#), None);
        assert!(serde_json::from_str::<Raw>(r#"{"advice": "x"}"#).is_err());
    }
}
