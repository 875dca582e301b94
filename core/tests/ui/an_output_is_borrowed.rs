use catena_core::{Graph, agent};

fn main() {
    let mut graph = Graph::builder("wrong");
    // A literal is borrowed from the program: `"hello".to_owned()`.
    let greet = agent(|_: (), _cx| async move { Ok("hello") });
    graph.node("greet", greet);
}
