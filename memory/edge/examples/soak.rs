//! A conversation of very many turns through the whole system with a scripted model: `make soak`, or
//!
//! ```text
//! cargo run -p catena-edge --example soak -- [TURNS]
//! ```
//!
//! 20,000 turns of about 1 kB unless said otherwise. Each is a run of [`MemoryChat`] over the archive
//! and the embedded index; a code is told in every turn, and every twentieth turn asks for one of long
//! ago. Told are what a turn takes and reads, what the process and the store take, and whether, after
//! everything has been closed and opened again, everything is there. It fails where something is not,
//! or where a promise is broken: tokens a turn, memory, and three bytes for each byte of text.

mod support;
#[path = "support/words.rs"]
mod words;

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_agents::{MemoryChat, Message, Reply};
use catena_core::{ChatRequest, Error, EventKind, Graph, Result, Run, RunOptions};
use catena_edge::EdgeIndex;
use catena_memory::{Archive, Filter, HashingEmbedder, Memory, Namespace, NamespaceId};
use catena_models::ScriptedModel;
use futures::StreamExt;

use self::{
    support::{failed, in_memory, size, tell},
    words::words,
};

/// The most tokens of a prompt and its answer.
const WINDOW: u32 = 2048;
/// Numbers of a vector: as many as the sentence model makes.
const DIMENSIONS: usize = 384;
/// One turn of so many asks for something that was told long ago.
const ASK: u64 = 20;
/// Letters of a message, and of an answer.
const LETTERS: usize = 480;
/// The turns after which the process is as large as it may be.
const WARM: u64 = 2000;
/// What its own memory may grow by after these, in MiB. The pages of the index that the system keeps
/// mapped are not its own: they grow with the index, and are given up when memory is short. `make soak`
/// has glibc keep two heaps and not one for each thread that was ever busy beside others.
const GROWTH: u64 = 16;
/// And by one more for each so many turns: the embedded index has the numbers of its points in memory, some 30 bytes
/// each.
const TURNS_A_MIB: u64 = 32_000;
/// Bytes that the store may take for each byte of text.
const STORE: f64 = 3.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let turns = std::env::args().nth(1).unwrap_or("20000".to_owned());
    let Ok(turns) = turns.parse() else {
        eprintln!("'{turns}' is no number of turns: say for instance 20000");
        return ExitCode::from(2);
    };
    match soak(turns).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(turns: u64) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|error| failed("making a folder", error))?;
    let mut broken = Vec::new();
    let text = talk(folder.path(), turns, &mut broken).await?;

    let (archive, index) = (
        size(&folder.path().join("memory.db")),
        size(&folder.path().join("index")),
    );
    let share = |bytes: u64| bytes as f64 / text as f64;
    println!(
        "store     archive {:.2}, index {:.2}: {:.2} bytes for each byte of text",
        share(archive),
        share(index),
        share(archive + index)
    );
    if share(archive + index) > STORE {
        broken.push(format!(
            "the store takes more than {STORE} bytes for each byte of text"
        ));
    }

    let started = Instant::now();
    let (memory, namespace) = open(folder.path()).await?;
    println!("reopened  in {:.1} s", started.elapsed().as_secs_f64());
    let there = count(&memory, namespace).await?;
    if there != turns {
        broken.push(format!("{there} of {turns} turns are there"));
    }
    // Through the index too, not only in the archive.
    let chat = chat(&memory, namespace)?;
    for told in [1, turns / 3, turns / 2, turns - 1] {
        // What only asked told nothing.
        let told = if told % ASK == 0 { told + 1 } else { told };
        let reply = turn(&chat, question(told)).await?.0;
        if !reply.recall.turns().contains(&told) {
            broken.push(format!("turn {told} is not found again after opening"));
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Error::other(broken.join("; "))),
    }
}

