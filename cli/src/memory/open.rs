//! From names to an archive, an index and an embedder that belong together.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use catena_core::{Embedder, Error};
use catena_edge::{EdgeIndex, EdgeOptions};
use catena_memory::{
    Archive, ExactIndex, IndexStamp, Memory, Namespace, NamespaceId, Repaired, VectorIndex,
};
use catena_qdrant::QdrantIndex;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    embedder::embedder,
    place::{FILE, IndexChoice, Place, check_name, named_archive},
    text::wrong,
};
use crate::{
    args::{ArchiveFile, Whose},
    config::{Config, variable},
    data,
    failure::Failure,
    model,
};

/// Opens the archive of a place, which is made if it is not there, with its index, which is brought
/// up to date; unless `quiet`, it is said what was wrong with it.
pub(crate) async fn open(place: &Place, config: &Config, quiet: bool) -> Result<Memory, Failure> {
    let memory = open_to_check(place, config, quiet).await?;
    // What it was rid of is said before, since it may take long.
    let found = Repaired {
        purged: false,
        ..memory.repaired()
    };
    if let Some(wrong) = wrong(&found)
        && !quiet
    {
        sayln!("{} {wrong}: it is mended", memory.index().describe());
    }
    Ok(memory)
}

/// As [`open`], for who tells himself what was wrong.
pub(super) async fn open_to_check(
    place: &Place,
    config: &Config,
    quiet: bool,
) -> Result<Memory, Failure> {
    let archive = Archive::open(&place.archive)?;
    let index = index(&archive, &place.index).await?;
    let embedder = embedder(&place.embedder, config, quiet).await?;
    let opened = open_with(
        archive.clone(),
        Arc::clone(&index),
        Arc::clone(&embedder),
        false,
        quiet,
    );
    match opened.await {
        Ok(memory) => Ok(memory),
        Err(error) if EdgeIndex::is_damage(&error) => {
            // Nobody may have it open.
            drop(index);
            make_anew(&error, archive, embedder, place, quiet).await
        }
        Err(error) => Err(by_another(error, &archive, &*index, &*embedder).await),
    }
}

/// With the flag in the help, where the index of an archive holds vectors of another embedder.
async fn by_another(
    error: Error,
    archive: &Archive,
    index: &dyn VectorIndex,
    embedder: &dyn Embedder,
) -> Failure {
    let is_usage = error.is_invalid();
    let failure = Failure::from(error);
    let profile = embedder.profile();
    match index.stamp().await {
        Ok(Some(known))
            if is_usage
                && known.archive == archive.id()
                && (&known.embedder, known.dimensions) != (&profile.name, profile.dimensions) =>
        {
            let with = made_with(&known.embedder);
            failure.help(format!(
                "{with}, or have the archive indexed again: `catena memory reindex`"
            ))
        }
        _ => failure,
    }
}

/// How the embedder of this name is asked for, as far as the name tells.
fn made_with(embedder: &str) -> &'static str {
    match embedder {
        name if name.starts_with("hashing-") => "give `--embedder hashing`, with which it was made",
        name if name.starts_with("all-minilm") => {
            "give `--embedder minilm`, with which it was made"
        }
        _ => "name the one it was made with: --embedder",
    }
}

/// Opens an archive again after its embedded index, which nobody may have open, could not be read: it is made
/// anew.
pub(super) async fn make_anew(
    error: &Error,
    archive: Archive,
    embedder: Arc<dyn Embedder>,
    place: &Place,
    quiet: bool,
) -> Result<Memory, Failure> {
    discard(&beside(archive.path(), INDEX), error).await?;
    let index = index(&archive, &place.index).await?;
    Ok(open_with(archive, index, embedder, false, quiet).await?)
}

/// Throws away what is in the folder of an index that is damaged, and says so.
async fn discard(folder: &Path, error: &Error) -> Result<(), Failure> {
    sayln!("{error}; it is made anew from the archive");
    Ok(EdgeIndex::discard(folder).await?)
}

/// As [`open`], after everything in the index was thrown away.
pub(super) async fn open_anew(
    place: &Place,
    config: &Config,
    quiet: bool,
) -> Result<Memory, Failure> {
    let archive = Archive::open(&place.archive)?;
    let index = index(&archive, &place.index).await?;
    let embedder = embedder(&place.embedder, config, quiet).await?;
    let profile = embedder.profile();
    let stamp = IndexStamp {
        archive: archive.id().to_owned(),
        embedder: profile.name.clone(),
        dimensions: profile.dimensions,
    };
    if let Some(known) = index.stamp().await?
        && known.archive == stamp.archive
    {
        index.reset(&stamp).await?;
    }
    Ok(open_with(archive, index, embedder, true, quiet).await?)
}

