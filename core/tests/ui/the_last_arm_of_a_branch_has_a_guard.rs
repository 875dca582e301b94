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
    // The compiler does not see that one of the guards is always true: the last needs none.
    branch!(graph, "size", |x: u32| match x {
        x if x < 10 => double(x),
        x if x >= 10 => show(x),
    });
}
