//! What a long conversation leaves on the disk.

use std::{path::Path, sync::Arc};

use catena::{
    ChatMessage, ChatRequest, Context, Fold, Graph, RunOptions, SqliteJournal, Step, agent,
    models::ScriptedModel,
};

use crate::{
    peer::Peer,
    rounds::{Samples, run},
    table::{Row, Unit},
};

const TURNS: usize = 10_000;

/// The bytes of an answer, about.
const ANSWER: usize = 1000;

/// A fold of turns, each an answer of real prose that is streamed word by word: the folder of the
/// journal after it is closed, against the text of the answers alone.
pub(crate) async fn store(peer: Option<&mut Peer>) -> Row {
    let answers = answers();
    let raw: usize = answers.iter().map(String::len).sum();
    let model = ScriptedModel::new().recording(false).replies(answers);
    let mut graph = Graph::builder("talk");
    let turn = graph.fold(
        "turn",
        agent(move |step: Step<u64, String>, cx: Context| {
            let model = model.clone();
            async move {
                let request = ChatRequest::new([ChatMessage::user(step.item)]).max_tokens(1000);
                let answer = cx.chat(&model, request).await?;
                Ok(step.state + answer.text.len() as u64)
            }
        }),
    );
    let graph = graph.build(turn, turn).unwrap();
    let items = (0..TURNS).map(|turn| format!("{turn}: and what came then?"));
    let input = Fold {
        state: 0,
        items: items.collect(),
    };

    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(SqliteJournal::open(folder.path().join("runs.db")).unwrap());
    let options = RunOptions::new("talk").journal(journal.clone());
    assert_eq!(run(graph, input, options).await, TURNS as u64);
    drop(Arc::into_inner(journal).expect("the run is over"));
    Row {
        what: format!("store after {TURNS} turns of 1 kB"),
        unit: Unit::Times,
        target: 3.0,
        ours: Samples::new(vec![bytes_in(folder.path()) as f64 / raw as f64]),
        peer: peer.and_then(|peer| peer.measure("store")),
    }
}

/// Consecutive pieces of a novel, from the beginning again when it ends.
fn answers() -> Vec<String> {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/pride_and_prejudice.txt");
    let book = std::fs::read_to_string(book).unwrap();
    let mut rest = book.as_str();
    let mut answers = Vec::with_capacity(TURNS);
    while answers.len() < TURNS {
        let end = (0..=ANSWER).rfind(|end| rest.is_char_boundary(*end));
        let (answer, after) = rest.split_at(end.unwrap());
        answers.push(answer.to_owned());
        rest = if after.len() < ANSWER { &book } else { after };
    }
    answers
}

fn bytes_in(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}
