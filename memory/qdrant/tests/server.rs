//! Against a real server, at CATENA_QDRANT_URL (its gRPC port) with CATENA_QDRANT_KEY, if it wants
//! one. `make test` runs it where the variable is set.

use catena_memory::{IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex, check_index};
use catena_qdrant::QdrantIndex;

async fn connect(collection: &str) -> QdrantIndex {
    let url = std::env::var("CATENA_QDRANT_URL").expect("CATENA_QDRANT_URL is not set");
    let key = std::env::var("CATENA_QDRANT_KEY").ok();
    // Of this process alone, so that two runs on one server do not meet.
    let collection = format!("catena-test-{collection}-{}", std::process::id());
    QdrantIndex::connect(&url, key.as_deref(), collection)
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "needs a Qdrant server; `make test` runs it where CATENA_QDRANT_URL names one"]
async fn it_conforms() {
    let index = connect("conformance").await;
    check_index(&index).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Qdrant server; `make test` runs it where CATENA_QDRANT_URL names one"]
async fn a_collection_that_was_never_made_is_empty_and_takes_no_points() {
    let index = connect("none").await;
    let (one, vector) = (NamespaceId(1), vec![1.0, 0.0]);
    assert_eq!(index.stamp().await.unwrap(), None);
    assert_eq!(index.count().await.unwrap(), 0);
    assert!(
        index
            .search(one, None, &vector, 5)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(index.scan(None, 5).await.unwrap().is_empty());
    index.remove(&[ItemId(1)]).await.unwrap();
    let point = Point {
        id: ItemId(1),
        namespace: one,
        kind: Kind::Turn,
        vector,
    };
    assert!(index.upsert(vec![point]).await.unwrap_err().is_invalid());
}

#[tokio::test]
#[ignore = "needs a Qdrant server; `make test` runs it where CATENA_QDRANT_URL names one"]
async fn another_connection_finds_the_same() {
    let index = connect("shared").await;
    let stamp = IndexStamp {
        archive: "archive".to_owned(),
        embedder: "embedder".to_owned(),
        dimensions: 2,
    };
    index.reset(&stamp).await.unwrap();
    let points = (1..=1000).map(|id| Point {
        id: ItemId(id),
        namespace: NamespaceId(u64::MAX),
        kind: Kind::Turn,
        vector: vec![1.0, id as f32],
    });
    index.upsert(points.collect()).await.unwrap();

    let again = connect("shared").await;
    assert_eq!(again.stamp().await.unwrap(), Some(stamp));
    assert_eq!(again.count().await.unwrap(), 1000);
    let page = again.scan(Some(ItemId(998)), 5).await.unwrap();
    assert_eq!(
        page.iter().map(|point| point.id.0).collect::<Vec<_>>(),
        [999, 1000]
    );
    assert_eq!(page[0].namespace, NamespaceId(u64::MAX));
}

/// Only where the server wants a key at all.
#[tokio::test]
#[ignore = "needs a Qdrant server; `make test` runs it where CATENA_QDRANT_URL names one"]
async fn a_wrong_key_is_refused() {
    let url = std::env::var("CATENA_QDRANT_URL").expect("CATENA_QDRANT_URL is not set");
    if std::env::var_os("CATENA_QDRANT_KEY").is_some() {
        let refused = QdrantIndex::connect(&url, Some("wrong"), "none").await;
        let error = refused.unwrap_err();
        assert!(error.is_refused() && error.help().is_some(), "{error:?}");
    }
}
