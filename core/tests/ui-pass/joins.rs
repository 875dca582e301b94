//! Where edges may lead.

use catena_core::{Agent, Fold, Graph, Node, Step, agent, branch};

use crate::{double, run, show};

#[tokio::test]
async fn several_edges_and_arms_lead_into_one_node() {
    let mut graph = Graph::builder("joined");
    let double = graph.node("double", agent(double));
    let halve = graph.node("halve", agent(|x: u32, _cx| async move { Ok(x / 2) }));
    let show = graph.node("show", agent(show));
    let size = branch!(graph, "size", |x: u32| match x {
        0..10 => double(x),
        10..100 => halve(x),
        _ => show(x),
    });
    graph.edge(double, show).edge(halve, show);
    let graph = graph.build(size, show).unwrap();
    for (x, expected) in [(4, "8"), (40, "20"), (400, "400")] {
        assert_eq!(run(graph.clone(), x).await, expected);
    }
}

#[tokio::test]
async fn a_list_goes_from_map_to_map_and_a_fold_into_a_fold() {
    let mut graph = Graph::builder("lists");
    let spread = graph.map(
        "spread",
        2,
        agent(|x: u32, _cx| async move { Ok((0..x).collect::<Vec<_>>()) }),
    );
    let doubled = graph.map(
        "doubled",
        2,
        agent(|xs: Vec<u32>, _cx| async move { Ok(xs.len() as u32 * 2) }),
    );
    let pack = graph.node(
        "pack",
        agent(|items: Vec<u32>, _cx| async move {
            Ok(Fold {
                state: (0, items.clone()),
                items,
            })
        }),
    );
    let sum = graph.fold(
        "sum",
        agent(|step: Step<(u32, Vec<u32>), u32>, _cx| async move {
            let (sum, items) = step.state;
            Ok((sum + step.item, items))
        }),
    );
    graph
        .edge(spread, doubled)
        .edge(doubled, pack)
        .edge(pack, sum);
    let graph = graph.build(spread, sum).unwrap();
    assert_eq!(run(graph, vec![1, 2, 3]).await, (12, vec![2, 4, 6]));
}

#[tokio::test]
async fn one_node_is_entry_and_exit() {
    let mut graph = Graph::builder("one");
    let double = graph.node("double", agent(double));
    let graph = graph.build(double, double).unwrap();
    assert_eq!(run(graph, 21).await, 42);
}

/// Nodes are copied and handed around; what joins them may be generic.
fn chain<A: Agent<Output = <A as Agent>::Input> + Clone>(agent: A) -> Graph<A::Input, A::Output> {
    let mut graph = Graph::builder("chain");
    let nodes: Vec<Node<A::Input, A::Input>> = (0..3)
        .map(|index| graph.node(format!("step {index}"), agent.clone()))
        .collect();
    for pair in nodes.windows(2) {
        graph.edge(pair[0], pair[1]);
    }
    graph.build(nodes[0], nodes[2]).unwrap()
}

#[tokio::test]
async fn nodes_are_joined_in_a_loop_of_the_program() {
    let double = std::sync::Arc::new(agent(double));
    assert_eq!(run(chain(double), 1).await, 8);
}
