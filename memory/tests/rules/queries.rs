//! Whatever is asked, a search by words is no error, and finds the words that are there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena_memory::{
    ExactIndex, Filter, HashingEmbedder, ItemId, Kind, Memory, NewItem, Query, Search,
};
use proptest::prelude::*;

use crate::support::{block_on, fresh};

#[tokio::test]
async fn no_text_is_taken_for_an_expression() {
    let (_place, archive, namespace) = fresh().await;
    let item = NewItem::turn("The roses don't wither; she said \"near\" AND left.", "");
    let id = archive.remember(namespace, item).await.unwrap().id;
    let finds = [
        "roses",
        "\"roses\"",
        "roses\" OR \"",
        "NEAR(roses, wither)",
        "observation : roses",
        "-roses",
        "^roses*",
        "roses AND NOT roses",
        "{a b} : roses",
        "ro\u{0}ses roses",
        "don't",
        "👩‍👩‍👧 roses 🌹",
        "ROSES'; DROP TABLE words; --",
        "rose",
    ];
    for query in finds {
        let found = archive.by_words(namespace, None, query, 5).await.unwrap();
        assert_eq!(found.len(), 1, "{query:?}");
        assert_eq!(found[0].id, id);
    }
    let nothing = [
        "", " ", "\0", "🌹", "\"", "***", "()", "OR NOT", "{}:", "1", "\u{fffd}",
    ];
    for query in nothing {
        let found = archive.by_words(namespace, None, query, 5).await.unwrap();
        assert!(found.is_empty(), "{query:?}");
    }
}

/// However long it is, a question takes no longer than a long one.
#[tokio::test]
async fn a_megabyte_is_a_question_as_well() {
    let (_place, archive, namespace) = fresh().await;
    let item = NewItem::turn("aaa roses", "");
    archive.remember(namespace, item).await.unwrap();
    let megabyte = |piece: &str| piece.repeat((1 << 20) / piece.len());
    for piece in [
        "a", "a ", "a.", "a'", "\" ", "ä", "🌹", "\0", "1,", "a_b-c ",
    ] {
        let begun = Instant::now();
        archive
            .by_words(namespace, None, &megabyte(piece), 5)
            .await
            .unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{piece:?}: {:?}",
            begun.elapsed()
        );
    }
    let distinct: String = (0..100_000)
        .map(|number| format!("word{number} "))
        .collect();
    archive
        .by_words(namespace, None, &distinct, 5)
        .await
        .unwrap();
}

