//! Conversations and their questions, on invented files and, where they are, on the published ones.

use std::{env, fs, path::PathBuf};

use catena_evals::{Conversation, Conversations, Turn};
use serde_json::{Value, json};

/// Writes files into a folder, and loads the first.
fn load(set: Conversations, files: &[(&str, String)]) -> catena_core::Result<Vec<Conversation>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    set.load(folder.path().join(files[0].0))
}

fn scm(questions: &[Value]) -> catena_core::Result<Vec<Conversation>> {
    let dialogue = json!({
        "id": "d1",
        "dialogue": [
            "What turns a mill?", " A river, such as the Vesk. ",
            "And what is a kiln?", "It burns clay at a thousand degrees.",
            "Thanks!",
        ],
    });
    let questions: Vec<_> = questions.iter().map(Value::to_string).collect();
    load(
        Conversations::Scm,
        &[
            ("dialogue_xx.jsonl", dialogue.to_string()),
            ("dialogue_xx_questions.jsonl", questions.join("\n")),
        ],
    )
}

fn asked(id: &str, mode: &str, answer: &str) -> Value {
    json!({
        "question_id": id, "id": "d1", "mode": mode, "question": "How hot is it?", "answer": answer,
        "scm_turbo_answer": "Very.",
    })
}

#[test]
fn scm_pairs_what_is_said_and_finds_the_turn_of_a_single_turn_question() {
    let questions = [
        asked("q1", "single-turn", "A thousand degrees"),
        asked("q2", "multi-turn", "a mill and a kiln"),
    ];
    let conversation = scm(&questions).unwrap().remove(0);
    let said: Vec<_> = conversation
        .turns
        .iter()
        .map(|turn| (turn.observation.as_str(), turn.response.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("What turns a mill?", "A river, such as the Vesk."),
            (
                "And what is a kiln?",
                "It burns clay at a thousand degrees."
            ),
            ("Thanks!", ""),
        ]
    );
    assert_eq!(conversation.questions[0].evidence, [2]);
    assert_eq!(conversation.questions[1].evidence, [0_u64; 0]);
    assert_eq!(conversation.questions[1].category, "multi-turn");
    assert_eq!(conversation.questions[0].score("A thousand degrees."), 1.0);
}

#[test]
fn scm_needs_the_questions_of_its_dialogues() {
    let mut other = asked("q1", "single-turn", "hot");
    other["id"] = "d2".into();
    let error = scm(&[other]).unwrap_err();
    assert!(error.to_string().contains("no dialogue \"d2\""), "{error}");
    assert!(
        error.to_string().contains("questions.jsonl, line 1"),
        "{error}"
    );

    let twice = [
        asked("q1", "multi-turn", "x"),
        asked("q1", "multi-turn", "y"),
    ];
    let error = scm(&twice).unwrap_err();
    assert!(error.to_string().contains("\"q1\" came before"), "{error}");

    let error = load(
        Conversations::Scm,
        &[(
            "dialogue.jsonl",
            json!({ "id": "d", "dialogue": ["a"] }).to_string(),
        )],
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("dialogue_questions.jsonl"),
        "{error}"
    );
}

fn locomo() -> Value {
    json!({
        "sample_id": "conv-x",
        "conversation": {
            "speaker_a": "Ada", "speaker_b": "Ben",
            "session_10_date_time": "12:05 am on 1 March, 2024",
            "session_10": [{ "speaker": "Ben", "dia_id": "D10:1", "text": "Look!", "blip_caption": "a red kiln" }],
            "session_2_date_time": "1:30 pm on 29 February, 2024",
            "session_2": [
                { "speaker": "Ada", "dia_id": "D2:1", "text": "Hi Ben." },
                { "speaker": "Ben", "dia_id": "D2:2", "text": "Hi Ada, I bought a kiln." },
            ],
            "session_11_date_time": "1:30 pm on 2 March, 2024",
        },
        "qa": [
            { "question": "What?", "answer": "a kiln", "evidence": ["D10:1", "D2:2"], "category": 1 },
            { "question": "When?", "answer": 2024, "evidence": ["D2:2; D2:2 D:9"], "category": 2 },
            { "question": "Why?", "adversarial_answer": "no reason", "evidence": ["D2:1"], "category": 5 },
        ],
        "event_summary": {},
    })
}

