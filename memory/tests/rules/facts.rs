//! Facts about a key take each other's place: at most one holds at any moment, what was told at a
//! moment holds then, and nothing that was told is lost, in whatever order it comes.

use std::collections::{BTreeMap, BTreeSet};

use catena_memory::{Archive, Filter, ItemId, MemoryItem, Moment, NamespaceId, NewItem};
use proptest::prelude::*;

use crate::support::{all, block_on, fresh};

/// The moments that are told and asked about: few, so that they meet.
const MOMENTS: u64 = 8;

#[derive(Clone, Debug)]
enum Step {
    Tell {
        key: u8,
        value: u8,
        at: u64,
        turn: Option<u64>,
    },
    /// The fact that holds about a key at `of` holds no longer from `at` on.
    Retire { key: u8, of: u64, at: u64 },
    /// The turns of some of the tellings are forgotten, if they are in turns of their own.
    Forget { of: Vec<usize> },
    /// A fact is forgotten by its number, with each time that it was told.
    ForgetFact { of: usize },
}

fn tell() -> impl Strategy<Value = Step> {
    let turn = proptest::option::of(1..4_u64);
    (0..2_u8, 0..4_u8, 0..MOMENTS, turn).prop_map(|(key, value, at, turn)| Step::Tell {
        key,
        value,
        at,
        turn,
    })
}

fn tell_or_retire() -> impl Strategy<Value = Step> {
    let retire =
        (0..2_u8, 0..MOMENTS, 0..MOMENTS).prop_map(|(key, of, at)| Step::Retire { key, of, at });
    prop_oneof![4 => tell(), 1 => retire]
}

fn tell_retire_or_forget() -> impl Strategy<Value = Step> {
    let forget = proptest::collection::vec(0..16_usize, 1..4).prop_map(|of| Step::Forget { of });
    let by_number = (0..16_usize).prop_map(|of| Step::ForgetFact { of });
    prop_oneof![4 => tell(), 2 => tell_or_retire(), 1 => forget, 1 => by_number]
}

fn fact(key: u8, value: u8, at: u64) -> NewItem {
    NewItem::fact(format!("key {key}"), format!("value {value}")).at(Moment(at))
}

async fn take(archive: &Archive, namespace: NamespaceId, step: &Step) {
    match step {
        Step::Tell {
            key,
            value,
            at,
            turn,
        } => {
            let mut item = fact(*key, *value, *at);
            item.turn = *turn;
            archive.remember(namespace, item).await.unwrap();
        }
        Step::Retire { key, of, at } => {
            let items = all(archive, namespace).await;
            if let Some(holder) = holders(&items, *key, *of).first() {
                archive
                    .retire(namespace, holder.id, Moment(*at))
                    .await
                    .unwrap();
            }
        }
        Step::Forget { .. } | Step::ForgetFact { .. } => {}
    }
}

/// Tells a fact in a turn of its own, with which the telling is forgotten: the turn's number.
async fn tell_in_turn(
    archive: &Archive,
    namespace: NamespaceId,
    number: u64,
    item: NewItem,
) -> ItemId {
    let turn = NewItem {
        at: item.at,
        ..NewItem::turn(format!("turn {number}"), "")
    };
    let run = format!("run {number}");
    let items = [turn, item].map(|item| item.in_turn(number).by_run(&run));
    let written = archive.remember_all(namespace, items.into()).await;
    written.unwrap()[0].id
}

fn holders(items: &[MemoryItem], key: u8, at: u64) -> Vec<&MemoryItem> {
    let key = format!("key {key}");
    let of_key = items.iter().filter(|item| item.key.as_ref() == Some(&key));
    of_key
        .filter(|item| item.validity.holds_at(Moment(at)))
        .collect()
}

/// What has to be so whatever was told and retired.
fn check(items: &[MemoryItem], steps: &[Step]) {
    for (key, at) in (0..2).flat_map(|key| (0..=MOMENTS).map(move |at| (key, at))) {
        assert!(holders(items, key, at).len() <= 1, "{items:#?}");
    }
    for step in steps {
        let Step::Tell { key, value, at, .. } = step else {
            continue;
        };
        let (key, value) = (format!("key {key}"), format!("value {value}"));
        let there = items.iter().any(|item| {
            let said = item.sources.iter().any(|source| source.at == Moment(*at));
            item.key.as_ref() == Some(&key) && item.observation == value && said
        });
        assert!(there, "{step:?} is in {items:#?}");
    }
    for item in items {
        assert!(
            item.validity
                .until
                .is_none_or(|until| item.validity.from <= until)
        );
        assert!(
            item.sources
                .iter()
                .any(|source| source.at == item.validity.from)
        );
        let Some(by) = item.replaced_by else { continue };
        let by = items
            .iter()
            .find(|item| item.id == by)
            .expect("it is there");
        assert_eq!(by.key, item.key);
        assert!(item.validity.until >= Some(by.validity.from), "{items:#?}");
    }
}

