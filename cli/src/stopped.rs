//! Why a run stopped before its end, and how it goes on.

use catena_core::{Error, RunId};

use crate::{
    failure::{Failure, INTERRUPTED},
    reading::as_usage,
};

/// The failure for a run that ended with `error`. `before` is what else there is to say to somebody who
/// interrupted it.
pub(crate) fn stopped(error: Error, id: &RunId, recorded: bool, before: &str) -> Failure {
    let (cancelled, budget) = (error.is_cancelled(), error.is_budget_exceeded());
    // Of these, going on is not what helps.
    let hopeless = error.is_journal() || error.is_divergence() || is_empty_answer(&error);
    let failure = match cancelled {
        true => Failure::new("interrupted").code(INTERRUPTED),
        false => as_usage(error),
    };
    if !recorded {
        return match cancelled {
            true => failure.help("without a record it cannot go on: leave --no-journal away"),
            false => failure,
        };
    }
    let resume = format!("catena runs resume {id}");
    match () {
        () if cancelled => failure.help(format!("{before}`{resume}` goes on where it stopped")),
        () if budget => failure.also(format!(
            "`{resume}` with a larger budget goes on where it stopped"
        )),
        () if hopeless || failure.is_usage() => failure,
        () => failure.also(format!("`{resume}` goes on where it stopped")),
    }
}

/// Whether a run failed at an answer without a word. The call that gave it is recorded, and would not be made
/// again.
pub(crate) fn is_empty_answer(error: &Error) -> bool {
    (error.is_malformed_output() || error.is_refused()) && error.call().is_none()
}

/// The failure for a record whose settings or input cannot be read.
pub(crate) fn of_another_program(id: &RunId, error: &serde_json::Error) -> Failure {
    Failure::usage(format!("run {id} is one of another program: {error}"))
        .help("resume it with the program that began it")
}
