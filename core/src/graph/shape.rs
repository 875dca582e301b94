//! Checks what types cannot, and draws.

use std::{collections::HashSet, fmt::Write};

use super::{GraphBuilder, Placed, Plan};
use crate::{Error, Result};

/// Checks the wiring; all mistakes are in one error.
pub(super) fn plan(builder: GraphBuilder, entry: (u64, usize), exit: (u64, usize)) -> Result<Plan> {
    let GraphBuilder {
        id,
        name: graph,
        nodes,
        edges,
    } = builder;
    let mut mistakes = Vec::new();

    let foreign = |end: (u64, usize)| end.0 != id;
    if foreign(entry)
        || foreign(exit)
        || edges
            .iter()
            .any(|edge| foreign(edge.from) || foreign(edge.to))
    {
        // Indices of another builder mean nothing here, so the other checks would mislead.
        return Err(mistaken(
            &graph,
            &["a node of another graph is used in it".to_owned()],
        ));
    }
    let (entry, exit) = (entry.1, exit.1);

    let name_of = |index: usize| nodes.get(index).map_or("", |(name, _)| name.as_str());
    let mut names = HashSet::new();
    for (name, _) in &nodes {
        if !names.insert(name.as_str()) {
            mistakes.push(format!("two nodes are named '{name}'"));
        }
        if name.is_empty() || name.contains(['/', '[', ']', '#']) {
            mistakes.push(format!(
                "'{name}' is no name for a node: it is empty or holds one of / [ ] #"
            ));
        }
    }

    let mut next = vec![None; nodes.len()];
    for edge in &edges {
        let (from, to) = (edge.from.1, edge.to.1);
        match next.get_mut(from) {
            Some(Some(other)) => mistakes.push(format!(
                "'{}' has an edge to '{}' and one to '{}': a node leads to one other",
                name_of(from),
                name_of(*other),
                name_of(to),
            )),
            Some(slot) => *slot = Some(to),
            None => {}
        }
    }
    if let Some(Some(after)) = next.get(exit) {
        mistakes.push(format!(
            "the exit '{}' has an edge to '{}'",
            name_of(exit),
            name_of(*after)
        ));
    }

    let mut reached = vec![false; nodes.len()];
    let mut at = Some(entry);
    while let Some(index) = at {
        match reached.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                mistakes.push(format!(
                    "the edges run in a circle through '{}'",
                    name_of(index)
                ));
                break;
            }
        }
        at = next.get(index).copied().flatten();
        if at.is_none() && index != exit {
            mistakes.push(format!(
                "'{}' leads nowhere and is not the exit",
                name_of(index)
            ));
        }
    }
    for (index, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
        mistakes.push(format!(
            "'{}' cannot be reached from the entry '{}'",
            name_of(index),
            name_of(entry)
        ));
    }

    if !mistakes.is_empty() {
        return Err(mistaken(&graph, &mistakes));
    }
    let nodes = nodes
        .into_iter()
        .zip(next)
        .map(|((name, agent), next)| Placed { name, agent, next })
        .collect();
    Ok(Plan {
        name: graph,
        nodes,
        entry,
        exit,
    })
}

fn mistaken(graph: &str, mistakes: &[String]) -> Error {
    Error::graph(format!(
        "the graph '{graph}' is not well-formed: {}",
        mistakes.join("; ")
    ))
}

impl Plan {
    pub(super) fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    in(( )) --> n{}", self.entry);
        for (index, node) in self.nodes.iter().enumerate() {
            let (open, close) = node.agent.delimiters();
            let label = node.name.replace('"', "&quot;");
            let _ = writeln!(out, "    n{index}{open}\"{label}\"{close}");
            if let Some(next) = node.next {
                let _ = writeln!(out, "    n{index} --> n{next}");
            }
        }
        let _ = writeln!(out, "    n{} --> out(( ))", self.exit);
        out
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Graph, Node, Result, agent};

    async fn step(x: u32, _cx: Context) -> Result<u32> {
        Ok(x + 1)
    }

    fn refused(wire: impl FnOnce(&mut crate::GraphBuilder, [Node<u32, u32>; 3])) -> String {
        let mut graph = Graph::builder("g");
        let nodes = ["a", "b", "c"].map(|name| graph.node(name, agent(step)));
        wire(&mut graph, nodes);
        let [a, _, c] = nodes;
        let error = graph.build(a, c).unwrap_err();
        assert!(error.is_graph());
        error.to_string()
    }

    #[test]
    fn a_dangling_node_is_named() {
        let message = refused(|graph, [a, b, _]| {
            graph.edge(a, b);
        });
        assert!(message.contains("'b' leads nowhere"), "{message}");
        assert!(
            message.contains("'c' cannot be reached from the entry 'a'"),
            "{message}"
        );
    }

    #[test]
    fn two_edges_out_of_a_node_are_refused() {
        let message = refused(|graph, [a, b, c]| {
            graph.edge(a, b).edge(b, c).edge(a, c);
        });
        assert!(
            message.contains("'a' has an edge to 'b' and one to 'c'"),
            "{message}"
        );
    }

    #[test]
    fn a_circle_is_refused() {
        let message = refused(|graph, [a, b, _]| {
            graph.edge(a, b).edge(b, a);
        });
        assert!(message.contains("run in a circle through 'a'"), "{message}");
    }

    #[test]
    fn an_exit_with_a_successor_is_refused() {
        let message = refused(|graph, [a, b, c]| {
            graph.edge(a, c).edge(c, b);
        });
        assert!(
            message.contains("the exit 'c' has an edge to 'b'"),
            "{message}"
        );
    }

    #[test]
    fn names_must_be_unique_and_usable_in_a_path() {
        let message = refused(|graph, [a, b, c]| {
            graph.edge(a, b).edge(b, c);
            graph.node("a", agent(step));
            graph.node("x/y", agent(step));
        });
        assert!(message.contains("two nodes are named 'a'"), "{message}");
        assert!(message.contains("'x/y' is no name"), "{message}");
    }

    #[test]
    fn a_node_of_another_graph_is_refused() {
        let mut other = Graph::builder("other");
        let stranger = other.node("s", agent(step));
        let message = refused(|graph, [a, ..]| {
            graph.edge(a, stranger);
        });
        assert!(message.contains("another graph"), "{message}");
    }

    #[test]
    fn a_graph_draws_itself() {
        let mut graph = Graph::builder("g");
        let a = graph.node("a", agent(|x: u32, _cx| async move { Ok(vec![x]) }));
        let b = graph.map("b", 2, agent(step));
        graph.edge(a, b);
        insta::assert_snapshot!(graph.build(a, b).unwrap().mermaid(), @r#"
        flowchart TD
            in(( )) --> n0
            n0["a"]
            n0 --> n1
            n1[["b"]]
            n1 --> out(( ))
        "#);
    }
}
