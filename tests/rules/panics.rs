//! Rule 6: no panic crosses a node.

use std::sync::Arc;

use async_trait::async_trait;
use catena::{
    Agent, ChatModel, ChatRequest, ChatStream, Context, Delta, Error, Fold, Graph, ModelProfile,
    Result, Retry, Run, RunOptions, Step, TokenCounter, WordCounter, agent, branch, on_failure,
};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize, Serializer};

use crate::support::{alone, mapped, say};

#[derive(Debug)]
pub(crate) struct PanickingModel {
    profile: ModelProfile,
    /// Whether a piece of the answer comes first.
    late: bool,
}

impl PanickingModel {
    pub(crate) fn new(late: bool) -> Self {
        Self {
            profile: ModelProfile::new("panicking", 1000),
            late,
        }
    }
}

#[async_trait]
impl ChatModel for PanickingModel {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream> {
        assert!(self.late, "no answer");
        let first = stream::iter([Ok(Delta::Text("well ".to_owned()))]);
        Ok(first
            .chain(stream::once(async { panic!("half an answer") }))
            .boxed())
    }
}

/// Runs `agent`, which panics at `path` and says `why`; the run ends in words, and so does the test.
async fn panics<A: Agent>(agent: A, input: A::Input, path: &str, why: &str) {
    let run = Run::start(agent, input, RunOptions::new("run"));
    let Err(error) = run.outcome().await else {
        panic!("it did not fail");
    };
    assert!(error.is_panicked(), "{path}: {error:?}");
    assert_eq!(error.to_string(), format!("{path}: a node panicked: {why}"));
    assert!(error.spent().is_some());
}

fn panic_with(why: &str) -> Error {
    panic!("{why}")
}

async fn bad(x: u8, _cx: Context) -> Result<u8> {
    assert!(x > 200, "x is {x}");
    Ok(x)
}

#[tokio::test]
async fn in_an_agent() {
    panics(agent(bad), 3, "run", "x is 3").await;
    panics(alone("bad", agent(bad)), 3, "run/bad", "x is 3").await;
}

#[tokio::test]
async fn in_an_item_of_a_map() {
    let items = vec![250, 3, 251];
    panics(mapped("bad", 2, agent(bad)), items, "run/bad[1]", "x is 3").await;
}

#[tokio::test]
async fn in_a_step_of_a_fold() {
    let mut graph = Graph::builder("g");
    let bad = graph.fold(
        "bad",
        agent(|step: Step<u8, u8>, _cx| async move {
            assert!(step.index != 2, "third");
            Ok(step.state)
        }),
    );
    let graph = graph.build(bad, bad).unwrap();
    let input = Fold {
        state: 0,
        items: vec![1, 2, 3],
    };
    panics(graph, input, "run/bad[2]", "third").await;
}

#[tokio::test]
async fn in_the_choice_of_a_branch() {
    let mut graph = Graph::builder("g");
    let end = graph.node("end", agent(bad));
    let which = branch!(graph, "which", |x: u8| match x {
        x if x / (x - 3) > 0 => end(x),
        _ => end(x),
    });
    let graph = graph.build(which, end).unwrap();
    panics(graph, 3, "run/which", "attempt to divide by zero").await;
}

#[tokio::test]
async fn in_a_nested_graph() {
    let graph = alone("outer", mapped("inner", 2, alone("bad", agent(bad))));
    panics(graph, vec![3], "run/outer/inner[0]/bad", "x is 3").await;
}

#[tokio::test]
async fn in_what_fills_a_gap_and_in_what_judges_an_error() {
    let fails = || agent(|_: u8, _cx: Context| async { Err::<u8, _>(Error::other("no")) });
    let skip = on_failure(fails()).skip(|gap| panic!("cannot fill {}", gap.path));
    panics(alone("bad", skip), 3, "run/bad", "cannot fill run/bad").await;
    let retry = on_failure(fails()).retry(Retry::times(1).when(|error| panic!("saw {error}")));
    panics(alone("bad", retry), 3, "run/bad", "saw run/bad: no").await;
}

#[tokio::test]
async fn in_a_model_before_and_in_the_middle_of_its_answer() {
    for (late, why) in [(false, "no answer"), (true, "half an answer")] {
        let model = Arc::new(PanickingModel::new(late));
        let ask = agent(move |text: String, cx: Context| {
            let model = Arc::clone(&model);
            async move { Ok(cx.chat(&*model, say(text)).await?.text) }
        });
        panics(alone("ask", ask), "x".to_owned(), "run/ask", why).await;
    }
}

#[tokio::test]
async fn in_a_tool() {
    let work = agent(|x: u8, cx: Context| async move {
        let broken = async { Err(panic_with("broken")) };
        cx.tool::<u8>("hammer", &x, broken).await
    });
    panics(alone("work", work), 3, "run/work", "broken").await;
}

/// Panics when it is written down.
#[derive(Deserialize)]
struct Shy;

impl Serialize for Shy {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("do not look")
    }
}

#[tokio::test]
async fn in_the_writing_of_what_an_agent_tells() {
    let tell = agent(|(): (), cx: Context| async move {
        cx.note("shy", &Shy);
        Ok(())
    });
    panics(alone("tell", tell), (), "run/tell", "do not look").await;
}

#[tokio::test]
async fn in_the_writing_of_input_and_output() {
    let give = agent(|(): (), _cx: Context| async move { Ok(Shy) });
    let options = || RunOptions::new("run").journal(crate::support::memory());
    let run = Run::start(alone("give", give), (), options());
    let error = run.outcome().await.err().unwrap();
    assert!(error.is_panicked(), "{error:?}");

    let take = agent(|_: Shy, _cx: Context| async move { Ok(()) });
    let run = Run::start(alone("take", take), Shy, options());
    let error = run.outcome().await.err().unwrap();
    assert!(error.is_panicked(), "{error:?}");
}
