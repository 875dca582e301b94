//! What goes wrong, for a person.

use std::{
    any::Any,
    cell::Cell,
    error::Error as StdError,
    fmt,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Once,
};

use catena_core::{Error, Result};

const MEND: &str = "check that the disk is neither full nor read-only; if that is not it, \
                    `catena memory reindex` makes the index anew, or delete the folder: it is built \
                    again from its archive, and nothing is lost";

/// What the system says where it is at fault and not the folder: making the index anew would not help. The library
/// tells it as text.
const PASSING: [&str; 6] = [
    "Cannot allocate memory",
    "Too many open files",
    "Permission denied",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
];

/// The cause of an error that damage of the folder may explain; no other error has one of this type.
#[derive(Debug)]
struct Damage(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Damage {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Whether damage of the folder may explain an error.
pub(crate) fn is_damage(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<Damage>())
}

/// Something in the folder is not what was written there.
pub(crate) fn damaged(what: String) -> Error {
    Error::other(format!("the vector index is damaged: {what}"))
        .with_help("`catena memory reindex` makes it anew from its archive, and nothing is lost")
        .with_source(Damage(what.into()))
}

/// Something could not be done with the index of `folder`.
pub(crate) fn failed(
    folder: &Path,
    what: &str,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    let cause = cause.into();
    let text = cause.to_string();
    let folder = folder.display();
    let error = Error::other(format!(
        "the vector index in {folder} could not {what}: {text}"
    ))
    .with_help(MEND);
    match PASSING.iter().any(|passing| text.contains(passing)) {
        true => error.with_source(cause),
        false => error.with_source(Damage(cause)),
    }
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
