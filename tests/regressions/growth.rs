//! State that grows with the length of a conversation, and not with its square.

use std::sync::Arc;

use catena::{
    ChatMessage, ChatRequest, Context, Graph, RunOptions, SqliteJournal, agent, branch,
    models::ScriptedModel,
};

use crate::support::{alone, finish};

const TURN: usize = 250;

/// Answers with a text of 1 kB.
fn talker() -> ScriptedModel {
    ScriptedModel::from_fn(|request| Ok(format!("{:04} ", request.messages.len()).repeat(TURN)))
        .configure(|profile| {
            profile.context_window = u32::MAX;
            profile.max_output_tokens = 1000;
        })
        .recording(false)
}

/// The size of a closed journal of one run.
async fn stored<A: catena::Agent>(agent: A, input: A::Input) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let journal = Arc::new(SqliteJournal::open(&path).unwrap());
    let options = RunOptions::new("talk").journal(journal);
    let (_, output) = finish(agent, input, options).await;
    output.unwrap();
    // The run has let go of the journal, or its log would not be in the file yet.
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::metadata(&path).unwrap().len()
}

/// 200 turns and 400 turns: twice the turns take twice the room.
fn is_linear(what: &str, half: u64, whole: u64) {
    let growth = whole as f64 / half as f64;
    let raw = 400 * 5 * TURN as u64;
    println!(
        "{what}: 200 turns {half} bytes, 400 turns {whole} bytes, {growth:.2} times as much; \
         {:.2} times the raw text",
        whole as f64 / raw as f64
    );
    assert!(growth < 2.1, "{what}: {half} bytes became {whole}");
}

/// One agent that talks; every request holds all that was said.
fn conversation() -> impl catena::Agent<Input = usize, Output = usize> {
    let model = talker();
    agent(move |turns: usize, cx: Context| {
        let model = model.clone();
        async move {
            let mut said = vec![ChatMessage::system("Talk.")];
            for turn in 0..turns {
                said.push(ChatMessage::user(format!("turn {turn}")));
                let request = ChatRequest::new(said.clone());
                let answer = cx.chat(&model, request).await?.text;
                said.push(ChatMessage::assistant(answer));
            }
            Ok(said.len())
        }
    })
}

#[tokio::test]
async fn the_store_of_a_conversation_does_not_grow_with_its_square() {
    let half = stored(alone("talk", conversation()), 200).await;
    let whole = stored(alone("talk", conversation()), 400).await;
    is_linear("a conversation", half, whole);
}

/// A cycle whose message is all that was said.
fn cycle(turns: usize) -> Graph<Vec<ChatMessage>, usize> {
    let model = talker();
    let mut graph = Graph::builder("talk");
    let turn = graph.node(
        "turn",
        agent(move |mut said: Vec<ChatMessage>, cx: Context| {
            let model = model.clone();
            async move {
                let request = ChatRequest::new(said.clone());
                let answer = cx.chat(&model, request).await?.text;
                said.push(ChatMessage::assistant(answer));
                Ok(said)
            }
        }),
    );
    let end = graph.node(
        "end",
        agent(|said: Vec<ChatMessage>, _cx: Context| async move { Ok(said.len()) }),
    );
    let more = branch!(graph, "more", |said: Vec<ChatMessage>| match said {
        said if said.len() > turns => end(said),
        said => turn(said),
    });
    graph.edge(turn, more).step_limit(turns);
    graph.build(turn, end).unwrap()
}

#[tokio::test]
async fn the_store_of_a_cycle_does_not_grow_with_the_square_of_its_state() {
    let input = || vec![ChatMessage::user("Talk.")];
    let half = stored(cycle(200), input()).await;
    let whole = stored(cycle(400), input()).await;
    is_linear("a cycle", half, whole);
}
