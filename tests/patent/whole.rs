//! A whole patent: complete, in the forms that are wanted, and sound as far as rules can tell.

use std::sync::Arc;

use async_trait::async_trait;
use catena::{
    ChatModel, ChatRequest, ChatStream, ModelProfile, Result, TokenCounter,
    agents::{
        AutoPatent, Jurisdiction, PatentLength, PatentTask, PatentWork, Prompts, Question, Rule,
        SectionKind, Source, check_patent,
    },
    models::ScriptedModel,
    tools::Document,
};

use crate::support::{
    FAIL, Purpose, count, draft, heading, model, purposes, told, writer, written,
};

#[tokio::test]
async fn every_section_of_the_guide_is_there() {
    let model = model(|_, _| None);
    let patent = written(writer(&model)).await.patent;
    let kinds: Vec<_> = patent
        .sections
        .iter()
        .map(|section| section.kind())
        .collect();
    assert_eq!(
        kinds,
        [
            SectionKind::Field,
            SectionKind::Background,
            SectionKind::Summary,
            SectionKind::Drawings,
            SectionKind::Description
        ]
    );
    assert_eq!(patent.title(), "Cup With a Weighted Foot");
    insta::assert_snapshot!(patent.to_markdown());
}

#[tokio::test]
async fn no_validator_finds_anything() {
    let model = model(|_, _| None);
    let written = written(writer(&model)).await;
    assert_eq!(written.findings, []);
    let mut seen = purposes(&model);
    seen.sort_unstable();
    seen.dedup();
    use Purpose::{Abstract, Background, Claims, Details, Examine, Plan, Summary, Title, Write};
    assert_eq!(
        seen,
        [
            Title, Abstract, Background, Summary, Claims, Details, Plan, Write, Examine
        ],
        "where everything passes nothing is revised"
    );
    assert_eq!(written.usage.calls as usize, model.calls());
    assert_eq!((count(&model, Write), count(&model, Examine)), (4, 4));
}

