//! What holds, and what held before.

use catena::memory::{Kind, Moment, NewItem, Query};

use crate::support::{Bot, model, shown};

#[tokio::test]
async fn a_changed_fact_gives_the_new_value_and_the_old_one_as_past() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    let day = |n: u64| Moment(1_800_000_000_000_000 + n * 86_400_000_000);
    for (city, n) in [("Rome", 0), ("Oslo", 10)] {
        let fact = NewItem::fact("home", city).at(day(n));
        bot.memory.remember(bot.namespace, fact).await.unwrap();
    }
    bot.say("It rains.").await;
    let reply = bot.say("Where is my home?").await;
    let fact = &reply.recall.facts[0];
    assert_eq!((&*fact.is, &*fact.before[0].is), ("Oslo", "Rome"));
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

#[tokio::test]
async fn a_message_that_only_asks_is_not_looked_through() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    bot.say("Do you like roses?").await;
    assert_eq!(bot.model.calls(), 1);
}
