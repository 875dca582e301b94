//! Rule 8: a process that is killed at any moment is resumed to the same result, and repeats at most
//! the calls that were in flight.
//!
//! This program executes itself again as the process that is killed (`process`), with a graph of
//! every way to join over a SQLite journal. A process writes down in a file of its own which calls
//! its model began to answer and which had come back from the context. After each kill and at the
//! end, the files and the journal are compared (`witness`).
//!
//! Twenty kills by default; `CATENA_KILLS` says how many, `CATENA_SEED` which.

#![allow(missing_docs)]
#![cfg(unix)]

mod process;
#[path = "../rules/support.rs"]
mod support;
mod witness;

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use self::{
    process::{Worker, undisturbed},
    witness::{Tally, check_journal, check_log, processes},
};

const SIGKILL: i32 = 9;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The [SplitMix64](https://prng.di.unimi.it/splitmix64.c) generator.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A moment between now and `end`.
    fn moment(&mut self, end: Duration) -> Duration {
        end.mul_f64(self.next() as f64 / u64::MAX as f64)
    }
}

/// Waits for a process and kills it after `moment`, if there is one; whether that is how it ended.
fn wait(child: &mut Child, started: Instant, moment: Option<Duration>) -> bool {
    if let Some(moment) = moment {
        thread::sleep(moment.saturating_sub(started.elapsed()));
        // An error means that it has ended already.
        let _ = child.kill();
    }
    let status = child.wait().unwrap();
    match status.signal() {
        Some(signal) => {
            assert_eq!(signal, SIGKILL, "it crashed by itself");
            true
        }
        None => {
            assert!(status.success(), "it failed by itself: {status}");
            false
        }
    }
}

/// Executes runs of one journal, each in a process of its own, all at the same time, until each is
/// finished; kills each up to `kills` times on the way.
fn round(folder: &Path, names: &[&str], kills: u64, whole: Duration, chance: &mut Chance) -> Tally {
    let mut tally = Tally::default();
    let mut open: BTreeMap<&str, u64> = names.iter().map(|name| (*name, kills)).collect();
    while !open.is_empty() {
        let started = Instant::now();
        let mut running: Vec<_> = open
            .iter()
            .map(|(name, left)| {
                let moment = (*left > 0).then(|| chance.moment(whole));
                let worker = Worker::new(folder, name);
                let before = processes(&worker.log());
                (moment, *name, before, worker.spawn())
            })
            .collect();
        // In the order in which they are killed; those that are not, last.
        running.sort_by_key(|(moment, ..)| moment.unwrap_or(Duration::MAX));
        for (moment, name, before, mut child) in running {
            let killed = wait(&mut child, started, moment);
            if killed {
                tally.kills += 1;
                *open.get_mut(name).unwrap() -= 1;
                tally.note_phase(before, &Worker::new(folder, name).log());
            } else {
                open.remove(name);
            }
        }
        check_journal(folder, names, &open.keys().copied().collect::<Vec<_>>());
    }
    for name in names {
        let worker = Worker::new(folder, name);
        assert_eq!(worker.output(), undisturbed(), "the same result");
        tally.add(check_log(&worker.log()));
    }
    tally
}

#[test]
fn a_killed_process_resumes_to_the_same_result_and_repeats_no_finished_call() {
    let (kills, seed) = (setting("CATENA_KILLS", 20), setting("CATENA_SEED", 1));
    let mut chance = Chance(seed);
    let whole = duration();
    let mut total = Tally::default();
    let started = Instant::now();
    while total.kills < kills {
        let folder = tempfile::tempdir().unwrap();
        // Every third time two processes share the journal.
        let names: &[&str] = match total.rounds % 3 {
            2 => &["one", "two"],
            _ => &["one"],
        };
        let most = 1 + chance.next() % 4;
        total.add(round(folder.path(), names, most, whole, &mut chance));
    }
    println!(
        "{total}\nseed {seed}; an undisturbed process takes {whole:.0?}; all took {:.0?}",
        started.elapsed()
    );
    assert!(total.kills >= kills);
    // Or the kills were none that matter.
    assert!(total.began_a_call > kills / 4, "{total}");
}

/// How long a process takes that is not killed: the middle one of three.
fn duration() -> Duration {
    let mut durations = [(); 3].map(|()| {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let mut child = Worker::new(folder.path(), "one").spawn();
        assert!(!wait(&mut child, started, None));
        started.elapsed()
    });
    durations.sort();
    durations[1]
}
