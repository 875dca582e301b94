//! How much memory there is, and whether a model fits.

use std::{fs, path::Path};

use catena_core::{Error, Result};

use crate::{Device, LocalOptions};

/// See [`Need::working`].
pub(crate) const WORKING: u64 = 512 << 20;

/// The bounds of a prefix cache that nobody has set.
const LEAST_CACHE: u64 = 512 << 20;
const MOST_CACHE: u64 = 4 << 30;

/// The most bytes of the prefix cache where a model leaves so many of the memory. On a GPU the engine forgets old
/// sequences by itself, and would not use more.
pub(crate) fn prefix_cache(options: &LocalOptions, left: Option<u64>) -> u64 {
    options
        .prefix_cache
        .unwrap_or_else(|| match (options.device, left) {
            (Device::Cpu, Some(left)) => (left / 4).clamp(LEAST_CACHE, MOST_CACHE),
            _ => LEAST_CACHE,
        })
}

/// The memory that a model needs, against what there is; see
/// [`LocalModel::need`](crate::LocalModel::need).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Bytes of the weights in the form in which they are kept.
    pub weights: u64,
    /// Bytes that the engine takes besides while it answers a request: an allowance of 512 MiB. With
    /// three models and prompts of 1,024 tokens on a CPU, 390 to 550 MB were measured.
    pub working: u64,
    /// The most bytes that the cache of prompts takes, as prompts come; with paged attention those
    /// of one window and the cache, at once.
    pub prefix_cache: u64,
    /// Bytes that are there now, on the GPU for a model there; `None` where the system does not tell.
    pub available: Option<u64>,
}

impl Need {
    /// Whether the model can be loaded and asked now. One that cannot is refused; the prefix cache does not
    /// count, for it comes later. A system that does not tell is believed to have enough.
    pub fn fits(&self) -> bool {
        self.fits_with(0)
    }

    /// Whether there is room for the prefix cache too.
    pub(crate) fn all_fits(&self) -> bool {
        self.fits_with(self.prefix_cache)
    }

    fn fits_with(&self, more: u64) -> bool {
        let all = self.least().saturating_add(more);
        self.available.is_none_or(|available| all <= available)
    }

    /// What it leaves of the memory; `None` where the system does not tell.
    pub(crate) fn left(&self) -> Option<u64> {
        Some(self.available?.saturating_sub(self.least()))
    }

    fn least(&self) -> u64 {
        self.weights.saturating_add(self.working)
    }

    /// Refuses the model at `path` if it does not fit.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        match self.available {
            Some(available) if !self.fits() => Err(Error::invalid(format!(
                "loading '{}' needs about {} of memory, {} are available",
                path.display(),
                size(self.least()),
                size(available)
            ))
            .with_help("close other programs, or choose a smaller model")),
            _ => Ok(()),
        }
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
    fn a_cache_takes_a_quarter_of_what_is_left() {
        let options = LocalOptions::new().device(Device::Cpu);
        let cache = |left| prefix_cache(&options, left);
        assert_eq!(cache(Some(8 << 30)), 2 << 30);
        assert_eq!(cache(Some(0)), LEAST_CACHE);
        assert_eq!(cache(Some(64 << 30)), MOST_CACHE);
        assert_eq!(cache(None), LEAST_CACHE);
        assert_eq!(prefix_cache(&options.prefix_cache(0), Some(8 << 30)), 0);
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_with_figures() {
        let path = Path::new("big.gguf");
        let need = |weights, available| Need {
            weights,
            working: 500_000_000,
            prefix_cache: 300_000_000,
            available,
        };
        let error = need(7_700_000_000, Some(640_000_000))
            .check(path)
            .unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(
            error.to_string(),
            "loading 'big.gguf' needs about 8.2 GB of memory, 640 MB are available"
        );
        let weights_alone = need(600_000_000, Some(600_000_000));
        assert!(weights_alone.check(path).is_err(), "it could not be asked");
        let exactly = need(600_000_000, Some(1_100_000_000));
        assert!(exactly.check(path).is_ok() && !exactly.all_fits());
        assert!(need(u64::MAX, None).check(path).is_ok());
    }
}
