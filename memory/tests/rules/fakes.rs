//! Indexes and embedders that misbehave as real ones do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use catena_core::{Embedder, EmbedderProfile, Embedding, Error, Result};
use catena_memory::{
    ExactIndex, HashingEmbedder, Hit, IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex,
};

type Points = BTreeMap<ItemId, Point>;

/// An index with a disk: what was not flushed is lost in a [crash](Self::crash).
#[derive(Debug)]
pub(crate) struct Flaky {
    name: String,
    now: Arc<ExactIndex>,
    disk: Mutex<(Option<IndexStamp>, Points)>,
    fails: AtomicBool,
    /// How many points it was given.
    pub(crate) given: AtomicUsize,
    /// How many points the last search was to find at the most.
    pub(crate) asked: AtomicUsize,
    /// What it says in the place of what a search finds.
    lies: Mutex<Option<Vec<Hit>>>,
    /// What becomes of the vectors that it is given.
    spoil: fn(Point) -> Option<Point>,
    /// What becomes of the vectors that it has.
    damage: Mutex<Option<fn(&mut Point)>>,
    /// What was removed, and is in its files still.
    remains: Mutex<BTreeSet<ItemId>>,
    purge_fails: AtomicBool,
}

impl Flaky {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            now: Arc::default(),
            disk: Mutex::default(),
            fails: AtomicBool::default(),
            given: AtomicUsize::default(),
            asked: AtomicUsize::default(),
            lies: Mutex::default(),
            spoil: Some,
            damage: Mutex::default(),
            remains: Mutex::default(),
            purge_fails: AtomicBool::default(),
        }
    }

    pub(crate) fn spoiling(name: &str, spoil: fn(Point) -> Option<Point>) -> Self {
        Self {
            spoil,
            ..Self::new(name)
        }
    }

    /// The same index under another name.
    pub(crate) fn alias(&self, name: &str) -> Self {
        Self {
            now: Arc::clone(&self.now),
            ..Self::new(name)
        }
    }

    /// The process is killed, and the index opened again.
    pub(crate) async fn crash(&self) {
        let (stamp, points) = self.disk().clone();
        self.now.reset(&stamp.clone().unwrap()).await.unwrap();
        self.now
            .upsert(points.into_values().collect())
            .await
            .unwrap();
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    pub(crate) fn lie(&self, hits: Vec<Hit>) {
        *self.lies.lock().unwrap() = Some(hits);
    }

    /// As [`fail`](Self::fail), at nothing but a purge.
    pub(crate) fn fail_to_purge(&self, fails: bool) {
        self.purge_fails.store(fails, Ordering::Relaxed);
    }

    /// Its files are damaged: until it is given a point anew, this is what became of each.
    pub(crate) fn damage(&self, damage: fn(&mut Point)) {
        *self.damage.lock().unwrap() = Some(damage);
    }

    /// What was removed, and is in its files still.
    pub(crate) fn remains(&self) -> Vec<ItemId> {
        self.remains.lock().unwrap().iter().copied().collect()
    }

    /// Every point.
    pub(crate) async fn points(&self) -> Vec<Point> {
        self.now.scan(None, usize::MAX).await.unwrap()
    }

    fn disk(&self) -> MutexGuard<'_, (Option<IndexStamp>, Points)> {
        self.disk.lock().unwrap()
    }

    fn works(&self) -> Result<()> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(Error::unavailable("the index is away")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl VectorIndex for Flaky {
    fn describe(&self) -> String {
        self.name.clone()
    }

    async fn stamp(&self) -> Result<Option<IndexStamp>> {
        self.works()?;
        self.now.stamp().await
    }

    async fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        self.works()?;
        *self.disk() = (Some(stamp.clone()), Points::new());
        self.remains.lock().unwrap().clear();
        self.now.reset(stamp).await
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<()> {
        self.works()?;
        self.given.fetch_add(points.len(), Ordering::Relaxed);
        *self.damage.lock().unwrap() = None;
        let points = points.into_iter().filter_map(self.spoil);
        self.now.upsert(points.collect()).await
    }

    async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        self.works()?;
        let there = self.points().await;
        let there = there.iter().map(|point| point.id);
        let removed = there.filter(|id| ids.contains(id));
        self.remains.lock().unwrap().extend(removed);
        self.now.remove(ids).await
    }

    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        self.works()?;
        self.asked.store(limit, Ordering::Relaxed);
        let lies = self.lies.lock().unwrap().clone();
        match lies {
            Some(hits) => Ok(hits.into_iter().take(limit).collect()),
            None => self.now.search(namespace, kind, vector, limit).await,
        }
    }

    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        self.works()?;
        let mut points = self.now.scan(after, limit).await?;
        if let Some(damage) = *self.damage.lock().unwrap() {
            points.iter_mut().for_each(damage);
        }
        Ok(points)
    }

    async fn count(&self) -> Result<u64> {
        self.works()?;
        self.now.count().await
    }

    async fn flush(&self) -> Result<()> {
        self.works()?;
        let points = self.now.scan(None, usize::MAX).await?;
        self.disk().1 = points.into_iter().map(|point| (point.id, point)).collect();
        Ok(())
    }

    async fn purge(&self) -> Result<()> {
        self.flush().await?;
        if self.purge_fails.load(Ordering::Relaxed) {
            return Err(Error::unavailable("there is no room for a purge"));
        }
        self.remains.lock().unwrap().clear();
        Ok(())
    }
}

/// An embedder that fails while it is told to, and at texts that hold a word.
#[derive(Debug)]
pub(crate) struct Moody {
    inner: HashingEmbedder,
    profile: EmbedderProfile,
    fails: AtomicBool,
}

impl Moody {
    pub(crate) fn new(name: &str) -> Self {
        let inner = HashingEmbedder::new();
        let profile = EmbedderProfile {
            name: name.to_owned(),
            ..inner.profile().clone()
        };
        Self {
            inner,
            profile,
            fails: AtomicBool::default(),
        }
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }
}

#[async_trait]
impl Embedder for Moody {
    fn profile(&self) -> &EmbedderProfile {
        &self.profile
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(Error::unavailable("the embedder is away")),
            false => self.inner.embed(texts).await,
        }
    }
}
