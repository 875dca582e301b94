//! What many requests of very different lengths cost at a time, and what a prompt costs that begins
//! like an earlier one.
//!
//! ```text
//! cargo run --release -p catena-local --features cuda --example crowd -- MODEL.gguf [LONGEST [plain]]
//! ```
//!
//! It asks 32 questions 1, 8 and 32 at a time, as the example of the same name in `catena-models` asks
//! a server, and then four questions about one document of twice the longest prompt. `plain`: without paged
//! attention.

use std::time::Instant;

use catena_core::{ChatMessage, ChatRequest, Error, Result};
use catena_local::{Device, LocalModel, LocalOptions};
use catena_models::measure;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next();
    let path = path.ok_or_else(|| Error::invalid("usage: crowd MODEL.gguf [LONGEST [plain]]"))?;
    let longest = arguments.next().and_then(|tokens| tokens.parse().ok());
    let longest = longest.unwrap_or(2000);
    let begun = Instant::now();
    let options = LocalOptions::new().device(Device::best());
    let options = options.paged_attention(arguments.next().is_none());
    let model = LocalModel::load(path, options).await?;
    println!("loaded in {:.1} s", begun.elapsed().as_secs_f64());
    // What is set up once is not measured.
    let first = ChatRequest::new([ChatMessage::user(measure::story(&model, 0, 96))]);
    measure::timed(&model, first.max_tokens(8), Instant::now).await?;

    for (round, at_a_time) in [1, 8, 32].into_iter().enumerate() {
        let crowd = measure::crowd(&model, 1 + round as u64, at_a_time, longest).await?;
        println!("{crowd}");
    }

    let document = measure::story(&model, 999, 2 * longest);
    for number in 1..=4 {
        let question = format!("{document}\nHow many ships were there on day {number}?");
        let request = ChatRequest::new([ChatMessage::user(question)]).max_tokens(16);
        let asked = measure::timed(&model, request, Instant::now).await?;
        println!(
            "question {number} on a document: first token of the answer after {:.3} s, of {} tokens \
             read {} came from the cache",
            (asked.first - asked.begun).as_secs_f64(),
            asked.usage.input_tokens,
            asked.usage.cached_tokens,
        );
    }
    Ok(())
}
