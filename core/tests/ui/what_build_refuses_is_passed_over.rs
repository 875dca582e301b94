use catena_core::{Context, Graph, Result, Run, RunOptions, agent};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let shout = graph.node("shout", agent(shout));
    // `?` is missing.
    let graph = graph.build(shout, shout);
    Run::start(graph, "hello".to_owned(), RunOptions::new("shout"));
}
