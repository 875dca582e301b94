//! Where the tests find their weights, and on what they run.

use std::{env, path::PathBuf};

use catena_local::{Device, LocalOptions};

/// A small model that answers fast.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) const SMALL: &str = "smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf";

/// A model that understands simple questions.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) const ABLE: &str = "qwen2.5-coder-0.5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";

/// The device that `CATENA_DEVICE` names; the CPU without it.
pub(crate) fn device() -> Device {
    env::var("CATENA_DEVICE").map_or(Device::Cpu, |name| name.parse().unwrap())
}

/// Whether a model on that device runs with paged attention: on an NVIDIA GPU, unless
/// `CATENA_PAGED_ATTENTION` is `false`.
pub(crate) fn paged() -> bool {
    device() != Device::Cpu && env::var("CATENA_PAGED_ATTENTION").as_deref() != Ok("false")
}

/// The defaults, there.
pub(crate) fn options() -> LocalOptions {
    LocalOptions::new()
        .device(device())
        .paged_attention(paged())
}

/// The path of a model in Catena's cache folder.
///
/// # Panics
///
/// If it is not there: a test without its model proves nothing, so it does not pass.
pub(crate) fn weights(name: &str) -> PathBuf {
    let cache = env::var_os("CATENA_CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| env::var_os("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("catena")))
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/catena")))
        .expect("a cache folder: set CATENA_CACHE_DIR");
    let path = cache.join("models").join(name);
    assert!(
        path.is_file(),
        "the test needs '{}': fetch it with `make weights`",
        path.display()
    );
    path
}
