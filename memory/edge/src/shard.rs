//! The library's store: how it is laid out, made and loaded.

use std::{collections::HashMap, fs, path::Path};

use catena_core::Result;
use catena_memory::{ItemId, Point};
use qdrant_edge::{
    CreateIndex, DEFAULT_VECTOR_NAME, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard,
    EdgeVectorParams, FieldIndexOperations, HnswIndexConfig, KeywordIndexParams, OperationResult,
    PayloadFieldSchema, PayloadSchemaParams, PointInsertOperations, PointOperations,
    QuantizationConfig, ScalarQuantizationConfig, ScalarType, UpdateOperation,
    VectorStorageDatatype, WalOptions,
};

use crate::{EdgeOptions, disk, failure::failed, point, wal};

/// The library's folder in that of the index.
pub(crate) const FOLDER: &str = "points";
const WAL: &str = "wal";

/// The size of a file of the log, in bytes: it takes one change of [`BATCH`] points.
const WAL_FILE: usize = 256 * 1024;
/// How many points are told to the library at once.
const BATCH: usize = 64;
/// How many large numbers, 9 bytes each in the log, are more than a file of it takes.
const FILLING: u64 = WAL_FILE as u64 / 9 + 1;
/// The largest part that parts are merged into, in KiB of vectors: about 170,000 of 384 halves. What
/// optimising takes in memory grows with a part, not with the index.
const PART: usize = 128 * 1024;
/// What a new store takes, in bytes, before it has any points: mostly holes.
pub(crate) const NEW: u64 = 80 * 1024 * 1024;
/// How long the log may grow beside a small store, in bytes; beside a large one, a sixteenth of it.
const WAL_ALLOWED: u64 = 2 * 1024 * 1024;

/// Makes an empty store for vectors of `dimensions` numbers in the index's `folder`.
pub(crate) fn create(folder: &Path, dimensions: usize, options: &EdgeOptions) -> Result<EdgeShard> {
    let inner = folder.join(FOLDER);
    fs::create_dir(&inner).map_err(|error| failed(folder, "be made", error))?;
    // A keyword that tells tenants apart: points of one partition are laid side by side.
    let by_partition = KeywordIndexParams {
        is_tenant: Some(true),
        on_disk: Some(true),
        ..KeywordIndexParams::default()
    };
    let by_partition = CreateIndex {
        field_name: point::partition_field()?,
        field_schema: Some(PayloadFieldSchema::FieldParams(
            PayloadSchemaParams::Keyword(by_partition),
        )),
    };
    let make = || -> OperationResult<EdgeShard> {
        let shard = EdgeShard::new(&inner, config(dimensions, options))?;
        shard.update(UpdateOperation::FieldIndexOperation(
            FieldIndexOperations::CreateIndex(by_partition),
        ))?;
        Ok(shard)
    };
    make().map_err(|error| failed(folder, "be made", error))
}

fn config(dimensions: usize, options: &EdgeOptions) -> EdgeConfig {
    let vectors = EdgeVectorParams {
        size: dimensions,
        distance: Distance::Cosine,
        on_disk: Some(true),
        multivector_config: None,
        datatype: options
            .half_precision
            .then_some(VectorStorageDatatype::Float16),
        quantization_config: None,
        hnsw_config: None,
    };
    EdgeConfig {
        vectors: HashMap::from([(DEFAULT_VECTOR_NAME.to_owned(), vectors)]),
        hnsw_config: graph(options),
        quantization_config: copies(options),
        optimizers: EdgeOptimizersConfig {
            max_segment_size: Some(PART),
            ..EdgeOptimizersConfig::default()
        },
        wal_options: Some(WalOptions {
            segment_capacity: WAL_FILE,
            ..WalOptions::default()
        }),
        ..EdgeConfig::default()
    }
}

fn graph(options: &EdgeOptions) -> HnswIndexConfig {
    HnswIndexConfig {
        m: options.links,
        ef_construct: options.effort,
        on_disk: Some(true),
        ..HnswIndexConfig::default()
    }
}