/// With `reindex` an index that could not be filled is an error, not something to be made up for later.
async fn open_with(
    archive: Archive,
    index: Arc<dyn VectorIndex>,
    embedder: Arc<dyn Embedder>,
    reindex: bool,
    quiet: bool,
) -> Result<Memory, Error> {
    let bar = bar("indexing", quiet);
    if !reindex && archive.owes_purge(&*index).await? {
        // Nobody knows how far that is.
        bar.enable_steady_tick(TICK);
        if !quiet {
            let index = index.describe();
            bar.suspend(|| {
                sayln!("what was forgotten may still be in {index}: it is removed from there");
            });
        }
    }
    let mut progress = |done, of| show(&bar, done, of);
    let memory = Memory::open_with(archive, index, embedder, reindex, &mut progress).await;
    bar.finish_and_clear();
    memory
}

/// How often a bar moves that has nothing to tell.
const TICK: Duration = Duration::from_millis(120);

/// What the folder of an embedded index has behind the name of its archive.
pub(super) const INDEX: &str = ".index";

/// What lies beside an archive: its path with something behind it.
pub(super) fn beside(archive: &Path, end: &str) -> PathBuf {
    let mut path = OsString::from(archive);
    path.push(end);
    path.into()
}

/// The index of an archive.
pub(super) async fn index(
    archive: &Archive,
    choice: &IndexChoice,
) -> Result<Arc<dyn VectorIndex>, Failure> {
    Ok(match choice {
        IndexChoice::Exact => Arc::new(ExactIndex::new()),
        IndexChoice::Embedded { quantized } => {
            let folder = beside(archive.path(), INDEX);
            Arc::new(embedded(&folder, *quantized).await?)
        }
        IndexChoice::Qdrant(url) => {
            let key = variable("CATENA_QDRANT_KEY");
            let collection = format!("catena-{}", archive.id().to_lowercase());
            Arc::new(QdrantIndex::connect(url, key.as_deref(), collection).await?)
        }
    })
}

/// The embedded index in `folder`, made anew where it is damaged: everything in it is from the archive.
async fn embedded(folder: &Path, quantized: bool) -> Result<EdgeIndex, Failure> {
    let open = || EdgeIndex::open(folder, EdgeOptions::new().quantized(quantized));
    let index = match open().await {
        Err(error) if EdgeIndex::is_damage(&error) => {
            discard(folder, &error).await?;
            open().await?
        }
        opened => opened?,
    };
    if index.was_otherwise() {
        sayln!(
            "the vector index in {} was made {} quantised copies, which changes when it is optimised next",
            folder.display(),
            if quantized { "without" } else { "with" },
        );
    }
    Ok(index)
}

/// Opens the archive that is meant, for reading and without an index; `None` where nothing was
/// remembered yet.
pub(super) fn known_archive(
    file: &ArchiveFile,
    config: &Config,
) -> Result<Option<Archive>, Failure> {
    let path = match named_archive(file, config) {
        Some(path) if !path.exists() => {
            return Err(
                Failure::usage(format!("there is no archive {}", path.display()))
                    .help("--memory names the file with all that is remembered"),
            );
        }
        Some(path) => path,
        None => match data::folder().map(|folder| folder.join(FILE)) {
            Some(path) if path.exists() => path,
            _ => return Ok(None),
        },
    };
    Ok(Some(Archive::open(path)?))
}

/// Whose conversation it is; refuses what is no name.
pub(crate) fn namespace(
    whose: &Whose,
    conversation: &str,
    config: &Config,
) -> Result<Namespace, Failure> {
    let name = |flag: &Option<String>, configured: &Option<String>, default: &str| {
        let named = flag.as_ref().or(configured.as_ref());
        named.map_or_else(|| default.to_owned(), Clone::clone)
    };
    let namespace = Namespace::new(
        name(&whose.user, &config.user, "me"),
        name(&whose.bot, &config.bot, "catena"),
        conversation,
    );
    check_name("user", &namespace.user)?;
    check_name("bot", &namespace.bot)?;
    check_name("conversation", &namespace.conversation)?;
    Ok(namespace)
}

/// A namespace that has to be there.
pub(super) async fn known_namespace(
    archive: &Archive,
    namespace: &Namespace,
) -> Result<NamespaceId, Failure> {
    archive.find_namespace(namespace).await?.ok_or_else(|| {
        Failure::usage(format!("there is no conversation {namespace}"))
            .help("`catena memory list` shows those there are, as user/bot/conversation")
    })
}

/// A bar over items of an archive.
pub(super) fn bar(doing: &'static str, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_draw_target(model::target(quiet));
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta:>4}") {
        bar.set_style(style);
    }
    bar.set_message(doing);
    bar
}

pub(super) fn show(bar: &ProgressBar, done: u64, of: u64) {
    bar.set_length(of);
    bar.set_position(done);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedder_is_named_as_its_flag_takes_it() {
        assert!(made_with("hashing-256").contains("`--embedder hashing`"));
        assert!(made_with("all-minilm-l6-v2.int8@3007250b2ecd").contains("`--embedder minilm`"));
        assert!(made_with("model@0123456789ab").ends_with("--embedder"));
    }
}
