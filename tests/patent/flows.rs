//! The paper's flow and a single call, for comparison.

use catena::agents::{PatentFlow, Question, SectionKind};

use crate::support::{Purpose, count, draft, model, purpose, purposes, shown, writer, written};

#[tokio::test]
async fn the_papers_flow_takes_the_papers_calls() {
    let model = model(|_, _| None);
    let written = written(writer(&model).flow(PatentFlow::Paper)).await;
    use Purpose::{PaperComponent, PaperPlan, PaperRetrieve, PaperReview, PaperRevise, PaperWrite};
    let mut expected = vec![PaperComponent; 5];
    expected.extend([
        PaperPlan,
        PaperRetrieve,
        PaperWrite,
        PaperReview,
        PaperRevise,
        PaperReview,
    ]);
    assert_eq!(
        purposes(&model),
        expected,
        "revised whatever the verdict, and looked at again"
    );
    assert!(
        model
            .requests()
            .iter()
            .all(|request| request.temperature > 0.0)
    );
    assert_eq!(written.work.missing(), []);
    let own = written.work.subsections.values().next().unwrap();
    assert_eq!(own.text, "The foot is wide and heavy.");
    for request in model.requests() {
        // Components and plan are written from the whole draft.
        if matches!(purpose(&request), PaperComponent | PaperPlan) {
            assert!(shown(&request).contains(draft().answer(Question::Drawings)));
        }
        // Revisions see neither draft nor passages.
        if purpose(&request) == PaperRevise {
            assert!(!shown(&request).contains("A weight of iron lies"));
        }
    }
}

#[tokio::test]
async fn the_papers_flow_revises_once_more_after_a_failure() {
    let model = model(|purpose, _| match purpose {
        Purpose::PaperReview => Some("<Result>Fail</Result><Advice>More.</Advice>".into()),
        _ => None,
    });
    written(writer(&model).flow(PatentFlow::Paper)).await;
    assert_eq!(count(&model, Purpose::PaperRevise), 2);
    assert_eq!(count(&model, Purpose::PaperReview), 3);
}

#[tokio::test]
async fn a_summary_without_its_tag_is_asked_for_five_times() {
    let is_summary = |request: &_| shown(request).contains("Write the summary");
    let model = model(move |purpose, request| match purpose {
        Purpose::PaperComponent if is_summary(request) => Some("A heavy foot of a cup.".into()),
        _ => None,
    });
    let written = written(writer(&model).flow(PatentFlow::Paper)).await;
    assert_eq!(count(&model, Purpose::PaperComponent), 4 + 5);
    assert_eq!(written.work.summary, "A heavy foot of a cup.");
}

#[tokio::test]
async fn its_slips_are_not_repeated() {
    // A verdict that cannot be read: asked for twice, and the text stays.
    let model = model(|purpose, _| match purpose {
        Purpose::PaperReview => Some("Good.".into()),
        Purpose::PaperRetrieve => Some("no tag".into()),
        Purpose::PaperPlan => Some("no plan".into()),
        _ => None,
    });
    let written = written(writer(&model).flow(PatentFlow::Paper)).await;
    assert_eq!(count(&model, Purpose::PaperRevise), 0);
    assert_eq!(
        count(&model, Purpose::PaperRetrieve) % 5,
        0,
        "five tries for each"
    );
    assert!(
        written
            .patent
            .section(SectionKind::Description)
            .unwrap()
            .paragraphs()
            .count()
            > 0
    );
}

#[tokio::test]
async fn one_call_is_one_call_and_what_it_lacks_is_missing() {
    let model = model(|_, _| None);
    let written = written(writer(&model).flow(PatentFlow::ZeroShot)).await;
    assert_eq!(purposes(&model), [Purpose::Whole]);
    assert_eq!(written.patent.title(), "Cup");
    let missing: Vec<_> = written
        .work
        .missing()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, ["background", "summary", "plan"]);
    assert!(!written.patent.to_text().contains("To be written"));
}
