//! What a run takes while it waits.

use std::{fs, sync::Arc, time::Duration};

use catena::{
    ChatMessage, ChatRequest, Context, Graph, Journal, RunOptions, SqliteJournal, agent,
    models::ScriptedModel,
};

use crate::{
    rounds::{Samples, run},
    table::{Row, Unit},
};

const WAIT: Duration = Duration::from_secs(2);

/// The time that all threads compute during a second in which a journaled run waits for its model.
pub(crate) async fn waiting() -> Row {
    let model = ScriptedModel::new().latency(WAIT).otherwise("At noon.");
    let mut graph = Graph::builder("wait");
    let ask = graph.node(
        "ask",
        agent(move |x: u64, cx: Context| {
            let model = model.clone();
            async move {
                let request = ChatRequest::new([ChatMessage::user("When?")]).max_tokens(9);
                cx.chat(&model, request).await?;
                Ok(x)
            }
        }),
    );
    let graph = graph.build(ask, ask).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal: Arc<dyn Journal> =
        Arc::new(SqliteJournal::open(folder.path().join("runs.db")).unwrap());
    let waiting = tokio::spawn(run(graph, 0, RunOptions::new("wait").journal(journal)));

    tokio::time::sleep(WAIT / 4).await;
    let before = computed();
    tokio::time::sleep(WAIT / 2).await;
    let taken = computed() - before;
    waiting.await.unwrap();
    Row {
        what: "computing, in a second of waiting".to_owned(),
        unit: Unit::Time,
        target: 1e-3,
        ours: Samples::new(vec![taken]),
        peer: None,
    }
}

/// Seconds that the threads of this process have computed.
fn computed() -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    let nanos = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<f64>().ok()
    };
    let nanos: f64 = threads.flatten().filter_map(nanos).sum();
    nanos / 1e9
}
