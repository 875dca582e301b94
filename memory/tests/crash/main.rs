//! A write that was acknowledged survives `kill -9`, in the archive and, after the next opening, in
//! the index.
//!
//! This program executes itself again as the process that is killed, twenty times at random moments:
//! it writes numbered turns and facts, and prints each number when it is acknowledged. Twenty kills by
//! default; `CATENA_KILLS` says how many, `CATENA_SEED` which.

#![allow(missing_docs)]
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use catena_memory::{
    Archive, ExactIndex, Filter, HashingEmbedder, ItemId, Kind, Memory, Moment, Namespace, NewItem,
};

const FOLDER: &str = "CATENA_MEMORY_CRASH";
const SIGKILL: i32 = 9;

fn file(folder: &Path) -> PathBuf {
    folder.join("memory.db")
}

fn names() -> Namespace {
    Namespace::new("ada", "bot", "crash")
}

async fn open(folder: &Path) -> Memory {
    let archive = Archive::open(file(folder)).unwrap();
    let embedder = Arc::new(HashingEmbedder::new());
    Memory::open(archive, Arc::new(ExactIndex::new()), embedder)
        .await
        .unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A turn and a fact for a number, written together. Every tenth is forgotten again.
fn items(number: u64) -> Vec<NewItem> {
    let fact = NewItem::fact("number", format!("{number}")).at(Moment(number));
    vec![NewItem::turn(format!("said {number}"), ""), fact]
}

/// Does nothing in this process: the one that is killed.
#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    runtime().block_on(async {
        let memory = open(&folder).await;
        let namespace = memory.namespace(&names()).await.unwrap();
        let last = memory.archive().last_turns(namespace, 1).await.unwrap();
        let last = last.first().map_or(0, |item| item.turn());
        for number in last + 1.. {
            let written = memory.remember_all(namespace, items(number)).await.unwrap();
            assert_eq!(written[0].turn, number);
            say("wrote", number);
            if number % 10 == 0 {
                let ids = [written[1].id];
                memory
                    .forget(namespace, &Filter::default(), Some(&ids))
                    .await
                    .unwrap();
                say("forgot", written[1].id.0);
            }
        }
    });
}

/// A line at once, past what `print!` keeps back.
fn say(what: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{what} {number}").unwrap();
    out.flush().unwrap();
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    let setting = |name, default| {
        std::env::var(name).map_or(default, |text: String| text.parse().expect("a number"))
    };
    let (kills, seed) = (setting("CATENA_KILLS", 20), setting("CATENA_SEED", 1));
    let mut chance = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let (mut wrote, mut forgot) = (0, Vec::new());
    for _ in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reading = thread::spawn(move || out.lines().map_while(Result::ok).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(chance.u64(5..400)));
        child.kill().unwrap();
        assert_eq!(
            child.wait().unwrap().signal(),
            Some(SIGKILL),
            "it ended by itself"
        );
        for line in reading.join().unwrap() {
            match line.split_once(' ') {
                Some(("wrote", number)) => wrote = number.parse().unwrap(),
                Some(("forgot", id)) => forgot.push(ItemId(id.parse().unwrap())),
                _ => {}
            }
        }
        check(folder.path(), wrote, &forgot);
    }
    assert!(
        wrote > 20,
        "{wrote} were written: it was killed too early to tell anything"
    );
    assert!(!forgot.is_empty());
}

fn check(folder: &Path, wrote: u64, forgot: &[ItemId]) {
    runtime().block_on(async {
        let memory = open(folder).await;
        memory.sync(&mut |_, _| {}).await.unwrap();
        let archive = memory.archive();
        let namespace = archive.namespace(&names()).await.unwrap();
        let items = archive
            .browse(namespace, &Filter::default(), None, usize::MAX)
            .await
            .unwrap();
        let turns: Vec<_> = items
            .iter()
            .filter(|item| item.kind == Kind::Turn)
            .collect();
        assert!(turns.len() as u64 >= wrote, "{} of {wrote}", turns.len());
        // No more than one was written and not acknowledged in each process, and none by half.
        for (number, turn) in (1..).zip(&turns) {
            assert_eq!(
                (turn.turn(), &*turn.observation),
                (number, &*format!("said {number}"))
            );
        }
        let facts: Vec<_> = items
            .iter()
            .filter(|item| item.kind == Kind::Fact)
            .collect();
        for number in 1..=turns.len() as u64 {
            let there = facts
                .iter()
                .any(|fact| fact.validity.from == Moment(number));
            assert!(there || number % 10 == 0, "the fact of {number}");
        }
        assert!(facts.iter().all(|fact| !forgot.contains(&fact.id)));
        assert!(
            facts
                .iter()
                .filter(|fact| fact.validity.until.is_none())
                .count()
                <= 1
        );
        let points = memory.index().scan(None, usize::MAX).await.unwrap();
        let ids: Vec<_> = points.iter().map(|point| point.id).collect();
        assert_eq!(ids, items.iter().map(|item| item.id).collect::<Vec<_>>());
    });
}
