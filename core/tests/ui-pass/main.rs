//! What is legal next to the mistakes in `tests/ui`: it compiles, `build` takes it, and it runs.

#![allow(missing_docs)]

mod agents;
mod branches;
mod joins;
mod nesting;
mod payloads;

use catena_core::{Agent, Context, Result, Run, RunOptions};

/// What `agent` returns for `input`.
async fn run<A: Agent>(agent: A, input: A::Input) -> A::Output {
    let run = Run::start(agent, input, RunOptions::new("legal"));
    run.outcome().await.unwrap().output
}

async fn double(x: u32, _cx: Context) -> Result<u32> {
    Ok(x * 2)
}

async fn show(x: u32, _cx: Context) -> Result<String> {
    Ok(x.to_string())
}
