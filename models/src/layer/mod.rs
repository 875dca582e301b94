//! Layers: each wraps any [`ChatModel`](catena_core::ChatModel) in a `ChatModel`.
//!
//! | layer | what it adds |
//! | --- | --- |
//! | [`Record`], [`Replay`] | exchanges in a file, so that a test needs no model |
//! | [`Cache`] | answers kept on disk, bounded |
//! | [`StructuredOutput`] | JSON that satisfies its schema, by a bounded repair loop |
//! | [`Fallback`] | another model where one fails |
//! | [`Retry`] | another attempt after a failure that may pass |
//! | [`RateLimit`] | no more requests and tokens a minute than a provider allows |
//! | [`ConcurrencyLimit`] | no more requests at the same time than an engine can take |
//!
//! # Order
//!
//! A layer acts on what the layers around it let through, so the same layers in another order do
//! something else. From the outside in, the order of the table is the one to begin with:
//!
//! ```
//! use std::sync::Arc;
//!
//! use catena_core::ChatModel;
//! use catena_models::{ScriptedModel, layer::*};
//!
//! # let folder = "unused";
//! let model: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new());
//! let model = Arc::new(ConcurrencyLimit::new(model, 8));
//! let model = Arc::new(RateLimit::new(model).requests_per_minute(60));
//! let model = Arc::new(Retry::new(model).max_attempts(3));
//! let model = Arc::new(StructuredOutput::new(model).max_repairs(2));
//! let model = Arc::new(Cache::new(model, folder));
//! ```
//!
//! What the other way round would do (each figure is that of a test):
//!
//! - **`RateLimit` inside of `Retry`**: attempts are counted. A provider that lets 60 requests pass
//!   in a minute and fails two attempts of three gets 120 in the first minute (a full bucket of
//!   60 and its refill). Outside, the limit counts answers, each of three attempts: the provider
//!   gets 360, and refuses more and more of them.
//! - **`ConcurrencyLimit` inside of `Retry`**: a request that waits for its next attempt holds no
//!   place. Ten requests of one second each, one at a time, of which the first is told to come
//!   back in 30 seconds, take 32 seconds. Outside, the nine others wait with it: 41 seconds.
//! - **`Cache` outside of `RateLimit`**: an answer that is there takes nothing from the limit. 600
//!   requests, 60 of them different, take no time at 60 a minute. Inside, they take nine minutes.
//! - **`Retry` inside of `StructuredOutput`**: only the repair that failed is made again. An answer
//!   without JSON whose first repair fails once takes three calls. Outside, everything begins anew,
//!   the bad answer included: four calls.
//! - **`Fallback` outside of `Retry`**: each model has its attempts before the next is asked. Of ten
//!   requests to a model whose every second attempt fails, the spare gets none. Inside, it gets five.
//!
//! `StructuredOutput` inside of `Cache` keeps the answers that are valid; outside, it would get the
//! same bad one from the folder each time. The models of a `Fallback` have their own limits inside of it.
//!
//! # What is counted
//!
//! The usage of an answer is that of all calls that it took, attempts that failed and repairs
//! included; a stream says it as it happens ([`Delta::Spent`](catena_core::Delta::Spent)), so that a
//! chat that fails or is cancelled is charged what it used. How many it may be at most is the product
//! of the bounds: with three attempts and two repairs, nine. A budget sets aside before the first
//! ([`worst_case`](catena_core::ChatModel::worst_case)) a repair as a whole answer to a prompt that has
//! grown by one; and before each further attempt ([`Delta::Retry`](catena_core::Delta::Retry)) the one
//! that failed, as one call without tokens.

mod cache;
mod cassette;
mod concurrency;
mod fallback;
mod rate_limit;
mod retry;
mod stream;
mod structured;

pub use cache::{Cache, CacheStats};
pub use cassette::{Record, Replay};
pub use concurrency::ConcurrencyLimit;
pub use fallback::Fallback;
pub use rate_limit::RateLimit;
pub use retry::Retry;
pub use structured::StructuredOutput;
