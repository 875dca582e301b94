use catena_core::{Context, Graph, Result, Step, agent};

async fn split(text: String, _cx: Context) -> Result<Vec<String>> {
    Ok(text.lines().map(str::to_owned).collect())
}

async fn read(step: Step<String, String>, _cx: Context) -> Result<String> {
    Ok(step.state + &step.item)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let split = graph.node("split", agent(split));
    let read = graph.fold("read", agent(read));
    // A fold needs a first state too: what goes into it is a `Fold`.
    graph.edge(split, read);
}
