//! `catena patent`: from an inventor's notes to a complete patent draft.

mod check;
mod claims;
mod everything;
mod init;
mod input;
mod output;
mod render;
mod report;
mod score;
mod write;

pub(crate) use write::{RUN, resume};

use crate::{GOES_ON, args::Patent, config::Config, failure::Failure, interruptible};

pub(crate) async fn run(patent: Patent, config: &Config) -> Result<(), Failure> {
    let nothing = "nothing was written";
    match patent {
        Patent::Init(args) => interruptible(init::init(args), GOES_ON).await,
        Patent::Check(args) => interruptible(blocking(move || check::check(&args)), nothing).await,
        Patent::Score(args) => interruptible(score::score(args, config), nothing).await,
        Patent::Render(args) => {
            interruptible(blocking(move || render::render(&args)), nothing).await
        }
        Patent::Report(args) => {
            interruptible(blocking(move || report::report(&args)), nothing).await
        }
        // These handle Ctrl-C themselves: they have something to keep.
        Patent::Write(args) => write::write(*args, config).await,
        Patent::Redo(args) => write::redo(*args, config).await,
        Patent::Claims(args) => claims::claims(*args, config).await,
    }
}

/// Work that takes long without waiting for anything, so that Ctrl-C is heard meanwhile.
async fn blocking(
    work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::new(format!("it broke off: {error}"))),
    }
}
