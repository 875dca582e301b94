use catena_core::{Context, Graph, Result, agent};

async fn add((sum, item): (u32, u32), _cx: Context) -> Result<u32> {
    Ok(sum + item)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // State and item come in a `Step`.
    graph.fold("add", agent(add));
}