/// What holds, by the book: what was told last of what was told at the latest moment until then.
fn by_the_book(steps: &[Step]) -> BTreeMap<(u8, u64), u8> {
    let mut holds = BTreeMap::new();
    for (key, moment) in (0..2).flat_map(|key| (0..=MOMENTS).map(move |at| (key, at))) {
        let told = steps.iter().filter_map(|step| match step {
            Step::Tell {
                key: of, value, at, ..
            } if *of == key && *at <= moment => Some((*at, *value)),
            _ => None,
        });
        // Of equal moments the last: `max_by_key` takes it.
        if let Some((_, value)) = told.max_by_key(|(at, _)| *at) {
            holds.insert((key, moment), value);
        }
    }
    holds
}

fn held(items: &[MemoryItem]) -> BTreeMap<(u8, u64), u8> {
    let mut holds = BTreeMap::new();
    for (key, at) in (0..2).flat_map(|key| (0..=MOMENTS).map(move |at| (key, at))) {
        if let Some(item) = holders(items, key, at).first() {
            let value = item.observation.rsplit(' ').next().unwrap();
            holds.insert((key, at), value.parse().unwrap());
        }
    }
    holds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_was_told_last_holds_in_whatever_order_it_comes(
        steps in proptest::collection::vec(tell(), 1..16),
    ) {
        block_on(async {
            let (_place, archive, namespace) = fresh().await;
            for (count, step) in (1..).zip(&steps) {
                take(&archive, namespace, step).await;
                let items = all(&archive, namespace).await;
                check(&items, &steps[..count]);
                assert_eq!(held(&items), by_the_book(&steps[..count]), "{items:#?}");
            }
        });
    }

    #[test]
    fn nothing_is_lost_and_no_two_hold_when_facts_are_retired_too(
        steps in proptest::collection::vec(tell_or_retire(), 1..16),
    ) {
        block_on(async {
            let (_place, archive, namespace) = fresh().await;
            for (count, step) in (1..).zip(&steps) {
                take(&archive, namespace, step).await;
                check(&all(&archive, namespace).await, &steps[..count]);
            }
        });
    }

    #[test]
    fn what_is_left_is_in_its_place_when_tellings_are_forgotten(
        steps in proptest::collection::vec(tell_retire_or_forget(), 1..16),
    ) {
        block_on(async {
            let (_place, archive, namespace) = fresh().await;
            let everything = Filter::default();
            let mut told: Vec<(u64, ItemId, Step)> = Vec::new();
            // What was told twice at one moment may hold as long as it was told once, and what was retired
            // does not hold: of these keys it is not in the book what does.
            let (mut ever, mut unknown) = (BTreeSet::new(), BTreeSet::new());
            for (number, step) in (1..).zip(&steps) {
                match step {
                    Step::Tell { key, value, at, .. } => {
                        if !ever.insert((*key, *value, *at)) {
                            unknown.insert(*key);
                        }
                        let item = fact(*key, *value, *at);
                        let turn = tell_in_turn(&archive, namespace, number, item).await;
                        told.push((number, turn, step.clone()));
                    }
                    Step::Retire { key, .. } => {
                        unknown.insert(*key);
                        take(&archive, namespace, step).await;
                    }
                    Step::Forget { of } => {
                        let of = of.iter().filter_map(|of| told.get(of % told.len().max(1)));
                        let turns: Vec<_> = of.map(|(_, turn, _)| *turn).collect();
                        archive.forget(namespace, &everything, Some(&turns)).await.unwrap();
                        told.retain(|(_, turn, _)| !turns.contains(turn));
                    }
                    Step::ForgetFact { of } => {
                        let mut facts = all(&archive, namespace).await;
                        facts.retain(|item| item.key.is_some());
                        let Some(fact) = facts.get(of % facts.len().max(1)) else {
                            continue;
                        };
                        archive.forget(namespace, &everything, Some(&[fact.id])).await.unwrap();
                        let of_it = |turn: u64| fact.sources.iter().any(|source| source.turn == turn);
                        told.retain(|(number, ..)| !of_it(*number));
                    }
                }
                let items = all(&archive, namespace).await;
                let left: Vec<_> = told.iter().map(|(.., step)| step.clone()).collect();
                check(&items, &left);
                let (mut holds, mut book) = (held(&items), by_the_book(&left));
                holds.retain(|(key, _), _| !unknown.contains(key));
                book.retain(|(key, _), _| !unknown.contains(key));
                assert_eq!(holds, book, "{items:#?}");
            }
        });
    }
}

#[tokio::test]
async fn a_fact_in_order_supersedes_and_a_late_one_is_put_in_its_place() {
    let (_place, archive, namespace) = fresh().await;
    let first = archive.remember(namespace, fact(0, 1, 10)).await.unwrap();
    let third = archive.remember(namespace, fact(0, 3, 30)).await.unwrap();
    assert_eq!((first.supersedes, third.supersedes), (None, Some(first.id)));
    let second = archive.remember(namespace, fact(0, 2, 20)).await.unwrap();
    assert_eq!(second.supersedes, Some(first.id));
    let items = all(&archive, namespace).await;
    let chain: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item.validity.from.0,
                item.validity.until.map(|until| until.0),
                item.replaced_by,
            )
        })
        .collect();
    assert_eq!(
        chain,
        [
            (10, Some(20), Some(second.id)),
            (30, None, None),
            (20, Some(30), Some(third.id)),
        ]
    );
}

