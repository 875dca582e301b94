use catena_core::{Agent, Context, Result};

struct CountWords;

#[async_trait::async_trait]
impl Agent for CountWords {
    type Input = String;
    type Output = usize;

    // `Output` says `usize`.
    async fn run(&self, text: String, _cx: &Context) -> Result<u64> {
        Ok(text.split_whitespace().count() as u64)
    }
}

fn main() {}
