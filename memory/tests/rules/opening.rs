//! What cannot be opened says why and what to do, and is left as it was.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use catena_core::Error;
use catena_memory::{Archive, Filter, Kind, NewItem};

use crate::support::{Place, all, names};

const OTHERS: &str = "CATENA_MEMORY_OPENS";

fn refused(path: &Path) -> String {
    let error = Archive::open(path).unwrap_err();
    assert!(error.is_memory(), "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
    told(&error)
}

fn told(error: &Error) -> String {
    format!("{error} ({})", error.help().expect("advice"))
}

/// All files of a folder, with what is in them.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .map(|path| (path.clone(), fs::read(&path).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn one_process_has_it_and_once() {
    let place = Place::new();
    let archive = place.open();
    assert!(refused(&place.file()).contains("in this process"));
    // By another name it is the same.
    #[cfg(unix)]
    {
        let link = place.folder().join("link.db");
        std::os::unix::fs::symlink(place.file(), &link).unwrap();
        let error = Archive::open(link).unwrap_err();
        assert!(error.to_string().contains("memory.db"), "{error}");
    }
    #[cfg(target_os = "linux")]
    {
        let hard = place.folder().join("hard.db");
        fs::hard_link(place.file(), &hard).unwrap();
        assert!(refused(&hard).contains("is open by another name"));
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "opening::another_process_opens_it",
            "--nocapture",
        ])
        .env(OTHERS, place.file())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = format!("number {}", std::process::id());
    assert!(
        text.contains("is open in another process") && text.contains(&number),
        "{text}"
    );
    assert!(text.contains("memory.db"), "{text}");
    drop(archive);
    place.open();
}

/// Does nothing in this process.
#[test]
fn another_process_opens_it() {
    if let Ok(path) = std::env::var(OTHERS) {
        println!("{}", Archive::open(path).unwrap_err());
    }
}

#[test]
fn what_is_no_archive_is_left_as_it_is() {
    let place = Place::new();
    let other = place.folder().join("other.sqlite");
    let db = rusqlite::Connection::open(&other).unwrap();
    db.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
        .unwrap();
    drop(db);
    let texts: [(&str, &[u8]); 4] = [
        ("one.byte", b"x"),
        (
            "some.txt",
            b"My letters to Ada, which I would like to keep.",
        ),
        ("long.txt", &[b'x'; 10_000]),
        ("head.only", b"SQLite format 3\0"),
    ];
    for (name, text) in texts {
        fs::write(place.folder().join(name), text).unwrap();
    }
    let before = contents(place.folder());
    for (path, _) in &before {
        assert!(refused(path).contains("no archive"), "{}", path.display());
    }
    assert_eq!(
        contents(place.folder()),
        before,
        "nothing is written, nor beside it"
    );
}

#[test]
fn folders_are_told_apart_from_files() {
    let place = Place::new();
    let folder = place.folder().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(refused(&folder).contains("is a folder"));
    assert!(refused(&place.folder().join("nowhere").join("memory.db")).contains("in a folder"));
    fs::write(place.folder().join("file"), "x").unwrap();
    assert!(refused(&place.folder().join("file").join("memory.db")).contains("in a folder"));
    assert!(told(&Archive::open("").unwrap_err()).contains("name a file"));
    assert_eq!(contents(place.folder()).len(), 2);
}

/// Not even the superuser writes there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    assert!(refused(Path::new("/proc/memory.db")).contains("can be written"));
}

