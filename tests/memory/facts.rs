//! What holds, and what held before.

use catena::{
    CallKind, Event, EventKind, Run, RunOptions,
    agents::{Ablation, Message, NeedReason},
    memory::{Filter, Kind, Moment, NewItem, Query},
};
use futures::StreamExt;
use serde_json::json;

use crate::support::{Bot, model, notes, shown};

fn day(number: u64) -> Moment {
    Moment(1_800_000_000_000_000 + number * 86_400_000_000)
}

async fn live_in(bot: &Bot, cities: &[&str]) {
    for (city, number) in cities.iter().zip(0..) {
        let fact = NewItem::fact("home", *city).at(day(number));
        bot.memory.remember(bot.namespace, fact).await.unwrap();
    }
    bot.say("It rains.").await;
}

#[tokio::test]
async fn a_changed_fact_gives_the_new_value_and_the_old_one_as_past() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for (city, n) in [("Rome", 0), ("Oslo", 10)] {
        let fact = NewItem::fact("home", city).at(day(n));
        bot.memory.remember(bot.namespace, fact).await.unwrap();
    }
    bot.say("It rains.").await;
    let reply = bot.say("Where is my home?").await;
    let fact = &reply.recall.facts[0];
    assert_eq!(fact.is.as_deref(), Some("Oslo"));
    assert_eq!(fact.before[0].is, "Rome");
    assert_eq!(fact.before[0].until, "2027-01-25");
    let prompt = shown(&bot.last_answer());
    let now = "- home: Oslo (since 2027-01-25)\n- home before that, until 2027-01-25: Rome\n";
    assert!(prompt.contains(now), "{prompt}");

    // Asked about the past, what was comes first.
    bot.say("Where was my home before?").await;
    let prompt = shown(&bot.last_answer());
    let past = "- old home (until 2027-01-25): Rome\n- home now: Oslo\n";
    assert!(prompt.contains(past), "{prompt}");
}

#[tokio::test]
async fn a_fact_without_room_is_told() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    live_in(&bot, &["Rome"]).await;
    for (chat, count) in [(bot.chat(), 0), (bot.chat().memory_tokens(0), 1)] {
        let told = notes(chat, "Where is my home?").await;
        let left_out = told
            .iter()
            .filter(|(name, _)| name == "memory.fact_left_out");
        assert_eq!(left_out.count(), count);
        let there = told.iter().filter(|(name, _)| name == "memory.fact");
        assert_eq!(there.count(), 1 - count);
    }
}

#[tokio::test]
async fn facts_are_learned_from_messages_and_superseded() {
    let learning = model(|_| "Noted.".to_owned());
    let learning = learning
        .reply_to("Message: I live in Rome.", "home: Rome\njob: nurse")
        .reply_to("Message: I moved to Oslo!", "The home: Oslo");
    let bot = Bot::new(learning).await;
    let first = bot.say("I live in Rome.").await;
    assert_eq!(
        first.learned,
        ["home: Rome"],
        "a nurse was nowhere in the message"
    );
    bot.say("I moved to Oslo!").await;

    let query = Query::new("home").kind(Kind::Fact);
    let found = bot.memory.search(bot.namespace, &query).await.unwrap();
    let mut facts: Vec<_> = found.into_iter().map(|found| found.item).collect();
    facts.sort_by_key(|item| item.id);
    assert_eq!(facts.len(), 2);
    assert_eq!(facts[0].replaced_by, Some(facts[1].id));
    assert_eq!(facts[0].validity.until, Some(facts[1].validity.from));
    assert_eq!(facts[1].validity.until, None);
}

/// What the model makes up is not learned, and it is told why not.
#[tokio::test]
async fn what_is_refused_as_a_fact_is_told_with_its_reason() {
    let learning = model(|_| "Noted.".to_owned()).reply_to(
        "Message: I live in Rome.",
        "home: Rome\njob: nurse\nThe home: rome\nNothing.\nI know.",
    );
    let bot = Bot::new(learning).await;
    let of = |told: Vec<(String, serde_json::Value)>, note: &str| -> Vec<_> {
        let told = told.into_iter().filter(|(name, _)| name == note);
        told.map(|(_, data)| data).collect()
    };
    let told = notes(bot.chat(), "I live in Rome.").await;
    let expected = [
        json!({ "line": "job: nurse", "reason": "not_said" }),
        json!({ "line": "The home: rome", "reason": "twice" }),
        json!({ "line": "I know.", "reason": "no_colon" }),
    ];
    assert_eq!(of(told, "memory.fact_refused"), expected);

    // That there is no fact is no refusal, and a message that only asks is not looked through.
    let told = notes(bot.chat(), "It rains.").await;
    assert!(told.iter().all(|(name, _)| name != "memory.fact_refused"));
    assert!(told.iter().all(|(name, _)| name != "memory.not_learned"));
    let told = notes(bot.chat(), "Do you like roses?").await;
    let expected = [json!({ "reason": "only_asks" })];
    assert_eq!(of(told, "memory.not_learned"), expected);
}

#[tokio::test]
async fn a_message_that_only_asks_is_not_looked_through() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    bot.say("Do you like roses?").await;
    assert_eq!(bot.model.calls(), 1);
}

