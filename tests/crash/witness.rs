//! What the processes did, by what they wrote down.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
};

use catena::{Journal, RunStatus, SqliteJournal};

use crate::process::{calls, journal_of};

/// The width of the graph's map.
const WIDTH: usize = 4;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) kills: u64,
    /// Kills of processes that had begun a call of their own.
    pub(crate) began_a_call: u64,
    /// Kills by what was going on.
    phases: HashMap<&'static str, u64>,
    processes: u64,
    finished: u64,
    repeated: u64,
    most_in_flight: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.began_a_call += other.began_a_call;
        for (phase, kills) in other.phases {
            *self.phases.entry(phase).or_default() += kills;
        }
        self.processes += other.processes;
        self.finished += other.finished;
        self.repeated += other.repeated;
        self.most_in_flight = self.most_in_flight.max(other.most_in_flight);
    }

    /// Notes in which phase a process was killed, whose log had so many processes before it.
    pub(crate) fn note_phase(&mut self, before: usize, log: &str) {
        // One that is not there was killed before it could write a line.
        let life = lives(log).into_iter().nth(before).unwrap_or_default();
        let last = life.iter().rev().find(|(what, _)| *what == "start");
        self.began_a_call += u64::from(last.is_some());
        let phase = match last.map(|(_, call)| call.split(['[', '#', '/']).next()) {
            None if life.is_empty() => "startup",
            None => "replay",
            Some(Some("read")) => "map",
            Some(Some("chain")) => "fold",
            Some(_) => "cycle",
        };
        *self.phases.entry(phase).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut phases: Vec<_> = self.phases.iter().collect();
        phases.sort();
        let phases: Vec<_> = phases
            .iter()
            .map(|(phase, kills)| format!("{kills} in the {phase}"))
            .collect();
        write!(
            f,
            "{} kills ({}), {} runs of {} processes: {} calls finished, 0 of them repeated; \
             {} in flight repeated, at most {} in flight at a time",
            self.kills,
            phases.join(", "),
            self.rounds,
            self.processes,
            self.finished,
            self.repeated,
            self.most_in_flight
        )
    }
}

/// A log, process by process: what happened to which call.
fn lives(log: &str) -> Vec<Vec<(&str, &str)>> {
    let mut lives: Vec<Vec<_>> = Vec::new();
    for line in log.lines() {
        let (what, call) = line.split_once(' ').expect("a whole line");
        match (what, lives.last_mut()) {
            ("begin", _) => lives.push(Vec::new()),
            (_, Some(life)) => life.push((what, call)),
            (_, None) => panic!("a log begins with a process: {line}"),
        }
    }
    lives
}

/// How many processes a log tells of.
pub(crate) fn processes(log: &str) -> usize {
    lives(log).len()
}

/// No call is begun that was finished before, and at the end every call is finished.
pub(crate) fn check_log(log: &str) -> Tally {
    let mut tally = Tally {
        rounds: 1,
        ..Tally::default()
    };
    let (mut begun, mut finished) = (HashSet::new(), HashSet::new());
    for life in lives(log) {
        tally.processes += 1;
        let mut in_flight = HashSet::new();
        for (what, call) in life {
            match what {
                "start" => {
                    assert!(
                        !finished.contains(call),
                        "{call} was finished and is repeated:\n{log}"
                    );
                    assert!(
                        in_flight.insert(call),
                        "{call} is asked twice at a time:\n{log}"
                    );
                    tally.repeated += u64::from(!begun.insert(call));
                    tally.most_in_flight = tally.most_in_flight.max(in_flight.len());
                }
                "done" => {
                    in_flight.remove(call);
                    finished.insert(call);
                }
                "end" => assert!(in_flight.is_empty()),
                other => panic!("what is '{other}'?"),
            }
        }
        assert!(in_flight.len() <= WIDTH, "{in_flight:?}");
    }
    assert_eq!(finished.len(), calls());
    tally.finished = finished.len() as u64;
    tally
}

/// The journal is whole, and knows which of the runs are `open`.
pub(crate) fn check_journal(folder: &Path, names: &[&str], open: &[&str]) {
    let path = journal_of(folder);
    if !path.exists() {
        return; // Killed before it was opened.
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let journal = SqliteJournal::open(&path).unwrap();
    runtime.block_on(async {
        let runs = journal.list().await.unwrap();
        for name in names {
            let of_name: Vec<_> = runs.iter().filter(|run| run.name == *name).collect();
            let [run] = of_name.as_slice() else {
                assert!(
                    of_name.is_empty() && open.contains(name),
                    "one run a name: {runs:?}"
                );
                continue;
            };
            assert!(!run.live, "a dead process executes nothing");
            // A process can be killed when its run is finished and itself not yet.
            if !open.contains(name) {
                assert_eq!(run.status, RunStatus::Finished);
                assert_eq!(run.entries, calls());
                let events = journal.events(&run.id).await.unwrap();
                assert!(events.iter().zip(0..).all(|(event, seq)| event.seq == seq));
            }
            let (_, entries) = journal.load(&run.id).await.unwrap().unwrap();
            let mut keys = HashSet::new();
            assert!(
                entries
                    .iter()
                    .all(|entry| keys.insert((&entry.path, entry.call)))
            );
        }
    });
    drop(journal);
    let db = rusqlite::Connection::open(&path).unwrap();
    for pragma in ["integrity_check", "foreign_key_check"] {
        let mut check = db.prepare(&format!("PRAGMA {pragma}")).unwrap();
        let found: Vec<String> = check
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(found.is_empty() || found == ["ok"], "{pragma}: {found:?}");
    }
}
