//! Points as the server has them, and back.

use catena_core::{Error, Result};
use catena_memory::{Hit, ItemId, Kind, NamespaceId, Partition, Point};
use qdrant_client::{
    Payload,
    qdrant::{
        Condition, Filter, PointId, PointStruct, RetrievedPoint, ScoredPoint,
        point_id::PointIdOptions, vector_output::Vector,
    },
};

/// The field of a payload with the [`Partition`].
pub(crate) const PARTITION: &str = "p";

pub(crate) fn to_server(point: Point) -> PointStruct {
    let mut payload = Payload::new();
    payload.insert(PARTITION, point.partition().to_string());
    PointStruct::new(point.id.0, point.vector, payload)
}

/// Only points of `namespace`, of one kind or of all.
pub(crate) fn of(namespace: NamespaceId, kind: Option<Kind>) -> Filter {
    let partitions = Partition::of(namespace, kind).map(|of| of.to_string());
    let partitions: Vec<String> = partitions.collect();
    Filter::must([Condition::matches(PARTITION, partitions)])
}

/// Hits, the nearest first; of equals the older.
pub(crate) fn hits(found: Vec<ScoredPoint>) -> Result<Vec<Hit>> {
    let mut hits = found
        .into_iter()
        .map(|point| {
            Ok(Hit {
                id: item(point.id)?,
                score: point.score,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    Ok(hits)
}

pub(crate) fn from_server(point: RetrievedPoint) -> Result<Point> {
    let partition = point.payload.get(PARTITION);
    let partition = partition.and_then(|value| value.as_str()?.parse::<Partition>().ok());
    let vector = point.vectors.and_then(|vectors| vectors.get_vector());
    match (partition, vector) {
        (Some(Partition { namespace, kind }), Some(Vector::Dense(vector))) => Ok(Point {
            id: item(point.id)?,
            namespace,
            kind,
            vector: vector.data,
        }),
        _ => Err(foreign()),
    }
}

pub(crate) fn item(id: Option<PointId>) -> Result<ItemId> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(id)) => Ok(ItemId(id)),
        _ => Err(foreign()),
    }
}

fn foreign() -> Error {
    Error::other("the collection holds a point that Catena did not write")
        .with_help("give the index a collection of its own")
}
