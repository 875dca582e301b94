use catena_core::{Graph, agent};

fn main() {
    let greeting = "hello ".to_owned();
    let mut graph = Graph::builder("wrong");
    // An agent runs many times, and has one greeting.
    let greet = agent(move |name: String, _cx| async move { Ok(greeting + &name) });
    graph.node("greet", greet);
}
