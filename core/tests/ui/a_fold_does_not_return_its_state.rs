use catena_core::{Context, Graph, Result, Step, agent};

async fn count(step: Step<u32, String>, _cx: Context) -> Result<String> {
    Ok(step.item)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // The state is a number, and the item a text.
    graph.fold("count", agent(count));
}