/// Talks, tells what that took, and returns the bytes of what was said.
async fn talk(folder: &Path, turns: u64, broken: &mut Vec<String>) -> Result<u64> {
    let (memory, namespace) = open(folder).await?;
    let chat = chat(&memory, namespace)?;
    let (mut text, mut asked, mut missed) = (0, 0, 0);
    let (mut most_told, mut most_asked) = (0, 0);
    let (mut telling, mut asking, mut activating) = (Vec::new(), Vec::new(), Vec::new());
    let mut warm = 0;
    let begun = Instant::now();
    for number in 1..=turns {
        let ask = number % ASK == 0;
        let early = 1 + number / 3;
        let said = match ask {
            true => question(early),
            false => message(number),
        };
        text += said.len() as u64;
        let started = Instant::now();
        let (reply, tokens, activation) = turn(&chat, said).await?;
        text += reply.text.len() as u64;
        match ask {
            true => {
                asking.push(started.elapsed());
                activating.push(activation);
                most_asked = tokens.max(most_asked);
                // What is asked for was itself a question now and then.
                if early % ASK != 0 {
                    asked += 1;
                    missed += u64::from(!reply.recall.turns().contains(&early));
                }
            }
            false => {
                telling.push(started.elapsed());
                most_told = tokens.max(most_told);
            }
        }
        if number == WARM.min(turns) {
            warm = in_memory("RssAnon:");
        }
        if number % 1000 == 0 {
            eprintln!(
                "{number} turns, {:.0} s, {} MiB",
                begun.elapsed().as_secs_f64(),
                in_memory("RssAnon:")
            );
        }
    }
    println!(
        "{turns} turns in {:.0} s, {} MB of text",
        begun.elapsed().as_secs_f64(),
        text / 1_000_000
    );
    tell("a turn", &mut telling);
    tell("recalling", &mut asking);
    tell("activation", &mut activating);
    println!(
        "tokens    at most {} of a turn that tells, {} of one that asks",
        most_told, most_asked
    );
    println!(
        "found     {} of {asked} that were asked for",
        asked - missed
    );
    let end = in_memory("RssAnon:");
    println!(
        "memory    {warm} MiB after {} turns, {end} MiB at the end, and {} MiB of files mapped",
        WARM.min(turns),
        in_memory("RssFile:")
    );
    if missed > 0 {
        broken.push(format!(
            "{missed} of {asked} questions did not find their turn"
        ));
    }
    if end > warm + GROWTH + turns / TURNS_A_MIB {
        broken.push(format!("memory grew from {warm} to {end} MiB"));
    }
    // Of a turn: the controller's question and the answer.
    if most_asked.max(most_told) > 2 * u64::from(WINDOW) {
        broken.push("a turn took more tokens than two windows".to_owned());
    }
    Ok(text)
}

async fn open(folder: &Path) -> Result<(Memory, NamespaceId)> {
    let archive = Archive::open(folder.join("memory.db"))?;
    let index = Arc::new(EdgeIndex::open(folder.join("index"), Default::default()).await?);
    let embedder = HashingEmbedder::with_dimensions(DIMENSIONS);
    let memory = Memory::open(archive, index, Arc::new(embedder)).await?;
    let namespace = memory
        .namespace(&Namespace::new("ada", "soak", "long"))
        .await?;
    Ok((memory, namespace))
}

/// The system with a model that needs memory for questions, and talks as much as it is talked to.
fn chat(memory: &Memory, namespace: NamespaceId) -> Result<Arc<Graph<Message, Reply>>> {
    let answer = |request: &ChatRequest| {
        let last = request
            .messages
            .last()
            .map(|message| message.content.clone())
            .unwrap_or_default();
        let controller = request.max_tokens.is_some_and(|tokens| tokens < 8);
        let asks = last.contains("What about");
        let text = match (controller, asks) {
            (true, true) => "notes".to_owned(),
            (true, false) => "general".to_owned(),
            (false, _) => words(
                &mut fastrand::Rng::with_seed(last.len() as u64 + 7),
                &[],
                LETTERS,
            ),
        };
        Ok(text)
    };
    let model = ScriptedModel::from_fn(answer)
        .configure(|profile| profile.context_window = WINDOW)
        .recording(false);
    let chat = MemoryChat::new(Arc::new(model), memory.clone(), namespace);
    Ok(Arc::new(chat.window(WINDOW).learn_facts(false).build()?))
}

/// A turn, the tokens that all its calls took, and how long activation did: the question whether memory is needed,
/// the search, the ranking and the packing.
async fn turn(
    chat: &Arc<Graph<Message, Reply>>,
    message: String,
) -> Result<(Reply, u64, Duration)> {
    let mut run = Run::start(
        Arc::clone(chat),
        Message::new(message),
        RunOptions::new("soak"),
    );
    let (mut from, mut to) = (0, 0);
    while let Some(event) = run.next().await {
        match event.kind {
            EventKind::NodeStarted { .. } if event.path.as_str().ends_with("/recall") => {
                from = event.at_us;
            }
            EventKind::NodeFinished if event.path.as_str().ends_with("/recall") => {
                to = event.at_us;
            }
            _ => {}
        }
    }
    let outcome = run.outcome().await?;
    let tokens = outcome.usage.tokens();
    Ok((
        outcome.output,
        tokens,
        Duration::from_micros(to.saturating_sub(from)),
    ))
}

async fn count(memory: &Memory, namespace: NamespaceId) -> Result<u64> {
    let (mut after, mut there) = (None, 0);
    loop {
        let items = memory
            .archive()
            .browse(namespace, &Filter::default(), after, 1000)
            .await?;
        let Some(last) = items.last() else {
            return Ok(there);
        };
        after = Some(last.id);
        there += items.len() as u64;
    }
}

/// A message with a word that no other has.
fn message(turn: u64) -> String {
    let said = words(&mut fastrand::Rng::with_seed(turn), &[], LETTERS);
    format!("{said} The code of the day is day{turn}code.")
}

fn question(turn: u64) -> String {
    format!("What about day{turn}code?")
}
