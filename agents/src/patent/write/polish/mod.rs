//! The last pass over the whole: figures, quantities, inventions, terms and numerals, contradictions, repetition,
//! wording, support.
//!
//! Rules first; each is kept only if no validator finds more than before. Then a few calls for what is
//! left, with the same condition. Pieces that stood before the run are left as they are.

mod contradictions;
mod terms;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use catena_core::{Context, Result, sentences};

use self::{
    contradictions::without_contradictions,
    terms::Names,
    text::{drawn, reworded, without, without_figures},
};
use super::{
    super::{
        Draft, Finding, Patent, PatentPlace, Question, Rule, SectionKind, Severity,
        check::{Contradiction, contradictions},
        check_patent,
    },
    claims::as_sentence,
    craft::Craft,
    examine::inventions,
    ground::Ground,
    section,
    steps::State,
    tree::{PgSubsection, SubsectionId},
    types::{PatentPiece, PatentWork},
};

/// Two sentences that share this much of their words say the same.
const SAME: f64 = 0.65;

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

    fn patent(&self, work: &PatentWork) -> Patent {
        work.patent(self.draft, &self.craft.guide)
    }

    fn findings(&self, work: &PatentWork) -> Vec<Finding> {
        check_patent(&self.patent(work), &self.craft.guide)
    }

    /// Changes everything but title and claims that was written in this run.
    fn all_prose(&self, work: &mut PatentWork, change: impl Fn(&str) -> String) {
        if self.is_open(PatentPiece::Abstract) {
            let changed = change(&work.abstract_text);
            if !changed.trim().is_empty() {
                work.abstract_text = changed;
            }
        }
        self.everywhere(work, change);
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
const REPAIRS: [Repair; 8] = [
    ("figures", |around, work| {
        let drawn = drawn(around.draft);
        around.each(work, |text| without_figures(text, &drawn));
    }),
    ("quantities", |around, work| {
        around.all_prose(work, |text| {
            without(text, &inventions(text, &around.material))
        });
    }),
    ("grounds", |around, work| {
        let ground = Ground::of([around.material.as_str()]);
        around.all_prose(work, |text| {
            let text = without(text, &ground.named(text));
            without(&text, &ground.made_up(&text))
        });
    }),
    ("terms", |around, work| {
        let glossary = work.glossary.clone();
        let names = Names::of(&glossary, around.draft);
        around.all_prose(work, |text| names.unified(text));
        // At once: what has one name now may have had two numerals.
        around.each(work, |text| glossary.mark(text));
    }),
    ("contradictions", without_contradictions),
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
    ("support", support),
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
        let open = |id: &SubsectionId| {
            !state.kept.contains(&PatentPiece::Subsection(*id)) && !state.tried.contains(id)
        };
        let wanted = wishes(&state.work, &before, &draft, craft);
        let Some((id, wish)) = wanted.into_iter().find(|(id, _)| open(id)) else {
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
        let (title, advice) = (&state.work.title, wish.advice.join("\n"));
        let edited = section::revise(craft, &old, title, &plan, &wish.others, &advice, cx).await?;
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

/// What a subsection is to be edited for.
#[derive(Default)]
struct Wish {
    advice: Vec<String>,
    /// Sentences of other places that it contradicts, so that it may say what they say.
    others: Vec<String>,
}

/// What validators find in each subsection; of a contradiction, both sides may give way.
fn wishes(
    work: &PatentWork,
    findings: &[Finding],
    draft: &Draft,
    craft: &Craft,
) -> BTreeMap<SubsectionId, Wish> {
    let places = places(work, draft, craft);
    let at = |place: &PatentPlace| match place {
        PatentPlace::Paragraph(number) => places.get(number).copied(),
        _ => None,
    };
    let mut wanted: BTreeMap<SubsectionId, Wish> = BTreeMap::new();
    for finding in findings {
        if finding.severity >= Severity::Warning
            && finding.rule != Rule::Contradiction
            && let Some(id) = at(&finding.place)
        {
            let line = format!("{}: {}.", finding.message, finding.advice);
            wanted.entry(id).or_default().advice.push(line);
        }
    }
    for Contradiction { here, there } in contradictions(&work.patent(draft, &craft.guide)) {
        for (own, other) in [(&here, &there), (&there, &here)] {
            if let Some(id) = at(&own.place) {
                let wish = wanted.entry(id).or_default();
                wish.advice
                    .push(format!("{}: let both say the same.", own.against(other)));
                wish.others.push(other.statement.sentence.clone());
            }
        }
    }
    wanted
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

/// Says in the summary what is claimed and not described: as an aspect the independent claim, as
/// embodiments the others.
fn support(around: &Surroundings<'_>, work: &mut PatentWork) {
    if !around.is_open(PatentPiece::Summary) {
        return;
    }
    let bare: BTreeSet<u32> = around
        .findings(work)
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

#[cfg(test)]
mod tests {
    use super::*;

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
