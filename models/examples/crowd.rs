//! What concurrency is worth at a server: 32 requests of very different lengths, 1, 8 and 32 at a time.
//!
//! ```text
//! cargo run --release -p catena-models --example crowd -- http://localhost:8080/v1 MODEL
//! ```
//!
//! The example of the same name in `catena-local` asks the same of a model in its own process.

use catena_core::{Error, Result};
use catena_models::{OpenAiCompatible, measure};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, name] = &*arguments else {
        return Err(Error::invalid("usage: crowd BASE_URL MODEL"));
    };
    let model = OpenAiCompatible::builder(base_url, name).build()?;
    // What is set up once is not measured.
    measure::crowd(&model, 0, 8).await?;
    for (round, at_a_time) in [1, 8, 32].into_iter().enumerate() {
        let crowd = measure::crowd(&model, 1 + round as u64, at_a_time).await?;
        println!("{crowd}");
    }
    Ok(())
}
