//! Several chains over one text, from outside.

#![allow(missing_docs)]

use std::{fmt::Write, sync::Arc};

use catena::{
    ChatRequest, ModelProfile, Run, RunOptions,
    agents::{ChainAnswer, ChainInput, ChainOfAgents, MultiPath, Select},
    models::ScriptedModel,
    tools::Document,
};

fn text() -> String {
    let mut text = "The first key is red.\n\n".to_owned();
    for line in 0..60 {
        writeln!(text, "Line {line} tells of the sea and of nothing else.\n").unwrap();
    }
    text + "The last key is green.\n"
}

fn last(request: &ChatRequest) -> &str {
    &request.messages.last().unwrap().content
}

/// Workers note the first key that they see and no other; the manager repeats the notes, and the
/// judge gives a `verdict`.
fn reader(verdict: &'static str) -> ScriptedModel {
    let mut profile = ModelProfile::new("scripted", 4096);
    profile.worker_window = 520;
    profile.parallel = 2;
    ScriptedModel::from_fn(move |request| {
        let prompt = last(request);
        Ok(if prompt.contains("Write their number only") {
            verdict.to_owned()
        } else if let Some((_, notes)) = prompt.split_once("notes were taken:\n\"\"\"\n") {
            notes.lines().next().unwrap().to_owned()
        } else if prompt.contains("Notes so far: ") {
            "none".to_owned()
        } else if prompt.contains("The first key is red.") {
            "The first key is red.".to_owned()
        } else if prompt.contains("The last key is green.") {
            "The last key is green.".to_owned()
        } else {
            "none".to_owned()
        })
    })
    .with_profile(profile)
}

async fn ask(paths: MultiPath) -> (ChainAnswer, u64) {
    let documents = vec![Document::new("keys.txt", text())];
    let input = ChainInput::question(documents, "Which colour is the key?");
    let run = Run::start(paths.build().unwrap(), input, RunOptions::new("paths"));
    let outcome = run.outcome().await.unwrap();
    (outcome.output, outcome.usage.calls)
}

#[tokio::test]
async fn both_ways_reads_from_each_end_and_the_first_wins_a_tie() {
    let model = reader("");
    let (answer, calls) = ask(MultiPath::both_ways(ChainOfAgents::new(Arc::new(model)))).await;
    assert_eq!(answer.text, "The first key is red.");
    assert_eq!(calls, 2 * (answer.units.len() as u64 + 1));
    assert_eq!(answer.passages[0].quote, "The first key is red.");
}

#[tokio::test]
async fn the_judge_chooses_by_number_and_pays_from_the_same_budget() {
    let model = reader("Notes 2.");
    let chain = ChainOfAgents::new(Arc::new(model.clone()));
    let (answer, calls) = ask(MultiPath::both_ways(chain).select(Select::Judge)).await;
    assert_eq!(answer.text, "The last key is green.");
    assert_eq!(calls, 2 * (answer.units.len() as u64 + 1) + 1);
    let requests = model.requests();
    let asked = last(requests.last().unwrap());
    assert!(
        asked.contains("Notes 1:\n\"\"\"\nThe first key is red."),
        "{asked}"
    );
    assert!(
        asked.contains("Notes 2:\n\"\"\"\nThe last key is green."),
        "{asked}"
    );
}

#[tokio::test]
async fn a_verdict_that_names_no_path_leaves_it_to_the_vote() {
    for verdict in ["both", "0", "3", "99999999999999999999999"] {
        let chain = ChainOfAgents::new(Arc::new(reader(verdict)));
        let (answer, _) = ask(MultiPath::both_ways(chain).select(Select::Judge)).await;
        assert_eq!(answer.text, "The first key is red.", "{verdict}");
    }
}

#[tokio::test]
async fn permutations_are_different_orders_and_the_same_ones_again() {
    let orders = async || {
        let model = reader("");
        ask(MultiPath::permutations(
            ChainOfAgents::new(Arc::new(model.clone())),
            2,
        ))
        .await;
        let mut prompts: Vec<String> = model
            .requests()
            .iter()
            .map(|r| last(r).to_owned())
            .collect();
        prompts.sort();
        prompts
    };
    assert_eq!(orders().await, orders().await);

    let model = reader("");
    let (answer, _) = ask(MultiPath::permutations(
        ChainOfAgents::new(Arc::new(model)),
        1,
    ))
    .await;
    let starts: Vec<usize> = answer.units.iter().map(|unit| unit.range.start).collect();
    assert!(!starts.is_sorted(), "{starts:?}");
    let mut ranges: Vec<_> = answer.units.iter().map(|unit| unit.range.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    let text = text();
    let joined: String = ranges.into_iter().map(|range| &text[range]).collect();
    assert_eq!(joined, text, "each chunk is read once");
}

#[tokio::test]
async fn self_consistency_samples_each_path_with_its_own_seed() {
    let model = reader("");
    let chain = ChainOfAgents::new(Arc::new(model.clone()));
    ask(MultiPath::self_consistency(chain, 3, 0.7)).await;
    let workers = model.requests().into_iter().filter(|r| r.temperature > 0.0);
    let mut seeds: Vec<u64> = workers.filter_map(|request| request.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds, [0, 1, 2]);
}

#[test]
fn no_path_is_refused() {
    let chain = ChainOfAgents::new(Arc::new(reader("")));
    let error = MultiPath::permutations(chain, 0).build().unwrap_err();
    assert!(error.is_invalid());
}

/// The first path's manager says nothing, though its notes are the best: the other's answer is taken, and where
/// none answers that is a failure.
#[tokio::test]
async fn a_path_that_gives_no_answer_is_none_to_choose() {
    let silent = |at: &'static str| {
        let knows = reader("Notes 1.");
        let manager = ScriptedModel::from_fn(move |request| {
            let prompt = last(request);
            let verdict = prompt.contains("Write their number only");
            let notes = prompt.split_once("notes were taken:\n\"\"\"\n");
            let notes = notes.map_or("", |(_, notes)| notes.lines().next().unwrap());
            Ok(match () {
                () if verdict => "Notes 1.".to_owned(),
                () if notes.contains(at) => " \n".to_owned(),
                () => notes.to_owned(),
            })
        });
        ChainOfAgents::new(Arc::new(knows)).manager(Arc::new(manager))
    };
    for select in [Select::Vote, Select::Judge] {
        let chain = silent("first");
        let (answer, _) = ask(MultiPath::both_ways(chain).select(select)).await;
        assert_eq!(answer.text, "The last key is green.", "{select:?}");
        let graph = MultiPath::both_ways(silent("key")).select(select).build();
        let documents = vec![Document::new("keys.txt", text())];
        let input = ChainInput::question(documents, "Which colour is the key?");
        let run = Run::start(graph.unwrap(), input, RunOptions::new("paths"));
        let error = run.outcome().await.unwrap_err();
        assert!(error.to_string().contains("an empty answer"), "{error}");
    }
}
