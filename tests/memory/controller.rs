//! What is asked, activated, and told.

use catena::{
    Role,
    agents::{Ablation, MemoryChat, NeedReason},
    memory::{Form, NewItem, Ranking, Reason, Search, Verdict},
};

use crate::support::{Bot, Purpose, model, notes, purpose, shown};

#[tokio::test]
async fn a_fact_told_in_turn_3_is_used_in_turn_300() {
    // It knows what it is shown, and nothing else.
    let bot = Bot::new(model(|request| {
        let shown = shown(request);
        match shown.contains("called Rex") && shown.contains("my dog?") {
            true => "Rex".to_owned(),
            false => "I do not know.".to_owned(),
        }
    }))
    .await;
    for turn in 1..300 {
        let text = match turn {
            3 => "My dog is called Rex.".to_owned(),
            _ => format!("Today, on day {turn}, I painted a picture of {turn} birds."),
        };
        bot.say(&text).await;
    }
    let reply = bot.say("What is the name of my dog?").await;
    assert_eq!(reply.text, "Rex");
    assert_eq!(reply.turn, Some(300));
    assert!(reply.recall.turns().contains(&3));
}

#[tokio::test]
async fn the_first_turn_asks_nothing_but_the_answer() {
    let bot = Bot::new(model(|_| "Hello.".to_owned())).await;
    let reply = bot.say("Who are you?").await;
    assert_eq!(reply.recall.need.reason, NeedReason::NothingThere);
    let asked: Vec<_> = bot.model.requests().iter().map(purpose).collect();
    assert_eq!(asked, [Purpose::Answer]);
}

#[tokio::test]
async fn what_needs_no_memory_is_not_searched_for() {
    let bot = Bot::new(model(|_| "Fine.".to_owned())).await;
    bot.say("The roses in my garden are white.").await;
    bot.say("It rains.").await;
    let reply = bot.say("Write about roses in a garden.").await;
    assert!(!reply.recall.need.needed);
    assert_eq!(reply.recall.need.reason, NeedReason::Asked);
    assert_eq!(
        reply.recall.turns(),
        [2],
        "the flash memory is in all the same"
    );
    assert!(!shown(&bot.last_answer()).contains("white"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_means_yes() {
    let unclear = model(|_| "Fine.".to_owned()).reply_to("You sort messages", "Maybe?");
    let bot = Bot::new(unclear).await;
    bot.say("The roses in my garden are white.").await;
    bot.say("It rains.").await;
    let reply = bot.say("Write about roses.").await;
    assert_eq!(reply.recall.need.reason, NeedReason::Unclear);
    assert!(reply.recall.turns().contains(&1));
}

#[tokio::test]
async fn a_scorer_decides_by_probability() {
    let bot = Bot::new(model(|_| "Fine.".to_owned())).await;
    bot.say("The roses in my garden are white.").await;
    bot.say("It rains.").await;
    let chat = bot.chat().scorer(std::sync::Arc::new(bot.model.clone()));
    let reply = bot.say_to(chat, "Which colour have my roses?").await;
    assert!(reply.recall.need.probability.is_some_and(|yes| yes > 0.5));
}

#[tokio::test]
async fn the_turn_before_is_a_turn_of_the_prompt() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    bot.say("The roses are white.").await;
    bot.say("And the tulips?").await;
    let messages = bot.last_answer().messages;
    let roles: Vec<_> = messages.iter().map(|message| message.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::User]
    );
    assert_eq!(messages[1].content, "The roses are white.");
    assert_eq!(messages[2].content, "Noted.");
}

/// A segment of a document, or a turn of a conversation that was imported.
#[tokio::test]
async fn a_turn_before_without_an_answer_is_a_memory_of_the_prompt() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    let item = NewItem::turn("The ladder is in the shed.", "");
    bot.memory.remember(bot.namespace, item).await.unwrap();
    let reply = bot.say("Where is the ladder?").await;
    assert_eq!(reply.recall.turns(), [1]);
    assert!(reply.recall.tokens > 0);
    let prompt = shown(&bot.last_answer());
    assert!(prompt.contains("] The ladder is in the shed."), "{prompt}");
}

