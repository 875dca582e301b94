//! An archive in which nothing is can be removed, and nothing that is in one is lost by that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use catena_memory::{Archive, NewItem};

use crate::support::{Place, all, block_on, fresh, names};

#[tokio::test]
async fn an_empty_archive_goes_with_all_its_files() {
    let place = Place::new();
    let archive = place.open();
    let id = archive.id().to_owned();
    // There are connections for reading, and a log.
    let namespace = archive.namespace(&names("ada")).await.unwrap();
    assert_eq!(all(&archive, namespace).await, []);
    archive.forget_namespace(namespace).await.unwrap();
    assert!(archive.remove_if_empty().await.unwrap());
    assert!(!place.file().exists());
    #[cfg(unix)]
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0);
    let archive = place.open();
    assert_ne!(archive.id(), id, "it is another one");
}

#[tokio::test]
async fn an_archive_in_which_something_is_stays() {
    let (place, archive, namespace) = fresh().await;
    // The name of a conversation is something.
    assert!(!archive.remove_if_empty().await.unwrap());
    let archive = place.open();
    archive
        .remember(namespace, NewItem::turn("Hello.", ""))
        .await
        .unwrap();
    assert!(!archive.remove_if_empty().await.unwrap());
    let archive = place.open();
    assert_eq!(all(&archive, namespace).await.len(), 1);
}

#[tokio::test]
async fn an_archive_that_is_open_elsewhere_in_the_process_stays() {
    let place = Place::new();
    let archive = place.open();
    let clone = archive.clone();
    assert!(!archive.remove_if_empty().await.unwrap());
    assert!(Archive::open(place.file()).is_err(), "it is open");
    let namespace = clone.namespace(&names("ada")).await.unwrap();
    let turn = NewItem::turn("Hello.", "");
    clone.remember(namespace, turn).await.unwrap();
    drop(clone);
    assert_eq!(all(&place.open(), namespace).await.len(), 1);
}

/// One opens it again and again to remove it, another to write; as two processes would.
#[test]
fn nothing_is_lost_that_is_acknowledged_in_between() {
    let place = Place::new();
    let end = Arc::new(AtomicBool::new(false));
    let remover = thread::spawn({
        let (file, end) = (place.file(), Arc::clone(&end));
        move || {
            block_on(async {
                let mut removed = 0;
                while !end.load(Ordering::Relaxed) {
                    if let Ok(archive) = Archive::open_without_fsync(&file) {
                        removed += usize::from(archive.remove_if_empty().await.unwrap());
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                removed
            })
        }
    });
    block_on(async {
        for number in 0..30 {
            let name = names(&format!("number {number}"));
            let archive = opened(&place).await;
            let namespace = archive.namespace(&name).await.unwrap();
            drop(archive);
            let archive = opened(&place).await;
            let there = archive.find_namespace(&name).await.unwrap();
            assert_eq!(there, Some(namespace), "{number}");
            archive.forget_namespace(namespace).await.unwrap();
            drop(archive);
            // So that the other one comes in too.
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    end.store(true, Ordering::Relaxed);
    assert!(remover.join().unwrap() > 0);
}

/// As soon as nobody else has it.
async fn opened(place: &Place) -> Archive {
    let begun = Instant::now();
    loop {
        match Archive::open_without_fsync(place.file()) {
            Ok(archive) => return archive,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
}
