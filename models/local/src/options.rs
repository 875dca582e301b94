//! How a model is loaded.

/// Where a model runs.
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
    pub(crate) prefix_cache: u64,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            name: None,
            device: Device::default(),
            window: None,
            weights: Weights::default(),
            prefix_cache: 512 << 20,
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

    /// How many bytes the cache of prompts that were read before may hold; 0 turns it off.
    /// Default: 512 MiB.
    ///
    /// A prompt that begins like an earlier one is read only from where they differ. When the
    /// cache is full it is emptied.
    #[must_use]
    pub fn prefix_cache(mut self, bytes: u64) -> Self {
        self.prefix_cache = bytes;
        self
    }
}
