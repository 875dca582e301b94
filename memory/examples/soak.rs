//! A long conversation with the memory alone: how long remembering and searching take, how much memory
//! the process uses, and how much room the archive takes beside the text in it.
//!
//!     cargo run --release -p catena-memory --example soak -- 20000
//!
//! The number is that of the turns, of about 1 kB each; 20,000 if none is given. At the end the archive
//! is opened again and everything is looked for.

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_core::Result;
use catena_memory::{
    Archive, ExactIndex, Filter, HashingEmbedder, Memory, Namespace, NamespaceId, NewItem, Query,
};

/// A question is asked after each so many turns.
const ASK: u64 = 20;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let turns = match std::env::args()
        .nth(1)
        .map_or(Ok(20_000), |text| text.parse())
    {
        Ok(turns) => turns,
        Err(_) => {
            eprintln!("the number of turns is no number: say for instance 20000");
            return ExitCode::from(2);
        }
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
    let folder = std::env::temp_dir().join(format!("catena-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|error| catena_core::Error::other(error.to_string()))?;
    let told = talk(&folder, turns).await;
    // Whatever became of it, a few dozen megabytes are not left behind.
    let _ = std::fs::remove_dir_all(&folder);
    told
}

async fn open(folder: &Path) -> Result<(Memory, NamespaceId)> {
    let archive = Archive::open(folder.join("memory.db"))?;
    let (index, embedder) = (
        Arc::new(ExactIndex::new()),
        Arc::new(HashingEmbedder::new()),
    );
    let memory = Memory::open(archive, index, embedder).await?;
    let namespace = memory
        .namespace(&Namespace::new("ada", "soak", "long"))
        .await?;
    Ok((memory, namespace))
}

async fn talk(folder: &Path, turns: u64) -> Result<()> {
    let (memory, namespace) = open(folder).await?;
    let (mut text, mut early) = (0, 0);
    let (mut remembering, mut searching) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for turn in 1..=turns {
        let item = item(turn);
        text += (item.observation.len() + item.response.len()) as u64;
        let started = Instant::now();
        memory.remember(namespace, item).await?;
        remembering.push(started.elapsed());
        if turn % ASK == 0 {
            let question = Query::new(question(1 + turn / 2));
            let started = Instant::now();
            let found = memory.search(namespace, &question).await?;
            searching.push(started.elapsed());
            expect(found.first().map(|found| found.item.turn()), 1 + turn / 2);
        }
        if turn == 1000 {
            early = resident();
        }
    }
    println!(
        "{turns} turns in {:.0} s, {} MB of text",
        begun.elapsed().as_secs_f64(),
        text / 1_000_000
    );
    tell("remember", &mut remembering);
    tell("search", &mut searching);
    println!(
        "memory    {early} MiB after 1,000 turns, {} MiB at the end",
        resident()
    );
    println!(
        "          (of which the exact index has {} MiB)",
        turns * 256 * 4 / (1 << 20)
    );
    drop(memory);
    let size = std::fs::metadata(folder.join("memory.db")).map_or(0, |file| file.len());
    println!(
        "archive   {:.2} bytes for each byte of text",
        size as f64 / text as f64
    );

    let started = Instant::now();
    let (memory, namespace) = open(folder).await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("opened    again in {seconds:.1} s, every point made anew");
    let mut after = None;
    let mut there = 0;
    loop {
        let items = memory
            .archive()
            .browse(namespace, &Filter::default(), after, 1000)
            .await?;
        let Some(last) = items.last() else { break };
        after = Some(last.id);
        there += items.len() as u64;
    }
    expect(Some(there), turns);
    let started = Instant::now();
    let plan = memory.plan_consolidation(namespace).await?;
    println!(
        "dry run   of a consolidation in {:.1} s, {} proposals",
        started.elapsed().as_secs_f64(),
        plan.proposals.len()
    );
    Ok(())
}

fn expect(found: Option<u64>, expected: u64) {
    assert_eq!(found, Some(expected), "something is not there");
}

fn tell(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{what:<9} p50 {:.2} ms, p99 {:.2} ms",
        milliseconds(at(50)),
        milliseconds(at(99))
    );
}

/// MiB of the process that are in memory; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// A word as common as in a language: the rank of a word times its number is about the same for all.
fn word(random: &mut fastrand::Rng) -> String {
    const SYLLABLES: [&str; 16] = [
        "ba", "de", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "yo", "za",
        "che",
    ];
    let rank = (30_000_f64.powf(random.f64())) as usize;
    let mut word = String::new();
    let mut rest = rank;
    while rest > 0 || word.is_empty() {
        word += SYLLABLES[rest % 16];
        rest /= 16;
    }
    word
}

fn sentences(random: &mut fastrand::Rng, letters: usize) -> String {
    let mut text = String::new();
    while text.len() < letters {
        text += &word(random);
        text.push(if random.u8(..12) == 0 { '.' } else { ' ' });
    }
    text
}

/// A turn of about 1 kB, with a name that no other has.
fn item(turn: u64) -> NewItem {
    let mut random = fastrand::Rng::with_seed(turn);
    let said = sentences(&mut random, 480);
    let answer = sentences(&mut random, 480);
    NewItem::turn(
        format!("{said} The code of the day is day{turn}code."),
        answer,
    )
    .by_run(format!("{turn:026}"))
}

fn question(turn: u64) -> String {
    format!("What about day{turn}code?")
}
