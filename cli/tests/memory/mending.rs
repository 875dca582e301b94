//! An index that is not its archive's any more.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Home, fs, memory, run};

/// A line of an export: a turn.
pub(super) fn line(id: u64, text: &str) -> String {
    let item = json!({
        "user": "me", "bot": "catena", "conversation": "default", "id": id, "kind": "turn",
        "observation": text, "validity": { "from": id }, "sources": [{ "turn": id, "at": id }],
    });
    format!("{item}\n")
}

/// A backup of the archive is put back, and its index stays as it is.
#[test]
fn an_index_that_is_newer_than_its_archive_is_mended_and_that_is_said() {
    let home = Home::new();
    let first = line(1, "The ladder is in the shed.") + &line(2, "Tulips come in April.");
    let second = line(3, "The roses are white.") + &line(4, "The key is under the mat.");
    home.write("first.jsonl", first);
    home.write("second.jsonl", second);
    let told = |args: &[&str]| {
        let more = ["--memory", "all.db", "--index", "embedded"];
        run(memory(&home, args).args(more))
    };
    told(&["import", "first.jsonl"]).exits(0);
    fs::copy(home.path("all.db"), home.path("backup.db")).unwrap();
    told(&["import", "second.jsonl"]).exits(0);
    told(&["forget", "1", "--yes"]).exits(0);
    fs::copy(home.path("backup.db"), home.path("all.db")).unwrap();
    let found = told(&["search", "ladder"]);
    found
        .exits(0)
        .says("lacked 1 and had 2 too many: it is mended");
    assert!(found.stdout.contains("in the shed"), "{found:#?}");
    let again = told(&["search", "key"]);
    assert_eq!(again.exits(0).stderr, "");
    assert!(!again.stdout.contains("under the mat"), "{again:#?}");
    let checked = told(&["check"]);
    let right = checked.exits(0).stdout.contains("has all of 2 memories");
    assert!(right, "{checked:#?}");
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Zeroed,
    Garbage,
    Gone,
}

impl Damage {
    fn happens_to(self, file: &Path) {
        // No more than the beginning is written.
        let length = fs::metadata(file).unwrap().len();
        match self {
            Self::Gone => return fs::remove_file(file).unwrap(),
            Self::Zeroed => fs::write(file, "").unwrap(),
            Self::Garbage => {
                let mut state = 1_u32;
                let garbage = (0..4096).map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                });
                fs::write(file, garbage.collect::<Vec<_>>()).unwrap();
            }
        }
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_len(length).unwrap();
    }
}

/// The folder of the only part of an embedded index.
fn part(index: &Path) -> PathBuf {
    let parts = fs::read_dir(index.join("points/segments")).unwrap();
    let parts: Vec<_> = parts.map(|part| part.unwrap().path()).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts[0].clone()
}

/// The index is opened as if nothing was wrong, and only reading it fails.
#[test]
fn an_index_that_cannot_be_read_is_made_anew() {
    let home = Home::new();
    let lines = (1..=60).map(|id| line(id, &format!("Item{id} is in the shed.")));
    let lines: String = lines.collect();
    let told = |args: &[&str]| {
        let more = ["--memory", "all.db", "--index", "embedded"];
        run(memory(&home, args).args(more))
    };
    for (file, damage) in [
        ("payload_storage/tracker.dat", Damage::Zeroed),
        ("payload_storage/tracker.dat", Damage::Garbage),
        ("payload_storage/page_0.dat", Damage::Zeroed),
        ("payload_storage/page_0.dat", Damage::Garbage),
        ("vector_storage/deleted/flags_a.dat", Damage::Garbage),
        ("vector_storage/vectors/status.dat", Damage::Zeroed),
        ("vector_storage/vectors/status.dat", Damage::Gone),
        ("vector_storage/vectors/chunk_0.mmap", Damage::Gone),
    ] {
        println!("{damage:?}: {file}");
        // An archive of its own for each damage.
        for name in home.names() {
            let path = home.path(&name);
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        home.write("all.jsonl", &lines);
        told(&["import", "all.jsonl"]).exits(0);
        damage.happens_to(&part(&home.path("all.db.index")).join(file));
        told(&["check"])
            .exits(0)
            .says("it is made anew from the archive");
        let checked = told(&["check"]);
        let right = checked
            .exits(0)
            .stdout
            .ends_with("has all of 60 memories\n");
        assert!(right && checked.stderr.is_empty(), "{checked:#?}");
        let found = told(&["search", "Item17"]);
        assert!(found.exits(0).stdout.contains("Item17 "), "{found:#?}");
    }
}

/// An archive that was put elsewhere has its index compared when it is opened.
#[test]
fn an_index_that_cannot_be_read_when_it_is_opened_is_made_anew() {
    let home = Home::new();
    home.write("all.jsonl", line(1, "The ladder is in the shed."));
    let told = |args: &[&str], archive: &str| {
        let more = ["--memory", archive, "--index", "embedded"];
        run(memory(&home, args).args(more))
    };
    told(&["import", "all.jsonl"], "all.db").exits(0);
    fs::rename(home.path("all.db"), home.path("other.db")).unwrap();
    fs::rename(home.path("all.db.index"), home.path("other.db.index")).unwrap();
    let payloads = part(&home.path("other.db.index")).join("payload_storage");
    Damage::Zeroed.happens_to(&payloads.join("tracker.dat"));
    let found = told(&["search", "ladder"], "other.db");
    found.exits(0).says("it is made anew from the archive");
    assert!(found.stdout.contains("in the shed"), "{found:#?}");
    assert_eq!(told(&["search", "ladder"], "other.db").stderr, "");
}
