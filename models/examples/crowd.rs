//! What concurrency is worth at a server: 32 requests of very different lengths, 1, 8 and 32 at a time.
//! The longest prompt has 2,000 tokens unless you say otherwise.
//!
//! ```text
//! cargo run --release -p catena-models --example crowd -- http://localhost:8080/v1 MODEL [LONGEST]
//! ```
//!
//! The example of the same name in `catena-local` asks the same of a model in its own process.

use std::time::Instant;

use catena_core::{ChatMessage, ChatRequest, Error, Result};
use catena_models::{OpenAiCompatible, measure};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(base_url), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err(Error::invalid("usage: crowd BASE_URL MODEL [LONGEST]"));
    };
    let longest = arguments.next().and_then(|tokens| tokens.parse().ok());
    let longest = longest.unwrap_or(2000);
    let model = OpenAiCompatible::builder(base_url, name).build()?;
    // What is set up once is not measured.
    let first = ChatRequest::new([ChatMessage::user(measure::story(&model, 0, 96))]);
    measure::timed(&model, first.max_tokens(8), Instant::now).await?;

    for (round, at_a_time) in [1, 8, 32].into_iter().enumerate() {
        let crowd = measure::crowd(&model, 1 + round as u64, at_a_time, longest).await?;
        println!("{crowd}");
    }
    Ok(())
}
