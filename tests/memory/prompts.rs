//! What models are asked, word for word.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use catena::{
    ChatRequest, ModelProfile, Run, RunOptions,
    agents::{DocumentMemory, MemoryChat},
    memory::{Moment, NewItem},
    models::ScriptedModel,
    tools::Document,
};

use crate::support::{Bot, model, purpose};

/// A request as text.
pub(crate) fn text(request: &ChatRequest) -> String {
    let mut text = String::new();
    for message in &request.messages {
        writeln!(text, "[{:?}]\n{}", message.role, message.content).unwrap();
    }
    text
}

#[tokio::test]
async fn the_prompts_are_as_they_were_measured() {
    let asked = model(|_| "Noted.".to_owned());
    let bot = Bot::new(asked).await;
    let day = |n: u64| Moment(1_800_000_000_000_000 + n * 86_400_000_000);
    let filler = "sea ".repeat(100);
    let items = [
        NewItem::turn(format!("My boat is blue. {filler}"), "Noted.")
            .summary("The user has a blue boat."),
        NewItem::turn(format!("The boat has a mast. {filler}"), "Noted.")
            .summary("The boat has a mast."),
        NewItem::fact("name of the boat", "Nautilus"),
        NewItem::fact("name of the boat", "Calypso"),
        NewItem::turn("It rains.", "So it does."),
    ];
    for (n, item) in (0..).zip(items) {
        let item = item.at(day(n));
        bot.memory.remember(bot.namespace, item).await.unwrap();
    }
    let chat = |chat: MemoryChat| chat.dates(false).summarise_above(10).memory_tokens(160);
    bot.say_to(
        chat(bot.chat()),
        "I sold the boat. What colour was it and what is its name?",
    )
    .await;
    let mut prompts = BTreeMap::new();
    for request in bot.model.requests() {
        prompts
            .entry(format!("{:?}", purpose(&request)))
            .or_insert_with(|| text(&request));
    }
    let all: String = prompts
        .iter()
        .map(|(purpose, text)| format!("== {purpose}\n{}\n", text.replace(&filler, "(…) ")))
        .collect();
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_document_is_read_segment_by_segment_and_joined() {
    let reader = ScriptedModel::from_fn(|request| {
        let last = &request.messages.last().unwrap().content;
        let joins = last.starts_with("Part 1");
        Ok(if joins { "All of it." } else { "A part of it." }.to_owned())
    })
    .with_profile(ModelProfile::new("scripted", 300));
    let bot = Bot::new(reader).await;
    let graph = DocumentMemory::new(
        Arc::new(bot.model.clone()),
        bot.memory.clone(),
        bot.namespace,
    )
    .summary_tokens(20);
    let mut text = String::new();
    for line in 0..200 {
        writeln!(text, "Line {line} tells of the sea and of nothing else.").unwrap();
    }
    let document = Document::new("sea.txt", &text);
    let run = Run::start(graph.build().unwrap(), document, RunOptions::new("read"));
    let digest = run.outcome().await.unwrap().output;
    assert_eq!(digest.summary, "All of it.");
    assert!(digest.segments > 4 && digest.levels >= 1, "{digest:?}");
    for request in bot.model.requests() {
        let prompt = catena::ChatModel::prompt_tokens(&bot.model, &request);
        assert!(prompt + u64::from(request.max_tokens.unwrap()) <= 300);
    }
    // Every word of it can be asked about.
    let turns = bot
        .memory
        .archive()
        .last_turns(bot.namespace, 1000)
        .await
        .unwrap();
    assert_eq!(turns.len(), digest.segments);
    let words: String = turns.iter().map(|turn| turn.observation.as_str()).collect();
    assert_eq!(words, text);
    assert!(turns.iter().all(|turn| turn.summary == "A part of it."));

    let second = bot.model.requests()[1].messages[1].content.clone();
    assert!(
        second.starts_with("What came before: A part of it."),
        "{second}"
    );
}
