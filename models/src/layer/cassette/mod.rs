//! Exchanges with a model, recorded once and replayed in tests.

mod difference;
mod failure;
mod record;
mod replay;
mod tape;

pub use record::Record;
pub use replay::Replay;
