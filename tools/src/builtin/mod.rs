//! Tools that come with Catena.

mod read_file;
mod run_code;
mod search;

pub use read_file::{ReadFile, ReadFileArguments};
pub use run_code::{CodeLanguage, RunCode, RunCodeArguments};
pub use search::{SearchArguments, SearchDocuments};
