//! Patents written from derived drafts, by a scripted model.

#![allow(missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_agents::{PatentLength, Prompts};
use catena_core::{ApproximateCounter, Error, ModelProfile};
use catena_evals::{PatentEvaluation, PatentSuite, PatentWriting, patent_rows, patent_strategies};
use catena_models::ScriptedModel;
use serde_json::json;

/// Two granted patents, in the two forms of records.
fn written(folder: &Path) -> PathBuf {
    let cup = json!({
        "guid": "US-1-B1",
        "title": "Cup with a wide foot",
        "abstract": "A cup has a wide foot.",
        "background": "BACKGROUND\n(1) Cups are old. However, they tip over.",
        "brief_summary": "SUMMARY\n(1) A cup has a wide foot of cork, so that it does not tip over.",
        "description": "DETAILED DESCRIPTION\n(1) The foot is made of cork. It is wide.\n(2) The rim is thin.",
        "claims": [
            { "number": 1, "limitations": ["1. A cup, comprising:", "a thin rim; and", "a wide foot made of cork."] },
            { "number": 2, "limitations": ["2. The cup of claim 1, wherein the wide foot is round."] },
        ],
    });
    let lid = json!({
        "doc": "US2",
        "title": "Lid with a spring",
        "abstract": "A lid has a spring.",
        "sections": [
            { "heading": "BACKGROUND", "text": "Lids fall off. There is a need for lids that hold." },
            { "heading": "SUMMARY", "text": "A lid has a spring of steel that holds it." },
            { "heading": "DETAILED DESCRIPTION", "text": "The spring is made of steel.\nThe lid is flat." },
        ],
        "claims": ["1. A lid, comprising: a flat plate; and a spring made of steel.", "2. The lid of claim 1, wherein the spring is bent."],
    });
    let path = folder.join("patents").join("tiny.jsonl");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("{cup}\n{lid}\n")).unwrap();
    path
}

fn writing(model: ScriptedModel) -> PatentWriting {
    PatentWriting {
        model: Arc::new(model),
        length: PatentLength::BRIEF,
        rounds: 0,
        window: 4096,
        prompts: Prompts::builtin(),
    }
}

/// Answers what cannot be used: every piece is then made from the draft.
fn mute() -> ScriptedModel {
    ScriptedModel::from_fn(|_| Ok("?".to_owned())).with_profile(ModelProfile::new("scripted", 4096))
}

async fn measure(
    suite: &PatentSuite,
    names: &[&str],
    model: &ScriptedModel,
    out: &Path,
) -> Vec<PatentEvaluation> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut measured = Vec::new();
    for strategy in patent_strategies(&names, &writing(model.clone())).unwrap() {
        measured.push(suite.evaluate(&strategy, out, |_, _| {}).await.unwrap());
    }
    measured
}

#[tokio::test]
async fn patents_are_written_measured_kept_and_not_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let suite = PatentSuite::load(&written(folder.path())).unwrap();
    assert_eq!(suite.name, "patents-tiny");
    let ids: Vec<&str> = suite.items.iter().map(|item| &*item.id).collect();
    assert_eq!(ids, ["US-1-B1", "US2"]);

    let (model, out) = (mute(), folder.path().join("out"));
    let measured = measure(&suite, &["planned", "zero-shot"], &model, &out).await;
    let calls = model.requests().len();
    let [planned, zero_shot] = &*measured else {
        panic!("two")
    };
    for item in &planned.items {
        assert_eq!(item.answered.error, None);
        assert!(item.missing().is_empty(), "{:?}", item.missing());
        assert!(
            item.answered.answer.contains("claim 1"),
            "{}",
            item.answered.answer
        );
        assert!(!item.answered.transcript.is_empty());
    }
    // One call says nothing, and no rule takes its place.
    assert!(
        zero_shot
            .items
            .iter()
            .all(|item| !item.missing().is_empty())
    );

    let rows = patent_rows(&suite, &measured, &ApproximateCounter);
    let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    assert_eq!(
        names,
        [
            "US-1-B1, planned",
            "US2, planned",
            "US-1-B1, zero-shot",
            "US2, zero-shot",
            "mean, planned",
            "mean, zero-shot",
            "mean, the granted patents",
            "paper: zero-shot, Qwen2.5-7B",
            "paper: AutoPatent, Qwen2.5-7B",
            "paper: zero-shot, GPT-4o-mini",
            "paper: AutoPatent, GPT-4o-mini",
        ]
    );
    let mean = (rows[0].tokens.unwrap() + rows[1].tokens.unwrap()) / 2.0;
    assert_eq!(rows[4].tokens, Some(mean));
    assert_eq!(rows[4].missing, Some(0.0));
    // The claims are the granted ones in other words: something is alike.
    assert!(rows[0].rouge_1.unwrap() > 10.0, "{:?}", rows[0]);
    assert_eq!((rows[6].calls, rows[6].rouge_1), (None, None));
    assert_eq!(rows[8].tokens, Some(11_433.0));

    let again = measure(&suite, &["planned", "zero-shot"], &model, &out).await;
    assert_eq!(
        model.requests().len(),
        calls,
        "what is kept is not written again"
    );
    assert_eq!(patent_rows(&suite, &again, &ApproximateCounter), rows);
}

#[tokio::test]
async fn a_patent_that_failed_has_no_figures_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let suite = PatentSuite::load(&written(folder.path())).unwrap().limit(1);
    let out = folder.path().join("out");
    let broken = ScriptedModel::from_fn(|_| Err(Error::other("the server is gone")))
        .with_profile(ModelProfile::new("scripted", 4096));
    let failed = measure(&suite, &["planned"], &broken, &out).await;
    assert_eq!(failed[0].failures(), 1);
    let rows = patent_rows(&suite, &failed, &ApproximateCounter);
    assert_eq!(rows[0].name, "US-1-B1, planned (failed)");
    assert_eq!((rows[0].tokens, rows[1].tokens), (None, None));
    assert_eq!(rows[1].name, "mean, planned (0 of 1)");

    let whole = measure(&suite, &["planned"], &mute(), &out).await;
    assert_eq!(whole[0].failures(), 0);
}

#[test]
fn what_is_no_file_of_patents_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        PatentSuite::load(&path).unwrap_err().to_string()
    };
    assert!(refused("texts.jsonl", "{}\n").contains("no file of patents"));
    let error = refused("patents.jsonl", "{\"title\": 1}\n");
    assert!(error.contains("line 1"), "{error}");
    let names = ["oracle".to_owned()];
    let error = patent_strategies(&names, &writing(mute())).unwrap_err();
    assert!(error.is_invalid());
}
