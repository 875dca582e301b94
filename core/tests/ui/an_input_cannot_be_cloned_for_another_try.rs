use catena_core::{Context, Graph, Result, Retry, agent, on_failure};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Draft {
    text: String,
}

async fn print(draft: Draft, _cx: Context) -> Result<String> {
    Ok(draft.text)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // The second try needs a `Draft` as well.
    let print = on_failure(agent(print)).retry(Retry::times(2));
    graph.node("print", print);
}