fn copies(options: &EdgeOptions) -> Option<QuantizationConfig> {
    let small = ScalarQuantizationConfig {
        r#type: ScalarType::Int8,
        quantile: Some(0.99),
        always_ram: Some(true),
    };
    options.quantized.then(|| QuantizationConfig::from(small))
}

/// A store, and whether it was made with other settings.
pub(crate) struct Loaded {
    pub(crate) shard: EdgeShard,
    pub(crate) otherwise: bool,
}

/// Loads the store in the index's `folder`, after shortening its log. What optimising makes is made by
/// `options` from now on: the library makes parts anew that were made otherwise.
pub(crate) fn load(folder: &Path, options: &EdgeOptions) -> Result<Loaded> {
    let inner = folder.join(FOLDER);
    wal::shorten(&inner.join(WAL)).map_err(|error| failed(folder, "be opened", error))?;
    let load = || -> OperationResult<Loaded> {
        let known = EdgeConfig::load(&inner).transpose()?;
        let wanted = known.clone().map(|known| EdgeConfig {
            hnsw_config: graph(options),
            quantization_config: copies(options),
            ..known
        });
        Ok(Loaded {
            otherwise: known != wanted,
            shard: EdgeShard::load(&inner, wanted)?,
        })
    };
    load().map_err(|error| failed(folder, "be opened", error))
}

/// Adds points, or replaces them, as many at a time as a file of the log takes.
pub(crate) fn upsert(shard: &EdgeShard, points: Vec<Point>) -> OperationResult<()> {
    let mut points = points.into_iter().map(point::to_library);
    loop {
        let batch: Vec<_> = points.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let insert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(batch));
        shard.update(UpdateOperation::PointOperation(insert))?;
    }
}

/// Makes every part anew that has removed points in it, and has the log go on behind changes of which only
/// the last is left when it is [shortened](shorten_log).
pub(crate) fn rewrite(shard: &EdgeShard) -> OperationResult<()> {
    let usual = shard.config().optimizers.clone();
    shard.set_optimizers_config(EdgeOptimizersConfig {
        deleted_threshold: Some(0.0),
        vacuum_min_vector_number: Some(1),
        ..usual.clone()
    })?;
    let rewritten = shard.optimize();
    shard.set_optimizers_config(usual)?;
    rewritten?;
    // Each takes a file of the log for itself: what came before is in another one, and goes.
    for _ in 0..2 {
        let ids = (0..FILLING).map(|number| point::id(ItemId(u64::MAX - number)));
        let nothing = PointOperations::DeletePoints { ids: ids.collect() };
        shard.update(UpdateOperation::PointOperation(nothing))?;
    }
    Ok(())
}

/// Shortens the log of a store that is not open.
pub(crate) fn shorten_log(folder: &Path) {
    // What cannot be shortened now is when it is opened again; nothing hangs on it.
    let _ = wal::shorten(&folder.join(FOLDER).join(WAL));
}

/// Whether the log takes more than its share of the disk.
pub(crate) fn log_is_long(folder: &Path) -> Result<bool> {
    let inner = folder.join(FOLDER);
    let sizes = wal::size(&inner.join(WAL)).and_then(|log| Ok((log, size(&inner)?)));
    let (log, all) = sizes.map_err(|error| failed(folder, "be measured", error))?;
    Ok(log > WAL_ALLOWED + (all - log) / 16)
}

/// The bytes of the files of the store in the index's `folder`, holes included.
pub(crate) fn size_of(folder: &Path) -> Result<u64> {
    let inner = folder.join(FOLDER);
    match inner.exists() {
        true => size(&inner).map_err(|error| failed(folder, "be measured", error)),
        false => Ok(0),
    }
}

fn size(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The library gives files of its log other names meanwhile, on a thread of its own.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        sum += match metadata.is_dir() {
            true => size(&entry.path()).or_else(disk::if_gone)?,
            false => metadata.len(),
        };
    }
    Ok(sum)
}