/// A text of any length and kind can be remembered and found by a word of it.
#[tokio::test]
async fn a_megabyte_is_an_item_as_well() {
    let (_place, archive, namespace) = fresh().await;
    for piece in ["word ", "a.", "\0", "🌹"] {
        let text = format!("{} needle", piece.repeat((1 << 20) / piece.len()));
        let id = archive
            .remember(namespace, NewItem::turn(text.clone(), ""))
            .await
            .unwrap()
            .id;
        let found = archive
            .by_words(namespace, None, "needle", 50)
            .await
            .unwrap();
        assert!(found.iter().any(|hit| hit.id == id), "{piece:?}");
        let items = archive.items(namespace, &[id]).await.unwrap();
        assert_eq!(items[0].observation, text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_query_is_an_error(query in ".{0,60}|[\"*^:(){}+a-c -]{0,40}|(AND|OR|NOT|NEAR|a|\"| ){0,20}") {
        block_on(async {
            let (_place, archive, namespace) = fresh().await;
            archive.remember(namespace, NewItem::turn("a b c", "")).await.unwrap();
            archive.by_words(namespace, None, &query, 5).await.unwrap();
        });
    }
}

/// In either case, in any language, and in every part of an item.
#[tokio::test]
async fn letters_are_found_wherever_they_are() {
    let (_place, archive, namespace) = fresh().await;
    let turn = NewItem::turn("Die ÄPFEL von Ωμέγα", "100% 'quoted_").summary("КРАТКО");
    archive.remember(namespace, turn).await.unwrap();
    archive
        .remember(namespace, NewItem::fact("Straße", "Nr. 5"))
        .await
        .unwrap();
    let count = async |text: &str| {
        let filter = Filter {
            containing: Some(text.to_owned()),
            ..Filter::default()
        };
        let browsed = archive.browse(namespace, &filter, None, 10).await.unwrap();
        let chosen = archive
            .would_forget(namespace, &filter, None)
            .await
            .unwrap();
        assert_eq!(
            browsed.iter().map(|item| item.id).collect::<Vec<_>>(),
            chosen
        );
        chosen.len()
    };
    for text in [
        "äpfel",
        "Äpf",
        "ΩΜΈΓΑ",
        "0% 'q",
        "кратко",
        "straße",
        "nr. 5",
        "STRASSE",
    ] {
        let expected = usize::from(text != "STRASSE");
        assert_eq!(count(text).await, expected, "{text}");
    }
    assert_eq!(count("").await, 2);
    let filter = Filter {
        containing: Some("r".to_owned()),
        ..Filter::default()
    };
    assert!(
        archive
            .browse(namespace, &filter, None, 0)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(count("_").await, 1, "no pattern");
}

/// Chinese, Japanese and Thai put no spaces between words.
#[tokio::test]
async fn words_without_spaces_between_them_are_found_and_forgotten() {
    let (place, archive, namespace) = fresh().await;
    let embedder = Arc::new(HashingEmbedder::new());
    let memory = Memory::open(archive, Arc::new(ExactIndex::new()), embedder)
        .await
        .unwrap();
    let texts = [
        "我住在北京。",
        "私は東京に住んでいます。",
        "ผมชอบกินข้าวมาก",
        "The parrot says 你好 to me.",
        "White roses.",
    ];
    for text in texts {
        let item = NewItem::turn(text, "");
        memory.remember(namespace, item).await.unwrap();
    }
    let found: [(&str, &[usize]); 13] = [
        ("北京", &[0]),
        ("Where is 北京?", &[0]),
        ("上海", &[]),
        ("京北", &[]),
        ("京", &[0, 1]),
        ("東京", &[1]),
        ("住んでいた", &[1]),
        ("タワー", &[]),
        ("ข้าว", &[2]),
        ("แมว", &[]),
        ("你好", &[3]),
        ("parrot", &[3]),
        ("roses", &[4]),
    ];
    for (query, there) in found {
        let asked = Query::new(query).search(Search::Words);
        let found = memory.search(namespace, &asked).await.unwrap();
        let mut found: Vec<_> = found.iter().map(|found| &*found.item.observation).collect();
        found.sort_by_key(|said| texts.iter().position(|text| text == said));
        let there: Vec<_> = there.iter().map(|there| texts[*there]).collect();
        assert_eq!(found, there, "{query}");
    }
    let gone: Vec<_> = (1..5).map(ItemId).collect();
    let everything = Filter::default();
    memory
        .forget(namespace, &everything, Some(&gone))
        .await
        .unwrap();
    drop(memory);
    let db = rusqlite::Connection::open(place.file()).unwrap();
    db.execute_batch(
        "INSERT INTO words (words, rank) VALUES ('integrity-check', 1);
        CREATE VIRTUAL TABLE temp.found USING fts5vocab ('main', 'words', 'row');",
    )
    .unwrap();
    let words: Vec<String> = db
        .prepare("SELECT term FROM temp.found ORDER BY term")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(words, ["1t", "rose", "white"]);
}

/// A few facts among very many turns that share every word with the question.
#[tokio::test]
async fn facts_are_found_among_any_number_of_turns() {
    let (_place, archive, namespace) = fresh().await;
    let turns = (0..2000).map(|n| NewItem::turn(format!("the colour of roses, {n}"), ""));
    archive
        .remember_all(namespace, turns.collect())
        .await
        .unwrap();
    let fact = archive
        .remember(namespace, NewItem::fact("favourite colour", "red"))
        .await
        .unwrap();
    let embedder = Arc::new(HashingEmbedder::new());
    let memory = Memory::open(archive, Arc::new(ExactIndex::new()), embedder)
        .await
        .unwrap();
    for search in [Search::Hybrid, Search::Dense, Search::Words] {
        let query = Query::new("the colour of roses, 7").search(search);
        let facts = memory
            .search(namespace, &query.clone().kind(Kind::Fact))
            .await
            .unwrap();
        let ids: Vec<_> = facts.iter().map(|found| found.item.id).collect();
        assert_eq!(ids, [fact.id], "{search:?}");
        let turns = memory
            .search(namespace, &query.kind(Kind::Turn))
            .await
            .unwrap();
        assert_eq!(turns.len(), 10, "{search:?}");
    }
}