#[tokio::test]
async fn memories_stand_in_the_order_in_which_they_were_said() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for text in [
        "Roses: one red.",
        "Roses, roses, roses: two white.",
        "Rain.",
    ] {
        bot.say(text).await;
    }
    bot.say("What about roses?").await;
    let prompt = shown(&bot.last_answer());
    let at = |text| prompt.find(text).unwrap();
    assert!(at("one red") < at("two white"));
}

/// Ten long turns about roses, of which the memory is too small for all.
async fn crowded(answer: &'static str) -> Bot {
    let bot = Bot::new(model(|_| "Noted.".to_owned()).reply_to("Question: ", answer)).await;
    let filler = "lorem ".repeat(90);
    for turn in 1..=10 {
        let item = NewItem::turn(format!("Roses of kind {turn}: {filler}"), "Noted.")
            .summary(format!("Roses of kind {turn}."));
        bot.memory.remember(bot.namespace, item).await.unwrap();
    }
    bot
}

#[tokio::test]
async fn what_does_not_fit_is_judged_shortened_and_dropped_with_a_reason() {
    let helps = crowded("Yes").await;
    let chat = helps.chat().memory_tokens(300);
    let recall = helps.say_to(chat, "Which roses are there?").await.recall;
    assert!(recall.tokens <= 300);
    assert_eq!(recall.activated.len(), 6);
    assert_eq!(
        recall.activated[0].verdict,
        Verdict::Unasked,
        "the best is not judged"
    );
    let shortened = |form, reason| {
        let all = recall.activated.iter();
        all.filter(|activated| (activated.form, activated.reason) == (form, reason))
            .count()
    };
    // 300 tokens hold two long turns, and so the flash memory is shortened too.
    assert!(
        shortened(Form::Summary, Reason::NoRoom) + shortened(Form::Summary, Reason::SummaryEnough)
            >= 4
    );

    // An item is long when it takes two fifths of the room.
    let useless = crowded("No").await;
    let chat = useless.chat().memory_tokens(240);
    let recall = useless.say_to(chat, "Which roses are there?").await.recall;
    let dropped: Vec<_> = recall
        .activated
        .iter()
        .skip(1)
        .map(|a| (a.verdict, a.form))
        .collect();
    assert!(
        dropped.contains(&(Verdict::NotNeeded, Form::Dropped)),
        "{dropped:?}"
    );
}

#[tokio::test]
async fn what_fits_is_not_judged() {
    let bot = crowded("No").await;
    let chat = bot.chat().activate(2);
    bot.say_to(chat, "Which roses are there?").await;
    let judged = |request: &&_| purpose(request) == Purpose::Enough;
    assert_eq!(bot.model.requests().iter().filter(judged).count(), 0);
}

/// The turn before has to fit too, in the form in which it goes in.
#[tokio::test]
async fn what_fits_but_for_the_turn_before_is_judged() {
    for (limit, summary, asked) in [(300, "", 0), (230, "", 1), (230, "It rained.", 0)] {
        let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
        let filler = "lorem ".repeat(90);
        for kind in 1..=2 {
            let item = NewItem::turn(format!("Roses of kind {kind}: {filler}"), "Noted.");
            bot.memory.remember(bot.namespace, item).await.unwrap();
        }
        let before = NewItem::turn("It rained again. ".repeat(13), "So it did.").summary(summary);
        bot.memory.remember(bot.namespace, before).await.unwrap();
        let chat = bot.chat().memory_tokens(limit);
        bot.say_to(chat, "Which roses are there?").await;
        let judged = |request: &&_| purpose(request) == Purpose::Enough;
        let judged = bot.model.requests().iter().filter(judged).count();
        assert_eq!(judged, asked, "{limit} tokens, {summary:?}");
    }
}

/// The turns that are activated for a message, which is not remembered.
async fn activated(bot: &Bot, chat: MemoryChat, message: &str) -> Vec<u64> {
    let recall = bot.say_to(chat.remember(false), message).await.recall;
    let activated = recall.activated.iter();
    activated.map(|activated| activated.turn).collect()
}

