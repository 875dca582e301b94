//! The contract of [`VectorIndex`] as a function.

use catena_core::{Embedding, Error, Result};

use super::{IndexStamp, Point, VectorIndex};
use crate::{ItemId, Kind, NamespaceId};

/// Checks that `index` keeps the contract of [`VectorIndex`]. What it held is removed.
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid), naming the first rule that does not hold; and those of the
/// index.
pub async fn check_index(index: &dyn VectorIndex) -> Result<()> {
    stamps(index).await?;
    nearest(index).await?;
    namespaces(index).await?;
    kinds(index).await?;
    replacing_and_removing(index).await?;
    scanning(index).await?;
    wrong_dimensions(index).await
}

const DIMENSIONS: usize = 8;

fn stamp(embedder: &str) -> IndexStamp {
    IndexStamp {
        archive: "01ARCHIVE".to_owned(),
        embedder: embedder.to_owned(),
        dimensions: DIMENSIONS,
    }
}

/// A vector of length 1 between the axes `a` and `b`, nearer to `a` the greater the `share`.
fn between(a: usize, b: usize, share: f32) -> Embedding {
    let mut vector = vec![0.0; DIMENSIONS];
    vector[a] = share.sqrt();
    vector[b] = (1.0 - share).sqrt();
    vector
}

fn point(id: u64, namespace: u64, vector: Embedding) -> Point {
    Point {
        id: ItemId(id),
        namespace: NamespaceId(namespace),
        kind: Kind::Turn,
        vector,
    }
}

fn rule(holds: bool, rule: &str) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Error::invalid(format!("the index breaks a rule: {rule}"))),
    }
}

async fn fresh(index: &dyn VectorIndex) -> Result<()> {
    index.reset(&stamp("conformance")).await
}

async fn found(
    index: &dyn VectorIndex,
    namespace: u64,
    vector: &Embedding,
    limit: usize,
) -> Result<Vec<u64>> {
    let hits = index
        .search(NamespaceId(namespace), None, vector, limit)
        .await?;
    Ok(hits.into_iter().map(|hit| hit.id.0).collect())
}

async fn stamps(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let told = index.stamp().await?;
    rule(
        told == Some(stamp("conformance")),
        "it tells the stamp that it was given",
    )?;
    index.upsert(vec![point(1, 1, between(0, 1, 0.5))]).await?;
    index.reset(&stamp("another")).await?;
    rule(
        index.count().await? == 0 && index.stamp().await? == Some(stamp("another")),
        "a reset removes all points and changes the stamp",
    )
}

async fn nearest(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let shares = [0.1, 0.9, 0.5, 0.7, 0.3];
    let points = (1..).zip(shares);
    let points = points.map(|(id, share)| point(id, 1, between(2, 3, share)));
    index.upsert(points.collect()).await?;
    let axis = between(2, 3, 1.0);
    rule(
        found(index, 1, &axis, 3).await? == [2, 4, 3],
        "the nearest come first, no more than asked for",
    )?;
    rule(
        found(index, 1, &axis, 50).await?.len() == 5,
        "fewer come when there are no more",
    )?;
    let hits = index.search(NamespaceId(1), None, &axis, 5).await?;
    let near = |hit: &super::Hit, cosine: f32| (hit.score - cosine).abs() < 0.02;
    rule(
        near(&hits[0], 0.9_f32.sqrt()) && near(&hits[4], 0.1_f32.sqrt()),
        "a score is the cosine",
    )?;
    index.optimize().await?;
    rule(
        found(index, 1, &axis, 3).await? == [2, 4, 3],
        "optimising changes nothing that is found",
    )
}

