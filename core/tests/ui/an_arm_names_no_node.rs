use catena_core::{Context, Graph, Result, agent, branch};

async fn double(x: u32, _cx: Context) -> Result<u32> {
    Ok(x * 2)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let double = graph.node("double", agent(double));
    branch!(graph, "size", |x: u32| match x {
        0..10 => double(x),
        // An arm sends: it names a node, and in parentheses what it sends to it.
        _ => x,
    });
}
