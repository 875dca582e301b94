//! Points as the library has them, and back.

use catena_core::{Embedding, Error, Result};
use catena_memory::{Hit, ItemId, NamespaceId, Point};
use qdrant_edge::{
    Condition, FieldCondition, Filter, JsonPath, Match, MatchValue, NamedQuery, PointId,
    PointStruct, PointStructPersisted, QueryEnum, QueryRequest, Record, ScoredPoint, ScoringQuery,
    ScrollRequest, SearchParams, ValueVariants, VectorInternal, VectorStructInternal,
    WithPayloadInterface, WithVector,
};
use serde_json::{Value, json};

/// The field of a payload with the namespace.
const NAMESPACE: &str = "n";

pub(crate) fn id(item: ItemId) -> PointId {
    PointId::NumId(item.0)
}

pub(crate) fn namespace_field() -> Result<JsonPath> {
    NAMESPACE
        .parse()
        .map_err(|()| Error::other("the name of the namespace's field is no path"))
}

pub(crate) fn to_library(point: Point) -> PointStructPersisted {
    // As a string, because the library's numbers have a sign.
    let payload = json!({ NAMESPACE: point.namespace.0.to_string() });
    PointStruct::new(id(point.id), point.vector, payload).into()
}

/// The request for the `limit` points of `namespace` that are nearest to `vector`.
pub(crate) fn nearest(
    namespace: NamespaceId,
    vector: Embedding,
    limit: usize,
    params: SearchParams,
) -> Result<QueryRequest> {
    let of = Match::Value(MatchValue {
        value: ValueVariants::String(namespace.0.to_string()),
    });
    let condition = FieldCondition::new_match(namespace_field()?, of);
    Ok(QueryRequest {
        prefetches: Vec::new(),
        query: Some(ScoringQuery::Vector(QueryEnum::Nearest(
            NamedQuery::default_dense(vector),
        ))),
        filter: Some(Filter::new_must(Condition::Field(condition))),
        score_threshold: None,
        limit,
        offset: 0,
        params: Some(params),
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    })
}

/// The request for `limit` points from the id `from` on.
pub(crate) fn page(from: ItemId, limit: usize) -> ScrollRequest {
    ScrollRequest {
        offset: Some(id(from)),
        limit: Some(limit),
        filter: None,
        with_payload: Some(WithPayloadInterface::Bool(true)),
        with_vector: WithVector::Bool(true),
        order_by: None,
    }
}

/// Hits, the nearest first; of equals the older.
pub(crate) fn hits(found: &[ScoredPoint]) -> Result<Vec<Hit>> {
    let mut hits = found
        .iter()
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

pub(crate) fn from_library(record: Record) -> Result<Point> {
    let payload = record.payload.as_ref();
    let namespace = payload
        .and_then(|payload| payload.0.get(NAMESPACE))
        .and_then(Value::as_str)
        .and_then(|namespace| namespace.parse().ok());
    let vector = match record.vector {
        Some(VectorStructInternal::Single(vector)) => Some(vector),
        Some(VectorStructInternal::Named(vectors)) => {
            vectors.into_values().find_map(|vector| match vector {
                VectorInternal::Dense(vector) => Some(vector),
                _ => None,
            })
        }
        _ => None,
    };
    match (namespace, vector) {
        (Some(namespace), Some(vector)) => Ok(Point {
            id: item(record.id)?,
            namespace: NamespaceId(namespace),
            vector,
        }),
        _ => Err(foreign(record.id)),
    }
}

fn item(id: PointId) -> Result<ItemId> {
    match id {
        PointId::NumId(id) => Ok(ItemId(id)),
        PointId::Uuid(_) => Err(foreign(id)),
    }
}

fn foreign(id: PointId) -> Error {
    Error::other(format!("the point {id} is not one that Catena wrote"))
        .with_help("give the index a folder of its own")
}
