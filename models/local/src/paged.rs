//! Paged attention: on an NVIDIA GPU, keys and values in one pool of small pages.
//!
//! It writes half as many tokens again in a second, and prompts that begin alike share pages: the pool
//! is the prefix cache. The engine forgets the pages that were used longest ago when it needs room, so
//! nothing has to be counted outside. Only one request at a time is safe (see [`crate::engine`]).

use std::num::NonZeroUsize;

use mistralrs::{
    DefaultSchedulerMethod, SchedulerConfig,
    core::{MemoryGpuConfig, PagedAttentionConfig, PagedCacheType},
};

use crate::{
    gguf::GgufFile,
    load::SharedPipeline,
    memory,
    options::{Device, LocalOptions},
};

/// Bytes of a key or value: on a GPU the engine keeps 16-bit numbers.
const NUMBER: u64 = 2;

/// Tokens that share a page.
const PAGE: usize = 32;

/// The bytes of the pool that `options` ask for: one whole window, and the prefix cache. `None`
/// where there is none to be: not on such a GPU, turned off, or the file does not tell enough.
pub(crate) fn pool(source: &GgufFile, options: &LocalOptions) -> Option<u64> {
    if !options.paged_attention || !is_cuda(options.device) {
        return None;
    }
    let own = source.window()?;
    let window = options.window.map_or(own, |window| own.min(window.into()));
    let window = window.checked_mul(source.keys_and_values()?)?;
    window
        .checked_mul(NUMBER)?
        .checked_add(memory::prefix_cache(options, None))
}

fn is_cuda(device: Device) -> bool {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => true,
        _ => false,
    }
}

/// What the loader is told of a pool of so many bytes.
pub(crate) fn config(pool: u64) -> Result<PagedAttentionConfig, String> {
    let megabytes = usize::try_from(pool.div_ceil(1 << 20)).unwrap_or(usize::MAX);
    let memory = MemoryGpuConfig::MbAmount(megabytes);
    PagedAttentionConfig::new(Some(PAGE), memory, PagedCacheType::Auto)
        .map_err(|error| format!("{error:#}"))
}

/// How the engine is to order its one request: a pipeline that has a pool wants its own way. Blocks
/// while someone else holds the pipeline, so not for an async thread.
pub(crate) fn scheduler(pipeline: &SharedPipeline) -> SchedulerConfig {
    let pool = pipeline.blocking_lock().get_metadata().cache_config.clone();
    match pool {
        Some(config) => SchedulerConfig::PagedAttentionMeta {
            max_num_seqs: 1,
            config,
        },
        None => SchedulerConfig::DefaultScheduler {
            method: DefaultSchedulerMethod::Fixed(NonZeroUsize::MIN),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{ABLE, weights};

    /// qwen2.5-0.5b: 24 layers, 2 of 14 heads keep keys and values of 64 numbers each.
    #[test]
    fn the_header_tells_what_a_token_takes() {
        let source = GgufFile::open(&weights(ABLE)).unwrap();
        assert_eq!(source.window(), Some(32_768));
        assert_eq!(source.keys_and_values(), Some(24 * 2 * 2 * 64));
    }

    #[test]
    fn a_processor_has_no_pool() {
        let source = GgufFile::open(&weights(ABLE)).unwrap();
        assert_eq!(pool(&source, &LocalOptions::new()), None);
    }
}
