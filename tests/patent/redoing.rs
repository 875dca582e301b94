//! One section again, or what changed claims ask for, and nothing else.

use catena::agents::{
    PatentClaim, PatentPiece, PatentTask, WrittenPatent, claims_changed, patent_basis,
};

use crate::support::{
    Purpose, count, draft, heading, model, purpose, purposes, told, writer, written,
};

async fn first() -> WrittenPatent {
    written(writer(&model(|_, _| None))).await
}

#[tokio::test]
async fn one_section_is_written_again_and_the_others_stay() {
    let before = first().await;
    let again = model(|purpose, request| match purpose {
        Purpose::Write => Some(format!(
            "The {} is described anew, with a rim.",
            heading(request)
        )),
        _ => None,
    });
    let piece: PatentPiece = "2.1".parse().unwrap();
    let task = PatentTask::new(draft()).redo(before.work.clone(), [piece]);
    let (after, _) = told(writer(&again), task).await;
    let after = after.unwrap();
    assert_eq!(purposes(&again), [Purpose::Write, Purpose::Examine]);
    for (id, own) in &after.work.subsections {
        let old = &before.work.subsections[id];
        match PatentPiece::Subsection(*id) == piece {
            true => assert!(own.text.contains("described anew"), "{}", own.text),
            false => assert_eq!(own, old),
        }
    }
    assert_eq!(after.work.claims, before.work.claims);
    assert_eq!(after.work.summary, before.work.summary);
    assert_eq!(
        after.basis,
        patent_basis(&after.patent, &draft(), &[]),
        "the report is of the new text"
    );
}

#[tokio::test]
async fn a_component_can_be_written_again() {
    let before = first().await;
    let again = model(|purpose, _| match purpose {
        Purpose::Title => Some("Cup that stands".into()),
        _ => None,
    });
    let task = PatentTask::new(draft()).redo(before.work.clone(), [PatentPiece::Title]);
    let (after, _) = told(writer(&again), task).await;
    assert_eq!(purposes(&again), [Purpose::Title]);
    assert_eq!(after.unwrap().patent.title(), "Cup that stands");
}

#[tokio::test]
async fn a_place_that_is_not_in_the_plan_is_refused() {
    let before = first().await;
    let asked = model(|_, _| None);
    let task = PatentTask::new(draft()).redo(before.work, ["7.1".parse().unwrap()]);
    let (error, _) = told(writer(&asked), task).await;
    let error = error.unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("7.1"),
        "{error}"
    );
    assert_eq!(asked.calls(), 0);
}

#[tokio::test]
async fn changed_claims_have_only_their_sections_written_again() {
    let before = first().await;
    let mut claims = before.work.claims.clone();
    // The rim is claimed otherwise; foot, weight and ring are not touched.
    let text = claims[0]
        .text()
        .replace("a rim around an opening", "a rim around a round opening");
    claims[0] = PatentClaim::new(1, text);
    let change = claims_changed(&before.work, &claims);
    assert_eq!(change.claims, [1]);
    assert!(change.terms.iter().any(|term| term == "rim"), "{change:?}");
    assert!(
        !change.terms.iter().any(|term| term == "weight"),
        "{change:?}"
    );

    let pieces: Vec<PatentPiece> = change.pieces.iter().map(|(piece, _)| *piece).collect();
    let sections = pieces
        .iter()
        .filter(|piece| matches!(piece, PatentPiece::Subsection(_)))
        .count();
    assert!((1..4).contains(&sections), "{change:?}");
    let mut work = before.work.clone();
    work.claims = claims.clone();
    let again = model(|_, _| None);
    let task = PatentTask::new(draft()).redo(work, pieces.clone());
    let (after, _) = told(writer(&again).approve_claims(true), task).await;
    let after = after.unwrap();
    assert_eq!(
        after.work.claims, claims,
        "what a person changed is not asked about again"
    );
    assert_eq!(count(&again, Purpose::Write), sections);
    assert_eq!(
        count(&again, Purpose::Claims) + count(&again, Purpose::Plan),
        0
    );
    let written: Vec<String> = again
        .requests()
        .iter()
        .filter(|request| purpose(request) == Purpose::Write)
        .map(heading)
        .collect();
    assert!(written.contains(&"Rim".to_owned()), "{written:?}");
    for (id, own) in &after.work.subsections {
        if !pieces.contains(&PatentPiece::Subsection(*id)) {
            assert_eq!(own, &before.work.subsections[id]);
        }
    }
    // Numerals that stand in finished sections stay with their terms.
    for term in &before.work.glossary.terms {
        if let Some(now) = after.work.glossary.find(&term.name) {
            assert_eq!(now.numeral, term.numeral, "{}", term.name);
        }
    }
}
