//! Consolidation makes one of what was said in other words, tells so before, and loses nothing.

use std::{collections::BTreeSet, sync::Arc};

use catena_core::Result;
use catena_memory::{
    Action, ExactIndex, Filter, HashingEmbedder, ItemId, Kind, Memory, MemoryItem, Moment,
    NamespaceId, NewItem, Plan, Query, Search,
};
use proptest::prelude::*;

use crate::support::{Place, all, block_on, names};

async fn fresh() -> (Place, Memory, NamespaceId) {
    let place = Place::new();
    let (index, embedder) = (
        Arc::new(ExactIndex::new()),
        Arc::new(HashingEmbedder::new()),
    );
    let memory = Memory::open(place.open(), index, embedder).await.unwrap();
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    (place, memory, namespace)
}

fn said(text: &str, at: u64) -> NewItem {
    NewItem::turn(text, "").at(Moment(at)).in_turn(at)
}

fn fact(key: &str, value: &str, at: u64) -> NewItem {
    NewItem::fact(key, value).at(Moment(at)).in_turn(at)
}

async fn remember(memory: &Memory, namespace: NamespaceId, items: Vec<NewItem>) -> Vec<ItemId> {
    let written = memory.remember_all(namespace, items).await.unwrap();
    written.into_iter().map(|written| written.id).collect()
}

/// Plans, carries it out, and sees that nothing was skipped.
async fn consolidate(memory: &Memory, namespace: NamespaceId) -> (u64, u64) {
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    let done = memory.consolidate(namespace, &plan).await.unwrap();
    assert_eq!(done.skipped, []);
    (done.merged, done.renamed)
}

#[tokio::test]
async fn what_differs_in_case_space_and_its_last_stop_only_becomes_the_oldest() {
    let (_place, memory, namespace) = fresh().await;
    let items = vec![
        said("I was born in Graz.", 20),
        said("It is -5 degrees, not 1.5.", 30),
        said("i was  born in GRAZ", 10).summary("born in Graz"),
        said("It is 5 degrees, not 1.5.", 40),
        said("It is -5 degrees not 1 5", 50),
        said("I was born\nin Graz!", 60),
        said("?!", 70),
        said("…", 80),
        said("I code in C", 90),
        said("I code in C++", 91),
        said("Rome is my home.", 93),
        said("Rome is my home?", 94),
        said("read a[i]", 95),
        said("read a(i)", 96),
        said("it is - five", 97),
        said("it is five", 98),
        NewItem::turn("I was born in Graz.", "When?").at(Moment(92)),
    ];
    let ids = remember(&memory, namespace, items).await;
    let before = all(memory.archive(), namespace).await;
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    assert_eq!(
        all(memory.archive(), namespace).await,
        before,
        "a dry run changes nothing"
    );
    assert_eq!(plan.proposals.len(), 1, "{plan:#?}");
    assert_eq!(plan.proposals[0].action, Action::Merge);
    assert_eq!(plan.proposals[0].items, [ids[2], ids[0], ids[5]]);
    // It may be written down, looked through, and carried out later.
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(
        memory.consolidate(namespace, &plan).await.unwrap().merged,
        2
    );
    let after = all(memory.archive(), namespace).await;
    assert_eq!(after.len(), before.len() - 2);
    let kept = after.iter().find(|item| item.id == ids[2]).unwrap();
    assert_eq!(kept.observation, "i was  born in GRAZ");
    assert_eq!(
        kept.sources
            .iter()
            .map(|source| source.turn)
            .collect::<Vec<_>>(),
        [10, 20, 60]
    );
    assert_eq!(kept.validity.from, Moment(10));
    // The index has been told.
    assert_eq!(memory.index().count().await.unwrap(), after.len() as u64);
    assert_eq!(
        consolidate(&memory, namespace).await,
        (0, 0),
        "once is enough"
    );
}

#[tokio::test]
async fn facts_become_one_where_one_took_the_place_of_the_other() {
    let (_place, memory, namespace) = fresh().await;
    let told = [
        ("Rome", 10),
        ("rome.", 20),
        ("Oslo", 30),
        ("Rome", 40),
        ("ROME", 50),
    ];
    let facts = told.map(|(city, at)| fact("home", city, at));
    let ids = remember(&memory, namespace, facts.to_vec()).await;
    assert_eq!(consolidate(&memory, namespace).await, (2, 0));
    let items = all(memory.archive(), namespace).await;
    let chain: Vec<_> = items
        .iter()
        .map(|item| {
            let until = item.validity.until.map(|until| until.0);
            (item.id, item.validity.from.0, until, item.replaced_by)
        })
        .collect();
    let expected = [
        (ids[0], 10, Some(30), Some(ids[2])),
        (ids[2], 30, Some(40), Some(ids[3])),
        (ids[3], 40, None, None),
    ];
    assert_eq!(chain, expected);
}