#[tokio::test]
async fn a_history_is_of_one_key_and_begins_with_the_latest() {
    let (_place, archive, namespace) = fresh().await;
    for (key, value, at) in [(0, 1, 10), (1, 9, 20), (0, 3, 30), (0, 2, 20)] {
        let told = fact(key, value, at);
        archive.remember(namespace, told).await.unwrap();
    }
    let key = all(&archive, namespace).await[0].key.clone().unwrap();
    let history = archive.history(namespace, &key, 2).await.unwrap();
    let values: Vec<_> = history.iter().map(|item| &*item.observation).collect();
    assert_eq!(values, ["value 3", "value 2"]);
    let nothing = archive.history(namespace, "another key", 2).await.unwrap();
    assert!(nothing.is_empty());
}

/// What was said at 10 and again at 30 holds at 30, though something else was told at 20.
#[tokio::test]
async fn a_fact_that_was_said_again_holds_again_after_a_late_one() {
    let (_place, archive, namespace) = fresh().await;
    for (value, at) in [(1, 10), (1, 30), (2, 20)] {
        archive
            .remember(namespace, fact(0, value, at))
            .await
            .unwrap();
    }
    let items = all(&archive, namespace).await;
    for (at, value) in [(15, "value 1"), (25, "value 2"), (35, "value 1")] {
        let holders = holders(&items, 0, at);
        assert_eq!(holders.len(), 1, "{items:#?}");
        assert_eq!(holders[0].observation, value, "at {at}");
    }
    // The piece that was cut off is found by its words as well.
    let found = archive
        .by_words(namespace, None, "value 1", 10)
        .await
        .unwrap();
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn what_is_retired_holds_no_longer_and_can_be_told_again() {
    let (_place, archive, namespace) = fresh().await;
    let first = archive
        .remember(namespace, fact(0, 1, 10))
        .await
        .unwrap()
        .id;
    assert!(archive.retire(namespace, first, Moment(20)).await.unwrap());
    assert!(
        !archive.retire(namespace, first, Moment(20)).await.unwrap(),
        "no longer"
    );
    assert!(
        !archive.retire(namespace, first, Moment(5)).await.unwrap(),
        "not yet"
    );
    let again = archive.remember(namespace, fact(0, 1, 30)).await.unwrap();
    assert_eq!((again.merged, again.supersedes), (false, None));
    let items = all(&archive, namespace).await;
    assert!(holders(&items, 0, 25).is_empty());
    assert_eq!(holders(&items, 0, 30)[0].id, again.id);
}

#[tokio::test]
async fn a_fact_takes_no_number_from_the_turns() {
    let (_place, archive, namespace) = fresh().await;
    let fact = archive.remember(namespace, fact(0, 1, 10)).await.unwrap();
    let turn = NewItem::turn("Hello.", "Hello!");
    let turn = archive.remember(namespace, turn).await.unwrap();
    assert_eq!((fact.turn, turn.turn), (1, 1));
}

#[tokio::test]
async fn what_is_no_fact_and_no_turn_is_refused() {
    let (_place, archive, namespace) = fresh().await;
    let mut keyed = NewItem::turn("words", "");
    keyed.key = Some("home".to_owned());
    let refused = [
        keyed,
        NewItem::fact("  ", "Rome"),
        NewItem::turn(" \n", ""),
        NewItem::turn("words", "").in_turn(0),
        NewItem::turn("words", "").in_turn(u64::MAX),
        NewItem::turn("words", "").in_turn((1 << 53) + 1),
        NewItem::turn("words", "").at(Moment(u64::MAX)),
    ];
    for item in refused {
        let error = archive.remember(namespace, item.clone()).await.unwrap_err();
        assert!(error.is_invalid(), "{item:?}: {error}");
    }
    let nowhere = NamespaceId(99);
    let error = archive
        .remember(nowhere, NewItem::turn("words", ""))
        .await
        .unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("99"),
        "{error}"
    );
    // The archive goes on.
    archive
        .remember(namespace, NewItem::turn("words", ""))
        .await
        .unwrap();
}

/// What a prompt says of a fact begins with its key, in a line of its own.
#[tokio::test]
async fn a_key_is_one_line_and_a_value_may_be_several() {
    let (_place, archive, namespace) = fresh().await;
    let keys = [
        "home\n- dog: Rex",
        "home\r",
        "ho\u{1b}[2Jme",
        "home\u{2028}- dog: Rex",
    ];
    for key in keys {
        let refused = archive.remember(namespace, NewItem::fact(key, "Rome"));
        let error = refused.await.unwrap_err();
        assert!(
            error.is_invalid() && error.to_string().contains("key"),
            "{key:?}: {error}"
        );
        assert!(error.help().is_some(), "{key:?}");
    }
    let address = NewItem::fact("address", "Via Appia 1\nRome");
    archive.remember(namespace, address).await.unwrap();
    let items = all(&archive, namespace).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].observation, "Via Appia 1\nRome");
}