#[tokio::test]
async fn recency_recalls_what_was_not_found_where_it_weighs_as_much_as_in_the_paper() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for day in 1..=44 {
        let text = match day {
            ..=40 => {
                format!("On day {day} the roses of the long bed by the old wall were white again.")
            }
            _ => format!("Hail {day}."),
        };
        let item = NewItem::turn(text, "Noted.");
        bot.memory.remember(bot.namespace, item).await.unwrap();
    }
    let dense = || bot.chat().search(Search::Dense, 0.0);
    let paper = activated(&bot, dense().ranking(Ranking::PAPER), "Which roses?").await;
    assert!(paper.contains(&43) && paper.contains(&42), "{paper:?}");
    assert_eq!(paper.len(), 6);
    // By itself the default brings nothing up.
    let usual = activated(&bot, dense(), "Which roses?").await;
    assert!(usual.iter().all(|turn| *turn <= 40), "{usual:?}");

    let words = || bot.chat().search(Search::Words, 1.0);
    let mut usual = activated(&bot, words(), "Hail?").await;
    usual.sort_unstable();
    assert_eq!(usual, [41, 42, 43]);
    let mut paper = activated(&bot, words().ranking(Ranking::PAPER), "Hail?").await;
    paper.sort_unstable();
    assert_eq!(paper, [38, 39, 40, 41, 42, 43]);
}

#[tokio::test]
async fn as_many_as_there_are_may_be_activated() {
    let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
    for text in ["The roses are white.", "It rains.", "It snows."] {
        bot.say(text).await;
    }
    let fact = NewItem::fact("garden", "roses");
    bot.memory.remember(bot.namespace, fact).await.unwrap();
    for ranking in [Ranking::default(), Ranking::PAPER] {
        let chat = bot.chat().activate(usize::MAX).facts(usize::MAX);
        let chat = chat.ranking(ranking).remember(false);
        let recall = bot
            .say_to(chat, "Which roses are in my garden?")
            .await
            .recall;
        assert_eq!(recall.turns(), [1, 2, 3]);
        assert_eq!(recall.facts.len(), 1);
    }
}

#[tokio::test]
async fn every_decision_is_an_event() {
    let bot = crowded("Yes").await;
    let told = notes(bot.chat(), "Which roses are there?").await;
    let count = |name: &str| told.iter().filter(|(told, _)| told == name).count();
    assert_eq!(count("memory.need"), 1);
    assert_eq!(count("memory.activated"), 7, "six, and the flash memory");
    assert_eq!(count("memory.written"), 1);
    let (_, activated) = told
        .iter()
        .find(|(name, _)| name == "memory.activated")
        .unwrap();
    for field in ["turn", "form", "reason", "relevance", "rank", "verdict"] {
        assert!(activated.get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn each_ablation_leaves_out_what_it_says() {
    let question = "Which colour have my roses?";
    let told = |ablation| async move {
        let bot = Bot::new(model(|_| "Noted.".to_owned())).await;
        bot.say("My roses are white.").await;
        bot.say("It rains.").await;
        let before = bot.model.calls();
        let chat = bot.chat().ablation(ablation);
        let recall = bot.say_to(chat, question).await.recall;
        let asked: Vec<_> = bot.model.requests()[before..].iter().map(purpose).collect();
        (recall, asked, bot.last_answer().messages.len())
    };
    let (recall, asked, messages) = told(Ablation::None).await;
    assert_eq!((recall.turns(), messages), (vec![1, 2], 4));
    assert_eq!(asked, [Purpose::Need, Purpose::Answer]);

    let (recall, asked, _) = told(Ablation::NoController).await;
    assert_eq!(
        (recall.turns(), recall.need.reason),
        (vec![1, 2], NeedReason::NotAsked)
    );
    assert_eq!(asked, [Purpose::Answer]);

    let (recall, _, messages) = told(Ablation::NoFlash).await;
    assert_eq!((recall.flash, messages), (None, 2));

    let (recall, _, _) = told(Ablation::NoActivation).await;
    assert_eq!(
        (recall.turns(), recall.need.reason),
        (vec![2], NeedReason::Off)
    );
}
