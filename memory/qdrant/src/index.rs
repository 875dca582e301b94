//! The index, over gRPC.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use catena_core::{Embedding, Error, Result};
use catena_memory::{Hit, IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex};
use qdrant_client::{
    Qdrant, QdrantError,
    qdrant::{
        CollectionInfo, CountPointsBuilder, CreateCollectionBuilder,
        CreateFieldIndexCollectionBuilder, Datatype, DeletePointsBuilder, Distance, FieldType,
        KeywordIndexParamsBuilder, PointId, QueryPointsBuilder, RetrievedPoint,
        ScrollPointsBuilder, UpdateCollectionBuilder, UpsertPointsBuilder, Value,
        VectorParamsBuilder,
    },
};
use tonic::Code;

use crate::{failure::failed, point};

/// The key of a collection's metadata with the stamp, as JSON.
const STAMP: &str = "catena-2";
/// The one of collections whose points did not say their kind: they are filled anew.
const STAMP_BEFORE: &str = "catena";
/// How many points go in one message, which a server takes up to 32 MiB.
const BATCH: usize = 256;
/// How long a call may take. Making a collection or removing a large one takes seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An index on a Qdrant server, in a collection of its own; several processes may use it at once.
///
/// Changes are told when the server has applied them and would find them again after a crash, so
/// that [`flush`](VectorIndex::flush) has nothing to do; the server
/// [optimises](VectorIndex::optimize) by itself. A call that takes longer than a minute is given up.
///
/// Needs a server of version 1.16 or later, which keeps the stamp with the collection.
///
/// # Example
///
/// ```no_run
/// use catena_memory::VectorIndex;
/// use catena_qdrant::QdrantIndex;
///
/// # async fn example() -> catena_core::Result<()> {
/// let index = QdrantIndex::connect("http://localhost:6334", None, "catena-ada").await?;
/// println!("{}: {} points", index.describe(), index.count().await?);
/// # Ok(())
/// # }
/// ```
pub struct QdrantIndex {
    client: Qdrant,
    collection: String,
    /// As last seen, for checking what is added.
    stamp: Mutex<Option<IndexStamp>>,
}

impl fmt::Debug for QdrantIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the client, which has the key.
        f.debug_struct("QdrantIndex")
            .field("url", &self.client.config.uri)
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}

impl QdrantIndex {
    /// Connects to the server at `url` (its gRPC port, usually 6334) with its API key, if it wants
    /// one. `collection` is made by the first [`reset`](VectorIndex::reset).
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if `url` is none, [`is_retryable`](Error::is_retryable) if
    /// nobody answers there, [`is_refused`](Error::is_refused) for a wrong key.
    pub async fn connect(
        url: &str,
        api_key: Option<&str>,
        collection: impl Into<String>,
    ) -> Result<Self> {
        let client = Qdrant::from_url(url)
            .api_key(api_key)
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // It would print to stdout.
            .skip_compatibility_check()
            .build()
            .map_err(|error| failed(url, "be called", &error))?;
        let index = Self {
            client,
            collection: collection.into(),
            stamp: Mutex::default(),
        };
        index.stamp().await?;
        Ok(index)
    }

    fn failed(&self, doing: &str) -> impl FnOnce(QdrantError) -> Error {
        let url = self.client.config.uri.clone();
        let doing = format!("{doing} the collection `{}`", self.collection);
        move |error| failed(&url, &doing, &error)
    }

    /// The collection as the server describes it; `None` if there is none.
    async fn info(&self) -> Result<Option<CollectionInfo>> {
        match self.client.collection_info(&self.collection).await {
            Ok(answer) => Ok(answer.result),
            Err(error) => if_missing(error, None).map_err(self.failed("describe")),
        }
    }

    fn remember(&self, stamp: Option<IndexStamp>) {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
    }

    fn remembered(&self) -> Option<IndexStamp> {
        let stamp = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        stamp.clone()
    }

    /// Points by ascending id, or their ids alone.
    async fn page(
        &self,
        after: Option<ItemId>,
        limit: usize,
        whole: bool,
    ) -> Result<Vec<RetrievedPoint>> {
        let from = after.map_or(Some(0), |id| id.0.checked_add(1));
        let (Some(from), Ok(limit @ 1..)) = (from, u32::try_from(limit)) else {
            return Ok(Vec::new());
        };
        let page = ScrollPointsBuilder::new(&self.collection)
            .offset(from)
            .limit(limit)
            .with_payload(whole)
            .with_vectors(whole);
        match self.client.scroll(page).await {
            Ok(answer) => Ok(answer.result),
            Err(error) => if_missing(error, Vec::new()).map_err(self.failed("read")),
        }
    }

