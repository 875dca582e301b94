//! What memory is measured with: an invented conversation, a scripted model, and an embedder without
//! a model.

use std::{path::Path, sync::Arc};

use catena_agents::Prompts;
use catena_evals::{
    Asking, Conversation, Conversations, Filled, FromMemory, MEMORY_STRATEGIES, MemoryEvaluation,
    MemoryMetric, MemorySuite, Question, RETRIEVALS, Turn, memory_strategies, retrievals,
};
use catena_memory::HashingEmbedder;
use catena_models::ScriptedModel;
use proptest::prelude::*;

fn turn(observation: &str) -> Turn {
    Turn {
        observation: observation.into(),
        ..Turn::default()
    }
}

fn question(id: &str, text: &str, answers: &[&str], evidence: &[u64], category: &str) -> Question {
    Question {
        id: id.into(),
        text: text.into(),
        answers: answers.iter().map(ToString::to_string).collect(),
        evidence: evidence.to_vec(),
        category: category.into(),
    }
}

fn suite() -> MemorySuite {
    let mut turns: Vec<_> = (1..=40)
        .map(|day| {
            turn(&format!(
                "Ada: On day {day} nothing of note happened at the mill."
            ))
        })
        .collect();
    turns[4] = turn("Ben: My kiln is painted crimson.");
    turns[9] = turn("Ben: My kiln burns clay at a thousand degrees.");
    // Said twice: the archive holds it once.
    turns[20] = turns[4].clone();
    MemorySuite {
        name: "invented".into(),
        set: Conversations::Locomo,
        conversations: vec![Conversation {
            id: "c".into(),
            turns,
            questions: vec![
                question(
                    "q1",
                    "Which colour is the kiln painted?",
                    &["crimson"],
                    &[5],
                    "single-hop",
                ),
                question(
                    "q2",
                    "Is my kiln that burns clay painted?",
                    &["x"],
                    &[5, 10],
                    "multi-hop",
                ),
                question("q3", "Who is Cleo?", &[], &[], "adversarial"),
            ],
        }],
    }
}

async fn filled(suite: &MemorySuite, folder: &Path) -> Vec<Filled> {
    let archive = suite.archive(folder, None);
    let embedder = Arc::new(HashingEmbedder::new());
    Filled::open(&archive, &suite.conversations, embedder)
        .await
        .unwrap()
}

fn asking(model: ScriptedModel) -> Asking {
    Asking {
        model: Arc::new(model),
        scorer: None,
        window: 2048,
        set: Conversations::Locomo,
        activate: 4,
        prompts: Prompts::builtin(),
    }
}

fn mean(evaluation: &MemoryEvaluation, metric: MemoryMetric) -> f64 {
    evaluation.row(&[metric]).unwrap().scores[0].summary.mean
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn retrieval_finds_what_shares_words_and_the_last_turns_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite();
    let filled = filled(&suite, folder.path()).await;
    for strategy in retrievals(&names(&RETRIEVALS), 4, "hashing").unwrap() {
        let evaluation = suite
            .evaluate(&*strategy, &filled, folder.path(), |_, _| {})
            .await
            .unwrap();
        let expected = if strategy.name() == "last-k" {
            0.0
        } else {
            1.0
        };
        assert_eq!(
            mean(&evaluation, MemoryMetric::Recall),
            expected,
            "{}",
            strategy.name()
        );
        assert_eq!(mean(&evaluation, MemoryMetric::AllEvidence), expected);
        assert!(
            evaluation
                .answers
                .iter()
                .all(|answer| answer.activated.len() <= 4)
        );
        let row = evaluation.by_category(MemoryMetric::Recall).unwrap();
        let categories: Vec<_> = row
            .scores
            .iter()
            .map(|score| score.metric.as_str())
            .collect();
        // The third question has no evidence, and no recall.
        assert_eq!(categories, ["single-hop", "multi-hop"]);
    }
}

#[tokio::test]
async fn an_archive_is_filled_once() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite();
    for _ in 0..2 {
        let filled = filled(&suite, folder.path()).await;
        let summaries = filled[0].memory().archive().namespaces().await.unwrap();
        assert_eq!((summaries[0].turns, summaries[0].items), (40, 39));
    }
}

