//! Checks what types cannot.

use std::collections::HashSet;

use super::{
    GraphBuilder, Next, Placed, Plan,
    builder::Place,
    shape::{EdgeShape, NodeKind, NodeShape, Shape},
};
use crate::{Error, Result, path::MARKS};

/// Checks the wiring; all mistakes are in one error.
pub(super) fn plan(builder: GraphBuilder, entry: Place, exit: Place) -> Result<Plan> {
    let own = |place: Place| builder.owns(place);
    let edges_own = builder
        .edges
        .iter()
        .all(|edge| own(edge.from) && own(edge.to));
    if !(own(entry) && own(exit) && edges_own) {
        // Indices of another builder mean nothing here, so the other checks would mislead.
        let mistake = "a node of another graph is used in it".to_owned();
        return Err(mistaken(&builder.name, &[mistake]));
    }
    let GraphBuilder {
        name,
        nodes,
        edges,
        step_limit,
        ..
    } = builder;
    let shapes = nodes.iter().map(|(name, node)| {
        let inside = node.inside();
        NodeShape {
            name: name.clone(),
            kind: node.kind(),
            on_failure: inside.on_failure,
            graph: inside.graph.map(Box::new),
        }
    });
    let shape = Shape {
        nodes: shapes.collect(),
        name,
        edges: edges
            .into_iter()
            .map(|edge| EdgeShape {
                from: edge.from.index,
                to: edge.to.index,
                arm: edge.arm,
            })
            .collect(),
        entry: entry.index,
        exit: exit.index,
        step_limit,
    };
    let mut mistakes = Vec::new();
    mistakes.extend(shape.wrong_names());
    mistakes.extend(shape.wrong_edges());
    mistakes.extend(shape.wrong_ways());
    mistakes.extend(shape.endless());
    if !mistakes.is_empty() {
        return Err(mistaken(&shape.name, &mistakes));
    }
    let placed = nodes
        .into_iter()
        .enumerate()
        .map(|(index, (_, node))| Placed {
            node,
            next: shape.next(index),
        });
    Ok(Plan {
        nodes: placed.collect(),
        shape,
    })
}

fn mistaken(graph: &str, mistakes: &[String]) -> Error {
    Error::graph(format!(
        "the graph '{graph}' is not well-formed: {}",
        mistakes.join("; ")
    ))
}

impl Shape {
    fn next(&self, node: usize) -> Next {
        let mut to = self.edges_from(node);
        match self.nodes.get(node) {
            Some(shape) if shape.kind == NodeKind::Branch => Next::Arms(to.collect()),
            _ => to.next().map_or(Next::Exit, Next::Node),
        }
    }

    fn edges_from(&self, node: usize) -> impl Iterator<Item = usize> {
        self.edges
            .iter()
            .filter(move |edge| edge.from == node)
            .map(|edge| edge.to)
    }

    fn wrong_names(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut names = HashSet::new();
        for NodeShape { name, .. } in &self.nodes {
            if !names.insert(name) {
                mistakes.push(format!("two nodes are named '{name}'"));
            }
            if name.is_empty() || name.contains(MARKS) || name.contains(':') {
                mistakes.push(format!(
                    "'{name}' is no name for a node: it is empty or holds one of / [ ] # ~ :"
                ));
            }
        }
        mistakes
    }

    fn wrong_edges(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let name = &node.name;
            let ends: Vec<&str> = self
                .edges_from(index)
                .map(|to| self.node_name(to))
                .collect();
            match ends.as_slice() {
                [to, ..] if index == self.exit => {
                    mistakes.push(format!("the exit '{name}' has an edge to '{to}'"));
                }
                [one, other, ..] if node.kind != NodeKind::Branch => mistakes.push(format!(
                    "'{name}' has an edge to '{one}' and one to '{other}': a node leads to one \
                     other, and a branch chooses"
                )),
                _ => {}
            }
        }
        mistakes
    }

    /// Nodes that no message reaches, and nodes from which none comes to the exit.
    fn wrong_ways(&self) -> Vec<String> {
        let from_entry = self.reached(self.entry, |edge| (edge.from, edge.to));
        let to_exit = self.reached(self.exit, |edge| (edge.to, edge.from));
        let mut mistakes = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let name = &node.name;
            if !from_entry.contains(&index) {
                let entry = self.node_name(self.entry);
                mistakes.push(format!(
                    "'{name}' cannot be reached from the entry '{entry}'"
                ));
            } else if !to_exit.contains(&index) {
                let exit = self.node_name(self.exit);
                mistakes.push(match self.edges_from(index).next() {
                    None => format!("'{name}' leads nowhere and is not the exit"),
                    Some(_) => format!("no way leads from '{name}' to the exit '{exit}'"),
                });
            }
        }
        mistakes
    }

    fn reached(&self, start: usize, ends: impl Fn(&EdgeShape) -> (usize, usize)) -> HashSet<usize> {
        let mut reached = HashSet::from([start]);
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            let next = self
                .edges
                .iter()
                .map(&ends)
                .filter(|(from, _)| *from == node);
            open.extend(next.map(|(_, to)| to).filter(|to| reached.insert(*to)));
        }
        reached
    }

    /// A cycle without a limit.
    fn endless(&self) -> Option<String> {
        match self.step_limit {
            Some(0) => Some("a step limit of 0 lets no node run".to_owned()),
            Some(_) => None,
            None => {
                let on_cycle = (0..self.nodes.len()).find(|node| {
                    let mut after = self.edges_from(*node);
                    after.any(|next| {
                        self.reached(next, |edge| (edge.from, edge.to))
                            .contains(node)
                    })
                })?;
                Some(format!(
                    "the edges form a cycle through '{}', and there is no step limit",
                    self.node_name(on_cycle)
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Graph, Node, Result, agent, branch};

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
    fn a_cycle_without_a_way_out_or_a_limit_is_refused() {
        let message = refused(|graph, [a, b, _]| {
            graph.edge(a, b).edge(b, a);
        });
        assert!(
            message.contains("no way leads from 'a' to the exit 'c'"),
            "{message}"
        );
        assert!(
            message.contains("a cycle through 'a', and there is no step limit"),
            "{message}"
        );
    }

    #[test]
    fn a_step_limit_of_nothing_is_refused() {
        let message = refused(|graph, [a, b, c]| {
            graph.edge(a, b).edge(b, c).step_limit(0);
        });
        assert!(message.contains("a step limit of 0"), "{message}");
    }

    #[test]
    fn a_branch_that_can_lead_away_from_the_exit_is_refused() {
        let message = refused(|graph, [a, b, c]| {
            let lost = graph.node("lost", agent(step));
            let which = branch!(graph, "which", |x: u32| match x {
                0 => c(x),
                _ => lost(x),
            });
            graph.edge(a, b).edge(b, which);
        });
        assert!(message.contains("'lost' leads nowhere"), "{message}");
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
            graph.node("x:y", agent(step));
        });
        assert!(message.contains("two nodes are named 'a'"), "{message}");
        assert!(message.contains("'x/y' is no name"), "{message}");
        assert!(message.contains("'x:y' is no name"), "{message}");
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
}
