use catena_core::{Context, Result, agent, on_failure};

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

async fn shout(text: String, _cx: Context) -> Result<String> {
    Ok(text + "!")
}

fn main() {
    // The fallback stands in for `length`, so it must return a number too.
    on_failure(agent(length)).fallback(agent(shout));
}
