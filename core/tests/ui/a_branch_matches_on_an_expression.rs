use catena_core::{Context, Graph, Result, agent, branch};

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let shout = graph.node("shout", agent(shout));
    let length = graph.node("length", agent(length));
    // A branch matches on the value itself; more is said by guards.
    branch!(graph, "size", |text: String| match text.len() {
        0..10 => shout(text),
        _ => length(text),
    });
}
