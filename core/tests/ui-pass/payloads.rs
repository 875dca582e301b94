//! What goes along an edge.

use std::{cell::Cell, collections::BTreeMap};

use catena_core::{Context, Graph, Result, agent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::run;

#[tokio::test]
async fn nothing_goes_in_and_nothing_comes_out() {
    let mut graph = Graph::builder("nothing");
    let first = graph.node("first", agent(|_: (), _cx| async move { Ok(()) }));
    let second = graph.node("second", agent(|(): (), _cx| async move { Ok(()) }));
    let many = graph.map("many", 2, agent(|(): (), _cx| async move { Ok(()) }));
    let spread = graph.node(
        "spread",
        agent(|(): (), _cx| async move { Ok(vec![(); 3]) }),
    );
    graph
        .edge(first, second)
        .edge(second, spread)
        .edge(spread, many);
    let graph = graph.build(first, many).unwrap();
    assert_eq!(run(graph, ()).await.len(), 3);
}

#[tokio::test]
async fn options_results_tuples_and_maps_are_payloads() {
    type Answer = std::result::Result<Option<u32>, String>;

    async fn sort(answers: Vec<Answer>, _cx: Context) -> Result<BTreeMap<String, (u32, char)>> {
        let known = answers.into_iter().flatten().flatten();
        Ok(known.map(|x| (x.to_string(), (x, 'x'))).collect())
    }

    let answers = vec![Ok(Some(1)), Ok(None), Err("lost".to_owned())];
    let expected = BTreeMap::from([("1".to_owned(), (1, 'x'))]);
    assert_eq!(run(agent(sort), answers).await, expected);
}

/// A payload with a parameter; it is neither `Clone` nor `Sync`.
#[derive(Serialize, Deserialize)]
struct Marked<T> {
    value: T,
    marks: Cell<u32>,
}

async fn mark<T>(marked: Marked<T>, _cx: Context) -> Result<Marked<T>>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    marked.marks.set(marked.marks.get() + 1);
    Ok(marked)
}

#[tokio::test]
async fn a_generic_payload_that_is_neither_cloned_nor_shared() {
    let mut graph = Graph::builder("marks");
    let first = graph.node("first", agent(mark::<char>));
    let second = graph.node("second", agent(mark));
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    let marked = Marked {
        value: 'x',
        marks: Cell::new(0),
    };
    let marked = run(graph, marked).await;
    assert_eq!((marked.value, marked.marks.get()), ('x', 2));
}
