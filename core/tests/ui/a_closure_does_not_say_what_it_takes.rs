use catena_core::{Graph, agent};

fn main() {
    let mut graph = Graph::builder("wrong");
    // An edge says it too late: `|text: String, _cx|`.
    graph.node("same", agent(|text, _cx| async move { Ok(text) }));
}
