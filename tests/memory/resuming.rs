//! A turn is a run: what it had done is not done again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use catena::{
    Error, Journal, MemoryJournal, ModelProfile, Run, RunOptions,
    agents::Message,
    memory::{Filter, NewItem},
    models::ScriptedModel,
};

use crate::support::{Bot, Purpose, WINDOW, model, notes, purpose};

#[tokio::test]
async fn a_turn_that_broke_off_goes_on_where_it_was() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let inner = model(|_| "so it is ".repeat(30));
    let flaky = ScriptedModel::from_fn(move |request| {
        let answer = purpose(request) == Purpose::Answer;
        match answer && is_down.load(Ordering::SeqCst) {
            true => Err(Error::unavailable("down")),
            false => Ok(match purpose(request) {
                Purpose::Answer => "so it is ".repeat(30),
                Purpose::Need => "notes".to_owned(),
                _ => "none".to_owned(),
            }),
        }
    })
    .with_profile(catena::ChatModel::profile(&inner).clone());
    let bot = Bot::new(flaky).await;
    bot.memory
        .remember(bot.namespace, NewItem::turn("The sea is blue.", "Noted."))
        .await
        .unwrap();

    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = || RunOptions::new("chat").journal(Arc::clone(&journal));
    let message = || Message::new("What of the sea?");
    let chat = || bot.chat().summarise_above(20);
    let run = Run::start(chat().build().unwrap(), message(), options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());
    let calls = bot.model.calls();

    // Meanwhile something else is remembered, which the turn would have recalled.
    bot.memory
        .remember(
            bot.namespace,
            NewItem::turn("The sea is green now.", "Noted."),
        )
        .await
        .unwrap();
    down.store(false, Ordering::SeqCst);
    let resume = || options().resume(id.clone());
    let run = Run::start(chat().build().unwrap(), message(), resume());
    let reply = run.outcome().await.unwrap().output;
    assert_eq!(
        bot.model.calls(),
        calls + 2,
        "the answer and its summary alone were asked for"
    );
    assert_eq!(reply.turn, Some(3));

    // Once more, from a journal that did not get to know that it was written.
    let run = Run::start(chat().build().unwrap(), message(), resume());
    assert_eq!(run.outcome().await.unwrap().output, reply);
    let all = bot.memory.archive();
    let all = all
        .browse(bot.namespace, &Filter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(all.len(), 3);
}

/// Whether there were any or none.
#[tokio::test]
async fn a_first_turn_that_broke_off_tells_the_facts_that_there_were() {
    let cases: [&[&str]; 2] = [&[], &["Oslo"]];
    for known in cases {
        let down = Arc::new(AtomicBool::new(true));
        let is_down = Arc::clone(&down);
        let flaky = ScriptedModel::from_fn(move |_| match is_down.load(Ordering::SeqCst) {
            true => Err(Error::unavailable("down")),
            false => Ok("Noted.".to_owned()),
        })
        .with_profile(ModelProfile::new("scripted", WINDOW));
        let bot = Bot::new(flaky).await;
        let home = async |city: &str| {
            let fact = NewItem::fact("home", city);
            bot.memory.remember(bot.namespace, fact).await.unwrap();
        };
        for city in known {
            home(city).await;
        }
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let options = || RunOptions::new("chat").journal(Arc::clone(&journal));
        let message = || Message::new("Where is my home?");
        let run = Run::start(bot.chat().build().unwrap(), message(), options());
        let id = run.id().clone();
        assert!(run.outcome().await.unwrap_err().is_retryable());

        home("Rome").await;
        down.store(false, Ordering::SeqCst);
        let run = Run::start(bot.chat().build().unwrap(), message(), options().resume(id));
        let facts = run.outcome().await.unwrap().output.recall.facts;
        let told: Vec<_> = facts.iter().filter_map(|fact| fact.is.as_deref()).collect();
        assert_eq!(told, known);
    }
}

#[tokio::test]
async fn written_twice_by_one_run_a_turn_is_there_once() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    let item = || NewItem::turn("The sea is blue.", "Noted.").by_run("R");
    let first = bot.memory.remember(bot.namespace, item()).await.unwrap();
    let second = bot.memory.remember(bot.namespace, item()).await.unwrap();
    assert_eq!((first.id, first.turn), (second.id, second.turn));
    let turns = bot
        .memory
        .archive()
        .last_turns(bot.namespace, 9)
        .await
        .unwrap();
    assert_eq!(turns[0].sources.len(), 1);
}

/// What is made of a turn may fail, and the turn is remembered all the same.
#[tokio::test]
async fn a_turn_is_remembered_without_what_is_made_of_it() {
    let failing = ScriptedModel::from_fn(|request| match purpose(request) {
        Purpose::Facts | Purpose::Summary => Err(Error::unavailable("away")),
        Purpose::Need => Ok("general".to_owned()),
        _ => Ok("Noted, and a good many more words than a short turn has. ".repeat(8)),
    })
    .with_profile(ModelProfile::new("scripted", WINDOW));
    let bot = Bot::new(failing).await;
    let message = format!("My name is Bob. {}", "I like the sea. ".repeat(10));
    let notes = notes(bot.chat(), &message).await;
    let without: Vec<_> = notes
        .iter()
        .filter(|(name, _)| name == "memory.without")
        .map(|(_, data)| data["what"].as_str().unwrap())
        .collect();
    assert_eq!(without, ["a summary", "learning facts"]);
    let turns = bot.memory.archive().last_turns(bot.namespace, 9).await;
    assert_eq!(turns.unwrap()[0].observation, message);
}

/// A summary that is cut off ends with its last whole sentence, and says that there was more.
#[tokio::test]
async fn a_summary_that_is_cut_off_is_told_and_ends_with_a_sentence() {
    let endless = ScriptedModel::from_fn(|request| match purpose(request) {
        Purpose::Summary => Ok(format!("Bob likes the sea. {}", "And so on ".repeat(100))),
        Purpose::Answer => Ok("Noted.".to_owned()),
        _ => Ok("none".to_owned()),
    })
    .with_profile(ModelProfile::new("scripted", WINDOW));
    let bot = Bot::new(endless).await;
    let message = format!("My name is Bob. {}", "I like the sea. ".repeat(20));
    let notes = notes(bot.chat(), &message).await;
    let cut: Vec<_> = notes
        .iter()
        .filter(|(name, _)| name == "answer.cut")
        .collect();
    assert_eq!(cut.len(), 1, "{notes:?}");
    assert_eq!(cut[0].1["what"], "the summary of the turn");
    assert_eq!(cut[0].1["finish"], "length");
    let turns = bot.memory.archive().last_turns(bot.namespace, 9).await;
    assert_eq!(turns.unwrap()[0].summary, "Bob likes the sea.");
}

/// Nothing is remembered of a turn whose answer has no words, and it can be said again.
#[tokio::test]
async fn an_empty_answer_is_an_error_and_no_turn() {
    let bot = Bot::new(model(|_| " \n".to_owned())).await;
    let graph = bot.chat().build().unwrap();
    let run = Run::start(graph, Message::new("It rains."), RunOptions::new("chat"));
    let error = run.outcome().await.unwrap_err();
    assert!(
        error.is_malformed_output() && !error.is_retryable(),
        "{error}"
    );
    let turns = bot.memory.archive().last_turns(bot.namespace, 9).await;
    assert_eq!(turns.unwrap(), []);
}
