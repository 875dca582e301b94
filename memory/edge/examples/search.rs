//! How fast a large index is, how much it finds, and what it takes: `make search`, or
//!
//! ```text
//! cargo run -p catena-edge --example search -- [POINTS] [NAMESPACES]
//! ```
//!
//! Points (1,000,000 unless said otherwise) of 384 numbers lie around a thousand centres, as texts
//! lie around their subjects, and belong to namespaces (10 unless said otherwise). Every search is of one
//! namespace: with 1 of them, of all points.

mod support;

use std::time::{Duration, Instant};

use catena_core::{Embedding, Result};
use catena_edge::{EdgeIndex, EdgeOptions};
use catena_memory::{IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex};
use fastrand::Rng;

use self::support::{failed, in_memory, size, tell};

const DIMENSIONS: usize = 384;
const CENTRES: u64 = 1000;
/// How far points are from their centre, beside a centre's length of 1.
const SPREAD: f32 = 0.8;
const SEARCHES: u64 = 2000;
/// Searches that are compared with comparing all points.
const COMPARED: u64 = 100;
const NEAREST: usize = 10;

#[tokio::main]
async fn main() -> Result<()> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok());
    let points: u64 = numbers.next().unwrap_or(1_000_000);
    let namespaces: u64 = numbers.next().unwrap_or(10);
    let folder = tempfile::tempdir().map_err(|error| failed("making a folder", error))?;
    let options = EdgeOptions::new().quantized(true);
    println!("{points} points of {DIMENSIONS} numbers, {namespaces} namespaces, {options:?}");

    let index = EdgeIndex::open(folder.path(), options.clone()).await?;
    let stamp = IndexStamp {
        archive: "benchmark".to_owned(),
        embedder: "benchmark".to_owned(),
        dimensions: DIMENSIONS,
    };
    index.reset(&stamp).await?;
    let begin = Instant::now();
    let mut optimizing = Duration::ZERO;
    let mut id = 0;
    while id < points {
        let until = points.min(id + 10_000);
        let batch = (id..until).map(|id| Point {
            id: ItemId(id),
            namespace: NamespaceId(id % namespaces),
            kind: Kind::Turn,
            vector: vector(id),
        });
        index.upsert(batch.collect()).await?;
        index.flush().await?;
        id = until;
        // As an archive does that fills its index again: less memory than all at the end.
        if id.is_multiple_of(100_000) || id == points {
            let begin = Instant::now();
            index.optimize().await?;
            optimizing += begin.elapsed();
        }
    }
    let loading = begin.elapsed() - optimizing;
    println!("load, and flush every 10,000 points: {loading:?}");
    println!("optimize every 100,000: {optimizing:?}");
    println!("most memory so far: {} MiB", in_memory("VmHWM:"));
    drop(index);

    let begin = Instant::now();
    let index = EdgeIndex::open(folder.path(), options).await?;
    println!("open: {:?}", begin.elapsed());
    let bytes = size(folder.path());
    println!(
        "disk: {} MiB, {} bytes a point",
        bytes >> 20,
        bytes / points.max(1)
    );

    let mut times = Vec::new();
    for number in 0..SEARCHES {
        let (namespace, query) = query(number, points, namespaces);
        let begin = Instant::now();
        index.search(namespace, None, &query, NEAREST).await?;
        times.push(begin.elapsed());
    }
    tell("search", &mut times);
    println!(
        "recall@{NEAREST} of {COMPARED}: {:.3}",
        recall(&index, points, namespaces).await?
    );
    println!("most memory: {} MiB", in_memory("VmHWM:"));
    Ok(())
}

/// The vector of a point; the same for the same number.
fn vector(id: u64) -> Embedding {
    let mut centre = Rng::with_seed(id.wrapping_mul(0x9E37_79B9) % CENTRES);
    let mut around = Rng::with_seed(CENTRES + id);
    let number = |rng: &mut Rng| rng.f32() - 0.5;
    let vector = (0..DIMENSIONS).map(|_| number(&mut centre) + SPREAD * number(&mut around));
    unit(vector.collect())
}

fn unit(mut vector: Embedding) -> Embedding {
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

/// Near a point of the namespace, as a question is near what it asks for.
fn query(number: u64, points: u64, namespaces: u64) -> (NamespaceId, Embedding) {
    let mut rng = Rng::with_seed(number);
    let near = rng.u64(0..points.max(1));
    let vector = vector(near).into_iter();
    let vector = vector.map(|of| of + 0.3 * (rng.f32() - 0.5) / 10.0);
    (NamespaceId(near % namespaces), unit(vector.collect()))
}

/// In lanes, so that the compiler can compute several at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

/// Which share of the truly nearest is found.
async fn recall(index: &EdgeIndex, points: u64, namespaces: u64) -> Result<f64> {
    let queries: Vec<_> = (0..COMPARED)
        .map(|number| query(number, points, namespaces))
        .collect();
    let mut exact: Vec<Vec<(f32, u64)>> = vec![Vec::new(); queries.len()];
    for id in 0..points {
        let vector = vector(id);
        for ((namespace, query), best) in queries.iter().zip(&mut exact) {
            if namespace.0 == id % namespaces {
                best.push((dot(query, &vector), id));
                if best.len() > 20 * NEAREST {
                    keep_best(best);
                }
            }
        }
    }
    let (mut found, mut all) = (0, 0);
    for ((namespace, query), best) in queries.iter().zip(&mut exact) {
        keep_best(best);
        all += best.len();
        let hits = index.search(*namespace, None, query, NEAREST).await?;
        let is_hit = |id: u64| hits.iter().any(|hit| hit.id.0 == id);
        found += best.iter().filter(|(_, id)| is_hit(*id)).count();
    }
    Ok(found as f64 / all.max(1) as f64)
}

fn keep_best(best: &mut Vec<(f32, u64)>) {
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    best.truncate(NEAREST);
}