#[tokio::test]
async fn europe_is_another_guide_and_the_same_graph() {
    let model = model(|purpose, _| {
        match purpose {
        Purpose::Claims => Some(
            r#"{"subject": "cup", "known": ["a rim around an opening"], "parts": ["a weight in a foot"]}"#
                .into(),
        ),
        _ => None,
    }
    });
    let guide = Jurisdiction::Ep.guide();
    let patent = written(writer(&model).guide(guide.clone())).await.patent;
    let claim = patent.claims[0].text();
    assert!(claim.contains("characterised in that"), "{claim}");
    assert!(claim.contains("a weight (106)"), "{claim}");
    assert!(patent.section(SectionKind::Signs).is_some());
    let formal = [
        Rule::Sections,
        Rule::TwoPartForm,
        Rule::ReferenceSigns,
        Rule::Placeholders,
    ];
    let found: Vec<_> = check_patent(&patent, &guide)
        .into_iter()
        .filter(|finding| formal.contains(&finding.rule))
        .collect();
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_thing_and_its_method_are_claimed_both() {
    let mut both = draft();
    let solution = format!(
        "{} A method for washing the cup comprises dipping the cup into water and drying the rim.",
        both.answer(Question::Solution)
    );
    both.set(Question::Solution, solution).unwrap();
    let answer = |request: &catena::ChatRequest| {
        let also = crate::support::shown(request).contains("The notes tell of this too");
        also.then(|| {
            r#"{"subject": "x", "parts": ["dipping the cup into water", "slicing the fruit", "drying the rim"]}"#
                .to_owned()
        })
    };
    let asked = model(move |_, request| answer(request));
    let (written, _) = told(writer(&asked), PatentTask::new(both.clone())).await;
    let written = written.unwrap();
    let claims: Vec<_> = written
        .work
        .claims
        .iter()
        .map(|claim| claim.text())
        .collect();
    assert!(claims[0].starts_with("A cup, comprising"), "{claims:?}");
    let second =
        "A method for washing a cup, comprising:\ndipping the cup into water; and\ndrying a rim.";
    assert!(claims.contains(&second), "{claims:#?}");
    assert_eq!(written.findings, []);
    // Not where the guide wants one only.
    let mut guide = Jurisdiction::Us.guide();
    guide.independent_claims = 1;
    let asked = model(move |_, request| answer(request));
    let (one, _) = told(writer(&asked).guide(guide), PatentTask::new(both)).await;
    let one = one.unwrap();
    assert!(
        one.work
            .claims
            .iter()
            .all(|claim| !claim.text().contains("method"))
    );
    assert_eq!(count(&asked, Purpose::Claims), 1);
}

#[tokio::test]
async fn a_method_has_steps_and_no_claim_speaks_of_the_notes_or_in_another_script() {
    let mut method = draft();
    let solution = "A method for washing a cup is to receive water in a basin, to dip the cup into the basin and to dry \
                    the rim. The water is warm.";
    method.set(Question::Solution, solution).unwrap();
    method
        .set(Question::KeyPoints, "- the water is warm")
        .unwrap();
    let asked = model(move |purpose, _| {
        match purpose {
        Purpose::Claims => Some(
            r#"{"subject": "A method for washing a cup", "parts": ["receive water in a basin", "Dry the rim"]}"#
                .to_owned(),
        ),
        Purpose::Details => Some(
            r#"{"details": ["notes describe a method for washing a cup with water", "the basin is warm水"]}"#
                .to_owned(),
        ),
        _ => None,
    }
    });
    let (written, _) = told(writer(&asked), PatentTask::new(method)).await;
    let claims = written.unwrap().work.claims;
    let texts: Vec<&str> = claims.iter().map(|claim| claim.text()).collect();
    assert_eq!(
        texts,
        [
            "A method for washing a cup, comprising:\nreceiving water in a basin; and\ndrying a rim.",
            "The method for washing a cup of claim 1, wherein the water is warm.",
        ]
    );
}

#[tokio::test]
async fn a_model_that_says_nothing_of_use_still_leaves_a_document() {
    for answer in [
        "",
        "I cannot help with that.",
        "{\"a\": [",
        "[To be written]",
    ] {
        let model = model(|_, _| Some(answer.to_owned()));
        let written = written(writer(&model)).await;
        assert_eq!(written.work.missing(), [], "{answer}");
        let placeholders: Vec<_> = written
            .findings
            .iter()
            .filter(|finding| matches!(finding.rule, Rule::Placeholders | Rule::Sections))
            .collect();
        assert!(placeholders.is_empty(), "{answer}: {placeholders:?}");
    }
}

#[tokio::test]
async fn subsections_are_written_side_by_side() {
    let model = model(|_, _| None).configure(|profile| profile.parallel = 4);
    let model = model.latency(std::time::Duration::from_millis(20));
    written(writer(&model)).await;
    assert_eq!(model.max_in_flight(), 4);
    let alone = crate::support::model(|_, _| None);
    written(writer(&alone).width(1)).await;
    assert_eq!(alone.max_in_flight(), 1);
}

#[tokio::test]
async fn numerals_are_the_same_everywhere() {
    let model = model(|purpose, _| match purpose {
        // The model numbers as it likes.
        Purpose::Write => Some("The foot 7 holds the weight (12). The Foot 3 is wide.".into()),
        _ => None,
    });
    let written = written(writer(&model)).await;
    let text = written.patent.to_text();
    assert!(
        text.contains("The foot 106 holds the weight 108."),
        "{text}"
    );
    assert!(!text.contains("foot 7") && !text.contains("Foot 3"));
    let rules: Vec<_> = written
        .findings
        .iter()
        .map(|finding| finding.rule)
        .collect();
    assert!(!rules.contains(&Rule::ReferenceNumerals), "{rules:?}");
}

#[tokio::test]
async fn what_nobody_gave_is_taken_out() {
    let model = model(|purpose, _| match purpose {
        Purpose::Write => Some(
            "The rim is 2 mm thick. The foot weighs 300 g. As shown in FIG. 9, the foot is round."
                .into(),
        ),
        _ => None,
    });
    let text = written(writer(&model)).await.patent.to_text();
    assert!(
        text.contains("2 mm") && !text.contains("300 g") && !text.contains("FIG. 9"),
        "{text}"
    );
}

/// As a model of 0.5B parameters answered.
#[tokio::test]
async fn the_examples_of_a_prompt_are_no_invention() {
    let model = model(|purpose, _| {
        match purpose {
        Purpose::Claims => Some(
            r#"{"subject": "bicycle pump", "parts": ["slicing the fruit", "a hose that connects the cylinder with the valve"]}"#
                .into(),
        ),
        Purpose::Plan => Some(
            r#"{"sections": [{"heading": "Structure of the pump", "overview": "The parts of the pump.", "subsections": [
                {"heading": "Cylinder and hose", "topics": "How the hose is fixed to the cylinder."}]}]}"#
                .into(),
        ),
        _ => None,
    }
    });
    let written = written(writer(&model)).await;
    let text = written.patent.to_markdown().to_lowercase();
    for word in ["pump", "fruit", "cylinder", "hose"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert!(written.work.claims[0].text().contains("foot"), "{text}");
}

