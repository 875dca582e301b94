//! Pictures of graphs, and of runs: Mermaid and DOT.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    time::Duration,
};

use super::shape::{NodeKind, Shape};
use crate::{Event, EventKind, NodePath, Usage};

/// How a node of a run fared, over all its items, visits and attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    started: u64,
    finished: u64,
    /// Starts, or for a map and a fold the items.
    runs: u64,
    failed: bool,
    waits: bool,
    recovered: bool,
    usage: Usage,
    /// From its first start to its last end.
    from_us: Option<u64>,
    until_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Pending,
    Running,
    Done,
    Recovered,
    Waits,
    Failed,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Done,
        Self::Recovered,
        Self::Waits,
        Self::Failed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "unfinished",
            Self::Done => "done",
            Self::Recovered => "recovered",
            Self::Waits => "waits",
            Self::Failed => "failed",
        }
    }

    /// Fill and line: told apart by people who do not see red and green, too.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("#f4f4f4", "#999999"),
            Self::Running => ("#fff3bf", "#b08900"),
            Self::Done => ("#d3f0dc", "#2b7a3f"),
            Self::Recovered => ("#d0ebff", "#1864ab"),
            Self::Waits => ("#e5dbff", "#5f3dc4"),
            Self::Failed => ("#ffd6d6", "#b02a2a"),
        }
    }
}

impl Fate {
    fn state(&self) -> State {
        if self.failed {
            State::Failed
        } else if self.waits {
            State::Waits
        } else if self.started == 0 {
            State::Pending
        } else if self.finished < self.started {
            State::Running
        } else if self.recovered {
            State::Recovered
        } else {
            State::Done
        }
    }

