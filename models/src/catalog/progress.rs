//! What a pull tells while it runs.

use std::{fmt, path::PathBuf};

/// One step of [`Catalog::ensure`](super::Catalog::ensure), for drawing a progress bar.
///
/// Byte counts are of the model's file, from its beginning, whatever was already there: they never
/// start again at 0 for a second source unless what had been fetched was of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process (or task) pulls the same model; this one waits for it to end.
    Waiting,
    /// A source is being tried.
    Trying {
        /// Which kind of source.
        source: SourceKind,
        /// What is asked of it: a path, an address, a package.
        what: String,
    },
    /// A source did not have the file, and the next one is tried.
    Skipped {
        /// Which kind of source.
        source: SourceKind,
        /// Why, for a person.
        reason: String,
    },
    /// One of several parts is being fetched; [`Downloading`](Self::Downloading) follows.
    Part {
        /// The name of the part.
        name: String,
        /// Which part it is, from 1.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Bytes arrive.
    Downloading {
        /// Bytes of the file that are here.
        done: u64,
        /// Bytes of the whole file, if known.
        total: Option<u64>,
    },
    /// Bytes that are here already (a file, its beginning or a part of it) are being unpacked or hashed.
    Verifying {
        /// Bytes done.
        done: u64,
        /// Bytes to do.
        total: u64,
    },
    /// The file is here and verified.
    Done {
        /// Where.
        path: PathBuf,
    },
}

/// Where a file may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// The cache folder: pulled before.
    Cache,
    /// A folder of the search path (`CATENA_MODEL_PATH`).
    Local,
    /// The Hugging Face hub, or a mirror of it (`HF_ENDPOINT`).
    Hub,
    /// Python packages, fetched with pip.
    Pip,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cache => "the cache",
            Self::Local => "local folder",
            Self::Hub => "Hugging Face hub",
            Self::Pip => "Python packages",
        })
    }
}

/// The caller's callback, as the sources see it.
pub(super) type Report<'a> = &'a mut (dyn FnMut(Progress) + Send);
