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
mod warnings;

use std::process::ExitCode;

use clap::Parser;

use self::{
    args::{Args, Command, Memory, Models},
    failure::{Failure, INTERRUPTED},
};

/// What an interrupted command that keeps its work has to say.
const GOES_ON: &str = "the same command goes on where it stopped";

fn main() -> ExitCode {
    let args = Args::parse();
    warnings::tell();
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
            Command::Memory(
                moving @ (Memory::Read(_) | Memory::Export { .. } | Memory::Import { .. }),
            ) => memory::run(moving, &config).await,
            Command::Memory(memory) => {
                let told = memory::interrupted(&memory);
                interruptible(memory::run(memory, &config), told).await
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
