//! What is in view while a document is read.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use catena::{
    ChatRequest, Error, Event, EventKind, Journal, MemoryJournal, Run, RunOptions,
    agents::DocumentMemory,
    memory::{Filter, NewItem},
    models::ScriptedModel,
    tools::Document,
};
use futures::StreamExt;

use crate::{prompts::text, support::Bot};

/// Five segments in [`WINDOW`], of which the last has to do with the third, and less with the first.
const PARTS: [&str; 5] = [
    "rose white thorn bud scent",
    "ship sail mast rope deck",
    "king crown throne court law",
    "rain cloud wind storm hail",
    "king crown throne rose white",
];

/// Room for one part, and not for two.
const WINDOW: u32 = 110;

fn document() -> Document {
    let parts = PARTS.map(|part| format!("{}.", [part; 5].join(" ")));
    Document::new("parts.txt", parts.join("\n\n"))
}

/// A model that summarises a segment as `says` and its first word.
fn reader(says: &'static str) -> ScriptedModel {
    ScriptedModel::from_fn(move |request| Ok(summary(request, says)))
}

fn summary(request: &ChatRequest, says: &str) -> String {
    let last = &request.messages.last().unwrap().content;
    match last.split("\"\"\"").nth(1) {
        Some(part) => format!("{says} {}.", part.split_whitespace().next().unwrap()),
        None => "All of it.".to_owned(),
    }
}

fn reading(bot: &Bot) -> DocumentMemory {
    let model = Arc::new(bot.model.clone());
    DocumentMemory::new(model, bot.memory.clone(), bot.namespace)
        .window(WINDOW)
        .summary_tokens(12)
}

/// Reads the document; what was activated, as turn and form.
async fn read(memory: DocumentMemory) -> Vec<(u64, String)> {
    let graph = memory.build().unwrap();
    let run = Run::start(graph, document(), RunOptions::new("read"));
    let events: Vec<Event> = run.collect().await;
    let activated = events.into_iter().filter_map(|event| match event.kind {
        EventKind::Note { name, data } if name == "memory.activated" => Some((
            data["turn"].as_u64().unwrap(),
            data["form"].as_str().unwrap().to_owned(),
        )),
        _ => None,
    });
    activated.collect()
}

fn in_form(turn: u64, form: &str) -> (u64, String) {
    (turn, form.to_owned())
}

#[tokio::test]
async fn earlier_parts_that_have_to_do_with_a_segment_are_in_view() {
    let bot = Bot::new(reader("It tells of")).await;
    let activated = read(reading(&bot)).await;
    // One for the third segment, two for the fourth and the fifth: the more relevant first.
    assert_eq!(activated.len(), 5);
    let of_the_last = [in_form(3, "summary"), in_form(1, "summary")];
    assert_eq!(activated[3..], of_the_last);
    let requests = bot.model.requests();
    assert_eq!(requests.len(), 6, "a call for each segment, and one more");
    let begins = |n: usize| requests[n].messages[1].content.lines().next().unwrap();
    assert_eq!(begins(0), "The next part:");
    assert_eq!(begins(1), "What came before: It tells of rose.");
    insta::assert_snapshot!(text(&requests[4]));
}

#[tokio::test]
async fn what_does_not_fit_the_window_is_left_out_and_told() {
    let bot = Bot::new(reader("It tells a good deal and more of")).await;
    let activated = read(reading(&bot)).await;
    let of_the_last = [in_form(3, "summary"), in_form(1, "dropped")];
    assert_eq!(activated[3..], of_the_last);
    let requests = bot.model.requests();
    let last = text(&requests[4]);
    assert!(
        last.contains("- It tells a good deal and more of king.\n\n"),
        "{last}"
    );
    for request in &requests {
        let needed = bot.model.prompt_tokens(request) + u64::from(request.max_tokens.unwrap());
        assert!(needed <= u64::from(WINDOW), "{needed}");
    }
}

#[tokio::test]
async fn activation_can_be_turned_off() {
    let bot = Bot::new(reader("It tells of")).await;
    assert!(read(reading(&bot).activate(0)).await.is_empty());
    for request in bot.model.requests() {
        assert!(!text(&request).contains("Earlier parts"));
    }
}

/// A summary says what its document says, whatever else was said in the same conversation.
#[tokio::test]
async fn nothing_but_the_document_is_in_view() {
    let bot = Bot::new(reader("It tells of")).await;
    for n in 0..10 {
        let talk = NewItem::turn(format!("{} {n}", PARTS[4]), "Noted.").summary("A talk.");
        bot.memory.remember(bot.namespace, talk).await.unwrap();
    }
    let activated = read(reading(&bot)).await;
    let of_the_last = [in_form(13, "summary"), in_form(11, "summary")];
    assert_eq!(activated[3..], of_the_last);
    for request in bot.model.requests() {
        assert!(!text(&request).contains("A talk."));
    }
}

/// A resumed run has in view what it had, whatever became of the memories.
#[tokio::test]
async fn a_reading_that_broke_off_activates_the_same() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let flaky = ScriptedModel::from_fn(move |request| {
        let last = text(request).contains("Earlier parts") && text(request).contains(PARTS[4]);
        match last && is_down.load(Ordering::SeqCst) {
            true => Err(Error::unavailable("down")),
            false => Ok(summary(request, "It tells of")),
        }
    });
    let bot = Bot::new(flaky).await;
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = || RunOptions::new("read").journal(Arc::clone(&journal));
    let graph = || reading(&bot).build().unwrap();
    let run = Run::start(graph(), document(), options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());

    let kings = Filter {
        containing: Some("king".to_owned()),
        ..Filter::default()
    };
    let forgotten = bot.memory.forget(bot.namespace, &kings, None);
    forgotten.await.unwrap();
    down.store(false, Ordering::SeqCst);
    let run = Run::start(graph(), document(), options().resume(id));
    assert_eq!(run.outcome().await.unwrap().output.segments, 5);
    let requests = bot.model.requests();
    assert_eq!(requests.len(), 7, "the last segment twice");
    assert_eq!(text(&requests[4]), text(&requests[5]));
    assert!(text(&requests[5]).contains("- It tells of king."));
}
