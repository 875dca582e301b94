//! Random graphs on random schedules, against a reference that knows nothing of the runtime.
//!
//! Each seed makes a case: a graph of agents, branches, cycles, maps, folds and graphs within,
//! with failures, failure policies and budgets, and latencies that decide what happens when. It is
//! run undisturbed, and again cancelled, dropped and killed at random moments and resumed. What
//! came of it is held against a simple interpreter: the output, the order of lists, which calls
//! were made and which were not, the gaps, the failure; and no instant may exceed the budget.
//!
//! - `CATENA_CASES=10000` sets how many seeds are tried (from 0);
//! - `CATENA_SEED=17` tries one, and prints its graph.

#![allow(missing_docs)]

mod attempt;
mod books;
mod build;
mod found;
mod generate;
mod judge;
mod leaf;
mod model;
mod outside;
mod reference;
mod rng;
mod spec;
mod story;
mod trial;
mod value;
mod worlds;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use catena::Agent;

use outside::Outside;
use spec::Case;

/// How many cases are tried when nothing else is said.
const CASES: u64 = 10_000;

/// So many failures are enough.
const ENOUGH: usize = 40;

#[test]
fn random_graphs_on_random_schedules_do_what_the_reference_says() {
    if let Some(seed) = number("CATENA_SEED") {
        let case = generate::case(seed);
        println!("{}", describe(&case));
        attempt::TELL.store(true, Ordering::Relaxed);
        let wrong = tried(&case);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        return;
    }
    let cases = number("CATENA_CASES").unwrap_or(CASES);
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().map_or(2, usize::from);
    quiet_panics();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= cases || failures.lock().unwrap().len() >= ENOUGH {
                        return;
                    }
                    let case = generate::case(seed);
                    let wrong = tried(&case);
                    if !wrong.is_empty() {
                        failures.lock().unwrap().push((case, wrong));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|(case, _)| case.job.size());
    let Some((smallest, wrong)) = failures.first() else {
        return;
    };
    let others: Vec<_> = failures
        .iter()
        .map(|(case, wrong)| format!("{}: {}", case.seed, wrong[0]))
        .collect();
    panic!(
        "{} cases went wrong:\n{}\n\nthe smallest has CATENA_SEED={}:\n{}\n{}",
        failures.len(),
        others.join("\n"),
        smallest.seed,
        wrong.join("\n"),
        describe(smallest),
    );
}

/// What is wrong with a case; a panic of the test itself is too.
fn tried(case: &Case) -> Vec<String> {
    catch_unwind(AssertUnwindSafe(|| trial::mistakes(case))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        vec![format!("the test panicked: {text:?}")]
    })
}

fn describe(case: &Case) -> String {
    let outside = Arc::new(Outside::new(case, 0));
    let shape = build::job::<u64, Vec<u64>>(&case.job, &outside)
        .inside()
        .graph;
    let picture = shape.map(|shape| shape.mermaid()).unwrap_or_default();
    format!("{case:#?}\n{picture}")
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

/// Agents panic on purpose, thousands of times.
fn quiet_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref() != Some(&"it panics") {
            usual(info);
        }
    }));
}