#[tokio::test]
async fn a_newer_archive_is_left_to_the_newer_program() {
    let place = Place::new();
    drop(place.open());
    let db = rusqlite::Connection::open(place.file()).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = fs::read(place.file()).unwrap();
    let told = refused(&place.file());
    assert!(
        told.contains("version 99") && told.contains("version 4"),
        "{told}"
    );
    assert_eq!(fs::read(place.file()).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_an_archive() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    drop(place.open());
    let mode = fs::metadata(place.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// As a version left the table of the words, and the columns that it did not have yet.
const OLDER: [(&str, &[&str]); 3] = [
    ("namespace, key, observation, response", &["place", "said"]),
    ("place, key, observation, response", &["said"]),
    ("said, place", &[]),
];

#[tokio::test]
async fn archives_of_older_versions_are_renewed() {
    for (version, (words, lacking)) in (1..).zip(OLDER) {
        let place = Place::new();
        let archive = place.open();
        let namespace = archive.namespace(&names("ada")).await.unwrap();
        let turn = NewItem::turn("The parrot is called Rio", "A fine name");
        archive.remember(namespace, turn).await.unwrap();
        let fact = NewItem::fact("name of the parrot", "Rio");
        archive.remember(namespace, fact).await.unwrap();
        let chinese = NewItem::turn("我住在北京。", "");
        archive.remember(namespace, chinese).await.unwrap();
        drop(archive);
        let db = rusqlite::Connection::open(place.file()).unwrap();
        db.execute_batch("DROP TABLE words").unwrap();
        for column in lacking {
            db.execute_batch(&format!("ALTER TABLE items DROP COLUMN {column}"))
                .unwrap();
        }
        db.execute_batch(&format!(
            "CREATE VIRTUAL TABLE words USING fts5 (
                {words},
                content = 'items', content_rowid = 'id', tokenize = 'porter unicode61'
            );
            INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
            INSERT INTO words (words, rank) VALUES ('pgsz', 8146);
            INSERT INTO words (words) VALUES ('rebuild');
            PRAGMA user_version = {version};"
        ))
        .unwrap();
        drop(db);

        let archive = place.open();
        for (kind, there) in [(None, 2), (Some(Kind::Turn), 1), (Some(Kind::Fact), 1)] {
            let found = archive.by_words(namespace, kind, "parrot", 5).await;
            assert_eq!(found.unwrap().len(), there, "{version}: {kind:?}");
        }
        let found = archive.by_words(namespace, None, "北京", 5).await;
        assert_eq!(found.unwrap().len(), 1, "{version}");
        let everything = Filter::default();
        archive.forget(namespace, &everything, None).await.unwrap();
        let found = archive.by_words(namespace, None, "parrot 北京", 5).await;
        assert_eq!(found.unwrap(), []);
        drop(archive);
        // And is not touched again.
        let before = fs::read(place.file()).unwrap();
        drop(place.open());
        assert_eq!(fs::read(place.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn an_archive_is_known_by_its_id_and_keeps_what_it_has() {
    let place = Place::new();
    let archive = place.open();
    let id = archive.id().to_owned();
    let namespace = archive.namespace(&names("ada")).await.unwrap();
    archive
        .remember(namespace, NewItem::turn("Hello.", ""))
        .await
        .unwrap();
    let items = all(&archive, namespace).await;
    drop(archive);
    // An empty file becomes an archive, and a copy stays the same one.
    fs::write(place.folder().join("empty.db"), "").unwrap();
    assert_ne!(
        Archive::open(place.folder().join("empty.db")).unwrap().id(),
        id
    );
    fs::copy(place.file(), place.folder().join("copy.db")).unwrap();
    let copy = Archive::open(place.folder().join("copy.db")).unwrap();
    assert_eq!(copy.id(), id);
    assert_eq!(all(&copy, namespace).await, items);
}

/// Names that SQLite would take for something else.
#[tokio::test]
async fn a_name_is_only_a_name() {
    let place = Place::new();
    for name in [":memory:", "file:x?mode=memory", "a b%20#?.db", "…"] {
        let path = place.folder().join(name);
        let archive = Archive::open(&path).unwrap();
        let namespace = archive.namespace(&names("ada")).await.unwrap();
        archive
            .remember(namespace, NewItem::turn("Hello.", ""))
            .await
            .unwrap();
        drop(archive);
        let again = Archive::open(&path).unwrap();
        assert_eq!(all(&again, namespace).await.len(), 1, "{name}");
    }
}
