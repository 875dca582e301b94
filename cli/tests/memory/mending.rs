//! An index that is not its archive's any more.

use serde_json::json;

use super::{Home, fs, memory, run};

/// A backup of the archive is put back, and its index stays as it is.
#[test]
fn an_index_that_is_newer_than_its_archive_is_mended_and_that_is_said() {
    let home = Home::new();
    let line = |id: u64, text: &str| {
        let item = json!({
            "user": "me", "bot": "catena", "conversation": "default", "id": id, "kind": "turn",
            "observation": text, "validity": { "from": id }, "sources": [{ "turn": id, "at": id }],
        });
        format!("{item}\n")
    };
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
