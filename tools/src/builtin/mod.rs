//! Tools that come with Catena.

mod read_file;
mod search;

pub use read_file::{ReadFile, ReadFileArguments};
pub use search::{SearchArguments, SearchDocuments};