#[tokio::test]
async fn every_strategy_answers_from_what_it_activated() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite();
    let filled = filled(&suite, folder.path()).await;
    // Says crimson when it reads crimson. The controller cannot read what it says,
    // and searches.
    let model = ScriptedModel::new()
        .reply_to("crimson", "Crimson.")
        .otherwise("not mentioned");
    let asking = asking(model);
    for strategy in memory_strategies(&names(&MEMORY_STRATEGIES), &asking, "hashing").unwrap() {
        let name = strategy.name().to_owned();
        let evaluation = suite
            .evaluate(&*strategy, &filled, folder.path(), |_, _| {})
            .await
            .unwrap();
        assert_eq!(
            evaluation.failures(),
            0,
            "{name}: {:?}",
            evaluation.answers[0].answered.error
        );
        let [first, _, third] = &evaluation.answers[..] else {
            panic!("three questions");
        };
        let sees_nothing = ["scm-no-activation", "last-k"].contains(&name.as_str());
        let expected = if sees_nothing {
            "not mentioned"
        } else {
            "Crimson."
        };
        assert_eq!(first.answered.answer, expected, "{name}");
        assert_eq!(first.activated.contains(&21), !sees_nothing, "{name}");
        assert!(!first.answered.transcript.is_empty() && first.answered.usage.input_tokens > 0);
        assert_eq!(third.answered.gold, [""; 0]);
        assert!(evaluation.tokens().unwrap().mean > 0.0);
        if name == "full-context" {
            assert_eq!(first.activated.len(), 40);
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_dropped_from_the_lowest_rank_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite();
    let filled = filled(&suite, folder.path()).await;
    // `full-context` has all that the model takes, the others half of it.
    let model = ScriptedModel::new().otherwise("x");
    let model = model.configure(|profile| profile.context_window = 500);
    let asking = Asking {
        window: 250,
        ..asking(model)
    };
    let strategies =
        memory_strategies(&names(&["full-context", "dense"]), &asking, "hashing").unwrap();
    let evaluate = async |index: usize| {
        suite
            .evaluate(&*strategies[index], &filled, folder.path(), |_, _| {})
            .await
            .unwrap()
    };
    let full = evaluate(0).await;
    let FromMemory {
        activated, dropped, ..
    } = &full.answers[0];
    assert_eq!(activated[0], 40);
    assert!(
        *dropped > 0 && activated.len() + dropped == 40,
        "{activated:?}"
    );
    assert!(full.answers[0].answered.usage.input_tokens > 250);
    assert_eq!(
        full.row(&[MemoryMetric::TokenF1]).unwrap().strategy,
        "full-context (cut)"
    );
    assert_eq!(
        evaluate(1)
            .await
            .row(&[MemoryMetric::Recall])
            .unwrap()
            .strategy,
        "dense"
    );
}

#[tokio::test]
async fn answers_are_kept_and_not_mixed_with_those_of_another_setting() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite();
    let filled = filled(&suite, folder.path()).await;
    let dense = names(&["dense"]);
    let model = Arc::new(ScriptedModel::new().otherwise("crimson"));
    let with = Asking {
        model: model.clone(),
        ..asking(ScriptedModel::new())
    };
    let strategies = memory_strategies(&dense, &with, "hashing").unwrap();
    for suite in [suite.clone().limit(1), suite.clone()] {
        suite
            .evaluate(&*strategies[0], &filled, folder.path(), |_, _| {})
            .await
            .unwrap();
    }
    assert_eq!(model.calls(), 3);

    let wider = Asking {
        window: 4096,
        ..with
    };
    let strategies = memory_strategies(&dense, &wider, "hashing").unwrap();
    let error = suite
        .evaluate(&*strategies[0], &filled, folder.path(), |_, _| {})
        .await
        .unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("another setting"),
        "{error}"
    );
}

#[tokio::test]
async fn long_turns_get_a_summary_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = suite();
    let long = "The kiln was lit, and it burned. ".repeat(60);
    suite.conversations[0].turns[0] = Turn {
        response: long,
        ..turn("Tell me of the kiln.")
    };
    let model = Arc::new(ScriptedModel::new().otherwise("A kiln burned."));
    let asking = Asking {
        model: model.clone(),
        ..asking(ScriptedModel::new())
    };
    let filled = filled(&suite, folder.path()).await;
    let summarise = Arc::new(asking.summarise().unwrap());
    let mut told = Vec::new();
    for _ in 0..2 {
        filled[0]
            .summarise(&summarise, &mut |done, total| told.push((done, total)))
            .await
            .unwrap();
    }
    assert_eq!((told, model.calls()), (vec![(1, 1)], 1));
    let items = filled[0].lately(40).await.unwrap();
    assert_eq!(items.last().unwrap().summary, "A kiln burned.");
    assert!(asking.summaries().unwrap().starts_with("scripted-2048-"));
}

proptest! {
    #[test]
    fn recall_is_a_share_and_never_falls_with_more_turns(
        evidence in proptest::collection::btree_set(1..41_u64, 1..5),
        activated in proptest::sample::subsequence((1..41_u64).collect::<Vec<_>>(), 0..20).prop_shuffle(),
    ) {
        let conversation = suite().conversations.remove(0);
        let question = Question {
            evidence: evidence.into_iter().collect(),
            ..Question::default()
        };
        let answer = from_memory(activated.clone());
        let score = |metric: MemoryMetric| metric.score(&conversation, &question, &answer).unwrap();
        let mut before = 0.0;
        for most in 0..=activated.len() {
            let recall = score(MemoryMetric::RecallAt(most));
            prop_assert!((before..=1.0).contains(&recall));
            before = recall;
        }
        prop_assert_eq!(before, score(MemoryMetric::Recall));
        prop_assert_eq!(score(MemoryMetric::AllEvidence), f64::from(before == 1.0));
    }
}

/// An answer that was made from these turns.
fn from_memory(activated: Vec<u64>) -> FromMemory {
    let value = serde_json::json!({
        "activated": activated, "dropped": 0, "id": "q", "setting": "", "question": "", "gold": [],
        "answer": "", "usage": catena_core::Usage::default(),
        "elapsed": std::time::Duration::ZERO, "transcript": [],
    });
    serde_json::from_value(value).unwrap()
}
