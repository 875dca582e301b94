use catena_core::{Graph, agent};

fn main() {
    let mut graph = Graph::builder("wrong");
    // Messages own what they hold: `text: String`.
    let length = agent(|text: &str, _cx| async move { Ok(text.len()) });
    graph.node("length", length);
}
