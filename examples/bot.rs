//! A bot that never forgets, in twenty lines. Say something a line; it has an archive beside it.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run --example bot -- MODEL`

use std::sync::Arc;

use catena::{
    Run, RunOptions, SqliteJournal,
    agents::{MemoryChat, Message},
    memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace},
    models::OpenAiCompatible,
};

#[tokio::main]
async fn main() -> catena::Result<()> {
    let model = std::env::args().nth(1).unwrap_or("any".into());
    let model = Arc::new(OpenAiCompatible::from_env(&model)?.build()?);
    let (index, embedder) = (
        Arc::new(ExactIndex::new()),
        Arc::new(HashingEmbedder::new()),
    );
    let memory = Memory::open(Archive::open("bot.db")?, index, embedder).await?;
    let me = memory
        .namespace(&Namespace::new("me", "bot", "talk"))
        .await?;
    let chat = Arc::new(MemoryChat::new(model, memory, me).build()?);
    let journal = Arc::new(SqliteJournal::open("bot-runs.db")?);
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let options = RunOptions::new("chat").journal(journal.clone());
        let run = Run::start(chat.clone(), Message::new(line), options);
        println!("{}", run.outcome().await?.output.text);
    }
    Ok(())
}
