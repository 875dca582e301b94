//! A model that uses tools: one of your own, one that comes with Catena, and a person who agrees.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run --example tools -- MODEL "What is in README.md?"`

use std::sync::Arc;

use catena::{
    Context, MemoryJournal, Run, RunOptions,
    agents::ToolAgent,
    models::OpenAiCompatible,
    tools::{Approval, JsonSchema, ReadFile, Toolbox, tool},
};
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "catena::tools::schemars")]
struct Note {
    /// One sentence.
    text: String,
}

#[tokio::main]
async fn main() -> catena::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or("any".into());
    let task = arguments
        .next()
        .unwrap_or("What is Catena? Keep a note of it.".into());
    let model = Arc::new(OpenAiCompatible::from_env(&model)?.build()?);

    let keep = tool(
        "keep_note",
        "Keeps a note for the user.",
        |note: Note, _cx: Context| async move {
            println!("(noted: {})", note.text);
            Ok("kept")
        },
    );
    let tools = Toolbox::new().with(ReadFile::new(".")?)?.with(keep)?;
    let tools = tools.approve(["keep_note"])?;
    let agent = Arc::new(ToolAgent::new(model, tools).build()?);

    let journal = Arc::new(MemoryJournal::new());
    let mut options = RunOptions::new("tools").journal(journal.clone());
    loop {
        let run = Run::start(agent.clone(), task.clone(), options);
        let id = run.id().clone();
        let waits = match run.outcome().await {
            Ok(outcome) => {
                println!("{}", outcome.output.text);
                return Ok(());
            }
            Err(error) if error.is_interrupted() => error,
            Err(error) => return Err(error),
        };
        options = RunOptions::new("tools").journal(journal.clone()).resume(id);
        for question in waits.interrupts() {
            println!("Allow {}? [y/N]", question.question);
            let mut line = String::new();
            let said = std::io::stdin().read_line(&mut line).is_ok() && line.trim() == "y";
            let answer = match said {
                true => Approval::Approve,
                false => Approval::Deny(String::new()),
            };
            let answer = serde_json::to_value(answer).unwrap_or_default();
            options = options.answer(question.id.clone(), answer);
        }
    }
}
