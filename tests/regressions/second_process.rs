//! A second process that opens the same store. They are real ones: this program, executed again.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use catena::{Context, Error, Journal, RunId, RunOptions, RunStatus, SqliteJournal, agent};

use crate::support::{alone, ask, calls_of_everything, entries, everything, finish, oracle, texts};

const ROLE: &str = "CATENA_TEST_ROLE";
const JOURNAL: &str = "CATENA_TEST_JOURNAL";
const RUN: &str = "CATENA_TEST_RUN";
const RUNS: usize = 5;

fn second_process(role: &str, journal: &Path, run: Option<&RunId>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "second_process::what_a_second_process_does",
            "--nocapture",
        ])
        .env(ROLE, role)
        .env(JOURNAL, journal)
        .env(RUN, run.map_or("", RunId::as_str))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What the second process said about its error.
fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "it crashed: {out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    let line = out.lines().find_map(|line| line.split_once("said: "));
    line.unwrap_or_else(|| panic!("it said nothing: {out}\n{err}"))
        .1
        .to_owned()
}

fn in_words(error: &Error) -> String {
    assert!(error.is_journal(), "{error:?}");
    format!("{error} | {}", error.help().unwrap_or("no help"))
}

/// Does nothing in this process: [`second_process`] executes it in another, with a role.
#[test]
fn what_a_second_process_does() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let path = PathBuf::from(std::env::var(JOURNAL).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let journal = match SqliteJournal::open(&path) {
        Ok(journal) => Arc::new(journal),
        Err(error) => return println!("said: {}", in_words(&error)),
    };
    let options = || RunOptions::new("run").journal(journal.clone());
    let said = runtime.block_on(async {
        match &*role {
            "opens" => "opened".to_owned(),
            "runs" => {
                for _ in 0..RUNS {
                    let graph = everything(&ask(Arc::new(oracle())));
                    finish(graph, texts(3), options()).await.1.unwrap();
                }
                "done".to_owned()
            }
            "resumes" => {
                let run = RunId::parse(&std::env::var(RUN).unwrap()).unwrap();
                let (_, output) = finish(waiting(Arc::default()), (), options().resume(run)).await;
                in_words(&output.unwrap_err())
            }
            "removes" => {
                let run = RunId::parse(&std::env::var(RUN).unwrap()).unwrap();
                in_words(&journal.remove(&run).await.unwrap_err())
            }
            other => panic!("no role '{other}'"),
        }
    });
    println!("said: {said}");
}

/// Draws a number, and waits until it is told to end.
fn waiting(end: Arc<tokio::sync::Notify>) -> catena::Graph<(), u64> {
    let wait = agent(move |(): (), cx: Context| {
        let end = Arc::clone(&end);
        async move {
            let number = cx.random().await?;
            end.notified().await;
            Ok(number)
        }
    });
    alone("wait", wait)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_told_that_a_run_is_being_executed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let journal = Arc::new(SqliteJournal::open(&path).unwrap());
    let end = Arc::new(tokio::sync::Notify::new());
    let options = RunOptions::new("run").journal(journal.clone());
    let run = catena::Run::start(waiting(Arc::clone(&end)), (), options);
    let id = run.id().clone();
    while !matches!(journal.load(&id).await.unwrap(), Some((_, entries)) if !entries.is_empty()) {
        tokio::task::yield_now().await;
    }
    for role in ["resumes", "removes"] {
        let output = second_process(role, &path, Some(&id)).output().unwrap();
        let expected = format!(
            "run {id} is being executed already | wait for it to end, or stop the program that \
             executes it"
        );
        assert_eq!(said(&output), expected);
    }
    // The run does not mind.
    end.notify_one();
    let number = run.outcome().await.unwrap().output;
    let entry = &entries(&*journal, &id).await[0];
    assert_eq!(entry.effect, catena::Effect::Random(number));
    assert!(!journal.list().await.unwrap()[0].live);
}

#[tokio::test]
async fn many_processes_share_a_store_from_its_first_moment() {
    const PROCESSES: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        // None of them finds a file there.
        let path = folder.path().join(format!("{round}.db"));
        let children: Vec<_> = (0..PROCESSES)
            .map(|_| second_process("runs", &path, None).spawn().unwrap())
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert_eq!(said(&output), "done");
        }
        let journal = SqliteJournal::open(&path).unwrap();
        let runs = journal.list().await.unwrap();
        assert_eq!(runs.len(), PROCESSES * RUNS);
        for run in &runs {
            assert_eq!(run.status, RunStatus::Finished);
            assert_eq!(run.entries, calls_of_everything(3));
        }
        drop(journal);
        let db = rusqlite::Connection::open(&path).unwrap();
        let check: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(
            left,
            1 + round + 2,
            "no lock is left beside the stores, but for the log"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_another_program_holds_is_an_error_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let journal = Arc::new(SqliteJournal::open(&path).unwrap());
    let other = rusqlite::Connection::open(&path).unwrap();
    let (held, release) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let holder = thread::spawn(move || {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        held.0.send(()).unwrap();
        let _ = release.1.recv_timeout(Duration::from_secs(60));
        other.execute_batch("ROLLBACK").unwrap();
    });
    held.1.recv().unwrap();
    // One that comes while it is held, and one that had it open before.
    let second = second_process("opens", &path, None).spawn().unwrap();
    let dice = || agent(|(): (), cx: Context| async move { cx.random().await });
    let options = || RunOptions::new("run").journal(journal.clone());
    let (_, output) = finish(dice(), (), options()).await;
    assert_eq!(
        in_words(&output.unwrap_err()),
        "the journal failed: database is locked | another program holds the journal: wait for it \
         to end, and resume the run"
    );
    let output = second.wait_with_output().unwrap();
    let expected = format!(
        "the journal {} is locked by another program | wait for that program to end, or name \
         another file",
        path.display()
    );
    assert_eq!(said(&output), expected);
    release.0.send(()).unwrap();
    holder.join().unwrap();
    finish(dice(), (), options()).await.1.unwrap();
    let output = second_process("opens", &path, None).output().unwrap();
    assert_eq!(said(&output), "opened");
}

#[test]
fn many_can_open_and_close_a_store_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(SqliteJournal::open(&path).unwrap());
                }
            });
        }
    });
}

#[test]
fn many_can_open_a_new_store_at_the_same_moment() {
    const MANY: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..100 {
        let path = folder.path().join(format!("{round}.db"));
        let ready = std::sync::Barrier::new(MANY);
        thread::scope(|scope| {
            for _ in 0..MANY {
                scope.spawn(|| {
                    ready.wait();
                    SqliteJournal::open(&path).unwrap()
                });
            }
        });
    }
}
