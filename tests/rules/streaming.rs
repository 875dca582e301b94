//! Rule 4: a run whose events are read and one whose events are not do the same.

use std::sync::Arc;

use catena::{Journal, Run, RunOptions};
use futures::StreamExt;

use crate::support::{
    ask, by_path, calls_of_everything, entries, everything, on_every_journal, oracle, texts,
    timeless,
};

/// How a consumer may behave.
#[derive(Clone, Copy, Debug)]
enum Reads {
    Everything,
    Nothing,
    AFew,
}

#[tokio::test]
async fn reading_events_or_not_makes_the_same_calls_journal_and_events() {
    on_every_journal(async |journal| {
        let mut seen = Vec::new();
        for reads in [Reads::Everything, Reads::Nothing, Reads::AFew] {
            seen.push(run(&journal, reads).await);
        }
        let (output, asked, entries, events) = &seen[0];
        assert_eq!(asked.len(), calls_of_everything(6));
        for other in &seen[1..] {
            assert_eq!(output, &other.0);
            assert_eq!(asked, &other.1, "the same calls");
            assert_eq!(entries, &other.2, "the same journal");
            assert_eq!(events, &other.3, "the same events");
        }
    })
    .await;
}

type Seen = (
    String,
    Vec<String>,
    Vec<serde_json::Value>,
    Vec<serde_json::Value>,
);

async fn run(journal: &Arc<dyn Journal>, reads: Reads) -> Seen {
    let model = oracle();
    let options = RunOptions::new("run").journal(Arc::clone(journal));
    let graph = everything(&ask(Arc::new(model.clone())));
    let mut run = Run::start(graph, texts(6), options);
    let id = run.id().clone();
    match reads {
        Reads::Everything => while run.next().await.is_some() {},
        Reads::Nothing => {}
        Reads::AFew => {
            for _ in 0..7 {
                run.next().await.unwrap();
            }
        }
    }
    let output = run.outcome().await.unwrap().output;
    let requests = model.requests().into_iter();
    let mut asked: Vec<_> = requests
        .map(|request| request.messages[0].content.clone())
        .collect();
    asked.sort();
    let events = journal.events(&id).await.unwrap();
    assert!(events.iter().zip(0..).all(|(event, seq)| event.seq == seq));
    (
        output,
        asked,
        by_path(timeless(&entries(&**journal, &id).await)),
        by_path(timeless(&events)),
    )
}
