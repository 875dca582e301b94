//! Many conversations at once through one memory.

use std::sync::Arc;

use catena_memory::{ExactIndex, HashingEmbedder, Memory, NewItem, Query};

use crate::support::{Place, all, names};

const CONVERSATIONS: usize = 50;
const TURNS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_conversations_at_once_keep_their_turns_in_order() {
    let place = Place::new();
    let index = Arc::new(ExactIndex::new());
    let memory = Memory::open(place.open(), index, Arc::new(HashingEmbedder::new()));
    let memory = memory.await.unwrap();
    let talks = (0..CONVERSATIONS).map(|talk| {
        let memory = memory.clone();
        tokio::spawn(async move {
            let namespace = memory
                .namespace(&names(&format!("user {talk}")))
                .await
                .unwrap();
            for turn in 1..=TURNS {
                let item = NewItem::turn(format!("user {talk} says {turn}"), "Yes.");
                let written = memory.remember(namespace, item).await.unwrap();
                assert_eq!(written.turn, turn);
                // What was just said is found, and nobody else's.
                let query = Query::new(format!("user {talk} says {turn}")).limit(3);
                let found = memory.search(namespace, &query).await.unwrap();
                assert!(found.iter().any(|found| found.item.id == written.id));
                let prefix = format!("user {talk} says");
                assert!(
                    found
                        .iter()
                        .all(|found| found.item.observation.starts_with(&prefix))
                );
            }
            namespace
        })
    });
    for (talk, namespace) in futures::future::join_all(talks)
        .await
        .into_iter()
        .enumerate()
    {
        let items = all(memory.archive(), namespace.unwrap()).await;
        let said: Vec<_> = items.iter().map(|item| item.observation.clone()).collect();
        let expected: Vec<_> = (1..=TURNS)
            .map(|turn| format!("user {talk} says {turn}"))
            .collect();
        assert_eq!(said, expected);
        assert!((1..).zip(&items).all(|(turn, item)| item.turn() == turn));
    }
    let total = CONVERSATIONS as u64 * TURNS;
    assert_eq!(memory.index().count().await.unwrap(), total);
}
