//! A question about a file, answered over any OpenAI-compatible server.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run --example remote -- MODEL FILE QUESTION`

use std::{env, path::Path, sync::Arc};

use catena::{
    Error, Run, RunOptions,
    agents::{ChainInput, ChainOfAgents},
    models::OpenAiCompatible,
    tools::Document,
};

#[tokio::main]
async fn main() -> catena::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, file, question] = arguments.as_slice() else {
        return Err(Error::invalid("usage: remote MODEL FILE QUESTION"));
    };
    let model = OpenAiCompatible::from_env(model)?.build()?;
    let graph = ChainOfAgents::new(Arc::new(model)).build()?;
    let input = ChainInput::question(vec![Document::read(Path::new(file))?], question);
    let outcome = Run::start(graph, input, RunOptions::new("ask"))
        .outcome()
        .await?;
    println!("{}", outcome.output.text);
    for passage in outcome.output.passages {
        println!(
            "{}:{}: {}",
            passage.place.document, passage.place.line, passage.quote
        );
    }
    Ok(())
}
