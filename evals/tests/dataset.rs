//! The loaders, on invented files and, where they are, on the published ones.

use std::{env, fs, path::PathBuf};

use catena_evals::{Dataset, Item, Metric};
use serde_json::{Value, json};

fn load(dataset: Dataset, content: &str) -> catena_core::Result<Vec<Item>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("invented.jsonl");
    fs::write(&path, content).unwrap();
    dataset.load(path)
}

fn hotpot() -> Value {
    json!({
        "_id": "h1",
        "question": "Which river turns the mill of Orlen?",
        "answer": "the Vesk",
        "type": "bridge",
        "context": [["Orlen", ["Orlen has a mill.", " It is old."]], ["Vesk", ["The Vesk turns it."]]],
        "supporting_facts": [["Vesk", 0], ["Orlen", 0], ["Vesk", 0]],
    })
}

#[test]
fn hotpotqa_and_2wiki() {
    for dataset in [Dataset::HotpotQa, Dataset::TwoWiki] {
        let items = load(dataset, &format!("{}\n\n", hotpot())).unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].supporting, ["Vesk", "Orlen"]);
        assert_eq!(
            items[0].document(),
            "Orlen\nOrlen has a mill. It is old.\n\nVesk\nThe Vesk turns it."
        );
        assert_eq!(Metric::ExactMatch.score("Vesk.", &items[0]), 1.0);
    }
}

fn musique() -> Value {
    json!({
        "id": "m1", "question": "Who owns the kiln?", "answer": "Ada Brenn", "answer_aliases": ["Brenn"],
        "answerable": true,
        "paragraphs": [
            {"idx": 0, "title": "Kiln", "paragraph_text": "It burns.", "is_supporting": false},
            {"idx": 1, "title": "Brenn", "paragraph_text": "She owns it.", "is_supporting": true},
        ],
    })
}

#[test]
fn musique_with_aliases() {
    let items = load(Dataset::MuSiQue, &musique().to_string()).unwrap();
    assert_eq!(items[0].answers, ["Ada Brenn", "Brenn"]);
    assert_eq!(items[0].supporting, ["Brenn"]);
    assert_eq!(items[0].context[0].title, "Kiln");

    let mut record = musique();
    record["answerable"] = false.into();
    assert!(
        load(Dataset::MuSiQue, &record.to_string())
            .unwrap_err()
            .to_string()
            .contains("no answer")
    );
}

fn quality() -> Value {
    json!({
        "input": "The lamp went out at nine.",
        "instructions": ["When did it go out?\n\n (A) At eight \n (B) At  nine\n (C) Never", "What?\n (A) A lamp\n (B) A fire"],
        "outputs": ["(B) At nine", "(A) A lamp"],
        "source": "invented", "evaluation": "exam",
    })
}

#[test]
fn quality_has_an_item_a_question() {
    let items = load(Dataset::Quality, &quality().to_string()).unwrap();
    let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["1-1", "1-2"]);
    assert_eq!(items[0].question, "When did it go out?");
    assert_eq!(items[0].choices, ["At eight", "At  nine", "Never"]);
    assert_eq!(Metric::Accuracy.score("(B)", &items[0]), 1.0);
    assert_eq!(Metric::Accuracy.score("(C)", &items[0]), 0.0);

    let mut record = quality();
    record["outputs"] = json!(["(B) At nine"]);
    assert!(
        load(Dataset::Quality, &record.to_string())
            .unwrap_err()
            .to_string()
            .contains("2 questions")
    );
}

#[test]
fn qmsum_has_an_item_a_query() {
    let record = json!({
        "topic_list": [],
        "meeting_transcripts": [
            {"speaker": "Ola", "content": "Shall we paint it? "}, {"speaker": "Per", "content": "Yes."},
        ],
        "general_query_list": [{"query": "Summarize the meeting.", "answer": "They paint it."}],
        "specific_query_list": [
            {"query": "What did Per say?", "answer": "Yes.", "relevant_text_span": [["1", "1"]]},
        ],
    });
    let items = load(Dataset::QmSum, &record.to_string()).unwrap();
    let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["1-general-1", "1-specific-1"]);
    assert_eq!(items[1].document(), "Ola: Shall we paint it?\nPer: Yes.");
}

#[test]
fn an_error_names_the_file_and_the_line() {
    let good = hotpot().to_string();
    let with = |field: &str, value: Value| {
        let mut record = hotpot();
        record["_id"] = "h2".into();
        record[field] = value;
        record.to_string()
    };
    for (bad, reason) in [
        ("{\"_id\": ".to_owned(), "EOF"),
        ("{\"_id\": \"x\"}".to_owned(), "missing field"),
        (with("answer", Value::Null), "invalid type: null"),
        (with("answer", " ".into()), "an answer is empty"),
        (
            with("supporting_facts", json!([["Sea", 0]])),
            "supporting title \"Sea\"",
        ),
        (with("context", json!([])), "the context is empty"),
        (good.clone(), "the id \"h1\" came before"),
    ] {
        let error = load(Dataset::HotpotQa, &format!("{good}\n{bad}\n")).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("invented.jsonl, line 2: ") && message.contains(reason),
            "{message}"
        );
        assert!(error.is_invalid());
    }
}

#[test]
fn a_file_without_items_is_refused() {
    assert!(
        load(Dataset::QmSum, "\n\n")
            .unwrap_err()
            .to_string()
            .contains("no items")
    );
    let error = Dataset::QmSum.load("nowhere/missing.jsonl").unwrap_err();
    assert!(error.to_string().contains("missing.jsonl"), "{error}");
}

/// The published subsets: `CATENA_DATA`, or `shared/data` beside the workspace.
#[test]
fn published_files_load() {
    let root = env::var_os("CATENA_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    for (dataset, file) in [
        (Dataset::HotpotQa, "multihop/hotpotqa_dev_distractor.jsonl"),
        (Dataset::MuSiQue, "multihop/musique_ans_dev.jsonl"),
        (Dataset::TwoWiki, "multihop/2wikimultihopqa_dev.jsonl"),
        (Dataset::Quality, "quality/leval_quality.jsonl"),
        (Dataset::QmSum, "qmsum/meetings.jsonl"),
    ] {
        let path = root.join(file);
        if !path.exists() {
            println!(
                "skipped: {file} is not in {}; set CATENA_DATA",
                root.display()
            );
            continue;
        }
        let items = dataset.load(&path).unwrap();
        for item in &items {
            let metric = if item.choices.is_empty() {
                Metric::ExactMatch
            } else {
                Metric::Accuracy
            };
            assert_eq!(metric.score(&item.answers[0], item), 1.0, "{}", item.id);
            assert!(
                item.choices.is_empty() || item.choices.len() == 4,
                "{}",
                item.id
            );
            assert!(item.document().len() > 500, "{}", item.id);
        }
        println!("{file}: {} items", items.len());
    }
}
