use catena_core::{Context, Graph, Result, agent};
use serde::Serialize;

#[derive(Serialize)]
struct Draft {
    text: String,
}

async fn draft(text: String, _cx: Context) -> Result<Draft> {
    Ok(Draft { text })
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // A resumed run must be able to read a `Draft`.
    graph.node("draft", agent(draft));
}
