use catena_core::{Context, Graph, Result, agent, branch};

async fn double(x: u32, _cx: Context) -> Result<u32> {
    Ok(x * 2)
}

async fn show(x: u32, _cx: Context) -> Result<String> {
    Ok(x.to_string())
}

fn main() {
    let mut graph = Graph::builder("wrong");
    let double = graph.node("double", agent(double));
    let show = graph.node("show", agent(show));
    let size = branch!(graph, "size", |x: u32| match x {
        0..10 => double(x),
        _ => show(x),
    });
    graph.edge(double, size).step_limit(3);
    // Messages leave at a node, and a branch only sends them to one.
    let _ = graph.build(size, size);
}
