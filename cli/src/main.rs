//! `catena`: questions and summaries over documents of any length, answered by a local model.

#![forbid(unsafe_code)]

// First, since all others say something with its macros.
#[macro_use]
mod terminal;

mod args;
mod boxed;
mod chat;
mod config;
mod data;
mod evals;
mod failure;
mod fix;
mod grid;
mod journal;
mod measured;
mod memory;
mod memory_evals;
mod model;
mod models;
mod output_file;
mod patent;
mod patent_evals;
mod progress;
mod reading;
mod remote;
mod repair_evals;
mod report;
mod requests;
mod runs;
mod signals;
mod stopped;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use self::{
    args::{Args, Command, Memory, Models},
    failure::{Failure, INTERRUPTED},
};

/// What an interrupted command that keeps its work has to say.
const GOES_ON: &str = "the same command goes on where it stopped";

fn main() -> ExitCode {
    let args = Args::parse();
    tell_warnings();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return Failure::new(format!("the runtime cannot be started: {error}")).report();
        }
    };
    let json = args.command.is_json();
    let result = runtime.block_on(execute(args));
    // An engine in the middle of a token must not delay the end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if json => failure.report_json(),
        Err(failure) => failure.report(),
    }
}

/// Has what the library warns of told on standard error; what others have to say is not for a user.
fn tell_warnings() {
    let ours = Targets::new().with_target("catena", LevelFilter::WARN);
    let told = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_filter(ours);
    // There is no other: this is the first thing that is done.
    let _ = tracing_subscriber::registry().with(told).try_init();
}

async fn execute(args: Args) -> Result<(), Failure> {
    let config = config::Config::load(args.config.as_deref())?;
    let work = async {
        match args.command {
            // These handle Ctrl-C themselves: they have something to keep.
            Command::Ask(ask) => reading::ask(ask, &config).await,
            Command::Summarize(summarize) => reading::summarize(summarize, &config).await,
            Command::Chat(chat) => chat::chat(chat, &config).await,
            Command::Fix(args) => fix::fix(args, &config).await,
            Command::Patent(patent) => patent::run(patent, &config).await,
            Command::Memory(reading @ (Memory::Read(_) | Memory::Import { .. })) => {
                memory::run(reading, &config).await
            }
            Command::Memory(memory) => {
                interruptible(memory::run(memory, &config), memory::INTERRUPTED).await
            }
            Command::Runs(runs) => runs::run(runs, &config).await,
            Command::Models(bench @ Models::Bench { .. }) => {
                interruptible(models::run(bench, &config), "nothing is kept of it").await
            }
            Command::Models(models) => interruptible(models::run(models, &config), GOES_ON).await,
            Command::Eval(eval) => interruptible(evals::run(eval, &config), GOES_ON).await,
        }
    };
    work.await
}

/// Runs `work` until Ctrl-C; what it fetched or finished by then is kept by itself.
async fn interruptible(
    work: impl Future<Output = Result<(), Failure>>,
    help: &str,
) -> Result<(), Failure> {
    tokio::select! {
        // Listens before the work begins.
        biased;
        () = signals::end() => {
            Err(Failure::new("interrupted").help(help).code(INTERRUPTED))
        }
        result = work => result,
    }
}
