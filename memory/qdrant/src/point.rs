//! Points as the server has them, and back.

use catena_core::{Error, Result};
use catena_memory::{Hit, ItemId, NamespaceId, Point};
use qdrant_client::{
    Payload,
    qdrant::{
        Condition, Filter, PointId, PointStruct, RetrievedPoint, ScoredPoint,
        point_id::PointIdOptions, vector_output::Vector,
    },
};

/// The field of a payload with the namespace.
pub(crate) const NAMESPACE: &str = "n";

pub(crate) fn to_server(point: Point) -> PointStruct {
    let mut payload = Payload::new();
    // As a string, because the server's numbers have a sign.
    payload.insert(NAMESPACE, point.namespace.0.to_string());
    PointStruct::new(point.id.0, point.vector, payload)
}

/// Only points of `namespace`.
pub(crate) fn of(namespace: NamespaceId) -> Filter {
    Filter::must([Condition::matches(NAMESPACE, namespace.0.to_string())])
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
    let namespace = point.payload.get(NAMESPACE);
    let namespace = namespace.and_then(|value| value.as_str()?.parse().ok());
    let vector = point.vectors.and_then(|vectors| vectors.get_vector());
    match (namespace, vector) {
        (Some(namespace), Some(Vector::Dense(vector))) => Ok(Point {
            id: item(point.id)?,
            namespace: NamespaceId(namespace),
            vector: vector.data,
        }),
        _ => Err(foreign()),
    }
}

fn item(id: Option<PointId>) -> Result<ItemId> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(id)) => Ok(ItemId(id)),
        _ => Err(foreign()),
    }
}

fn foreign() -> Error {
    Error::other("the collection holds a point that Catena did not write")
        .with_help("give the index a collection of its own")
}