async fn namespaces(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let same = between(0, 1, 0.5);
    // Few in one namespace and many nearer ones in another: a filter applied after the search would
    // find none.
    let mut points: Vec<_> = (1..=200).map(|id| point(id, 1, same.clone())).collect();
    points.push(point(201, 2, between(0, 1, 0.1)));
    index.upsert(points).await?;
    rule(
        found(index, 2, &same, 10).await? == [201],
        "only points of the namespace are found, however near others are",
    )?;
    rule(
        found(index, 3, &same, 10).await?.is_empty(),
        "in an unknown namespace nothing is found",
    )
}

async fn kinds(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let same = between(0, 1, 0.5);
    let mut points: Vec<_> = (1..=200).map(|id| point(id, 1, same.clone())).collect();
    points.push(Point {
        kind: Kind::Fact,
        ..point(201, 1, between(0, 1, 0.1))
    });
    index.upsert(points).await?;
    let of = async |kind, limit| {
        let hits = index.search(NamespaceId(1), kind, &same, limit).await?;
        Ok::<_, Error>(hits.into_iter().map(|hit| hit.id.0).collect::<Vec<_>>())
    };
    rule(
        of(Some(Kind::Fact), 10).await? == [201],
        "of a kind only its points are found, however near others are",
    )?;
    rule(
        of(Some(Kind::Turn), 300).await?.len() == 200 && of(None, 300).await?.len() == 201,
        "without a kind those of all are found",
    )
}

async fn replacing_and_removing(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let (old, new) = (between(0, 1, 1.0), between(4, 5, 1.0));
    index
        .upsert(vec![point(1, 1, old.clone()), point(2, 1, old.clone())])
        .await?;
    index.upsert(vec![point(1, 1, new.clone())]).await?;
    rule(
        index.count().await? == 2 && found(index, 1, &new, 1).await? == [1],
        "a point that is there already is replaced",
    )?;
    index.remove(&[ItemId(2), ItemId(99)]).await?;
    index.flush().await?;
    rule(
        index.count().await? == 1 && found(index, 1, &old, 5).await? == [1],
        "what was removed is not found, and unknown ids are no error",
    )
}

async fn scanning(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let points = [7, 3, 5, 1].map(|id| Point {
        kind: if id == 1 { Kind::Fact } else { Kind::Turn },
        ..point(id, id % 2 + 1, between(0, 1, 0.4))
    });
    index.upsert(points.to_vec()).await?;
    let first = index.scan(None, 3).await?;
    let ids = |points: &[Point]| points.iter().map(|point| point.id.0).collect::<Vec<_>>();
    rule(
        ids(&first) == [1, 3, 5],
        "a scan is by ascending id, over all namespaces",
    )?;
    rule(
        ids(&index.scan(Some(ItemId(5)), 3).await?) == [7],
        "a scan goes on after an id",
    )?;
    let all = async |after, limit| {
        let ids = index.ids(after, limit).await?;
        Ok::<_, Error>(ids.into_iter().map(|id| id.0).collect::<Vec<_>>())
    };
    rule(
        all(None, 3).await? == [1, 3, 5] && all(Some(ItemId(5)), 3).await? == [7],
        "ids are those of a scan",
    )?;
    let rounded = |(a, b): (&f32, &f32)| (a - b).abs() < 0.02;
    rule(
        first[0].vector.len() == DIMENSIONS
            && first[0].vector.iter().zip(&between(0, 1, 0.4)).all(rounded)
            && first[0].namespace == NamespaceId(2)
            && (first[0].kind, first[1].kind) == (Kind::Fact, Kind::Turn),
        "a scan gives vectors, namespaces and kinds back",
    )
}

async fn wrong_dimensions(index: &dyn VectorIndex) -> Result<()> {
    fresh(index).await?;
    let refused = index.upsert(vec![point(1, 1, vec![1.0, 0.0])]).await;
    rule(
        refused.is_err_and(|error| error.is_invalid()),
        "a vector of another length is refused as invalid",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExactIndex;

    #[tokio::test]
    async fn the_exact_index_conforms() {
        check_index(&ExactIndex::new()).await.unwrap();
    }
}
