//! A write that was acknowledged survives `kill -9`, in the archive, and in the embedded index beside it
//! after the next opening.
//!
//! This program executes itself again as the process that is killed ([`killed`]) at random moments: while it
//! writes, forgets and brings the index up to date, while it opens both, and while it fills the index anew,
//! builds its graph and rids it of what was forgotten. After most kills everything is compared ([`check`]);
//! after the others the next process finds what the killed one left. An index that a kill damaged is made
//! anew, as the command does it, and how often is told.
//!
//! Twelve kills, and four while it is made anew, by default; `CATENA_KILLS` says how many the first are,
//! `CATENA_SEED` which.

#![allow(missing_docs)]
#![cfg(unix)]

mod check;
mod killed;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use catena_core::Embedder;
use catena_edge::{EdgeIndex, EdgeOptions};
use catena_memory::{
    Archive, Filter, HashingEmbedder, Memory, MemoryItem, Moment, Namespace, NamespaceId, NewItem,
};

use self::check::{Told, check};

const FOLDER: &str = "CATENA_EDGE_CRASH";
/// What the process does that is killed: one of the three that follow.
const WORK: &str = "CATENA_EDGE_CRASH_WORK";
const WRITE: &str = "write";
const OPEN: &str = "open";
const REMAKE: &str = "remake";

const SIGKILL: i32 = 9;
/// How long a process may take to begin, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// The numbers of an archive that is as large as an index with a graph has to be.
const MANY: u64 = 350;

/// An archive and its index.
struct Place {
    folder: PathBuf,
    /// With vectors so long that those of [`MANY`] numbers are enough for a graph: 10,000 KiB are.
    long: bool,
}

impl Place {
    fn embedder(&self) -> Arc<dyn Embedder> {
        let dimensions = if self.long { 4096 } else { 256 };
        Arc::new(HashingEmbedder::with_dimensions(dimensions))
    }

    fn archive(&self) -> Archive {
        Archive::open(self.folder.join("memory.db")).unwrap()
    }

    /// Opens the index as the command does, and says whether it was damaged and made anew.
    async fn index(&self) -> (EdgeIndex, bool) {
        let folder = self.folder.join("memory.db.index");
        let options = match self.long {
            true => EdgeOptions::new().half_precision(false).graph(8, 32),
            false => EdgeOptions::new(),
        };
        let open = || EdgeIndex::open(&folder, options.clone());
        match open().await {
            Err(error) if !error.is_retryable() && !error.is_invalid() => {
                eprintln!("{error}; it is made anew");
                EdgeIndex::discard(&folder).await.unwrap();
                (open().await.unwrap(), true)
            }
            opened => (opened.unwrap(), false),
        }
    }

    async fn open(&self) -> (Memory, bool) {
        let archive = self.archive();
        let (index, anew) = self.index().await;
        let memory = Memory::open(archive, Arc::new(index), self.embedder()).await;
        (memory.unwrap(), anew)
    }
}

/// Where a number is remembered: even and odd ones apart.
fn names(number: u64) -> Namespace {
    Namespace::new("ada", "bot", ["even", "odd"][usize::from(number % 2 == 1)])
}

/// The turn and the fact of a number, which are written together.
fn items(number: u64) -> [NewItem; 2] {
    let turn = NewItem::turn(format!("said {number}"), "noted");
    let fact = NewItem::fact("number", number.to_string());
    [turn, fact].map(|item| item.at(Moment(number)).in_turn(number))
}

/// Which of the two is forgotten again, if one is.
fn forgotten(number: u64) -> Option<usize> {
    match number % 20 {
        0 => Some(0),
        10 => Some(1),
        _ => None,
    }
}

/// All items with their namespaces, in the order of the archive.
async fn everything(archive: &Archive) -> Vec<(NamespaceId, MemoryItem)> {
    let mut all = Vec::new();
    for of in 0..2 {
        let namespace = archive.namespace(&names(of)).await.unwrap();
        let items = archive
            .browse(namespace, &Filter::default(), None, usize::MAX)
            .await
            .unwrap();
        assert!(items.iter().all(|item| item.validity.from.0 % 2 == of));
        all.extend(items.into_iter().map(|item| (namespace, item)));
    }
    all.sort_by_key(|(_, item)| item.id);
    all
}

/// The last number of which anything is there.
fn last(items: &[(NamespaceId, MemoryItem)]) -> u64 {
    let numbers = items.iter().map(|(_, item)| item.validity.from.0);
    numbers.max().unwrap_or(0)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Has another process work, kills it `moment` after it has begun, and hears what it acknowledged by then.
fn kill(place: &Place, work: &str, moment: Duration, told: &mut Told) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::the_process_that_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, &place.folder)
        .env(WORK, work)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut all = out.lines().map_while(Result::ok);
        all.try_for_each(|text| line.send(text))
    });
    let mut begun = false;
    while !begun && let Ok(text) = lines.recv_timeout(PATIENCE) {
        begun = text == "begun";
        told.hear(&text);
    }
    thread::sleep(moment);
    child.kill().unwrap();
    assert_eq!(
        child.wait().unwrap().signal(),
        Some(SIGKILL),
        "it ended by itself"
    );
    assert!(begun, "it did not begin");
    lines.iter().for_each(|text| told.hear(&text));
    told.kills += 1;
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    let root = tempfile::tempdir().unwrap();
    let place = Place {
        folder: root.path().to_owned(),
        long: false,
    };
    let kills = setting("CATENA_KILLS", 12);
    let mut chance = fastrand::Rng::with_seed(setting("CATENA_SEED", 1));
    let mut told = Told::default();
    for number in 1..=kills {
        let work = if number % 3 == 0 { OPEN } else { WRITE };
        let moment = Duration::from_millis(chance.u64(..700));
        kill(&place, work, moment, &mut told);
        if chance.u8(..4) > 0 || number == kills {
            runtime().block_on(check(&place, &mut told));
        }
    }
    println!("{told}");
    assert!(
        told.wrote > 20,
        "{} were written: it was killed too early to tell anything",
        told.wrote
    );
    assert!(!told.forgot.is_empty());
}

#[test]
fn an_index_that_was_being_made_anew_is_right_after_kill_9() {
    let root = tempfile::tempdir().unwrap();
    let place = Place {
        folder: root.path().to_owned(),
        long: true,
    };
    let kills = setting("CATENA_KILLS", 12).div_ceil(3);
    let mut chance = fastrand::Rng::with_seed(setting("CATENA_SEED", 1));
    let mut told = Told::default();
    runtime().block_on(fill(&place));
    told.wrote = MANY;
    for _ in 0..kills {
        let moment = Duration::from_millis(chance.u64(..2000));
        kill(&place, REMAKE, moment, &mut told);
        runtime().block_on(check(&place, &mut told));
    }
    println!("while it is made anew, {told}");
}

async fn fill(place: &Place) {
    let (memory, _) = place.open().await;
    for of in 0..2 {
        let namespace = memory.namespace(&names(of)).await.unwrap();
        let numbers = (1..=MANY).filter(|number| number % 2 == of);
        let items = numbers.flat_map(items).collect();
        memory
            .archive()
            .remember_all(namespace, items)
            .await
            .unwrap();
    }
    memory.sync(&mut |_, _| {}).await.unwrap();
    memory.index().optimize().await.unwrap();
    assert!(
        has_graph(&place.folder),
        "optimising it is not worth a kill"
    );
}

fn has_graph(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => has_graph(&path),
            false => path.to_string_lossy().contains("graph"),
        }
    })
}
