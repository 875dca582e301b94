use catena_core::{Agent, Context, Result};

struct CountWords;

// `#[async_trait::async_trait]` belongs here.
impl Agent for CountWords {
    type Input = String;
    type Output = usize;

    async fn run(&self, text: String, _cx: &Context) -> Result<usize> {
        Ok(text.split_whitespace().count())
    }
}

fn main() {}