#[test]
fn locomo_has_an_utterance_a_turn_in_the_order_of_sessions() {
    let conversation = load(
        Conversations::Locomo,
        &[("conv.jsonl", locomo().to_string())],
    )
    .unwrap()
    .remove(0);
    let turn = |text: &str, at: &str, name: &str, turn: &Turn| {
        let time = turn.at.unwrap().to_string();
        assert_eq!((&*turn.observation, &*time, &*turn.name), (text, at, name));
        assert_eq!(turn.response, "");
    };
    let turns = &conversation.turns;
    assert_eq!(turns.len(), 3);
    turn("Ada: Hi Ben.", "2024-02-29T13:30:00Z", "D2:1", &turns[0]);
    turn(
        "Ben: Look! [a red kiln]",
        "2024-03-01T00:05:00Z",
        "D10:1",
        &turns[2],
    );

    let [first, second, third] = &conversation.questions[..] else {
        panic!("{:?}", conversation.questions);
    };
    assert_eq!(
        (first.evidence.as_slice(), &*first.category),
        ([2, 3].as_slice(), "multi-hop")
    );
    assert_eq!(
        (second.evidence.as_slice(), second.answers.as_slice()),
        ([2].as_slice(), ["2024".to_owned()].as_slice())
    );
    assert!(!third.answerable());
    assert_eq!(third.score("The conversation does not say."), 1.0);
    assert_eq!(third.score("no reason"), 0.0);
}

#[test]
fn a_conversation_that_is_not_whole_is_refused() {
    for (change, reason) in [
        (
            ("/conversation/session_2_date_time", json!("yesterday")),
            "\"yesterday\" is no date",
        ),
        (
            ("/conversation/session_10_date_time", Value::Null),
            "session 10 has no date",
        ),
        (("/qa/0/category", json!(7)), "unknown category 7"),
        (("/qa/0/question", json!(" ")), "is empty"),
        (("/qa", json!([])), "no questions"),
        (("/conversation", json!({})), "nothing is said"),
    ] {
        let mut record = locomo();
        *record.pointer_mut(change.0).unwrap() = change.1;
        let error = load(Conversations::Locomo, &[("conv.jsonl", record.to_string())]).unwrap_err();
        assert!(error.is_invalid());
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains("conv.jsonl"), "{error}");
    }
}

/// The published subsets: `CATENA_DATA`, or `shared/data` beside the workspace. `None`, and a line
/// that says so, where the file is not there.
fn published(set: Conversations, file: &str) -> Option<Conversation> {
    let root = env::var_os("CATENA_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(file);
    if !path.exists() {
        println!(
            "skipped: {file} is not in {}; set CATENA_DATA",
            root.display()
        );
        return None;
    }
    Some(set.load(path).unwrap().remove(0))
}

/// The turns are those that a person found who read the dialogue.
#[test]
fn the_derived_evidence_of_the_published_dialogue_is_what_a_person_finds() {
    let Some(conversation) = published(Conversations::Scm, "scm/dialogue_en.jsonl") else {
        return;
    };
    assert_eq!(conversation.turns.len(), 56);
    let single: Vec<_> = conversation
        .questions
        .iter()
        .filter(|question| question.category == "single-turn")
        .map(|question| question.evidence.as_slice())
        .collect();
    assert_eq!(single, [[3], [6], [15], [23], [23], [20], [20], [4], [50]]);
    assert_eq!(conversation.questions.len(), 12);
}

#[test]
fn the_published_conversation_loads() {
    let Some(conversation) = published(Conversations::Locomo, "locomo/conv-26.jsonl") else {
        return;
    };
    assert_eq!(conversation.turns.len(), 419);
    assert!(conversation.turns.is_sorted_by_key(|turn| turn.at));
    let count = |category: &str| {
        let all = conversation.questions.iter();
        all.filter(|question| question.category == category).count()
    };
    for category in [
        "multi-hop",
        "temporal",
        "open-domain",
        "single-hop",
        "adversarial",
    ] {
        assert_eq!(count(category), 10, "{category}");
    }
    let with_evidence = conversation.questions.iter();
    assert_eq!(
        with_evidence
            .filter(|question| !question.evidence.is_empty())
            .count(),
        48
    );
    let unanswerable = conversation
        .questions
        .iter()
        .filter(|question| !question.answerable());
    assert_eq!(unanswerable.count(), 10);
}