    /// Removes the collection if it is one of Catena's.
    async fn remove_collection(&self) -> Result<()> {
        let Some(info) = self.info().await? else {
            return Ok(());
        };
        if !is_ours(&info) && info.points_count.unwrap_or(0) > 0 {
            return Err(Error::invalid(format!(
                "the collection `{}` at {} holds points that Catena did not write",
                self.collection, self.client.config.uri
            ))
            .with_help("give the index a collection of its own"));
        }
        let removed = self.client.delete_collection(&self.collection).await;
        removed.map_err(self.failed("remove"))?;
        Ok(())
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    fn describe(&self) -> String {
        format!(
            "Qdrant at {}, collection `{}`",
            self.client.config.uri, self.collection
        )
    }

    async fn stamp(&self) -> Result<Option<IndexStamp>> {
        let stamp = self.info().await?.as_ref().and_then(stamp_of);
        self.remember(stamp.clone());
        Ok(stamp)
    }

    async fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        self.remember(None);
        self.remove_collection().await?;
        let vectors = VectorParamsBuilder::new(stamp.dimensions as u64, Distance::Cosine)
            .datatype(Datatype::Float16)
            .on_disk(true);
        let make = CreateCollectionBuilder::new(&self.collection)
            .vectors_config(vectors)
            .on_disk_payload(true);
        let made = self.client.create_collection(make).await;
        made.map_err(self.failed("make"))?;
        let by_partition = KeywordIndexParamsBuilder::default()
            .is_tenant(true)
            .on_disk(true);
        let by_partition = CreateFieldIndexCollectionBuilder::new(
            &self.collection,
            point::PARTITION,
            FieldType::Keyword,
        )
        .field_index_params(by_partition)
        .wait(true);
        let made = self.client.create_field_index(by_partition).await;
        made.map_err(self.failed("index"))?;
        // Last: a collection without a stamp was never finished.
        let text = serde_json::to_string(stamp)
            .map_err(|error| Error::invalid("a stamp that is no JSON").with_source(error))?;
        let mut update = UpdateCollectionBuilder::new(&self.collection).build();
        update.metadata = HashMap::from([(STAMP.to_owned(), Value::from(text))]);
        let stamped = self.client.update_collection(update).await;
        stamped.map_err(self.failed("stamp"))?;
        match self.stamp().await? {
            Some(_) => Ok(()),
            None => Err(Error::other(format!(
                "the Qdrant server at {} keeps no metadata of collections",
                self.client.config.uri
            ))
            .with_help("use one of version 1.16 or later")),
        }
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<()> {
        let Some(stamp) = self.remembered() else {
            return Err(Error::invalid("the index was never reset")
                .with_help("reset it with the stamp of an archive first"));
        };
        stamp.check(&points)?;
        let mut points = points.into_iter().map(point::to_server);
        loop {
            let batch: Vec<_> = points.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let upsert = UpsertPointsBuilder::new(&self.collection, batch).wait(true);
            let added = self.client.upsert_points(upsert).await;
            added.map_err(self.failed("add points to"))?;
        }
    }

    async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        let ids: Vec<PointId> = ids.iter().map(|id| id.0.into()).collect();
        let delete = DeletePointsBuilder::new(&self.collection)
            .points(ids)
            .wait(true);
        match self.client.delete_points(delete).await {
            Ok(_) => Ok(()),
            Err(error) => if_missing(error, ()).map_err(self.failed("remove points from")),
        }
    }

    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let query = QueryPointsBuilder::new(&self.collection)
            .query(vector.clone())
            .filter(point::of(namespace, kind))
            .limit(limit as u64);
        match self.client.query(query).await {
            Ok(answer) => point::hits(answer.result),
            Err(error) => if_missing(error, Vec::new()).map_err(self.failed("search")),
        }
    }

    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        let points = self.page(after, limit, true).await?;
        points.into_iter().map(point::from_server).collect()
    }

    async fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        let points = self.page(after, limit, false).await?;
        points
            .into_iter()
            .map(|point| point::item(point.id))
            .collect()
    }

    async fn count(&self) -> Result<u64> {
        let count = CountPointsBuilder::new(&self.collection).exact(true);
        match self.client.count(count).await {
            Ok(answer) => Ok(answer.result.map_or(0, |result| result.count)),
            Err(error) => if_missing(error, 0).map_err(self.failed("count")),
        }
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// A collection that was never made holds nothing: `nothing` instead of that error.
fn if_missing<T>(error: QdrantError, nothing: T) -> Result<T, QdrantError> {
    match error {
        QdrantError::ResponseError { status } if status.code() == Code::NotFound => Ok(nothing),
        other => Err(other),
    }
}

fn is_ours(info: &CollectionInfo) -> bool {
    let keys = info.config.as_ref().map(|config| &config.metadata);
    keys.is_some_and(|keys| keys.contains_key(STAMP) || keys.contains_key(STAMP_BEFORE))
}

fn stamp_of(info: &CollectionInfo) -> Option<IndexStamp> {
    let config = info.config.as_ref()?;
    serde_json::from_str(config.metadata.get(STAMP)?.as_str()?).ok()
}
