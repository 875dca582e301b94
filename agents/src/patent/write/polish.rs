//! The last pass over the whole: figures, quantities, inventions, repetition, numerals, wording, support.
//!
//! Rules first; each is kept only if no validator finds more than before. Then a few calls for what is
//! left, with the same condition. Pieces that stood before the run are left as they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use catena_core::{Context, Result, sentences};

use super::{
    super::{
        Draft, Finding, PatentPlace, Question, Rule, SectionKind, Severity, check::words,
        check_patent,
    },
    claims::as_sentence,
    craft::Craft,
    examine::inventions,
    figures::figures,
    glossary::is_figure,
    ground::Ground,
    prose, section,
    steps::State,
    tree::{PgSubsection, SubsectionId},
    types::{PatentPiece, PatentWork},
};

/// Two sentences that share this much of their words say the same.
const SAME: f64 = 0.75;

/// Sentences with fewer words that carry meaning are too short to tell.
const FEW: usize = 5;

/// Improves what was written in this run: by rule, and then by a few calls.
pub(super) async fn polish(state: &mut State, craft: &Craft, cx: &Context) -> Result<()> {
    by_rule(state, craft, cx);
    by_model(state, craft, cx).await
}

/// What the repairs look at besides the work itself.
struct Surroundings<'a> {
    draft: &'a Draft,
    craft: &'a Craft,
    kept: &'a BTreeSet<PatentPiece>,
    /// All that quantities may come from.
    material: String,
}

impl Surroundings<'_> {
    fn is_open(&self, piece: PatentPiece) -> bool {
        !self.kept.contains(&piece)
    }

    fn findings(&self, work: &PatentWork) -> Vec<Finding> {
        check_patent(
            &work.patent(self.draft, &self.craft.guide),
            &self.craft.guide,
        )
    }

    /// Changes every subsection, background and summary that was written in this run.
    fn everywhere(&self, work: &mut PatentWork, change: impl Fn(&str) -> String) {
        for (piece, text) in [
            (PatentPiece::Background, &mut work.background),
            (PatentPiece::Summary, &mut work.summary),
        ] {
            if self.is_open(piece) {
                let changed = change(text);
                if !changed.trim().is_empty() {
                    *text = changed;
                }
            }
        }
        self.each(work, change);
    }

    /// Changes every subsection that was written in this run.
    fn each(&self, work: &mut PatentWork, change: impl Fn(&str) -> String) {
        for (id, subsection) in &mut work.subsections {
            if self.is_open(PatentPiece::Subsection(*id)) {
                let changed = change(&subsection.text);
                // A repair never takes a subsection away.
                if !changed.trim().is_empty() {
                    subsection.text = changed;
                }
            }
        }
    }
}

type Repair = (&'static str, fn(&Surroundings<'_>, &mut PatentWork));

/// In this order: what takes text away comes before what counts what is left.
const REPAIRS: [Repair; 7] = [
    ("figures", |around, work| {
        let drawn = drawn(around.draft);
        around.each(work, |text| without_figures(text, &drawn));
    }),
    ("quantities", |around, work| {
        around.everywhere(work, |text| {
            without(text, &inventions(text, &around.material))
        });
    }),
    ("grounds", |around, work| {
        let ground = Ground::of([around.material.as_str()]);
        around.everywhere(work, |text| {
            let text = without(text, &ground.named(text));
            without(&text, &ground.made_up(&text))
        });
    }),
    ("repetition", without_repetition),
    ("wording", |around, work| {
        around.each(work, |text| reworded(text, false));
        for (piece, in_abstract) in [
            (PatentPiece::Background, false),
            (PatentPiece::Summary, false),
            (PatentPiece::Abstract, true),
        ] {
            if !around.is_open(piece) {
                continue;
            }
            let text = match piece {
                PatentPiece::Background => &mut work.background,
                PatentPiece::Summary => &mut work.summary,
                _ => &mut work.abstract_text,
            };
            *text = reworded(text, in_abstract);
        }
    }),
    ("numerals", |around, work| {
        let glossary = work.glossary.clone();
        around.each(work, |text| glossary.mark(text));
    }),
    ("support", |around, work| {
        if around.is_open(PatentPiece::Summary) {
            let findings = around.findings(work);
            support(work, &findings);
        }
    }),
];

fn by_rule(state: &mut State, craft: &Craft, cx: &Context) {
    let references = state.task.references.iter().map(|document| &*document.text);
    let answers = Question::ALL.map(|question| state.task.draft.answer(question));
    let claims = state.work.claims.iter().map(|claim| claim.text());
    let material: Vec<&str> = answers
        .into_iter()
        .chain(references)
        .chain(claims)
        .collect();
    let around = Surroundings {
        draft: &state.task.draft,
        craft,
        kept: &state.kept,
        material: material.join("\n"),
    };
    let mut before = around.findings(&state.work);
    for (name, repair) in REPAIRS {
        let mut changed = state.work.clone();
        repair(&around, &mut changed);
        if changed == state.work {
            continue;
        }
        let after = around.findings(&changed);
        let kept = !is_worse(&before, &after);
        cx.note("patent.repair", &(name, kept));
        if kept {
            state.work = changed;
            before = after;
        }
    }
}

