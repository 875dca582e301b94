//! A graph of one's own: several questions at a time to one model, then one answer from all.
//!
//! `cargo run --example own_graph`

use std::sync::Arc;

use catena::{
    Budget, ChatMessage, ChatModel, ChatRequest, Context, EventKind, Graph, Run, RunOptions, agent,
    models::ScriptedModel,
};
use futures::StreamExt;

#[tokio::main]
async fn main() -> catena::Result<()> {
    let model: Arc<dyn ChatModel> = Arc::new(
        ScriptedModel::new()
            .reply_to("Capital of France", "Paris.")
            .reply_to("Capital of Italy", "Rome.")
            .otherwise("Paris and Rome."),
    );

    let ask = {
        let model = Arc::clone(&model);
        agent(move |question: String, cx: Context| {
            let model = Arc::clone(&model);
            async move {
                let request = ChatRequest::new([ChatMessage::user(question)]).max_tokens(20);
                Ok(cx.chat(&*model, request).await?.text)
            }
        })
    };
    let join = agent(move |answers: Vec<String>, cx: Context| {
        let model = Arc::clone(&model);
        async move {
            let prompt = format!("Put into one sentence: {}", answers.join(" "));
            let request = ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(20);
            Ok(cx.chat(&*model, request).await?.text)
        }
    });

    let mut graph = Graph::builder("capitals");
    let ask = graph.map("ask", 4, ask);
    let join = graph.node("join", join);
    graph.edge(ask, join);
    let graph = graph.build(ask, join)?;
    println!("{}", graph.shape().mermaid());

    let questions = ["Capital of France?", "Capital of Italy?"].map(str::to_owned);
    let options = RunOptions::new("capitals").budget(Budget::new().calls(3));
    let mut run = Run::start(graph, questions.to_vec(), options);
    while let Some(event) = run.next().await {
        if let EventKind::CallFinished { usage, .. } = event.kind {
            println!("{}: {} tokens", event.path, usage.tokens());
        }
    }
    println!("{}", run.outcome().await?.output);
    Ok(())
}
