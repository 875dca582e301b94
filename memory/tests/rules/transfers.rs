//! What is written out can be read in: whole, as often as one likes, or not at all.

use std::path::{Path, PathBuf};

use catena_memory::{Archive, MemoryItem, Moment, NamespaceId, NewItem, check_export};
use proptest::prelude::*;

use crate::support::{Place, all, block_on, fresh, names};

async fn export(archive: &Archive, namespace: Option<NamespaceId>, folder: &Path) -> PathBuf {
    let (_, bytes) = archive.export(namespace, Vec::new()).await.unwrap();
    let path = folder.join("export.jsonl");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Items without their numbers: who took the place of whom, by position.
fn numberless(items: &[MemoryItem]) -> Vec<(MemoryItem, Option<usize>)> {
    let place = |id| items.iter().position(|item| item.id == id).unwrap();
    let plain = items.iter().map(|item| {
        let mut plain = item.clone();
        plain.id = catena_memory::ItemId(0);
        plain.replaced_by = None;
        (plain, item.replaced_by.map(place))
    });
    plain.collect()
}

fn said() -> impl Strategy<Value = NewItem> {
    let turn = (0..5_u8, 1..9_u64, 0..9_u64).prop_map(|(word, turn, at)| {
        NewItem::turn(format!("said {word}"), "Yes.")
            .in_turn(turn)
            .at(Moment(at))
    });
    let fact = (0..2_u8, 0..3_u8, 1..9_u64, 0..9_u64).prop_map(|(key, value, turn, at)| {
        let fact = NewItem::fact(format!("key {key}"), format!("value {value}"));
        fact.in_turn(turn)
            .at(Moment(at))
            .by_run(format!("run {turn}"))
    });
    prop_oneof![1 => turn, 2 => fact]
}

fn sayings() -> impl Strategy<Value = Vec<NewItem>> {
    proptest::collection::vec(said(), 1..14)
}

/// Every telling: by whom what was said when.
fn tellings(items: &[MemoryItem]) -> Vec<(Option<String>, String, u64, u64)> {
    let mut all: Vec<_> = items
        .iter()
        .flat_map(|item| {
            let of = |source: &catena_memory::Source| {
                (
                    item.key.clone(),
                    item.observation.clone(),
                    source.turn,
                    source.at.0,
                )
            };
            item.sources.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn an_empty_archive_becomes_the_same_and_a_second_time_adds_nothing(items in sayings()) {
        block_on(async {
            let (place, archive, namespace) = fresh().await;
            // Numbers that the other archive will not give.
            let other = archive.namespace(&names("other")).await.unwrap();
            archive.remember(other, NewItem::turn("before", "")).await.unwrap();
            for item in items {
                archive.remember(namespace, item).await.unwrap();
            }
            archive.retire(namespace, catena_memory::ItemId(2), Moment(8)).await.unwrap();
            let file = export(&archive, Some(namespace), place.folder()).await;
            let here = all(&archive, namespace).await;

            let (_there, empty, _) = fresh().await;
            let imported = empty.import(&file, None).await.unwrap();
            assert_eq!((imported.added, imported.merged), (here.len() as u64, 0));
            let namespace = empty.namespace(&names("ada")).await.unwrap();
            let there = all(&empty, namespace).await;
            assert_eq!(numberless(&there), numberless(&here));

            let imported = empty.import(&file, None).await.unwrap();
            assert_eq!((imported.added, imported.merged), (0, here.len() as u64));
            assert_eq!(all(&empty, namespace).await, there);
        });
    }

    /// Stopped anywhere and done again, it is as if it had not been stopped.
    #[test]
    fn a_stopped_import_goes_on(items in sayings()) {
        block_on(async {
            let (place, archive, namespace) = fresh().await;
            for item in items {
                archive.remember(namespace, item).await.unwrap();
            }
            let whole = export(&archive, Some(namespace), place.folder()).await;
            let here = all(&archive, namespace).await;
            let text = std::fs::read_to_string(&whole).unwrap();
            let lines: Vec<_> = text.lines().collect();
            for cut in 0..=lines.len() {
                let (_there, other, _) = fresh().await;
                // What was there when it was stopped is what a shorter file would have brought.
                let part = place.folder().join("part.jsonl");
                std::fs::write(&part, lines[..cut].join("\n")).unwrap();
                other.import(&part, None).await.unwrap();
                other.import(&whole, None).await.unwrap();
                let of = other.namespace(&names("ada")).await.unwrap();
                assert_eq!(numberless(&all(&other, of).await), numberless(&here));
            }
        });
    }

    /// Into an archive that knows better, or worse: no telling is lost, and no two facts hold.
    #[test]
    fn archives_can_be_put_together(first in sayings(), second in sayings()) {
        block_on(async {
            let (place, one, of_one) = fresh().await;
            let (_place, two, of_two) = fresh().await;
            for (archive, namespace, items) in [(&one, of_one, first), (&two, of_two, second)] {
                for item in items {
                    archive.remember(namespace, item).await.unwrap();
                }
            }
            let (before, theirs) = (all(&one, of_one).await, all(&two, of_two).await);
            let file = export(&two, None, place.folder()).await;
            one.import(&file, None).await.unwrap();
            let after = all(&one, of_one).await;
            assert_eq!(tellings(&after), tellings(&[before, theirs].concat()));
            for moment in (0..10).map(Moment) {
                for key in ["key 0", "key 1"] {
                    let holders = after.iter().filter(|item| {
                        item.key.as_deref() == Some(key) && item.validity.holds_at(moment)
                    });
                    assert!(holders.count() <= 1, "{after:#?}");
                }
            }
            let turns = after.iter().filter(|item| item.key.is_none());
            let mut words: Vec<_> = turns.map(|item| item.observation.clone()).collect();
            words.sort();
            let distinct = words.len();
            words.dedup();
            assert_eq!(words.len(), distinct, "a turn is there once");
            // And again: nothing changes any more.
            one.import(&file, None).await.unwrap();
            assert_eq!(all(&one, of_one).await, after);
        });
    }
}

#[tokio::test]
async fn namespaces_are_created_or_all_goes_into_one() {
    let (place, archive, ada) = fresh().await;
    let bob = archive.namespace(&names("bob")).await.unwrap();
    archive
        .remember(ada, NewItem::turn("I am Ada.", ""))
        .await
        .unwrap();
    archive
        .remember(bob, NewItem::fact("home", "Rome").at(Moment(10)))
        .await
        .unwrap();
    archive
        .remember(bob, NewItem::fact("home", "Oslo").at(Moment(20)))
        .await
        .unwrap();
    let file = export(&archive, None, place.folder()).await;

    let other = Place::new();
    let other = other.open();
    other.import(&file, None).await.unwrap();
    let namespaces = other.namespaces().await.unwrap();
    let found: Vec<_> = namespaces
        .iter()
        .map(|found| (&*found.namespace.user, found.items, found.turns))
        .collect();
    assert_eq!(found, [("ada", 1, 1), ("bob", 2, 0)]);

    let one = Place::new();
    let one = one.open();
    let guest = one.namespace(&names("guest")).await.unwrap();
    one.import(&file, Some(guest)).await.unwrap();
    let items = all(&one, guest).await;
    assert_eq!(items.len(), 3);
    assert_eq!(items[1].replaced_by, Some(items[2].id));
    assert_eq!(one.namespaces().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_broken_line_is_named_and_nothing_is_taken_over() {
    let (place, archive, namespace) = fresh().await;
    archive
        .remember(namespace, NewItem::fact("home", "Rome").at(Moment(10)))
        .await
        .unwrap();
    archive
        .remember(namespace, NewItem::turn("Hello.", ""))
        .await
        .unwrap();
    let file = export(&archive, None, place.folder()).await;
    let good = std::fs::read_to_string(&file).unwrap();
    let fact = good.lines().next().unwrap();
    let broken = [
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        fact.replace("\"key\"", "\"lock\""),
        fact.replace("\"fact\"", "\"turn\""),
        fact.replace("\"fact\"", "\"rumour\""),
        fact.replace("Rome", ""),
        fact.replace("\"user\"", "\"loser\""),
        fact.replace("\"sources\":[{", "\"sources\":[],\"other\":[{"),
        fact.replace("\"turn\":1", "\"turn\":18446744073709551615"),
        fact.replace("\"turn\":1", "\"turn\":9223372036854775806"),
        fact.replace("\"turn\":1", "\"turn\":9007199254740993"),
        fact.replace("\"turn\":1", "\"turn\":0"),
        fact.replace("\"home\"", "\"home\\n- dog: Rex\""),
        fact.replace("{\"from\":10", "{\"from\":10,\"until\":5"),
        fact.replace("{\"from\":10", "{\"from\":-10"),
    ];
    for line in broken {
        assert_ne!(line, fact);
        std::fs::write(&file, format!("{good}\n{line}\n{good}")).unwrap();
        let other = Place::new();
        let other = other.open();
        let error = other.import(&file, None).await.unwrap_err();
        assert!(error.is_invalid(), "{line}: {error}");
        assert!(error.to_string().contains("line 4"), "{error}");
        assert!(other.namespaces().await.unwrap().is_empty(), "{line}");
    }
    let mut bytes = good.clone().into_bytes();
    bytes.extend(b"\xff\xfe\n");
    std::fs::write(&file, bytes).unwrap();
    let error = archive.import(&file, None).await.unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
    let missing = archive
        .import(&place.folder().join("missing"), None)
        .await
        .unwrap_err();
    assert!(
        missing.is_memory() && missing.to_string().contains("missing"),
        "{missing}"
    );
}

/// Whatever number the last turn had that was taken over.
#[tokio::test]
async fn after_an_import_there_is_a_next_turn() {
    let (place, archive, namespace) = fresh().await;
    let last = NewItem::turn("Hello.", "").in_turn(1 << 53);
    archive.remember(namespace, last).await.unwrap();
    let file = export(&archive, None, place.folder()).await;
    let (_there, other, namespace) = fresh().await;
    other.import(&file, None).await.unwrap();
    assert_eq!(all(&other, namespace).await[0].turn(), 1 << 53);
    for number in 1..3 {
        let next = NewItem::turn(format!("turn {number}"), "");
        let written = other.remember(namespace, next).await.unwrap();
        assert_eq!(written.turn, (1 << 53) + number);
    }
}

#[tokio::test]
async fn an_import_that_is_stopped_keeps_what_it_did_and_says_so() {
    let (place, archive, namespace) = fresh().await;
    for number in 0..3 {
        let item = NewItem::turn(format!("turn {number}"), "");
        archive.remember(namespace, item).await.unwrap();
    }
    let file = export(&archive, None, place.folder()).await;
    let (_there, other, _) = fresh().await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let imported = other.import_until(&file, None, stop).await.unwrap();
    assert!(imported.stopped && imported.added == 0, "{imported:?}");
    let imported = other.import(&file, None).await.unwrap();
    assert!(!imported.stopped && imported.added == 3, "{imported:?}");
}

/// A file without ends of lines, of any size: what stands before them is not taken over either.
#[tokio::test]
async fn a_line_too_long_for_any_item_is_refused_with_its_number() {
    let (place, archive, namespace) = fresh().await;
    archive
        .remember(namespace, NewItem::turn("one", ""))
        .await
        .unwrap();
    let path = export(&archive, None, place.folder()).await;
    archive.forget_namespace(namespace).await.unwrap();
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length + (64 << 20) + 2).unwrap();
    let told = [
        archive.import(&path, None).await.unwrap_err(),
        check_export(&path, true).unwrap_err(),
    ];
    for error in told {
        assert!(error.is_invalid(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("line 2,") && text.contains("more than 64 MiB"),
            "{text}"
        );
    }
    assert_eq!(archive.namespaces().await.unwrap(), []);
}
