//! What may be an agent.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use catena_core::{Agent, Context, Graph, Result, agent};

use crate::{double, run, show};

type Shared = Arc<dyn Agent<Input = u32, Output = String>>;

#[tokio::test]
async fn shared_agents_are_chosen_when_the_program_runs() {
    struct Shout;

    #[async_trait::async_trait]
    impl Agent for Shout {
        type Input = u32;
        type Output = String;

        async fn run(&self, x: u32, _cx: &Context) -> Result<String> {
            Ok(format!("{x}!"))
        }
    }

    let boxed: Box<dyn Agent<Input = u32, Output = String>> = Box::new(Shout);
    let agents: [Shared; 2] = [Arc::new(agent(show)), Arc::from(boxed)];
    for (chosen, expected) in agents.into_iter().zip([["1", "2"], ["1!", "2!"]]) {
        let mut graph = Graph::builder("shared");
        let all = graph.map("all", 2, chosen.clone());
        let graph = graph.build(all, all).unwrap();
        assert_eq!(run(graph, vec![1, 2]).await, expected);
        assert_eq!(run(chosen, 1).await, expected[0]);
    }
}

#[tokio::test]
async fn functions_pointers_and_closures_that_clone_what_they_hold() {
    let greeting = "hello ".to_owned();
    let seen = Arc::new(AtomicU32::new(0));
    let greet = agent(move |name: String, _cx: Context| {
        let greeting = greeting.clone();
        async move { Ok(greeting + &name) }
    });
    let count = Arc::clone(&seen);
    let counted = agent(move |text: String, _cx: Context| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(text))
    });
    let pointer: fn(String, Context) -> std::future::Ready<Result<usize>> =
        |text, _cx| std::future::ready(Ok(text.len()));

    let mut graph = Graph::builder("functions");
    let greet = graph.node("greet", greet);
    let counted = graph.node("counted", counted);
    let length = graph.node("length", agent(pointer));
    graph.edge(greet, counted).edge(counted, length);
    let graph = graph.build(greet, length).unwrap();
    assert_eq!(run(graph, "Ada".to_owned()).await, 9);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_lock_that_ends_before_the_call() {
    static TOTAL: Mutex<u32> = Mutex::new(0);

    let add = agent(|x: u32, cx: Context| async move {
        let total = {
            let mut total = TOTAL.lock().unwrap();
            *total += x;
            *total
        };
        cx.random().await?;
        Ok(total)
    });
    assert_eq!(run(add, 3).await, 3);
}

#[tokio::test]
async fn an_agent_borrows_its_context_and_runs_another_inside() {
    struct Twice<A>(A);

    #[async_trait::async_trait]
    impl<A: Agent<Input = u32, Output = u32>> Agent for Twice<A> {
        type Input = u32;
        type Output = u32;

        async fn run(&self, x: u32, cx: &Context) -> Result<u32> {
            let once = self.0.run(x, cx).await?;
            self.0.run(once, cx).await
        }
    }

    assert_eq!(run(Twice(Twice(agent(double))), 1).await, 16);
}
