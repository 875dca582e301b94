use catena_core::{Context, Graph, Result, agent};

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() -> Result<()> {
    let mut inner = Graph::builder("inner");
    let length = inner.node("length", agent(length));
    let inner = inner.build(length, length)?;

    let mut outer = Graph::builder("outer");
    let shout = outer.node("shout", agent(shout));
    let lengths = outer.map("lengths", 4, inner);
    // Under `map`, the graph takes a list of texts.
    outer.edge(shout, lengths);
    Ok(())
}
