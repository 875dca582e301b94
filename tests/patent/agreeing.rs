//! Subsections that contradict each other and spell a term in several ways become one text.

use catena::{
    EventKind,
    agents::{Draft, PatentPiece, PatentTask, Question, Rule, WrittenPatent},
    models::ScriptedModel,
};

use crate::support::{
    Purpose, count, draft, heading, model, purpose, shown, told, writer, written,
};

fn claims() -> String {
    r#"{"subject": "cup", "parts": ["a rim around an opening", "a weight in the foot",
        "a light-emitting diode below the rim"]}"#
        .into()
}

fn lit() -> Draft {
    let mut lit = draft();
    let question = Question::Solution;
    let solution = format!(
        "{} A light-emitting diode (LED) below the rim lights the drink.",
        lit.answer(question)
    );
    lit.set(question, solution).unwrap();
    lit
}

/// What each subsection says where the model is not asked for anything else.
fn by_heading(heading: &str) -> String {
    match heading {
        "Foot" => "The weight is made of iron. The Light-Emitting Diode (LED) lights the drink.",
        "Rim" => {
            "The rim has an opening. A light emitting diode is below the rim. The LED is small."
        }
        "Pouring" => "The weight is made of cork. A drink is poured over the rim of the cup.",
        _ => "To wash the cup, the ring is taken off. Light-emitting-diodes are not in the water with the cup.",
    }
    .into()
}

fn contrary() -> ScriptedModel {
    model(|purpose, request| match purpose {
        Purpose::Claims => Some(claims()),
        Purpose::Write => Some(by_heading(&heading(request))),
        _ => None,
    })
}

fn text_of(written: &WrittenPatent, id: &str) -> String {
    let id = id.parse().unwrap();
    written.work.subsections[&id].text.clone()
}

fn contradictions(written: &WrittenPatent) -> Vec<String> {
    written
        .findings
        .iter()
        .filter(|finding| finding.rule == Rule::Contradiction)
        .map(ToString::to_string)
        .collect()
}

#[tokio::test]
async fn what_the_draft_contradicts_goes_and_a_term_has_one_spelling() {
    let (written, events) = told(writer(&contrary()), PatentTask::new(lit())).await;
    let written = written.unwrap();
    let text = written.patent.to_text();
    assert!(text.contains("is made of iron"), "{text}");
    assert!(!text.contains("is made of cork"), "{text}");
    for spelling in ["light emitting", "Light-Emitting", "emitting-diode"] {
        assert!(!text.contains(spelling), "{spelling}: {text}");
    }
    let diode = written.work.glossary.find("light-emitting diode").unwrap();
    let named = format!(
        "The light-emitting diode {} (LED) lights",
        diode.numeral.as_ref().unwrap()
    );
    assert!(text_of(&written, "1.1").contains(&named), "{text}");
    assert!(
        text_of(&written, "1.2").contains("The LED is small."),
        "{text}"
    );
    assert!(
        text_of(&written, "2.2").contains("Light-emitting diodes "),
        "{text}"
    );
    assert_eq!(contradictions(&written), [""; 0]);
    let repairs: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Note { name, data } if name == "patent.repair" => Some(data.to_string()),
            _ => None,
        })
        .collect();
    for repair in [r#"["terms",true]"#, r#"["contradictions",true]"#] {
        assert!(repairs.iter().any(|one| one == repair), "{repairs:?}");
    }
}

#[tokio::test]
async fn what_the_first_of_them_hid_goes_in_the_next_round() {
    // Cork stands first: wood and iron are seen to contradict that, and each other once it has gone.
    let several = model(|purpose, request| match purpose {
        Purpose::Claims => Some(claims()),
        Purpose::Write => Some(match heading(request).as_str() {
            "Foot" => "The weight is made of cork. A ring lies below the foot.".into(),
            "Rim" => "The weight is made of wood. The rim has an opening.".into(),
            "Pouring" => "The weight is made of iron. A drink is poured over the rim.".into(),
            other => by_heading(other),
        }),
        _ => None,
    });
    let written = written(writer(&several)).await;
    let text = written.patent.to_text();
    assert!(text.contains("is made of iron"), "{text}");
    for material in ["is made of cork", "is made of wood"] {
        assert!(!text.contains(material), "{material}: {text}");
    }
    assert_eq!(contradictions(&written), [""; 0]);
}

#[tokio::test]
async fn what_no_note_decides_is_asked_about_and_else_found() {
    // The draft says of which materials things are, not whether the rim is rigid.
    let says = |heading: &str| match heading {
        "Foot" => Some("The rim is rigid. A ring of cork lies below the foot.".to_owned()),
        "Pouring" => Some("The rim is flexible. A drink is poured over the rim.".to_owned()),
        _ => None,
    };
    let undecided = model(move |purpose, request| match purpose {
        Purpose::Write => says(&heading(request)),
        _ => None,
    });
    let written_once = written(writer(&undecided)).await;
    let found = contradictions(&written_once);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("'The rim 102 is flexible' contradicts 'The rim 102 is rigid'"),
        "{found:?}"
    );
    // Both subsections were asked for, each with both statements before it.
    let asked: Vec<String> = undecided
        .requests()
        .iter()
        .filter(|request| purpose(request) == Purpose::Revise)
        .map(shown)
        .collect();
    assert_eq!(asked.len(), 2);
    for prompt in &asked {
        assert!(
            prompt.contains("is flexible") && prompt.contains("is rigid"),
            "{prompt}"
        );
    }

    let edits = model(move |purpose, request| {
        match purpose {
        Purpose::Write => says(&heading(request)),
        Purpose::Revise => Some(
            r#"{"edits": [{"find": "The rim 102 is rigid.", "replace": "The rim 102 is flexible."}]}"#
                .into(),
        ),
        _ => None,
    }
    });
    let edited = written(writer(&edits)).await;
    assert_eq!(contradictions(&edited), [""; 0]);
    assert_eq!(
        count(&edits, Purpose::Revise),
        1,
        "nothing is left to be asked"
    );
    assert!(text_of(&edited, "1.1").contains("The rim 102 is flexible."));
}

#[tokio::test]
async fn what_stood_before_is_left_alone() {
    let (before, _) = told(writer(&contrary()), PatentTask::new(lit())).await;
    let mut before = before.unwrap();
    // As a person left it: spelled otherwise, and against the draft.
    let kept = "The light emitting diode is red. The weight is made of cork.";
    let other = "2.1".parse().unwrap();
    before.work.subsections.get_mut(&other).unwrap().text = kept.into();
    let piece: PatentPiece = "1.1".parse().unwrap();
    let task = PatentTask::new(lit()).redo(before.work.clone(), [piece]);
    let (after, _) = told(writer(&contrary()), task).await;
    let after = after.unwrap();
    for (id, own) in &after.work.subsections {
        if PatentPiece::Subsection(*id) != piece {
            assert_eq!(own, &before.work.subsections[id], "{id}");
        }
    }
    assert_eq!(after.work.claims, before.work.claims);
    assert_eq!(after.work.summary, before.work.summary);
    assert!(text_of(&after, "1.1").contains("is made of iron"));
    assert!(text_of(&after, "1.1").contains("The light-emitting diode"));
    let rules: Vec<Rule> = after.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&Rule::Contradiction), "{rules:?}");
    assert!(rules.contains(&Rule::Terminology), "{rules:?}");
}
