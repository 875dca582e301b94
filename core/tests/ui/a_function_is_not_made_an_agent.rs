use catena_core::{Context, Graph, Result};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // `agent(shout)`.
    graph.node("shout", shout);
}