#[tokio::test]
async fn every_paragraph_says_what_it_rests_on() {
    let model = model(|_, _| None);
    let reference = Document::new("cork.txt", "Cold water does no harm to cork, as is known.");
    let task = PatentTask::new(draft()).references([reference]);
    let (written, _) = told(writer(&model), task.clone()).await;
    let written = written.unwrap();
    assert_eq!(written.basis.len(), written.patent.numbered().count());
    let from_reference = written.basis.iter().any(|paragraph| {
        paragraph
            .sources
            .iter()
            .any(|source| matches!(source.source, Source::Reference { .. }))
    });
    assert!(from_reference, "{:?}", written.basis);
    for own in written.work.subsections.values() {
        assert!(!own.rests_on.is_empty());
        for source in &own.rests_on {
            let quote = source.quote(&task.draft, &written.work.claims, &task.references);
            assert!(quote.is_some(), "{source}");
        }
    }
}

#[tokio::test]
async fn all_of_the_solution_reaches_some_writer() {
    let model = model(|_, _| None);
    written(writer(&model)).await;
    let prompts: String = model
        .requests()
        .iter()
        .filter(|request| crate::support::purpose(request) == Purpose::Write)
        .map(crate::support::shown)
        .collect();
    for sentence in [
        "A ring of cork below the foot keeps",
        "To wash the cup",
        "A drink is poured",
    ] {
        assert!(prompts.contains(sentence), "{sentence}");
    }
}

#[tokio::test]
async fn events_tell_of_every_piece() {
    let model = model(|_, _| None);
    let (written, events) = told(writer(&model), PatentTask::new(draft())).await;
    assert_eq!(PatentWork::from_events(&events), written.unwrap().work);
}

#[test]
fn a_window_that_is_too_small_is_said_before_anything_is_asked() {
    let model = model(|_, _| None);
    let error = writer(&model).window(100_000).build().unwrap_err();
    assert!(error.is_invalid(), "{error}");
}

#[tokio::test]
async fn a_small_window_leaves_passages_out_and_says_so() {
    let model = model(|_, _| None);
    let (written, events) = told(writer(&model).window(420), PatentTask::new(draft())).await;
    written.unwrap();
    let left_out = events.iter().any(|event| {
        matches!(&event.kind, catena::EventKind::Note { name, .. } if name == "patent.left_out")
    });
    assert!(left_out);
    for request in model.requests() {
        let tokens = model.prompt_tokens(&request) + u64::from(request.max_tokens.unwrap());
        assert!(tokens <= 420, "{tokens}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("patent")).unwrap();
    let long = format!(
        "[user]\n{}\n{{{{ material }}}} {{{{ words }}}}\n",
        "Be brief. ".repeat(300)
    );
    std::fs::write(folder.path().join("patent/title.tera"), long).unwrap();
    let wordy = writer(&model)
        .window(420)
        .prompts(Prompts::from_folder(folder.path()));
    let (error, _) = told(wordy, PatentTask::new(draft())).await;
    assert!(error.unwrap_err().is_context_overflow());
    // Nothing at all fits into less than this.
    assert!(writer(&model).window(255).build().unwrap_err().is_invalid());
}

/// A server that takes no notice of how long an answer may be.
#[derive(Debug)]
struct Heedless(ScriptedModel);

#[async_trait]
impl ChatModel for Heedless {
    fn profile(&self) -> &ModelProfile {
        self.0.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.0.counter()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let most = self.profile().max_output_tokens;
        self.0.stream(request.max_tokens(most)).await
    }
}

#[tokio::test]
async fn more_than_was_asked_for_is_not_taken() {
    let model = model(|purpose, request| match purpose {
        Purpose::Write => {
            let heading = heading(request);
            let sentence = |at| format!("The {heading} has a part of number {at} in its wall.");
            Some((0..500).map(sentence).collect::<Vec<_>>().join(" "))
        }
        // What is too long would be shown here again.
        Purpose::Examine => Some(FAIL.into()),
        _ => None,
    })
    .configure(|profile| profile.max_output_tokens = profile.context_window);
    let heedless = AutoPatent::new(Arc::new(Heedless(model)))
        .length(PatentLength::SHORT)
        .window(2048);
    assert_eq!(written(heedless).await.work.missing(), []);
}

#[tokio::test]
async fn a_draft_that_says_nothing_is_refused() {
    let model = model(|_, _| None);
    let empty = catena::agents::Draft::new(["Cups tip.", "", "", "", ""]).unwrap();
    let (error, _) = told(writer(&model), PatentTask::new(empty)).await;
    assert!(error.unwrap_err().is_invalid());
    assert_eq!(model.calls(), 0);
}
