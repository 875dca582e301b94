//! What is there word for word gets another source, and nothing is written twice by one run.

use catena_memory::{ItemId, Moment, NewItem};

use crate::support::{all, fresh};

#[tokio::test]
async fn a_turn_said_again_gets_a_source_and_nothing_else() {
    let (_place, archive, namespace) = fresh().await;
    let said = |turn, at| {
        NewItem::turn("Good morning.", "Hello!")
            .in_turn(turn)
            .at(Moment(at))
    };
    let first = archive.remember(namespace, said(1, 10)).await.unwrap();
    let other = NewItem::turn("Good morning.", "Hello?")
        .in_turn(2)
        .at(Moment(20));
    archive.remember(namespace, other).await.unwrap();
    let before = all(&archive, namespace).await;
    let again = archive.remember(namespace, said(3, 30)).await.unwrap();
    assert_eq!((again.id, again.merged, again.turn), (first.id, true, 3));
    let after = all(&archive, namespace).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[1]);
    let mut expected = before[0].clone();
    expected.sources.extend(after[0].sources.last().cloned());
    assert_eq!(after[0], expected);
    assert_eq!((after[0].turn(), after[0].at()), (3, Moment(30)));
}

#[tokio::test]
async fn a_run_that_does_it_again_writes_nothing_and_another_turn_of_it_is_written() {
    let (_place, archive, namespace) = fresh().await;
    let segment = |text: &str| NewItem::turn(text, "").by_run("01RUN");
    let both = || vec![segment("The first part."), segment("The second part.")];
    let first = archive.remember_all(namespace, both()).await.unwrap();
    assert_ne!(first[0].id, first[1].id);
    let again = archive.remember_all(namespace, both()).await.unwrap();
    assert_eq!(again, first);
    let items = all(&archive, namespace).await;
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.sources.len() == 1));
    // Another run says the same; and the same run says it in another turn.
    let other = NewItem::turn("The first part.", "").by_run("01OTHER");
    assert!(archive.remember(namespace, other).await.unwrap().merged);
    let numbered = segment("The first part.").in_turn(9);
    assert_eq!(archive.remember(namespace, numbered).await.unwrap().turn, 9);
    let item = &all(&archive, namespace).await[0];
    let turns: Vec<_> = item.sources.iter().map(|source| source.turn).collect();
    assert_eq!(turns, [1, 3, 9]);
}

#[tokio::test]
async fn all_or_none_of_several_are_remembered() {
    let (_place, archive, namespace) = fresh().await;
    let wrong = vec![
        NewItem::turn("one", ""),
        NewItem::fact("key", "value"),
        NewItem::turn("", ""),
    ];
    let error = archive.remember_all(namespace, wrong).await.unwrap_err();
    assert!(error.is_invalid());
    assert!(all(&archive, namespace).await.is_empty());
    let next = archive
        .remember(namespace, NewItem::turn("two", ""))
        .await
        .unwrap();
    assert_eq!(next.turn, 1, "no number was taken");
}

#[tokio::test]
async fn the_last_turns_are_there_as_often_as_they_were_said() {
    let (_place, archive, namespace) = fresh().await;
    for text in ["a", "b", "a", "c", "a"] {
        archive
            .remember(namespace, NewItem::turn(text, ""))
            .await
            .unwrap();
        archive
            .remember(namespace, NewItem::fact(text, "fact"))
            .await
            .unwrap();
    }
    let last = async |count| -> Vec<String> {
        let items = archive.last_turns(namespace, count).await.unwrap();
        items.into_iter().map(|item| item.observation).collect()
    };
    assert_eq!(last(3).await, ["a", "c", "a"]);
    assert_eq!(last(1).await, ["a"]);
    assert_eq!(last(99).await, ["a", "b", "a", "c", "a"]);
    assert!(last(0).await.is_empty());
    let items = archive
        .items(namespace, &[ItemId(1), ItemId(99), ItemId(1)])
        .await
        .unwrap();
    assert_eq!(items.len(), 2);
}

/// A turn that comes late was said earlier than was known.
#[tokio::test]
async fn a_turn_that_comes_late_begins_earlier() {
    let (_place, archive, namespace) = fresh().await;
    for (turn, at) in [(2, 20), (1, 10)] {
        let item = NewItem::turn("Hello.", "").in_turn(turn).at(Moment(at));
        archive.remember(namespace, item).await.unwrap();
    }
    let item = &all(&archive, namespace).await[0];
    assert_eq!(item.validity.from, Moment(10));
    assert_eq!(
        item.sources
            .iter()
            .map(|source| source.turn)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(item.turn(), 2);
}
