//! How an index stores its points.

/// Settings of an [`EdgeIndex`](crate::EdgeIndex). [`half_precision`](Self::half_precision) holds from its
/// next [`reset`](catena_memory::VectorIndex::reset) on: an index that is there keeps its own. What it was
/// opened with otherwise holds from the next [`optimize`](catena_memory::VectorIndex::optimize) on, which
/// makes anew what was made with other settings: see
/// [`EdgeIndex::was_otherwise`](crate::EdgeIndex::was_otherwise).
///
/// # Example: a million points in little memory
///
/// ```
/// use catena_edge::EdgeOptions;
///
/// let options = EdgeOptions::new().quantized(true);
/// assert_ne!(options, EdgeOptions::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeOptions {
    pub(crate) half_precision: bool,
    pub(crate) quantized: bool,
    pub(crate) links: usize,
    pub(crate) effort: usize,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            half_precision: true,
            quantized: false,
            links: 16,
            effort: 100,
        }
    }
}

impl EdgeOptions {
    /// The defaults: made for the smallest folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether numbers are stored in 16 bits instead of 32. Default: true. Halves the folder, and
    /// changes a cosine by less than 0.001.
    #[must_use]
    pub fn half_precision(mut self, on: bool) -> Self {
        self.half_precision = on;
        self
    }

    /// Whether [`optimize`](catena_memory::VectorIndex::optimize) adds copies of 8 bits a number.
    /// Default: false. A search then walks the copies, in memory, and reads from the disk only the
    /// vectors of the best; worth its place (a third more of the folder) from some 100,000 points on.
    #[must_use]
    pub fn quantized(mut self, on: bool) -> Self {
        self.quantized = on;
        self
    }

    /// The graph that [`optimize`](catena_memory::VectorIndex::optimize) builds: to how many
    /// neighbours a point is linked (default 16; 8 bytes a point for each), and among how many they
    /// are chosen (default 100). More of both finds more and takes longer.
    #[must_use]
    pub fn graph(mut self, links: usize, effort: usize) -> Self {
        self.links = links;
        self.effort = effort;
        self
    }
}
