//! How much memory there is, and whether a model fits.

use std::{fs, path::Path};

use catena_core::{Error, Result};

use crate::Device;

/// The memory that a model needs, against what there is; see
/// [`LocalModel::need`](crate::LocalModel::need).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Bytes of the weights in the form in which they are kept. Loading is refused if more than is
    /// available.
    pub weights: u64,
    /// The most bytes that the cache of prompts takes, as prompts come; with paged attention those
    /// of one window and the cache, at once.
    pub prefix_cache: u64,
    /// Bytes that are there now, on the GPU for a model there; `None` where the system does not tell.
    pub available: Option<u64>,
}

impl Need {
    /// Whether the weights can be loaded now. A system that does not tell is believed to have enough.
    pub fn fits(&self) -> bool {
        self.available
            .is_none_or(|available| self.weights <= available)
    }

    /// Whether there is room for the prefix cache too.
    pub(crate) fn all_fits(&self) -> bool {
        let all = self.weights.saturating_add(self.prefix_cache);
        self.available.is_none_or(|available| all <= available)
    }
}

/// Bytes that a model on `device` can use: of the machine without swapping, or those that are free on its
/// GPU. `None` where neither system nor driver tells.
pub(crate) fn available(device: Device) -> Option<u64> {
    match device {
        Device::Cpu => of_the_machine(),
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => of_the_gpu(number),
        // It is one and the same memory.
        #[cfg(feature = "metal")]
        Device::Metal => of_the_machine(),
    }
}

#[cfg(feature = "cuda")]
fn of_the_gpu(number: usize) -> Option<u64> {
    use candle_core::cuda_backend::cudarc::driver::result;
    let device = candle_core::Device::new_cuda(number).ok()?;
    let stream = device.as_cuda_device().ok()?.cuda_stream();
    stream.context().bind_to_thread().ok()?;
    let (free, _total) = result::mem_get_info().ok()?;
    u64::try_from(free).ok()
}

fn of_the_machine() -> Option<u64> {
    parse(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Refuses a model that `available` bytes cannot hold.
pub(crate) fn check(path: &Path, needed: u64, available: Option<u64>) -> Result<()> {
    match available {
        Some(available) if needed > available => Err(Error::invalid(format!(
            "loading '{}' needs about {} of memory, {} are available",
            path.display(),
            size(needed),
            size(available)
        ))
        .with_help("close other programs, or choose a smaller model")),
        _ => Ok(()),
    }
}

/// `1.2 GB`, `340 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1000.0 {
        format!("{megabytes:.0} MB")
    } else {
        format!("{:.1} GB", megabytes / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figure_is_read() {
        let meminfo = "MemTotal:       24737404 kB\nMemAvailable:   23012345 kB\n";
        assert_eq!(parse(meminfo), Some(23_012_345 * 1024));
        assert_eq!(parse("MemTotal: 1 kB\n"), None);
        assert_eq!(parse("MemAvailable: lots\n"), None);
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_with_figures() {
        let path = Path::new("big.gguf");
        let error = check(path, 8_200_000_000, Some(640_000_000)).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(
            error.to_string(),
            "loading 'big.gguf' needs about 8.2 GB of memory, 640 MB are available"
        );
        assert!(check(path, 640_000_000, Some(640_000_000)).is_ok());
        assert!(check(path, u64::MAX, None).is_ok());
    }
}
