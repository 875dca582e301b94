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

fn main() {
    let mut graph = Graph::builder("wrong");
    let shout = graph.node("shout", agent(shout));
    branch!(graph, "verdict", |verdict: Verdict| match verdict {
        Verdict::Good(text) => shout(text),
        // `shout` takes a text alone.
        Verdict::Bad { text, mistakes } => shout((text, mistakes)),
        Verdict::Unsure => shout(String::new()),
    });
}
