//! What goes wrong, for a person.

use std::{
    any::Any,
    cell::Cell,
    error::Error as StdError,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Once,
};

use catena_core::{Error, Result};

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

thread_local! {
    /// Whether this thread is in a call of the library, whose panics become errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library, which panics where others return an error (on damaged files, on a full disk), and
/// makes an error of that. A panic that is caught is told once, as that error: without the message and the
/// trace that a program's hook prints for it, which is why there is a hook before the program's own.
///
/// A panic on a thread that the library started itself is printed all the same.
pub(crate) fn caught<T>(folder: &Path, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                usual(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    done.unwrap_or_else(|payload| Err(panicked(folder, what, &*payload)))
}

/// As [`failed`], for what a panic left.
fn panicked(folder: &Path, what: &str, payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    failed(folder, what, text.unwrap_or("it panicked"))
}
