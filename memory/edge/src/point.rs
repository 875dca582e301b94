//! Points as the library has them, and back.

use catena_core::{Embedding, Error, Result};
use catena_memory::{Hit, ItemId, Kind, NamespaceId, Partition, Point};
use qdrant_edge::{
    AnyVariants, Condition, FieldCondition, Filter, HasIdCondition, JsonPath, Match, MatchAny,
    NamedQuery, PointId, PointStruct, PointStructPersisted, QueryEnum, QueryRequest, Record,
    ScoredPoint, ScoringQuery, ScrollRequest, SearchParams, VectorInternal, VectorStructInternal,
    WithPayloadInterface, WithVector,
};
use serde_json::{Value, json};

use crate::failure::damaged;

/// The field of a payload with the [`Partition`].
const PARTITION: &str = "p";

pub(crate) fn id(item: ItemId) -> PointId {
    PointId::NumId(item.0)
}

pub(crate) fn partition_field() -> Result<JsonPath> {
    PARTITION
        .parse()
        .map_err(|()| Error::other("the name of the partition's field is no path"))
}

pub(crate) fn to_library(point: Point) -> PointStructPersisted {
    let payload = json!({ PARTITION: point.partition().to_string() });
    PointStruct::new(id(point.id), point.vector, payload).into()
}

/// The request for the `limit` points of `namespace`, of one kind or of all, that are nearest to
/// `vector`.
pub(crate) fn nearest(
    namespace: NamespaceId,
    kind: Option<Kind>,
    vector: Embedding,
    limit: usize,
    params: SearchParams,
) -> Result<QueryRequest> {
    let partitions = Partition::of(namespace, kind).map(|of| of.to_string());
    let of = Match::Any(MatchAny {
        any: AnyVariants::Strings(partitions.collect()),
    });
    let condition = FieldCondition::new_match(partition_field()?, of);
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

/// A filter for the points of these ids.
pub(crate) fn these(ids: &[PointId]) -> Filter {
    let ids: HasIdCondition = ids.iter().copied().collect();
    Filter::new_must(Condition::HasId(ids))
}

/// The request for `limit` points from the id `from` on, or for their ids alone.
pub(crate) fn page(from: ItemId, limit: usize, whole: bool) -> ScrollRequest {
    ScrollRequest {
        offset: Some(id(from)),
        limit: Some(limit),
        filter: None,
        with_payload: Some(WithPayloadInterface::Bool(whole)),
        with_vector: WithVector::Bool(whole),
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
    let partition = payload
        .and_then(|payload| payload.0.get(PARTITION))
        .and_then(Value::as_str)
        .and_then(|partition| partition.parse::<Partition>().ok());
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
    match (partition, vector) {
        (Some(Partition { namespace, kind }), Some(vector)) => Ok(Point {
            id: item(record.id)?,
            namespace,
            kind,
            vector,
        }),
        _ => Err(foreign(record.id)),
    }
}

pub(crate) fn item(id: PointId) -> Result<ItemId> {
    match id {
        PointId::NumId(id) => Ok(ItemId(id)),
        PointId::Uuid(_) => Err(foreign(id)),
    }
}

fn foreign(id: PointId) -> Error {
    damaged(format!("its point {id} is not as Catena wrote it"))
}
