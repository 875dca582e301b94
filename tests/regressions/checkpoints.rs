//! What is written down is what was done: not more, and not less.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use catena::{Context, Effect, Graph, Journal, Run, RunOptions, agent};

use crate::support::{
    Disk, ask, calls_of_everything, entries, everything, finish, memory, on_every_journal, oracle,
    texts,
};

#[tokio::test]
async fn a_checkpoint_is_not_written_before_the_frontier_advances() {
    let total = calls_of_everything(3);
    let graph = |model: &catena::models::ScriptedModel| everything(&ask(Arc::new(model.clone())));
    let (_, expected) = finish(graph(&oracle()), texts(3), RunOptions::new("run")).await;
    let expected = expected.unwrap();

    // Stopped at every write, as by a crash: whatever was finished by then is not done again, and
    // whatever was not is done.
    for writes in 0..total {
        let kept = memory();
        let model = oracle();
        let full: Arc<dyn Journal> = Arc::new(Disk::full_after(writes, &kept));
        let options = RunOptions::new("run").journal(full);
        let (id, stopped) = finish(graph(&model), texts(3), options).await;
        assert!(stopped.unwrap_err().is_journal(), "at write {writes}");
        let finished = entries(&*kept, &id).await.len();
        assert_eq!(finished, writes);

        let resumed = oracle();
        let options = RunOptions::new("run").journal(kept).resume(id);
        let (_, output) = finish(graph(&resumed), texts(3), options).await;
        assert_eq!(output.unwrap(), expected, "at write {writes}");
        assert_eq!(resumed.calls(), total - finished, "at write {writes}");
    }
}

#[tokio::test]
async fn an_answer_is_written_down_before_the_next_node_sees_it() {
    on_every_journal(async |journal| {
        let model = oracle();
        let mut graph = Graph::builder("g");
        let first = graph.node("first", crate::support::asker(&model));
        let (seen, looks) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&journal));
        let sees = Arc::clone(&seen);
        let second = graph.node(
            "second",
            agent(move |text: String, cx: Context| {
                let (journal, seen) = (Arc::clone(&looks), Arc::clone(&sees));
                async move {
                    let written = entries(&*journal, cx.run_id()).await;
                    seen.lock().unwrap().extend(written);
                    Ok(text)
                }
            }),
        );
        graph.edge(first, second);
        let graph = graph.build(first, second).unwrap();
        let options = RunOptions::new("run").journal(journal);
        let (_, output) = finish(graph, "x".to_owned(), options).await;
        let output = output.unwrap();
        let seen = seen.lock().unwrap();
        assert!(matches!(&seen[..], [one] if
            matches!(&one.effect, Effect::Chat(answer) if answer.text == output)));
    })
    .await;
}

#[tokio::test]
async fn a_resume_repeats_no_finished_side_effect() {
    on_every_journal(async |journal| {
        // Ten letters are posted, four at a time; the post office closes after five.
        let (posted, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(5)));
        let letters = Arc::new(Mutex::new(Vec::new()));
        let graph = {
            let (posted, letters, open) =
                (Arc::clone(&posted), Arc::clone(&letters), Arc::clone(&open));
            let post = agent(move |letter: usize, cx: Context| {
                let (posted, letters, open) =
                    (Arc::clone(&posted), Arc::clone(&letters), Arc::clone(&open));
                async move {
                    let number = cx.tool("post", &letter, async {
                        if posted.load(Ordering::SeqCst) >= open.load(Ordering::SeqCst) {
                            return Err(catena::Error::unavailable("closed"));
                        }
                        letters.lock().unwrap().push(letter);
                        Ok(posted.fetch_add(1, Ordering::SeqCst))
                    });
                    let number = number.await?;
                    Ok((letter, number))
                }
            });
            crate::support::mapped("post", 4, post)
        };
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let input = || (0..10).collect::<Vec<usize>>();
        let (id, closed) = finish(graph.clone(), input(), options()).await;
        assert!(closed.unwrap_err().is_retryable());
        open.store(99, Ordering::SeqCst);
        let run = Run::start(graph, input(), options().resume(id));
        let receipts = run.outcome().await.unwrap().output;
        let mut letters = letters.lock().unwrap().clone();
        letters.sort_unstable();
        assert_eq!(letters, input(), "each letter is posted once");
        let mut numbers: Vec<_> = receipts.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(
            numbers,
            input(),
            "and each has the number it was posted under"
        );
    })
    .await;
}
