//! The layers around a model, each over the scripted one and on a paused clock.

#[path = "layers/budget.rs"]
mod budget;
#[path = "layers/cache.rs"]
mod cache;
#[path = "layers/cassette.rs"]
mod cassette;
#[path = "layers/concurrency.rs"]
mod concurrency;
#[path = "layers/fallback.rs"]
mod fallback;
#[path = "layers/order.rs"]
mod order;
#[path = "layers/rate_limit.rs"]
mod rate_limit;
#[path = "layers/retry.rs"]
mod retry;
#[path = "layers/structured.rs"]
mod structured;
#[path = "layers/support.rs"]
mod support;
