//! A run that fails in its third call and goes on with it, out of a SQLite journal.
//!
//! `cargo run --example durable`. Kill it in between, if you like: what was answered stays answered.

use std::sync::Arc;

use catena::{
    ChatMessage, ChatModel, ChatRequest, Context, Error, Fold, Graph, Run, RunOptions,
    SqliteJournal, Step, agent,
    models::{Reply, ScriptedModel},
};

/// Carries a story along: each step asks for the next sentence.
fn story(model: Arc<dyn ChatModel>) -> catena::Result<Graph<Fold<String, String>, String>> {
    let mut graph = Graph::builder("story");
    let tell = graph.fold(
        "tell",
        agent(move |step: Step<String, String>, cx: Context| {
            let model = Arc::clone(&model);
            async move {
                let prompt = format!("{} What does {} do?", step.state, step.item);
                let request = ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(30);
                let answer = cx.chat(&*model, request).await?;
                Ok(format!("{} {}", step.state, answer.text))
            }
        }),
    );
    graph.build(tell, tell)
}

#[tokio::main]
async fn main() -> catena::Result<()> {
    let model = ScriptedModel::new().replies([
        Reply::from("The fox digs."),
        Reply::from("The owl watches."),
        Reply::from(Error::unavailable("the server is down")),
        Reply::from("The hare is gone."),
    ]);
    let story = story(Arc::new(model.clone()))?;
    let input = Fold {
        state: "It is night.".to_owned(),
        items: ["the fox", "the owl", "the hare"]
            .map(str::to_owned)
            .to_vec(),
    };
    let path = std::env::temp_dir().join("catena-example.db");
    let journal = Arc::new(SqliteJournal::open(&path)?);
    let options = || RunOptions::new("story").journal(journal.clone());

    let run = Run::start(story.clone(), input.clone(), options());
    let id = run.id().clone();
    if let Err(error) = run.outcome().await {
        println!("after {} calls: {error}", model.calls());
    }
    let outcome = Run::start(story, input, options().resume(id))
        .outcome()
        .await?;
    println!("{}", outcome.output);
    println!(
        "{} calls in all, none of them answered twice",
        model.calls()
    );
    println!("recorded in {}", path.display());
    Ok(())
}
