use catena_core::{Context, Graph, Result, agent};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let all = graph.map("all", 4, agent(shout));
    let one = graph.node("one", agent(shout));
    // What comes out of a map is a list.
    graph.edge(all, one);
}
