use catena_core::{Context, Graph, Result, agent};

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let length = graph.node("length", agent(length));
    let shout = graph.node("shout", agent(shout));
    // A number does not go into a text.
    graph.edge(length, shout);
}