    /// What a node's box says beside its name: its state, unless its colour says enough, how often
    /// it ran, its time and its tokens.
    fn caption(&self) -> String {
        let mut parts = Vec::new();
        match self.state() {
            State::Pending => return String::new(),
            State::Done => {}
            state => parts.push(state.name().to_owned()),
        }
        if self.runs != 1 {
            parts.push(format!("{}\u{d7}", self.runs));
        }
        if let Some(from) = self.from_us.filter(|from| self.until_us > *from) {
            let time = Duration::from_micros(self.until_us - from);
            parts.push(match time {
                time if time.as_secs() >= 10 => format!("{:.0} s", time.as_secs_f64()),
                time if time.as_millis() >= 10 => format!("{:.2} s", time.as_secs_f64()),
                time => format!("{:.1} ms", time.as_secs_f64() * 1e3),
            });
        }
        if self.usage.calls > 0 {
            parts.push(format!(
                "{}, {}",
                counted(self.usage.calls, "call"),
                counted(self.usage.tokens(), "token")
            ));
        }
        parts.join(", ")
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// What a run made of each node, by the names of the nodes from the root.
#[derive(Debug, Default)]
struct Fates(HashMap<String, Fate>);

impl Fates {
    fn of(events: &[Event]) -> Self {
        let mut fates = Self::default();
        for event in events {
            let plain = plain(&event.path);
            let is_item = event.path.as_str().ends_with(']');
            match &event.kind {
                EventKind::NodeStarted { items } => {
                    let fate = fates.at(&plain);
                    fate.from_us.get_or_insert(event.at_us);
                    if !is_item {
                        fate.started += 1;
                        fate.runs += items.map_or(1, |items| items as u64);
                    }
                }
                EventKind::NodeFinished => {
                    let fate = fates.at(&plain);
                    fate.until_us = fate.until_us.max(event.at_us);
                    if !is_item {
                        fate.finished += 1;
                        fate.waits = false;
                    }
                }
                EventKind::NodeFailed { .. } => {
                    let fate = fates.at(&plain);
                    fate.until_us = fate.until_us.max(event.at_us);
                    fate.failed = true;
                }
                EventKind::Recovered { .. } => {
                    let fate = fates.at(&plain);
                    fate.failed = false;
                    fate.recovered = true;
                }
                EventKind::Interrupted { .. } => {
                    fates.each_above(&plain, |fate| fate.waits = true);
                }
                EventKind::CallFinished { usage, .. } | EventKind::CallFailed { usage, .. } => {
                    let usage = *usage;
                    fates.each_above(&plain, |fate| fate.usage += usage);
                }
                EventKind::RunStarted { .. } => fates = Self::default(),
                _ => {}
            }
        }
        fates
    }

    fn at(&mut self, plain: &str) -> &mut Fate {
        self.0.entry(plain.to_owned()).or_default()
    }

    /// How a node fared; the one of a node that was not reached is empty.
    fn get(&self, plain: &str) -> Fate {
        self.0.get(plain).copied().unwrap_or_default()
    }

    fn each_above(&mut self, plain: &str, change: impl Fn(&mut Fate)) {
        let mut end = Some(plain.len());
        while let Some(at) = end {
            let above = plain.get(..at).unwrap_or_default();
            change(self.at(above));
            end = above.rfind('/');
        }
    }
}

/// The path without items, visits and attempts: `ask/chain[3]~2` is of `ask/chain`.
fn plain(path: &NodePath) -> String {
    path.as_str()
        .split('/')
        .map(|part| part.split(['[', '#', '~']).next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join("/")
}

impl Shape {
    /// As a [Mermaid](https://mermaid.js.org) flowchart.
    pub fn mermaid(&self) -> String {
        self.draw_mermaid(None)
    }

    /// As a graph in the language of [Graphviz](https://graphviz.org).
    pub fn dot(&self) -> String {
        self.draw_dot(None)
    }

    /// As a Mermaid flowchart coloured by what `events` tell of a run: which nodes are done,
    /// failed, wait or were not reached, with their times and tokens.
    pub fn mermaid_of(&self, events: &[Event]) -> String {
        self.draw_mermaid(Some(events))
    }

    /// The same in the language of Graphviz.
    pub fn dot_of(&self, events: &[Event]) -> String {
        self.draw_dot(Some(events))
    }

    fn draw_mermaid(&self, events: Option<&[Event]>) -> String {
        let fates = events.map(|events| (root(events), Fates::of(events)));
        let mut out = String::from("flowchart TD\n");
        let mut states: BTreeMap<State, Vec<String>> = BTreeMap::new();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    in(( )) --> n{}", self.entry);
        self.mermaid_nodes(
            &mut out,
            "n",
            1,
            &mut |node, path| {
                let (root, fates) = fates.as_ref()?;
                let fate = fates.get(&format!("{root}/{path}"));
                states
                    .entry(fate.state())
                    .or_default()
                    .push(node.to_owned());
                Some(fate.caption())
            },
            "",
        );
        let _ = writeln!(out, "    n{} --> out(( ))", self.exit);
        if fates.is_some() {
            for state in State::ALL {
                if let Some(nodes) = states.get(&state) {
                    let (fill, line) = state.colours();
                    let name = state.name();
                    let _ = writeln!(
                        out,
                        "    classDef {name} fill:{fill},stroke:{line},color:#111"
                    );
                    let _ = writeln!(out, "    class {} {name}", nodes.join(","));
                }
            }
        }
        out
    }

    fn mermaid_nodes(
        &self,
        out: &mut String,
        prefix: &str,
        depth: usize,
        caption: &mut dyn FnMut(&str, &str) -> Option<String>,
        above: &str,
    ) {
        let pad = "    ".repeat(depth);
        for (index, node) in self.nodes.iter().enumerate() {
            let id = format!("{prefix}{index}");
            let path = format!("{above}{}", node.name);
            let mut label = quoted(&node.name);
            if let Some(caption) = caption(&id, &path).filter(|caption| !caption.is_empty()) {
                label += &format!("<br/><small>{}</small>", quoted(&caption));
            }
            if !node.on_failure.is_empty() {
                label += &format!(
                    "<br/><small>{}</small>",
                    quoted(&node.on_failure.join(", "))
                );
            }
            let (open, close) = match node.kind {
                NodeKind::Agent => ("[", "]"),
                NodeKind::Map => ("[[", "]]"),
                NodeKind::Fold => ("[/", "/]"),
                NodeKind::Branch => ("{", "}"),
            };
            let _ = writeln!(out, "{pad}{id}{open}\"{label}\"{close}");
            if let Some(graph) = &node.graph {
                let _ = writeln!(out, "{pad}subgraph {id}g[\"{}\"]", quoted(&graph.name));
                graph.mermaid_nodes(
                    out,
                    &format!("{id}_"),
                    depth + 1,
                    caption,
                    &format!("{path}/"),
                );
                let _ = writeln!(out, "{pad}end");
                let _ = writeln!(out, "{pad}{id} -.- {id}_{}", graph.entry);
            }
        }
        for edge in &self.edges {
            let (from, to) = (edge.from, edge.to);
            let arm = match &edge.arm {
                Some(arm) => format!("|\"{}\"|", quoted(arm)),
                None => String::new(),
            };
            let _ = writeln!(out, "{pad}{prefix}{from} -->{arm} {prefix}{to}");
        }
    }

    fn draw_dot(&self, events: Option<&[Event]>) -> String {
        let fates = events.map(|events| (root(events), Fates::of(events)));
        let mut out = format!("digraph \"{}\" {{\n", escaped(&self.name));
        out += "    node [fontname=\"sans-serif\", style=filled, fillcolor=\"#ffffff\"];\n";
        out += "    in [shape=circle, label=\"\", width=0.2];\n";
        out += "    out [shape=doublecircle, label=\"\", width=0.15];\n";
        let _ = writeln!(out, "    in -> n{};", self.entry);
        self.dot_nodes(&mut out, "n", "", &fates);
        let _ = writeln!(out, "    n{} -> out;\n}}", self.exit);
        out
    }

    fn dot_nodes(
        &self,
        out: &mut String,
        prefix: &str,
        above: &str,
        fates: &Option<(String, Fates)>,
    ) {
        for (index, node) in self.nodes.iter().enumerate() {
            let id = format!("{prefix}{index}");
            let path = format!("{above}{}", node.name);
            let shape = match node.kind {
                NodeKind::Agent => "box",
                NodeKind::Map => "box3d",
                NodeKind::Fold => "parallelogram",
                NodeKind::Branch => "diamond",
            };
            let mut label = escaped(&node.name);
            let mut colour = String::new();
            if let Some((root, fates)) = fates {
                let fate = fates.get(&format!("{root}/{path}"));
                let caption = fate.caption();
                if !caption.is_empty() {
                    label += &format!("\\n{}", escaped(&caption));
                }
                let (fill, line) = fate.state().colours();
                colour = format!(", fillcolor=\"{fill}\", color=\"{line}\"");
            }
            if !node.on_failure.is_empty() {
                label += &format!("\\n{}", escaped(&node.on_failure.join(", ")));
            }
            let _ = writeln!(out, "    {id} [shape={shape}, label=\"{label}\"{colour}];");
            if let Some(graph) = &node.graph {
                let _ = writeln!(
                    out,
                    "    subgraph cluster_{id} {{ label=\"{}\";",
                    escaped(&graph.name)
                );
                graph.dot_nodes(out, &format!("{id}_"), &format!("{path}/"), fates);
                out.push_str("    }\n");
                let entry = graph.entry;
                let _ = writeln!(
                    out,
                    "    {id} -> {id}_{entry} [style=dotted, arrowhead=none];"
                );
            }
        }
        for edge in &self.edges {
            let arm = match &edge.arm {
                Some(arm) => format!(" [label=\"{}\"]", escaped(arm)),
                None => String::new(),
            };
            let _ = writeln!(
                out,
                "    {prefix}{} -> {prefix}{}{arm};",
                edge.from, edge.to
            );
        }
    }
}

/// The name of the run: the first part of all its paths.
fn root(events: &[Event]) -> String {
    events
        .first()
        .map_or(String::new(), |event| plain(&event.path))
}

/// Text inside of Mermaid's quotes.
fn quoted(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\n', " ")
}

/// Text inside of DOT's quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
