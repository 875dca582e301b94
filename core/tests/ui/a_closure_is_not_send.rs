use std::rc::Rc;

use catena_core::{Graph, agent};

fn main() {
    let name = Rc::new("Catena".to_owned());
    let mut graph = Graph::builder("wrong");
    // Nodes run on several threads, and an `Rc` stays on one: `Arc` does not.
    let greet = agent(move |text: String, _cx| {
        let name = name.to_string();
        async move { Ok(text + &name) }
    });
    graph.node("greet", greet);
}
