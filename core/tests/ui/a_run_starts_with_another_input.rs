use catena_core::{Context, Graph, Result, Run, RunOptions, agent};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() -> Result<()> {
    let mut graph = Graph::builder("wrong");
    let shout = graph.map("shout", 4, agent(shout));
    let graph = graph.build(shout, shout)?;
    // The graph takes a list.
    Run::start(graph, "hello".to_owned(), RunOptions::new("shout"));
    Ok(())
}
