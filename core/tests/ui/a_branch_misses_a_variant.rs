use catena_core::{Context, Graph, Result, agent, branch};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Verdict {
    Good(String),
    Bad { text: String, mistakes: usize },
    Unsure,
}

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let shout = graph.node("shout", agent(shout));
    let length = graph.node("length", agent(length));
    // Where does `Unsure` go?
    branch!(graph, "verdict", |verdict: Verdict| match verdict {
        Verdict::Good(text) => shout(text),
        Verdict::Bad { text, .. } => length(text),
    });
}
