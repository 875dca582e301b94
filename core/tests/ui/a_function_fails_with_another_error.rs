use catena_core::{Context, Result};

async fn read(path: String, _cx: Context) -> Result<String> {
    // `map_err(|error| Error::other("reading the draft").with_source(error))?`.
    let text = std::fs::read_to_string(path)?;
    Ok(text)
}

fn main() {}