/// Where somebody lives is easily taken for general knowledge: a fact that is near needs no memory.
#[tokio::test]
async fn a_fact_that_is_near_is_told_whether_memory_is_needed_or_not() {
    let general = model(|_| "Noted.".to_owned()).reply_to("You sort messages", "general");
    let bot = Bot::new(general).await;
    live_in(&bot, &["Oslo"]).await;
    let reply = bot.say("Where is my home?").await;
    assert!(!reply.recall.need.needed);
    assert_eq!(reply.recall.facts.len(), 1);
    assert!(shown(&bot.last_answer()).contains("- home: Oslo"));

    let reply = bot.say("Explain tides.").await;
    assert!(reply.recall.facts.is_empty(), "{:?}", reply.recall.facts);
}

/// Whoever told it: an import, or another program.
#[tokio::test]
async fn a_fact_is_told_before_there_is_a_turn() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    let fact = NewItem::fact("home", "Oslo");
    bot.memory.remember(bot.namespace, fact).await.unwrap();
    let off = bot.chat().ablation(Ablation::NoActivation).remember(false);
    let reply = bot.say_to(off, "Where is my home?").await;
    assert!(reply.recall.facts.is_empty(), "{:?}", reply.recall.facts);

    let reply = bot.say("Where is my home?").await;
    assert_eq!(reply.recall.need.reason, NeedReason::NothingThere);
    assert_eq!(reply.recall.facts[0].is.as_deref(), Some("Oslo"));
    let prompt = shown(&bot.last_answer());
    assert!(prompt.contains("- home: Oslo (since "), "{prompt}");
    assert_eq!(bot.model.calls(), 2, "nothing but the answers was asked");
}

/// A server takes money for a vector.
#[tokio::test]
async fn the_first_message_is_embedded_only_where_there_are_facts() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for embeddings in [0, 1] {
        let graph = bot.chat().remember(false).build().unwrap();
        let message = Message::new("Where is my home?");
        let run = Run::start(graph, message, RunOptions::new("chat"));
        let events: Vec<Event> = run.collect().await;
        let embedded = events.iter().filter(|event| match event.kind {
            EventKind::CallStarted { kind, .. } => kind == CallKind::Embed,
            _ => false,
        });
        assert_eq!(embedded.count(), embeddings);
        let fact = NewItem::fact("home", "Oslo");
        bot.memory.remember(bot.namespace, fact).await.unwrap();
    }
}

/// What was retired is not told as holding.
#[tokio::test]
async fn where_nothing_holds_any_more_nothing_is_told_as_holding() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    live_in(&bot, &["Rome"]).await;
    let archive = bot.memory.archive();
    let rome = archive.history(bot.namespace, "home", 1).await.unwrap();
    let retired = archive.retire(bot.namespace, rome[0].id, day(1)).await;
    assert!(retired.unwrap());
    let reply = bot.say("Where is my home?").await;
    assert_eq!(reply.recall.facts[0].is, None);
    let prompt = shown(&bot.last_answer());
    assert!(
        prompt.contains("- home before that, until 2027-01-16: Rome\n"),
        "{prompt}"
    );
    assert!(!prompt.contains("- home: "), "{prompt}");
    bot.say("Where was my home before?").await;
    let prompt = shown(&bot.last_answer());
    assert!(
        prompt.contains("- old home (until 2027-01-16): Rome\n"),
        "{prompt}"
    );
    assert!(!prompt.contains("home now"), "{prompt}");
}

#[tokio::test]
async fn of_a_long_past_the_latest_values_and_the_first_are_told() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    live_in(
        &bot,
        &["Rome", "Oslo", "Bonn", "Lima", "Cairo", "Delhi", "Paris"],
    )
    .await;
    let reply = bot.say("Where was my home at first?").await;
    let before = reply.recall.facts[0].before.iter().map(|past| &*past.is);
    let before: Vec<_> = before.collect();
    assert_eq!(before, ["Delhi", "Cairo", "Lima", "Rome"]);
}

/// What is told at the same moment as another value never held.
#[tokio::test]
async fn a_value_that_never_held_is_not_told() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for city in ["Rome", "Oslo"] {
        let fact = NewItem::fact("home", city).at(day(0));
        bot.memory.remember(bot.namespace, fact).await.unwrap();
    }
    bot.say("It rains.").await;
    let reply = bot.say("Where is my home?").await;
    assert_eq!(reply.recall.facts[0].is.as_deref(), Some("Oslo"));
    assert!(reply.recall.facts[0].before.is_empty());
}

/// Beside the conversation, without a call.
#[tokio::test]
async fn what_says_the_same_becomes_one_in_the_background() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for text in ["The roses are white.", "the ROSES are white!", "It rains."] {
        let chat = bot.chat().consolidate_every(3);
        bot.say_to(chat, text).await;
    }
    let archive = bot.memory.archive();
    let everything = Filter::default();
    for _ in 0..500 {
        let texts = archive.browse(bot.namespace, &everything, None, 9);
        let texts = texts.await.unwrap();
        if texts.len() == 2 {
            assert_eq!(texts[0].sources.len(), 2, "nothing is lost");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nothing was merged");
}
