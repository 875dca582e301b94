//! `catena memory export` and `catena memory import`.

use std::{
    future,
    io::{self, BufWriter},
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use catena_memory::{Archive, Imported, Memory, Namespace, NamespaceId, check_export};
use serde_json::json;

use super::{
    Fresh, Place,
    open::{known_archive, known_namespace, open},
    text::memories,
};
use crate::{
    args::{ArchiveFile, Store},
    config::Config,
    failure::{Failure, INTERRUPTED},
    output_file::OutputFile,
    signals,
    terminal::{Printer, print},
};

pub(super) async fn write(
    file: &ArchiveFile,
    namespace: Option<&Namespace>,
    output: Option<&Path>,
    config: &Config,
) -> Result<(), Failure> {
    let archive =
        known_archive(file, config)?.ok_or_else(|| Failure::usage("nothing is remembered yet"))?;
    let namespace = match namespace {
        Some(namespace) => Some(known_namespace(&archive, namespace).await?),
        None => None,
    };
    match output {
        Some(path) => {
            let end = pin!(async {
                // Where no signal can be heard, none ends it.
                if tokio::signal::ctrl_c().await.is_err() {
                    future::pending::<()>().await;
                }
            });
            match export(&archive, namespace, path, end).await? {
                Some(count) => print(&exported(count, path)),
                None => return Err(Failure::new("interrupted").code(INTERRUPTED)),
            }
        }
        None => {
            archive.export(namespace, BufWriter::new(Printer)).await?;
        }
    }
    Ok(())
}

/// Writes a namespace, or all of them, to a file that must not be there yet; how many memories, or nothing
/// where `end` came before the end, and then there is no file.
pub(crate) async fn export(
    archive: &Archive,
    namespace: Option<NamespaceId>,
    path: &Path,
    end: impl Future<Output = ()> + Unpin,
) -> Result<Option<u64>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let file = Stoppable {
        out: BufWriter::new(OutputFile::private(path)?),
        stop: Arc::clone(&stop),
    };
    let mut writing = pin!(archive.export(namespace, file));
    let (count, file) = tokio::select! {
        biased;
        () = end => {
            stop.store(true, Ordering::Relaxed);
            // It takes its temporary file along.
            let _ = writing.await;
            return Ok(None);
        }
        written = &mut writing => written?,
    };
    // It was flushed by then, so there is nothing that taking it out could fail to write.
    let (file, _) = file.out.into_parts();
    file.finish()?;
    Ok(Some(count))
}

/// Writes until somebody stops it.
struct Stoppable<W> {
    out: W,
    stop: Arc<AtomicBool>,
}

impl<W: io::Write> io::Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("stopped")),
            false => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(crate) fn exported(count: u64, path: &Path) -> String {
    let count = memories(count);
    format!("{count} written to {}\n", path.display())
}

pub(super) async fn read(
    store: &Store,
    file: &Path,
    namespace: Option<&Namespace>,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    is_there(file)?;
    // What cannot be taken over is to leave no archive and no conversation behind.
    if check_export(file, namespace.is_none())? == 0 {
        return tell(Imported::default(), false, json);
    }
    let place = Place::of(store, config)?;
    let fresh = Fresh::of(&place);
    let taken = take(&place, file, namespace, json, config).await;
    if !matches!(taken, Ok((done, _)) if done.added > 0) {
        fresh.discard_if_empty().await;
    }
    let (done, interrupted) = taken?;
    tell(done, interrupted, json)?;
    match interrupted {
        true => Err(Failure::new("interrupted").code(INTERRUPTED).told()),
        false => Ok(()),
    }
}

/// Opens the memory, and imports until somebody presses Ctrl-C; whether somebody did.
async fn take(
    place: &Place,
    file: &Path,
    namespace: Option<&Namespace>,
    json: bool,
    config: &Config,
) -> Result<(Imported, bool), Failure> {
    let mut end = pin!(signals::end());
    let memory = tokio::select! {
        biased;
        () = &mut end => return Ok((Imported::default(), true)),
        memory = open(place, config, json) => memory?,
    };
    let into = match namespace {
        Some(namespace) => Some(memory.namespace(namespace).await?),
        None => None,
    };
    let done = import(&memory, file, into, end.as_mut()).await;
    if let Some(id) = into {
        memory.archive().forget_unused(id).await?;
    }
    done
}

fn tell(done: Imported, interrupted: bool, json: bool) -> Result<(), Failure> {
    match json {
        true => print(&format!("{:#}\n", json!(done))),
        false => print(&imported(done, interrupted)),
    }
    Ok(())
}

/// Refuses what is no file: a pipe might never end, nor a device.
fn is_there(file: &Path) -> Result<(), Failure> {
    let name = file.display();
    let wrong = match file.metadata() {
        Ok(it) if it.is_file() => return Ok(()),
        Ok(it) if it.is_dir() => format!("{name} is a folder"),
        Ok(_) => format!("{name} is not a regular file"),
        Err(_) if file == Path::new("-") => {
            "memories are not taken over from standard input".to_owned()
        }
        Err(_) => format!("there is no file {name}"),
    };
    Err(Failure::usage(wrong).help("name a file that `catena memory export` wrote"))
}

/// Takes over the memories of a file, and tells the index, until `end` comes; whether it came. What was taken
/// over by then stays.
pub(crate) async fn import(
    memory: &Memory,
    file: &Path,
    namespace: Option<NamespaceId>,
    mut end: impl Future<Output = ()> + Unpin,
) -> Result<(Imported, bool), Failure> {
    is_there(file)?;
    let stop = Arc::new(AtomicBool::new(false));
    let archive = memory.archive();
    let mut taking = pin!(archive.import_until(file, namespace, Arc::clone(&stop)));
    let done = tokio::select! {
        biased;
        () = &mut end => {
            stop.store(true, Ordering::Relaxed);
            return Ok((taking.await?, true));
        }
        done = &mut taking => done?,
    };
    let mut untold = |_: u64, _: u64| {};
    tokio::select! {
        biased;
        () = end => Ok((done, true)),
        synced = memory.sync(&mut untold) => {
            synced.map_err(|error| {
                let counts = imported(done, false);
                Failure::from(error).also(format!(
                    "{} in the archive; their vectors are made the next time that it is opened",
                    counts.trim_end()
                ))
            })?;
            Ok((done, false))
        }
    }
}

/// What was taken over, for a person.
pub(crate) fn imported(done: Imported, interrupted: bool) -> String {
    let counts = format!("{} added, {} were there", memories(done.added), done.merged);
    let rest = match (interrupted, done.stopped) {
        (false, _) => "",
        (true, true) => "; stopped: importing again goes on, and takes nothing twice",
        (true, false) => {
            "; stopped before all vectors were made, which is made up for the next time"
        }
    };
    format!("{counts}{rest}\n")
}

#[cfg(test)]
mod tests {
    use catena_memory::NewItem;

    use super::*;

    #[tokio::test]
    async fn an_export_that_is_stopped_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path().join("memory.db")).unwrap();
        let names = Namespace::new("me", "catena", "default");
        let id = archive.namespace(&names).await.unwrap();
        archive
            .remember(id, NewItem::turn("one", ""))
            .await
            .unwrap();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let (before, path) = (files(), folder.path().join("all.jsonl"));
        let stopped = export(&archive, None, &path, pin!(future::ready(()))).await;
        assert_eq!((stopped.unwrap(), files()), (None, before));
        let whole = export(&archive, None, &path, pin!(future::pending())).await;
        assert_eq!((whole.unwrap(), files()), (Some(1), before + 1));
    }
}
