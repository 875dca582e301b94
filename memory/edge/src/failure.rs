//! What goes wrong, for a person.

use std::{any::Any, error::Error as StdError, path::Path};

use catena_core::Error;

const MEND: &str = "check that the disk is neither full nor read-only; if that is not it, delete the \
                    folder: the index is built again from its archive, and nothing is lost";

/// Something could not be done with the index of `folder`.
pub(crate) fn failed(
    folder: &Path,
    what: &str,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    let cause = cause.into();
    let folder = folder.display();
    Error::other(format!(
        "the vector index in {folder} could not {what}: {cause}"
    ))
    .with_help(MEND)
    .with_source(cause)
}

/// As [`failed`], for what a panic left. The library panics where others return an error: on a full
/// disk, for one.
pub(crate) fn panicked(folder: &Path, what: &str, payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    failed(folder, what, text.unwrap_or("it panicked"))
}