/// Asks for edits of the subsections in which validators still find something.
async fn by_model(state: &mut State, craft: &Craft, cx: &Context) -> Result<()> {
    let (draft, guide) = (state.task.draft.clone(), craft.guide.clone());
    let check = |work: &PatentWork| check_patent(&work.patent(&draft, &guide), &guide);
    for _ in 0..craft.polish_calls {
        let before = check(&state.work);
        let places = places(&state.work, &draft, craft);
        let mut advice: BTreeMap<SubsectionId, Vec<String>> = BTreeMap::new();
        for finding in &before {
            if let PatentPlace::Paragraph(number) = finding.place
                && finding.severity >= Severity::Warning
                && let Some(id) = places.get(&number)
                && !state.kept.contains(&PatentPiece::Subsection(*id))
                && !state.tried.contains(id)
            {
                let line = format!("{}: {}.", finding.message, finding.advice);
                advice.entry(*id).or_default().push(line);
            }
        }
        let Some((id, lines)) = advice.into_iter().next() else {
            break;
        };
        state.tried.insert(id);
        let Some(old) = state.work.subsections.get(&id).map(|own| own.text.clone()) else {
            continue;
        };
        let plan = state
            .work
            .plan
            .subsections()
            .find(|(known, ..)| *known == id)
            .map_or_else(PgSubsection::default, |(_, _, child)| child.clone());
        let advice = lines.join("\n");
        let edited =
            section::revise(craft, &old, &state.work.title, &plan, &[], &advice, cx).await?;
        let mut changed = state.work.clone();
        if let Some(own) = changed.subsections.get_mut(&id) {
            own.text = edited.text;
        }
        let after = check(&changed);
        let kept = after.len() < before.len() && !is_worse(&before, &after);
        cx.note("patent.repair", &(id.to_string(), kept));
        if kept {
            state.work = changed;
        }
    }
    Ok(())
}

/// Whether some rule finds more than before.
pub(super) fn is_worse(before: &[Finding], after: &[Finding]) -> bool {
    let count = |findings: &[Finding], rule: Rule| {
        findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .count()
    };
    Rule::ALL
        .into_iter()
        .any(|rule| count(after, rule) > count(before, rule))
}

/// Which subsection a numbered paragraph belongs to.
fn places(work: &PatentWork, draft: &Draft, craft: &Craft) -> BTreeMap<u32, SubsectionId> {
    let patent = work.patent(draft, &craft.guide);
    let mut ids = work.plan.subsections().flat_map(|(id, ..)| {
        let text = work
            .subsections
            .get(&id)
            .map_or("", |own| own.text.as_str());
        // What is missing has a mark of one paragraph.
        let count = text
            .split("\n\n")
            .filter(|part| !part.trim().is_empty())
            .count()
            .max(1);
        std::iter::repeat_n(id, count)
    });
    patent
        .numbered()
        .filter(|(_, section, _)| section.kind() == SectionKind::Description)
        .map_while(|(number, ..)| Some((number, ids.next()?)))
        .collect()
}

/// The numbers of the figures that the draft describes.
fn drawn(draft: &Draft) -> Vec<String> {
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
fn without_figures(text: &str, drawn: &[String]) -> String {
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
            changed = capitalised(changed.trim())
                .replace(" .", ".")
                .replace(" ,", ",");
        }
        out = replaced(&out, sentence, &changed);
    }
    out
}

/// Without some of its sentences; whole if nothing would be left.
fn without(text: &str, gone: &[&str]) -> String {
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

/// Without sentences that an earlier one says already: of the same subsection or of another.
fn without_repetition(around: &Surroundings<'_>, work: &mut PatentWork) {
    let mut said: Vec<HashSet<String>> = Vec::new();
    let order: Vec<SubsectionId> = work.plan.subsections().map(|(id, ..)| id).collect();
    for id in order {
        let Some(own) = work.subsections.get_mut(&id) else {
            continue;
        };
        let text = own.text.clone();
        let mut gone = Vec::new();
        for sentence in sentences(&text).filter_map(|range| text.get(range)) {
            let words: HashSet<String> = catena_tools::words(sentence)
                .filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()))
                .collect();
            let again = words.len() >= FEW && said.iter().any(|other| same(other, &words));
            match again && around.is_open(PatentPiece::Subsection(id)) {
                true => gone.push(sentence),
                false => said.push(words),
            }
        }
        own.text = without(&text, &gone);
    }
}

fn same(a: &HashSet<String>, b: &HashSet<String>) -> bool {
    let shared = a.intersection(b).count() as f64;
    let all = a.union(b).count().max(1) as f64;
    shared / all >= SAME
}

/// With other words for those that an office or a court takes amiss.
fn reworded(text: &str, in_abstract: bool) -> String {
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
                out = capitalised(rest);
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
            true => capitalised(sentence),
            false => sentence.to_owned(),
        })
        .collect();
    found.concat()
}

/// Says in the summary what is claimed and not described: as an aspect the independent claim, as
/// embodiments the others.
fn support(work: &mut PatentWork, findings: &[Finding]) {
    let bare: BTreeSet<u32> = findings
        .iter()
        .filter(|finding| finding.rule == Rule::ClaimSupport)
        .filter_map(|finding| match finding.place {
            PatentPlace::Claim(number) => Some(number),
            _ => None,
        })
        .collect();
    let said: Vec<String> = work
        .claims
        .iter()
        .filter(|claim| bare.contains(&claim.number()))
        .filter_map(|claim| as_sentence(claim.text()))
        .collect();
    if !said.is_empty() {
        work.summary = format!("{}\n\n{}", work.summary.trim_end(), said.join(" "));
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
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
    }

    #[test]
    fn worse_is_more_of_any_rule() {
        let finding = |rule| Finding {
            rule,
            severity: Severity::Warning,
            place: PatentPlace::Document,
            message: String::new(),
            advice: String::new(),
        };
        let (a, b) = (finding(Rule::Wording), finding(Rule::Title));
        assert!(!is_worse(std::slice::from_ref(&a), &[]));
        assert!(!is_worse(
            std::slice::from_ref(&a),
            std::slice::from_ref(&a)
        ));
        assert!(is_worse(&[a.clone(), a.clone()], &[b]));
    }
}
