//! Whatever ends a process that forgets, or keeps it from that: what was forgotten leaves the archive's file when
//! it is opened next.

use catena_memory::{Filter, ItemId, NamespaceId, NewItem};
use rusqlite::Connection;

use crate::{
    forgetting::{left, secret},
    support::{Place, all, names},
};

const ITEMS: u64 = 100;

/// What is forgotten: the item has the number, and its words the seed.
const GONE: (ItemId, u64) = (ItemId(2), 1);

/// An archive that is closed.
async fn world() -> (Place, NamespaceId) {
    let place = Place::new();
    let archive = place.open();
    let namespace = archive.namespace(&names("ada")).await.unwrap();
    for seed in 0..ITEMS {
        let item = NewItem::turn(secret(seed), "It is noted.");
        archive.remember(namespace, item).await.unwrap();
    }
    drop(archive);
    (place, namespace)
}

fn is_owed(place: &Place) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'traces')";
    let db = Connection::open(place.file()).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn is_left(place: &Place) -> bool {
    !left(place.folder(), std::iter::once(GONE.1)).is_empty()
}

#[tokio::test]
async fn a_process_that_was_killed_behind_the_commit() {
    let (place, namespace) = world().await;
    assert!(!is_owed(&place));
    let db = Connection::open(place.file()).unwrap();
    // So that nothing is written over, as where a row was moved from page to page.
    db.pragma_update(None, "secure_delete", false).unwrap();
    let (id, _) = GONE;
    db.execute_batch(&format!(
        "INSERT INTO words (words, rowid, said, place)
            SELECT 'delete', id, said, place FROM items WHERE id = {id};
        DELETE FROM items WHERE id = {id};
        INSERT INTO meta VALUES ('traces', 1);"
    ))
    .unwrap();
    drop(db);
    assert!(is_left(&place) && is_owed(&place));

    // It is closed when that is done.
    drop(place.open());
    assert!(!is_left(&place) && !is_owed(&place));
    let archive = place.open();
    assert_eq!(all(&archive, namespace).await.len() as u64, ITEMS - 1);
}

/// Not for lack of room, which no test can take away here alone, but for an index that cannot be made again.
#[tokio::test]
async fn a_file_that_cannot_be_written_anew_is_told_and_made_up_for() {
    let (place, namespace) = world().await;
    let db = Connection::open(place.file()).unwrap();
    db.execute_batch(
        "CREATE TABLE other (x TEXT COLLATE NOCASE);
        CREATE INDEX other_by_x ON other (x);
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'UNKNOWN') WHERE name = 'other';",
    )
    .unwrap();
    drop(db);
    let archive = place.open();
    let (everything, gone) = (Filter::default(), [GONE.0]);
    // Whether they share a transaction or not.
    let (forgotten, remembered) = tokio::join!(
        archive.forget(namespace, &everything, Some(&gone)),
        archive.remember(namespace, NewItem::turn("Beside it.", ""))
    );
    remembered.unwrap();
    let error = forgotten.unwrap_err();
    assert!(error.is_memory(), "{error}");
    let told = format!("{error} ({})", error.help().expect("advice"));
    for part in ["is forgotten", "still has traces", "UNKNOWN", "opened next"] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(archive.items(namespace, &gone).await.unwrap(), []);
    // It is tried again whenever something is forgotten, and at each opening.
    archive
        .forget(namespace, &everything, Some(&[ItemId(3)]))
        .await
        .unwrap_err();
    drop(archive);
    drop(place.open());
    assert!(is_owed(&place));

    let db = Connection::open(place.file()).unwrap();
    db.execute_batch("DROP TABLE other").unwrap();
    drop(db);
    drop(place.open());
    assert!(!is_left(&place) && !is_owed(&place));
    // What is forgotten without a fault owes nothing.
    let archive = place.open();
    archive
        .forget(namespace, &everything, Some(&[ItemId(4)]))
        .await
        .unwrap();
    assert!(!is_owed(&place));
}
