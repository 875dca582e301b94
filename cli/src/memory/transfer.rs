//! `catena memory export` and `catena memory import`.

use std::{io::BufWriter, path::Path};

use catena_memory::{Archive, Imported, Memory, Namespace, NamespaceId};
use serde_json::json;

use super::{
    Place,
    open::{known_archive, known_namespace, open},
    text::memories,
};
use crate::{
    args::{ArchiveFile, Store},
    config::Config,
    failure::Failure,
    output_file::OutputFile,
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
            let count = export(&archive, namespace, path).await?;
            print(&exported(count, path));
        }
        None => {
            archive.export(namespace, BufWriter::new(Printer)).await?;
        }
    }
    Ok(())
}

/// Writes a namespace, or all of them, to a file that must not be there yet; how many memories.
pub(crate) async fn export(
    archive: &Archive,
    namespace: Option<NamespaceId>,
    path: &Path,
) -> Result<u64, Failure> {
    let file = BufWriter::new(OutputFile::create(path)?);
    // It was flushed by then, so there is nothing that taking it out could fail to write.
    let (count, file) = archive.export(namespace, file).await?;
    let (file, _) = file.into_parts();
    file.finish()?;
    Ok(count)
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
    if !file.is_file() {
        return Err(
            Failure::usage(format!("there is no file {}", file.display()))
                .help("name a file that `catena memory export` wrote"),
        );
    }
    let memory = open(&Place::of(store, config)?, config, json).await?;
    let namespace = match namespace {
        Some(namespace) => Some(memory.namespace(namespace).await?),
        None => None,
    };
    let done = import(&memory, file, namespace).await?;
    match json {
        true => print(&format!("{:#}\n", json!(done))),
        false => print(&imported(done)),
    }
    Ok(())
}

/// Takes over the memories of a file, and tells the index.
pub(crate) async fn import(
    memory: &Memory,
    file: &Path,
    namespace: Option<NamespaceId>,
) -> Result<Imported, Failure> {
    let done = memory.archive().import(file, namespace).await?;
    memory.sync(&mut |_, _| {}).await?;
    Ok(done)
}

pub(crate) fn imported(done: Imported) -> String {
    format!(
        "{} added, {} were there\n",
        memories(done.added),
        done.merged
    )
}
