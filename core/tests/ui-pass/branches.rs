//! What an arm may look like, and where it may lead.

use catena_core::{Context, Fold, Graph, Result, Step, agent, branch};
use serde::{Deserialize, Serialize};

use crate::{double, run, show};

#[derive(Serialize, Deserialize)]
enum Verdict {
    Good(String),
    Bad { text: String, mistakes: u32 },
    Silent,
    Late,
}

async fn keep(text: String, _cx: Context) -> Result<String> {
    Ok(text)
}

#[tokio::test]
async fn arms_have_guards_bindings_or_patterns_and_rests() {
    let mut graph = Graph::builder("review");
    let keep = graph.node("keep", agent(keep));
    let count = graph.node("count", agent(show));
    let mend = graph.node(
        "mend",
        agent(|(text, mistakes): (String, u32), _cx| async move {
            Ok(text + &"?".repeat(mistakes as usize))
        }),
    );
    let end = graph.node(
        "end",
        agent(|text: String, _cx| async move { Ok(text + ".") }),
    );
    let least = 2;
    let verdict = branch!(graph, "verdict", |verdict: Verdict| match verdict {
        Verdict::Good(text) if text.is_empty() => count(0),
        Verdict::Good(text) => keep(text),
        Verdict::Bad { mistakes, .. } if mistakes > least => count(mistakes),
        Verdict::Bad {
            text,
            mistakes: few @ 1..=2,
        } => mend((text, few)),
        Verdict::Bad { text, .. } => keep({
            let quoted = format!("'{text}'");
            quoted
        }),
        Verdict::Silent | Verdict::Late => count(u32::MAX),
    });
    graph.edge(keep, end).edge(count, end).edge(mend, end);
    let graph = graph.build(verdict, end).unwrap();

    let bad = |mistakes| Verdict::Bad {
        text: "b".to_owned(),
        mistakes,
    };
    for (verdict, expected) in [
        (Verdict::Good(String::new()), "0."),
        (Verdict::Good("a".to_owned()), "a."),
        (bad(3), "3."),
        (bad(2), "b??."),
        (bad(0), "'b'."),
        (Verdict::Silent, "4294967295."),
        (Verdict::Late, "4294967295."),
    ] {
        assert_eq!(run(graph.clone(), verdict).await, expected);
    }
}

#[tokio::test]
async fn arms_lead_to_every_kind_of_node_with_what_each_takes() {
    let mut graph = Graph::builder("spread");
    let each = graph.map("each", 2, agent(double));
    let sum = graph.fold(
        "sum",
        agent(|step: Step<u32, u32>, _cx| async move { Ok(step.state + step.item) }),
    );
    let total = graph.node(
        "total",
        agent(|all: Vec<u32>, _cx| async move { Ok(all.iter().sum::<u32>()) }),
    );
    let end = graph.node("end", agent(show));
    // An arm may lead to another branch.
    let small = branch!(graph, "small", |x: u32| match x {
        0..10 => end(x),
        x => each(vec![x; 2]),
    });
    let size = branch!(graph, "size", |pair: (u32, bool)| match pair {
        (x, true) => sum(Fold {
            state: 1,
            items: vec![x, x]
        }),
        (x, false) => small(x),
    });
    graph.edge(each, total).edge(total, end).edge(sum, end);
    let graph = graph.build(size, end).unwrap();
    assert_eq!(run(graph.clone(), (7, false)).await, "7");
    assert_eq!(run(graph.clone(), (10, false)).await, "40");
    assert_eq!(run(graph, (7, true)).await, "15");
}

#[tokio::test]
async fn a_branch_with_one_arm_and_a_branch_on_nothing_at_all() {
    let mut graph = Graph::builder("plain");
    let double = graph.node("double", agent(double));
    let one = branch!(graph, "one", |nothing: ()| match nothing {
        () => double(21),
    });
    let graph = graph.build(one, double).unwrap();
    assert_eq!(run(graph, ()).await, 42);
}

#[tokio::test]
async fn a_branch_leads_back_until_its_value_is_right() {
    let mut graph = Graph::builder("grow");
    let double = graph.node("double", agent(double));
    let show = graph.node("show", agent(show));
    let large = branch!(graph, "large", |x: u32| match x {
        100.. => show(x),
        _ => double(x),
    });
    graph.edge(double, large).step_limit(7);
    let graph = graph.build(double, show).unwrap();
    assert_eq!(run(graph, 1).await, "128");
}
