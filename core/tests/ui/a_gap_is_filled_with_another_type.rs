use catena_core::{Context, Result, agent, on_failure};

async fn length(text: String, _cx: Context) -> Result<usize> {
    Ok(text.len())
}

fn main() {
    // What fills the gap goes where a number was expected.
    on_failure(agent(length)).skip(|gap| gap.error.to_string());
}