#[tokio::test]
async fn facts_about_keys_of_the_same_name_take_each_others_place() {
    let (_place, memory, namespace) = fresh().await;
    let facts = vec![
        fact("name of the dog", "Rex", 10),
        fact("Dog: name of the", "Bello", 30),
        fact("The name of the dog", "Fido", 20),
        fact("the dog's name", "Waldi", 40),
        fact("birthday in 1990 of the oldest of the sisters", "May", 10),
        fact("birthday in 1991 of the oldest of the sisters", "June", 20),
        fact("not allergic to penicillin", "yes", 10),
        fact("allergic to penicillin", "no", 20),
        fact("left knee pain", "mild", 10),
        fact("right knee pain", "none", 20),
        fact("vitamin", "C", 10),
        fact("vitamin A", "low", 20),
        fact("who", "Ada", 10),
        fact("Who", "Bob", 20),
    ];
    let ids = remember(&memory, namespace, facts).await;
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    let renames: Vec<_> = plan
        .proposals
        .iter()
        .map(|proposal| {
            assert!(
                proposal.reason.contains("are the same name"),
                "{}",
                proposal.reason
            );
            match &proposal.action {
                Action::Rename { from, to } => (&**from, &**to, &proposal.items[..]),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    let expected = [
        ("The name of the dog", "name of the dog", &ids[2..3]),
        ("Who", "who", &ids[13..14]),
    ];
    assert_eq!(renames, expected);
    assert_eq!(consolidate(&memory, namespace).await, (0, 2));
    let item = &memory
        .archive()
        .items(namespace, &[ids[0], ids[2]])
        .await
        .unwrap();
    assert_eq!(item[0].validity.until, Some(Moment(20)));
    assert_eq!(item[0].replaced_by, Some(ids[2]), "it keeps its number");
    assert_eq!(item[1].key.as_deref(), Some("name of the dog"));
    // It is found by what it is called now, by its words and by its vector.
    for search in [Search::Words, Search::Dense] {
        let query = Query::new("name of the dog\nFido").search(search).limit(1);
        let found = memory.search(namespace, &query).await.unwrap();
        assert_eq!(found[0].item.id, ids[2]);
    }
    let points = memory.index().scan(None, 100).await.unwrap();
    assert_eq!(points.len(), ids.len());
}

/// Of both names the same held, though another was told at the same moment in between.
#[tokio::test]
async fn what_held_of_both_names_holds_of_the_one() {
    let (_place, memory, namespace) = fresh().await;
    let facts = vec![
        fact("Dog's name", "rex.", 8),
        fact("dog's name", "Bello", 8),
        fact("dog's name", "rex.", 8),
    ];
    remember(&memory, namespace, facts).await;
    assert_eq!(consolidate(&memory, namespace).await, (0, 2));
    let items = all(memory.archive(), namespace).await;
    let holds = items
        .iter()
        .filter(|item| item.validity.holds_at(Moment(9)));
    let holds: Vec<_> = holds.map(|item| &*item.observation).collect();
    assert_eq!(holds, ["rex."]);
}

#[tokio::test]
async fn nothing_is_proposed_that_is_then_not_done() {
    let (_place, memory, namespace) = fresh().await;
    let long = "word ".repeat(200);
    let items = vec![said(&long, 10), said("One.", 20), said("one", 30)];
    remember(&memory, namespace, items).await;
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    let done = memory.consolidate(namespace, &plan).await.unwrap();
    assert_eq!((plan.proposals.len(), done.merged), (1, 1), "{plan:#?}");
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    assert_eq!(plan, Plan::default());
}

#[tokio::test]
async fn a_plan_that_is_out_of_date_does_what_still_holds() -> Result<()> {
    let (_place, memory, namespace) = fresh().await;
    let items = vec![
        said("One.", 1),
        said("one", 2),
        said("Two.", 3),
        said("two", 4),
        fact("dog's name", "Rex", 5),
        fact("Dog's name", "Bello", 6),
        fact("cat's name", "Mimi", 7),
        fact("Cat's name", "Momo", 8),
    ];
    let ids = remember(&memory, namespace, items).await;
    let plan = memory.plan_consolidation(namespace).await?;
    assert_eq!(plan.proposals.len(), 4, "{plan:#?}");
    let gone = [ids[1], ids[4]];
    memory
        .forget(namespace, &Filter::default(), Some(&gone))
        .await?;
    let done = memory.consolidate(namespace, &plan).await?;
    assert_eq!((done.merged, done.renamed), (1, 1));
    let skipped: Vec<_> = done
        .skipped
        .iter()
        .map(|proposal| proposal.items.clone())
        .collect();
    assert_eq!(skipped, [vec![ids[0], ids[1]], vec![ids[5]]]);
    // A second time nothing holds any longer.
    let done = memory.consolidate(namespace, &plan).await?;
    assert_eq!((done.merged, done.renamed, done.skipped.len()), (0, 0, 4));

    // A plan of another namespace, or of nobody, does nothing.
    let other = memory.namespace(&names("bob")).await?;
    let before = all(memory.archive(), namespace).await;
    let mut plan = plan;
    for proposal in &mut plan.proposals {
        proposal.items = vec![ids[0], ids[2], ids[0]];
    }
    for namespace in [other, namespace] {
        let done = memory.consolidate(namespace, &plan).await?;
        assert_eq!((done.merged, done.renamed, done.skipped.len()), (0, 0, 4));
    }
    assert_eq!(all(memory.archive(), namespace).await, before);
    Ok(())
}

/// Keys of which some are the same, values of which some say the same, times in any order.
fn anything() -> impl Strategy<Value = NewItem> {
    let key = prop::sample::select(&["dog's name", "Dog's name", "the DOG'S NAME!", "home"][..]);
    let value = prop::sample::select(&["Rex", "rex.", "Bello", "REX", "bello"][..]);
    (any::<bool>(), key, value, 1..9_u64).prop_map(|(turn, key, value, at)| match turn {
        true => said(value, at),
        false => fact(key, value, at),
    })
}

/// More of them with `CATENA_CASES`.
fn cases() -> u32 {
    std::env::var("CATENA_CASES").map_or(60, |cases| cases.parse().unwrap())
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| letter.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A key's letters, without its article.
fn named(key: &str) -> String {
    letters(key.strip_prefix("the ").unwrap_or(key))
}

/// Every telling: what of what, but for case and punctuation, in which turn and when.
fn tellings(items: &[MemoryItem]) -> BTreeSet<(String, String, u64, u64)> {
    let of = |item: &MemoryItem| -> Vec<_> {
        let key = named(item.key.as_deref().unwrap_or_default());
        let told = |source: &catena_memory::Source| {
            (
                key.clone(),
                letters(&item.observation),
                source.turn,
                source.at.0,
            )
        };
        item.sources.iter().map(told).collect()
    };
    items.iter().flat_map(of).collect()
}

/// What holds about a key, by any of its names, at each moment.
fn holding(items: &[MemoryItem], at: u64) -> BTreeSet<(String, String)> {
    let facts = items.iter().filter(|item| item.kind == Kind::Fact);
    facts
        .filter(|item| item.validity.holds_at(Moment(at)))
        .map(|item| {
            (
                named(item.key.as_deref().unwrap_or_default()),
                letters(&item.observation),
            )
        })
        .collect()
}

/// "Bello" was told at 1 and at 3, where "Rex" was told before it: it is one item, and holds at 3.
#[tokio::test]
async fn what_was_told_again_holds_under_the_other_key_too() {
    let (_place, memory, namespace) = fresh().await;
    for (key, value, at) in [
        ("the dog's name", "Bello", 1),
        ("dog's name", "Rex", 3),
        ("dog's name", "Bello", 3),
        ("dog's name", "Bello", 1),
    ] {
        memory
            .remember(namespace, fact(key, value, at))
            .await
            .unwrap();
    }
    let before = all(memory.archive(), namespace).await;
    let plan = memory.plan_consolidation(namespace).await.unwrap();
    memory.consolidate(namespace, &plan).await.unwrap();
    let after = all(memory.archive(), namespace).await;
    assert_eq!(tellings(&after), tellings(&before));
    for at in 0..5 {
        assert_eq!(holding(&after, at), holding(&before, at), "at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_was_told_is_lost(items in proptest::collection::vec(anything(), 1..20)) {
        block_on(async {
            let (_place, memory, namespace) = fresh().await;
            for item in items {
                memory.remember(namespace, item).await.unwrap();
            }
            let before = all(memory.archive(), namespace).await;
            // Keys become one first, and then values: each plan sees what the one before it did.
            let mut rounds = 0;
            loop {
                let plan = memory.plan_consolidation(namespace).await.unwrap();
                if plan.proposals.is_empty() {
                    break;
                }
                let done = memory.consolidate(namespace, &plan).await.unwrap();
                assert_eq!(done.skipped, []);
                rounds += 1;
                assert!(rounds < 6, "it comes to an end");
            }
            let after = all(memory.archive(), namespace).await;
            assert_eq!(tellings(&after), tellings(&before));
            for at in 0..10 {
                let (was, is) = (holding(&before, at), holding(&after, at));
                assert!(is.is_subset(&was), "at {at}: {is:?} of {was:?}");
                let keys = |held: &BTreeSet<(String, String)>| {
                    held.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>()
                };
                assert_eq!(keys(&is), keys(&was));
                assert_eq!(is.len(), keys(&is).len(), "one for each key");
            }
            let points = memory.index().scan(None, 100).await.unwrap();
            let ids: Vec<_> = points.iter().map(|point| point.id).collect();
            assert_eq!(ids, after.iter().map(|item| item.id).collect::<Vec<_>>());
        });
    }
}
