//! Nothing of one namespace comes out in another, whatever they are called and whatever an index
//! says.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use catena_memory::{
    Archive, Filter, Hit, ItemId, Kind, Memory, Namespace, NamespaceId, NewItem, Query, Search,
};
use proptest::prelude::*;

use crate::{
    fakes::{Flaky, Moody},
    support::{Place, all, block_on},
};

const HOSTILE: &[&str] = &[
    "",
    " ",
    "ada",
    "Ada",
    "ada/bot",
    "a'; DROP TABLE items; --",
    "\" OR 1=1",
    "namespace : 1",
    "1",
    "2",
    "* NEAR(a b) AND NOT",
    "{}:^-+()",
    "ß\u{0}ß",
    "é",
    "e\u{301}",
    "\u{202e}新しい👩‍👩‍👧",
    "%_\\",
    "-1",
];

fn name() -> impl Strategy<Value = String> {
    let long = (1..2000_usize).prop_map(|length| "x".repeat(length));
    prop_oneof![
        6 => prop::sample::select(HOSTILE).prop_map(str::to_owned),
        1 => long,
        1 => any::<String>(),
    ]
}

fn namespace() -> impl Strategy<Value = Namespace> {
    (name(), name(), name())
        .prop_map(|(user, bot, conversation)| Namespace::new(user, bot, conversation))
}

/// Words that all of them say, so that there is something to confuse.
fn item() -> impl Strategy<Value = NewItem> {
    let word = prop::sample::select(&["rose", "dog", "rain", "1", "namespace"][..]);
    let words = proptest::collection::vec(word, 1..5).prop_map(|words| words.join(" "));
    (words, any::<bool>()).prop_map(|(text, fact)| match fact {
        true => NewItem::fact("key", text),
        false => NewItem::turn(text, "rose dog rain"),
    })
}

struct World {
    place: Place,
    memory: Memory,
    index: Arc<Flaky>,
    /// Each namespace with the ids of its items.
    own: Vec<(NamespaceId, BTreeSet<ItemId>)>,
}

async fn world(spaces: &[(Namespace, Vec<NewItem>)]) -> World {
    let place = Place::new();
    let index = Arc::new(Flaky::new("flaky"));
    let embedder = Arc::new(Moody::new("moody"));
    let memory = Memory::open(place.open(), index.clone(), embedder)
        .await
        .unwrap();
    let mut own: Vec<(NamespaceId, BTreeSet<ItemId>)> = Vec::new();
    for (namespace, items) in spaces {
        let id = memory.namespace(namespace).await.unwrap();
        let written = memory.remember_all(id, items.clone()).await.unwrap();
        let ids = written.into_iter().map(|written| written.id);
        match own.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => known.extend(ids),
            None => own.push((id, ids.collect())),
        }
    }
    let distinct: BTreeSet<_> = spaces.iter().map(|(namespace, _)| namespace).collect();
    assert_eq!(
        own.len(),
        distinct.len(),
        "a number for each, and one for each"
    );
    World {
        place,
        memory,
        index,
        own,
    }
}

async fn exported(archive: &Archive, namespace: NamespaceId) -> BTreeSet<ItemId> {
    let (count, bytes) = archive.export(Some(namespace), Vec::new()).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count() as u64, count);
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .map(|line| ItemId(line["id"].as_u64().unwrap()))
        .collect()
}

/// Through every function that reads.
async fn check(world: &World, query: &str) {
    let archive = world.memory.archive();
    let everything: Vec<_> = world
        .own
        .iter()
        .flat_map(|(_, ids)| ids.iter().copied())
        .collect();
    for (namespace, own) in &world.own {
        let namespace = *namespace;
        for search in [Search::Hybrid, Search::Dense, Search::Words] {
            for kind in [None, Some(Kind::Fact)] {
                let mut query = Query::new(query).search(search).limit(100);
                query.kind = kind;
                let found = world.memory.search(namespace, &query).await.unwrap();
                let ids: BTreeSet<_> = found.iter().map(|found| found.item.id).collect();
                assert!(ids.is_subset(own), "{search:?}");
                assert_eq!(ids.len(), found.len(), "nothing twice");
            }
        }
        let by_words = archive
            .by_words(namespace, None, query, 1000)
            .await
            .unwrap();
        assert!(by_words.iter().all(|hit| own.contains(&hit.id)));
        let read = archive.items(namespace, &everything).await.unwrap();
        assert_eq!(
            read.iter().map(|item| item.id).collect::<BTreeSet<_>>(),
            *own
        );
        let browsed = all(archive, namespace).await;
        assert_eq!(
            browsed.iter().map(|item| item.id).collect::<BTreeSet<_>>(),
            *own
        );
        let last = archive.last_turns(namespace, 1000).await.unwrap();
        assert!(last.iter().all(|item| own.contains(&item.id)));
        assert_eq!(exported(archive, namespace).await, *own);
        let filter = Filter::default();
        let would = archive.would_forget(namespace, &filter, Some(&everything));
        assert_eq!(
            would.await.unwrap().into_iter().collect::<BTreeSet<_>>(),
            *own
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_function_gives_the_own_items_only(
        spaces in proptest::collection::vec(
            (namespace(), proptest::collection::vec(item(), 1..4)), 2..6),
        query in prop::sample::select(&["rose dog", "namespace : 1", "1", "key OR rain", "2"][..]),
        forgets in any::<prop::sample::Index>(),
    ) {
        block_on(async {
            let mut world = world(&spaces).await;
            check(&world, query).await;
            // By an index that returns everybody's.
            let lies = world.own.iter().flat_map(|(_, ids)| ids.iter());
            world.index.lie(lies.map(|id| Hit { id: *id, score: 1.0 }).collect());
            check(&world, query).await;
            // One is forgotten whole, with the numbers of all given; the others stay.
            let everything: Vec<_> = (1..100).map(ItemId).collect();
            let one = forgets.index(world.own.len());
            let (namespace, gone) = world.own.remove(one);
            let filter = Filter::default();
            let forgotten = world.memory.forget(namespace, &filter, Some(&everything));
            let forgotten: BTreeSet<_> = forgotten.await.unwrap().items.into_iter().collect();
            assert_eq!(forgotten, gone);
            check(&world, query).await;
        });
    }
}

/// Numbers of another namespace, in the functions that change something.
#[tokio::test]
async fn nothing_is_changed_from_another_namespace() {
    let fact = vec![NewItem::fact("home", "Rome")];
    let spaces = [
        (Namespace::new("ada", "b", "c"), fact.clone()),
        (Namespace::new("bob", "b", "c"), fact),
    ];
    let World {
        place, memory, own, ..
    } = world(&spaces).await;
    let archive = memory.archive();
    let ((ada, _), (bob, of_bob)) = (&own[0], &own[1]);
    let id = *of_bob.first().unwrap();
    let before = all(archive, *bob).await;
    assert!(
        !archive
            .summarise(*ada, id, "short".to_owned())
            .await
            .unwrap()
    );
    assert!(
        !archive
            .retire(*ada, id, catena_memory::Moment(u64::MAX / 4))
            .await
            .unwrap()
    );
    let forgotten = memory
        .forget(*ada, &Filter::default(), Some(&[id]))
        .await
        .unwrap();
    assert!(forgotten.items.is_empty() && forgotten.runs.is_empty());
    memory
        .remember(*ada, NewItem::fact("home", "Oslo"))
        .await
        .unwrap();
    assert_eq!(all(archive, *bob).await, before);
    assert!(Path::new(&place.file()).exists());
}
