use catena_core::{Context, Graph, Result, Run, RunOptions, agent};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let shout = graph.node("shout", agent(shout));
    graph.edge(shout, shout);
    // `graph.build(shout, shout)?` makes a graph of it.
    Run::start(graph, "hello".to_owned(), RunOptions::new("shout"));
}
