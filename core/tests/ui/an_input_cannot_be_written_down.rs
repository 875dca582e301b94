use catena_core::{Context, Graph, Result, agent};

struct Draft {
    text: String,
}

async fn print(draft: Draft, _cx: Context) -> Result<String> {
    Ok(draft.text)
}

fn main() {
    let mut graph = Graph::builder("wrong");
    // A journal must be able to write a `Draft` down.
    graph.node("print", agent(print));
}
