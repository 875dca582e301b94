//! What the tests of the memory share: archives in folders of their own.

use std::path::{Path, PathBuf};

use catena_memory::{Archive, Filter, MemoryItem, Namespace, NamespaceId};
use tempfile::TempDir;

/// A folder with an archive, which may be opened again and again.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("memory.db")
    }

    pub(crate) fn open(&self) -> Archive {
        Archive::open_without_fsync(self.file()).unwrap()
    }
}

/// An empty archive, and a namespace in it.
pub(crate) async fn fresh() -> (Place, Archive, NamespaceId) {
    let place = Place::new();
    let archive = place.open();
    let namespace = archive.namespace(&names("ada")).await.unwrap();
    (place, archive, namespace)
}

pub(crate) fn names(user: &str) -> Namespace {
    Namespace::new(user, "bot", "talk")
}

/// Everything in a namespace.
pub(crate) async fn all(archive: &Archive, namespace: NamespaceId) -> Vec<MemoryItem> {
    let everything = Filter::default();
    archive
        .browse(namespace, &everything, None, usize::MAX)
        .await
        .unwrap()
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
