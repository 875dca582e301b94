//! How a model is loaded.

use std::{fmt, str::FromStr};

use catena_core::Error;

/// Where a model runs.
///
/// As text it is `cpu`, `cuda`, `cuda:N`, `metal`, or `auto` for [`Device::best`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// The processor, on all its cores.
    #[default]
    Cpu,
    /// The NVIDIA GPU with this number, from 0.
    #[cfg(feature = "cuda")]
    Cuda(usize),
    /// The Apple GPU.
    #[cfg(feature = "metal")]
    Metal,
}

impl Device {
    /// The fastest device that this program was built for and this machine has. Takes a moment,
    /// since a GPU is opened to see that it works.
    pub fn best() -> Self {
        #[cfg(feature = "cuda")]
        if candle_core::Device::new_cuda(0).is_ok() {
            return Self::Cuda(0);
        }
        #[cfg(feature = "metal")]
        if candle_core::Device::new_metal(0).is_ok() {
            return Self::Metal;
        }
        Self::Cpu
    }

    #[cfg(feature = "cuda")]
    fn cuda(number: usize) -> Result<Self, Error> {
        Ok(Self::Cuda(number))
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(_number: usize) -> Result<Self, Error> {
        Err(not_built_for("cuda"))
    }

    #[cfg(feature = "metal")]
    fn metal() -> Result<Self, Error> {
        Ok(Self::Metal)
    }

    #[cfg(not(feature = "metal"))]
    fn metal() -> Result<Self, Error> {
        Err(not_built_for("metal"))
    }
}

#[cfg(not(all(feature = "cuda", feature = "metal")))]
fn not_built_for(device: &str) -> Error {
    Error::invalid(format!(
        "this program was not built for the device '{device}'"
    ))
    .with_help(format!("build it with `--features {device}`"))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            #[cfg(feature = "metal")]
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for what is no device, and for one that this program was
    /// not built for.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, number.parse::<usize>().ok()),
            None => (text, Some(0)),
        };
        match (name, number) {
            ("auto", Some(_)) if name == text => Ok(Self::best()),
            ("cpu", Some(_)) if name == text => Ok(Self::Cpu),
            ("cuda", Some(number)) => Self::cuda(number),
            ("metal", Some(_)) if name == text => Self::metal(),
            _ => Err(Error::invalid(format!("'{text}' is no device"))
                .with_help("a device is auto, cpu, cuda, cuda:N or metal")),
        }
    }
}

/// In what form the weights are kept in memory.
///
/// On a CPU some quantisations are many times slower than others, because the engine has no vector
/// instructions for them. Converted weights are written once to a file beside the original
/// (`NAME.q8.gguf`, `NAME.dense.gguf`) and made anew when the original changes. If that file cannot
/// be written, the original is used, and a warning says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weights {
    /// On a CPU, slow quantisations (Q4_1, Q5_0, Q5_1) become Q8_0; elsewhere as they are.
    #[default]
    Auto,
    /// As they are in the file.
    AsIs,
    /// On a CPU, the layers become plain numbers: prompts are read about twice as fast, tokens
    /// are written at about half the speed, and a parameter takes 4 bytes of memory.
    Dense,
    /// As [`Dense`](Self::Dense) where that takes at most half of the memory available, and as
    /// [`Auto`](Self::Auto) elsewhere: for work that reads much and writes little.
    Reading,
}

/// How to load a model. Every setting has a default that suits most.
///
/// # Example: a window of 2,048 tokens and no prefix cache
///
/// ```
/// use catena_local::LocalOptions;
///
/// let options = LocalOptions::new().window(2048).prefix_cache(0);
/// ```
#[derive(Clone, Debug)]
pub struct LocalOptions {
    pub(crate) name: Option<String>,
    pub(crate) device: Device,
    pub(crate) window: Option<u32>,
    pub(crate) weights: Weights,
    /// `None`: by the memory that there is.
    pub(crate) prefix_cache: Option<u64>,
    pub(crate) parallel: usize,
    pub(crate) paged_attention: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            name: None,
            device: Device::default(),
            window: None,
            weights: Weights::default(),
            prefix_cache: None,
            parallel: 1,
            paged_attention: true,
        }
    }
}

impl LocalOptions {
    /// The defaults named at each setting.
    pub fn new() -> Self {
        Self::default()
    }

    /// The model's name in profiles, journals and bills. Default: the file's name without its
    /// extension.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where it runs. Default: the CPU.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// The context window in tokens, prompt and answer together. Default: the model's own, which
    /// is also the most.
    #[must_use]
    pub fn window(mut self, tokens: u32) -> Self {
        self.window = Some(tokens);
        self
    }

    /// In what form the weights are kept. Default: [`Weights::Auto`].
    #[must_use]
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// How many requests at a time are worth while, for
    /// [`ModelProfile::parallel`](catena_core::ModelProfile::parallel), as measured: `catena models
    /// bench` does. However many are made, the engine is given one at a time. Default: 1, and no less.
    #[must_use]
    pub fn parallel(mut self, requests: usize) -> Self {
        self.parallel = requests.max(1);
        self
    }

    /// How many bytes the cache of prompts that were read before may hold; 0 turns it off.
    /// Default: on a CPU a quarter of what the model leaves of the memory available when it is loaded, but at
    /// least 512 MiB and at most 4 GiB; on a GPU 512 MiB.
    ///
    /// A prompt that begins like an earlier one is read only from where they differ. When the
    /// cache is full it is emptied; with [paged attention](Self::paged_attention), what was used
    /// longest ago makes way.
    #[must_use]
    pub fn prefix_cache(mut self, bytes: u64) -> Self {
        self.prefix_cache = Some(bytes);
        self
    }

    /// Whether a GGUF file on an NVIDIA GPU is run with paged attention: it takes the memory of one
    /// window and of the prefix cache when it is loaded, unless that is more than is free. Without
    /// effect elsewhere. Default: yes.
    #[must_use]
    pub fn paged_attention(mut self, on: bool) -> Self {
        self.paged_attention = on;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_a_name() {
        assert_eq!("cpu".parse::<Device>().unwrap(), Device::Cpu);
        assert_eq!(Device::Cpu.to_string(), "cpu");
        for wrong in ["gpu", "cpu:1", "cuda:x", "cuda:", ""] {
            let error = wrong.parse::<Device>().unwrap_err();
            assert!(
                error.is_invalid() && error.to_string().contains("no device"),
                "{wrong}"
            );
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_the_program_was_not_built_for_is_refused() {
        let error = "cuda:1".parse::<Device>().unwrap_err();
        assert!(error.is_invalid() && error.help().unwrap().contains("--features cuda"));
        assert_eq!("auto".parse::<Device>().unwrap(), Device::best());
    }
}
