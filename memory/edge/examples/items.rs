//! How fast a large memory is, archive and index together, how much it finds, and what it takes: `make items`,
//! or
//!
//! ```text
//! cargo run -p catena-edge --example items -- [ITEMS] [NAMESPACES]
//! ```
//!
//! Turns (1,000,000 unless said otherwise; 20000 are a quick try) of about 100 to 200 bytes are written to all
//! namespaces (10 unless said otherwise) side by side, with fsync, and the index is then told of them, as after an
//! import. It is quantised; its vectors are 384 numbers made of the words of a text ([`HashingEmbedder`]: what a
//! model takes to embed is not in here). Two of five words are English ones that a search by words leaves out, the
//! others are made up and as common as in a language. Everything is closed and opened again. Then a thousand turns
//! are looked for, each in its namespace and by every third of its words: by vectors, by words, and by both. A
//! search takes as many as one of `MemoryChat` does, and embeds its question.
//!
//! Told are the times, how many of the thousand are among what was found, what archive and index take on the
//! disk, and memory: the most while loading and while searching, and what is left then, the process's own and
//! pages of files, which the system takes back when it needs them. How far it is goes to standard error.

mod support;
#[path = "support/words.rs"]
mod words;

use std::{
    fs,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_core::{Error, Result};
use catena_edge::{EdgeIndex, EdgeOptions};
use catena_memory::{
    Archive, HashingEmbedder, Kind, Memory, Namespace, NamespaceId, NewItem, Query, Search,
};
use fastrand::Rng;
use futures::future::try_join_all;

use self::{
    support::{failed, in_memory, size, tell},
    words::words,
};

const DIMENSIONS: usize = 384;
/// Turns that are written to a namespace at once.
const RUN: u64 = 100;
const SEARCHES: u64 = 1000;
/// What a chat looks for: twice the memories that it activates, six, and the turn before.
const WANTED: usize = 13;
/// So many items are told about once.
const SHOWN: u64 = 50_000;

/// The commonest words of English, by rank.
const EVERYDAY: &[&str] = &[
    "the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with", "as",
    "his", "on", "be", "at", "by", "i", "this", "had", "but", "from", "they", "she", "which", "or",
    "we", "an", "there", "her", "were", "do", "been", "their", "has", "will", "would", "what",
    "if", "can", "when", "so", "my", "him", "me", "have", "who", "you", "about", "could", "them",
    "any", "your", "how", "its", "our", "did", "why", "where", "does", "am", "are",
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let items = numbers.next().unwrap_or(1_000_000).max(1);
    let namespaces = numbers.next().unwrap_or(10).max(1);
    let folder = tempfile::tempdir().map_err(|error| failed("making a folder", error))?;
    let (archive, index) = (folder.path().join("memory.db"), folder.path().join("index"));
    println!("{items} turns, {namespaces} namespaces, {DIMENSIONS} numbers a vector");

    let memory = open(&archive, &index).await?;
    let namespaces = named(&memory, namespaces).await?;
    load(&memory, items, &namespaces).await?;
    drop(memory);

    told_memory("loading");
    let (archived, indexed) = (size(&archive), size(&index));
    println!(
        "disk       archive {} MiB, {} bytes an item; index {} MiB, {} bytes an item",
        archived >> 20,
        archived / items,
        indexed >> 20,
        indexed / items
    );

    forget_most_memory();
    let begun = Instant::now();
    let memory = open(&archive, &index).await?;
    println!("opened     in {:.1} s", begun.elapsed().as_secs_f64());
    let there = memory.index().count().await?;
    if there != items {
        return Err(Error::other(format!(
            "{there} of {items} items are in the index"
        )));
    }
    for search in [Search::Dense, Search::Words, Search::Hybrid] {
        measure(&memory, items, &namespaces, search).await?;
    }
    told_memory("searching");
    Ok(())
}

async fn open(archive: &Path, index: &Path) -> Result<Memory> {
    let archive = Archive::open(archive)?;
    let index = EdgeIndex::open(index, EdgeOptions::new().quantized(true)).await?;
    let embedder = HashingEmbedder::with_dimensions(DIMENSIONS);
    Memory::open(archive, Arc::new(index), Arc::new(embedder)).await
}

async fn named(memory: &Memory, count: u64) -> Result<Vec<NamespaceId>> {
    let mut namespaces = Vec::new();
    for number in 0..count {
        let name = Namespace::new("ada", "items", number.to_string());
        namespaces.push(memory.namespace(&name).await?);
    }
    Ok(namespaces)
}

/// Writes all turns, so many at once that they share a wait for the disk, and then tells the index of them.
async fn load(memory: &Memory, items: u64, namespaces: &[NamespaceId]) -> Result<()> {
    let begun = Instant::now();
    let mut shown = 0;
    let mut show = |what: &str, done: u64, begun: Instant| {
        if done / SHOWN != shown {
            shown = done / SHOWN;
            let (seconds, memory) = (begun.elapsed().as_secs_f64(), in_memory("VmRSS:"));
            eprintln!("{what}: {done} of {items}, {seconds:.0} s, {memory} MiB");
        }
    };
    let apart = namespaces.len();
    let mut from = 0;
    while from < items {
        let until = items.min(from + RUN * apart as u64);
        let writes = (from..).zip(namespaces).map(|(first, namespace)| {
            let turns = (first..until).step_by(apart).map(turn).collect();
            memory.archive().remember_all(*namespace, turns)
        });
        try_join_all(writes).await?;
        from = until;
        show("archive", from, begun);
    }
    let archived = begun.elapsed();
    let begun = Instant::now();
    memory
        .sync(&mut |done, _| show("index", done, begun))
        .await?;
    println!(
        "loaded     archive in {:.0} s, index in {:.0} s",
        archived.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Looks for turns by some of their words.
async fn measure(
    memory: &Memory,
    items: u64,
    namespaces: &[NamespaceId],
    search: Search,
) -> Result<()> {
    let mut times: Vec<Duration> = Vec::new();
    let mut found = 0;
    for number in 0..SEARCHES {
        let number = Rng::with_seed(number).u64(..items);
        let wanted = turn(number);
        let query = Query::new(question(&wanted))
            .search(search)
            .kind(Kind::Turn)
            .limit(WANTED);
        let namespace = namespaces[number as usize % namespaces.len()];
        let begun = Instant::now();
        let hits = memory.search(namespace, &query).await?;
        times.push(begun.elapsed());
        let mut hits = hits.iter().map(|hit| &hit.item.observation);
        found += u64::from(hits.any(|text| *text == wanted.observation));
    }
    let name = format!("{search:?}").to_lowercase();
    tell(&name, &mut times);
    println!("{name:<10} {found} of {SEARCHES} found");
    Ok(())
}

/// A turn; the same for the same number.
fn turn(number: u64) -> NewItem {
    let mut random = Rng::with_seed(number);
    let mut say = |letters: Range<usize>| {
        let letters = random.usize(letters);
        let text = words(&mut random, EVERYDAY, letters);
        // A full stop between letters would end no word.
        text.replace('.', ". ").trim_end().to_owned()
    };
    let (said, answer) = (say(65..130), say(35..70));
    NewItem::turn(said, answer)
}

/// Every third of a turn's words.
fn question(turn: &NewItem) -> String {
    let said = turn.observation.split_whitespace();
    let words = said.chain(turn.response.split_whitespace()).step_by(3);
    words.collect::<Vec<_>>().join(" ")
}

fn told_memory(while_it: &str) {
    println!(
        "memory     at most {} MiB while {while_it}; at its end {} MiB of its own and {} MiB of files",
        in_memory("VmHWM:"),
        in_memory("RssAnon:"),
        in_memory("RssFile:")
    );
}

/// The most that was ever in memory is what is there now, where the system lets a process say so.
fn forget_most_memory() {
    // Otherwise the most while loading is told again.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
