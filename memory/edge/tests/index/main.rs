//! The embedded index from outside: its contract, and what becomes of its folder.

mod forgetting;

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use catena_core::{Embedder, EmbedderProfile, Embedding, Error};
use catena_edge::{EdgeIndex, EdgeOptions};
use catena_memory::{
    Archive, Filter, IndexStamp, ItemId, Kind, Memory, Namespace, NamespaceId, NewItem, Point,
    VectorIndex, check_index,
};
use tempfile::TempDir;

const DIMENSIONS: usize = 64;
const ONE: NamespaceId = NamespaceId(1);

fn stamp() -> IndexStamp {
    IndexStamp {
        archive: "archive".to_owned(),
        embedder: "embedder".to_owned(),
        dimensions: DIMENSIONS,
    }
}

/// Vectors of length 1; the same for the same number.
fn vector(number: u64) -> Embedding {
    let mut random = fastrand::Rng::with_seed(number);
    let vector: Embedding = (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

fn points(ids: std::ops::Range<u64>) -> Vec<Point> {
    ids.map(|id| Point {
        id: ItemId(id),
        namespace: ONE,
        kind: Kind::Turn,
        vector: vector(id),
    })
    .collect()
}

async fn open(folder: &Path) -> Result<EdgeIndex, Error> {
    EdgeIndex::open(folder, EdgeOptions::new()).await
}

/// An index with the points of `ids`, flushed and closed.
async fn filled(ids: std::ops::Range<u64>) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("index");
    let index = open(&folder).await.unwrap();
    index.reset(&stamp()).await.unwrap();
    index.upsert(points(ids)).await.unwrap();
    index.flush().await.unwrap();
    (root, folder)
}

async fn nearest(index: &EdgeIndex, id: u64) -> u64 {
    let hits = index.search(ONE, None, &vector(id), 1).await.unwrap();
    hits.first().map_or(0, |hit| hit.id.0)
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap().is_dir() {
            true => size(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

#[tokio::test]
async fn it_conforms_whatever_its_options() {
    let all = [
        EdgeOptions::new(),
        EdgeOptions::new().half_precision(false),
        EdgeOptions::new().quantized(true).graph(8, 64),
    ];
    for options in all {
        let folder = tempfile::tempdir().unwrap();
        let index = EdgeIndex::open(folder.path(), options).await.unwrap();
        check_index(&index).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_one_has_no_stamp_and_takes_no_points() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await.unwrap();
    assert_eq!(index.stamp().await.unwrap(), None);
    assert_eq!(index.count().await.unwrap(), 0);
    assert!(
        index
            .search(ONE, None, &vector(1), 1)
            .await
            .unwrap()
            .is_empty()
    );
    let refused = index.upsert(points(1..2)).await.unwrap_err();
    assert!(refused.is_invalid() && refused.help().is_some());
    index.flush().await.unwrap();
}

#[tokio::test]
async fn everything_is_there_when_it_is_opened_again() {
    let (_root, folder) = filled(1..501).await;
    let index = open(&folder).await.unwrap();
    assert_eq!(index.stamp().await.unwrap(), Some(stamp()));
    assert_eq!(index.count().await.unwrap(), 500);
    for id in [1, 250, 500] {
        assert_eq!(nearest(&index, id).await, id);
    }
    // A change to a point of an earlier process holds: the log's numbering went on.
    let moved = Point {
        vector: vector(1000),
        ..points(1..2).remove(0)
    };
    index.upsert(vec![moved]).await.unwrap();
    assert_eq!(nearest(&index, 1000).await, 1);
    assert_eq!(index.count().await.unwrap(), 500);
}

#[tokio::test]
async fn a_graph_and_quantised_copies_find_most_of_what_comparing_all_finds() {
    // More than are compared one by one.
    const POINTS: u64 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let options = EdgeOptions::new().half_precision(false).quantized(true);
    let index = EdgeIndex::open(folder.path(), options).await.unwrap();
    index.reset(&stamp()).await.unwrap();
    index.upsert(points(1..POINTS + 1)).await.unwrap();
    let queries: Vec<_> = (0..20).map(|number| vector(1_000_000 + number)).collect();
    let mut exact = Vec::new();
    for query in &queries {
        exact.push(index.search(ONE, None, query, 10).await.unwrap());
    }
    index.optimize().await.unwrap();
    let files = files(folder.path());
    let has = |name: &str| {
        files
            .iter()
            .any(|file| file.to_string_lossy().contains(name))
    };
    assert!(has("graph") && has("quantized"), "{files:?}");
    let mut found = 0;
    for (query, exact) in queries.iter().zip(&exact) {
        for hit in index.search(ONE, None, query, 10).await.unwrap() {
            found += usize::from(exact.iter().any(|of| of.id == hit.id));
        }
    }
    // Random points have no neighbourhoods: the hardest case for a graph, of which it finds 160.
    assert!(found >= 140, "{found} of 200");
    assert_eq!(index.count().await.unwrap(), POINTS);
}

/// With copies, without them, and with a larger graph: nothing has to be told to it again.
#[tokio::test]
async fn what_it_is_opened_with_holds_from_the_next_optimize_on() {
    const POINTS: u64 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let small = EdgeOptions::new().half_precision(false).graph(6, 32);
    let index = EdgeIndex::open(folder.path(), small.clone()).await.unwrap();
    index.reset(&stamp()).await.unwrap();
    index.upsert(points(1..POINTS + 1)).await.unwrap();
    index.optimize().await.unwrap();
    assert!(!index.was_otherwise());
    drop(index);
    let size = |name: &str| {
        let files = files(folder.path()).into_iter();
        let named = files.filter(|file| file.to_string_lossy().contains(name));
        named
            .map(|file| fs::metadata(file).unwrap().len())
            .sum::<u64>()
    };
    let links = size("links");
    assert!(links > 0 && size("quantized") == 0);
    for (options, copies, larger) in [
        (small.clone().quantized(true), true, false),
        // What the first was made with cannot change any more, and is no reason to fail.
        (small.half_precision(true), false, false),
        (EdgeOptions::new(), false, true),
    ] {
        let index = EdgeIndex::open(folder.path(), options.clone())
            .await
            .unwrap();
        assert!(index.was_otherwise(), "{options:?}");
        let hits = index.search(ONE, None, &vector(700), 10).await.unwrap();
        assert_eq!(hits.len(), 10, "{options:?}");
        index.optimize().await.unwrap();
        assert_eq!(index.count().await.unwrap(), POINTS);
        drop(index);
        assert_eq!(size("quantized") > 0, copies, "{options:?}");
        assert_eq!(size("links") > links * 3 / 2, larger, "{options:?}");
        let again = EdgeIndex::open(folder.path(), options.clone())
            .await
            .unwrap();
        assert!(!again.was_otherwise(), "{options:?}");
    }
}

#[tokio::test]
async fn its_log_does_not_grow_with_what_was_written() {
    let (_root, folder) = filled(1..2).await;
    let index = open(&folder).await.unwrap();
    for _ in 0..100 {
        index.upsert(points(1..1001)).await.unwrap();
        index.flush().await.unwrap();
    }
    drop(index);
    let log = size(&folder.join("points/wal"));
    assert!(log < 1 << 20, "the log takes {log} bytes");
    let index = open(&folder).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 1000);
    assert_eq!(nearest(&index, 700).await, 700);
}

#[tokio::test]
async fn searches_and_changes_at_the_same_time_disturb_nobody() {
    let (_root, folder) = filled(1..2001).await;
    let index = std::sync::Arc::new(open(&folder).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8_u64 {
        let index = std::sync::Arc::clone(&index);
        tasks.spawn(async move {
            for round in 0..20 {
                let id = 10_000 + worker * 100 + round;
                index.upsert(points(id..id + 1)).await.unwrap();
                assert_eq!(nearest(&index, id).await, id);
                match (worker + round) % 5 {
                    0 => index.flush().await.unwrap(),
                    1 => index.optimize().await.unwrap(),
                    _ => assert_eq!(nearest(&index, round + 1).await, round + 1),
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(index.count().await.unwrap(), 2000 + 8 * 20);
}

#[tokio::test]
async fn a_second_opener_is_told_whose_it_is() {
    let (_root, folder) = filled(1..2).await;
    let first = open(&folder).await.unwrap();
    let refused = open(&folder).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains(&folder.display().to_string()) && text.contains("another process"));
    assert!(refused.help().is_some());
    drop(first);
    open(&folder).await.unwrap();
}

#[tokio::test]
async fn a_folder_with_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "dear Ada").unwrap();
    let refused = open(folder.path()).await.unwrap_err();
    assert!(refused.is_invalid());
    assert!(refused.to_string().contains("letter.txt"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_place_where_no_folder_can_be_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = open(&file.join("index")).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("file/index could not be made"), "{text}");
    assert!(refused.help().is_some());
}

/// Does nothing in this process; [`a_damaged_folder_is_an_error_with_advice_told_once`] executes it in another.
/// Every file of the index in turn is overwritten: opening and searching it may fail, with advice, or find
/// what it found; the process goes on.
#[tokio::test]
async fn what_becomes_of_damaged_folders() {
    if std::env::var(DAMAGE).is_err() {
        return;
    }
    let (_root, folder) = filled(1..201).await;
    let mut refused = 0;
    for file in files(&folder) {
        let copy = tempfile::tempdir().unwrap();
        let damaged = copy.path().join("index");
        copy_folder(&folder, &damaged);
        let path = damaged.join(file.strip_prefix(&folder).unwrap());
        fs::write(&path, b"damaged").unwrap();
        let error = match open(&damaged).await {
            Err(error) => error,
            Ok(index) => match index.search(ONE, None, &vector(7), 1).await {
                Err(error) => error,
                Ok(_) => continue,
            },
        };
        refused += 1;
        let text = error.to_string();
        assert!(text.contains(&damaged.display().to_string()), "{text}");
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("delete the folder"))
        );
    }
    assert!(refused > 5, "only {refused} damaged files were noticed");

    // And the advice is good.
    fs::remove_dir_all(&folder).unwrap();
    let index = open(&folder).await.unwrap();
    index.reset(&stamp()).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}

const DAMAGE: &str = "CATENA_EDGE_TEST_DAMAGE";

/// The library panics at some of them, and a program prints that, with a trace: once, as an error, is enough.
#[tokio::test]
async fn a_damaged_folder_is_an_error_with_advice_told_once() {
    let damaged = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_becomes_of_damaged_folders", "--nocapture"])
        .env(DAMAGE, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&damaged.stderr);
    assert!(damaged.status.success(), "{told}");
    assert!(!told.contains("panicked"), "{told}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// The library's files are mostly holes, and stay so.
fn copy_folder(from: &Path, to: &Path) {
    for file in files(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let content = fs::read(file).unwrap();
        let mut copy = fs::File::create(copy).unwrap();
        copy.set_len(content.len() as u64).unwrap();
        for (block, place) in content.chunks(4096).zip((0..).step_by(4096)) {
            if block.iter().any(|byte| *byte != 0) {
                copy.seek(SeekFrom::Start(place)).unwrap();
                copy.write_all(block).unwrap();
            }
        }
    }
}

const FOLDER: &str = "CATENA_EDGE_TEST_FOLDER";

/// Does nothing in this process; [`a_killed_process_loses_nothing_that_was_flushed`] executes it in
/// another, which flushes 300 points, tells 700 more and removes some, and ends without a warning.
#[tokio::test]
async fn what_the_killed_process_does() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let index = open(Path::new(&folder)).await.unwrap();
    index.upsert(points(201..501)).await.unwrap();
    index.flush().await.unwrap();
    index.upsert(points(501..1201)).await.unwrap();
    index.remove(&[ItemId(1), ItemId(450)]).await.unwrap();
    std::process::abort();
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_flushed() {
    let (_root, folder) = filled(1..201).await;
    let killed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_the_killed_process_does", "--nocapture"])
        .env(FOLDER, &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!killed.success());

    let index = open(&folder).await.unwrap();
    for id in (2..450).chain(451..501) {
        assert_eq!(nearest(&index, id).await, id, "a flushed point is missing");
    }
    // Told again, as an archive does, everything is there once.
    index.upsert(points(501..1201)).await.unwrap();
    index.remove(&[ItemId(1), ItemId(450)]).await.unwrap();
    index.flush().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 1198);
    assert_eq!(nearest(&index, 1200).await, 1200);
    assert_ne!(nearest(&index, 450).await, 450);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// As where it was killed when a part had been made anew, and the one that it replaces was still there.
#[tokio::test]
async fn what_a_kill_while_optimising_leaves_twice_is_there_once() {
    let (root, folder) = filled(1..1201).await;
    let parts = folder.join("points").join("segments");
    let replaced = root.path().join("replaced");
    let part = fs::read_dir(&parts).unwrap().next().unwrap().unwrap();
    copy(&part.path(), &replaced);
    let index = open(&folder).await.unwrap();
    let changed = Point {
        vector: vector(5000),
        ..points(7..8).remove(0)
    };
    index.upsert(vec![changed]).await.unwrap();
    index.remove(&[ItemId(1200)]).await.unwrap();
    drop(index);
    let left = parts.join("0b6d7b5c-0000-4000-8000-000000000001");
    copy(&replaced, &left);
    fs::write(folder.join("optimising"), "").unwrap();

    let index = open(&folder).await.unwrap();
    assert!(!folder.join("optimising").exists());
    let ids = index.ids(None, 5000).await.unwrap();
    assert_eq!(index.count().await.unwrap(), ids.len() as u64);
    // What was removed since comes back: the archive's numbers tell, when it is opened.
    assert_eq!(ids, (1..1201).map(ItemId).collect::<Vec<_>>());
    let there = index.scan(Some(ItemId(6)), 1).await.unwrap();
    let near = |a: &f32, b: &f32| (a - b).abs() < 0.01;
    assert!(
        there[0]
            .vector
            .iter()
            .zip(&vector(5000))
            .all(|(a, b)| near(a, b))
    );
    index.remove(&[ItemId(7)]).await.unwrap();
    assert_ne!(nearest(&index, 7).await, 7);
    assert_eq!(index.count().await.unwrap(), 1199);
    // Optimised to its end, nothing is left to be looked for.
    index.optimize().await.unwrap();
    assert!(!folder.join("optimising").exists());
}

/// What an earlier version wrote says nothing of kinds: it counts as never stamped, and is filled anew.
#[tokio::test]
async fn points_in_an_earlier_layout_are_not_used() {
    let (_root, folder) = filled(1..11).await;
    let file = folder.join("stamp.json");
    let earlier = serde_json::to_string(&stamp()).unwrap();
    fs::write(&file, earlier).unwrap();
    let index = open(&folder).await.unwrap();
    assert_eq!(index.stamp().await.unwrap(), None);
    assert!(
        index
            .search(ONE, None, &vector(1), 5)
            .await
            .unwrap()
            .is_empty()
    );
    index.reset(&stamp()).await.unwrap();
    index.upsert(points(1..3)).await.unwrap();
    assert_eq!(nearest(&index, 2).await, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_its_user_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("index");
    let mode = || fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    drop(open(&folder).await.unwrap());
    assert_eq!(mode(), 0o700);
    // One that was made before that was a rule.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    drop(open(&folder).await.unwrap());
    assert_eq!(mode(), 0o700);
}
