//! The contract of [`Journal`], as a function.

use std::time::Duration;

use super::{Effect, Entry, Fingerprint, Journal, RunEnd, RunId, RunRecord, RunStatus};
use crate::{
    ChatResponse, Error, Event, EventKind, FinishReason, Interrupt, NodePath, Result, Usage,
};

/// Tests whether journals keep the contract of [`Journal`]. `make` gives a new, empty one.
///
/// # Errors
///
/// The first rule that is broken, in words; and whatever the journal fails with.
pub async fn check_journal<J, F>(make: impl Fn() -> F) -> Result<()>
where
    J: Journal,
    F: Future<Output = Result<J>>,
{
    entries_and_events_come_back(&make().await?).await?;
    what_is_ambiguous_is_refused(&make().await?).await?;
    a_run_is_claimed_once(&make().await?).await?;
    taking_up_forgets_events_and_keeps_entries(&make().await?).await?;
    runs_are_apart(&make().await?).await
}

async fn entries_and_events_come_back(journal: &impl Journal) -> Result<()> {
    let run = record();
    let claim = journal.begin(&run).await?;
    let (path, other) = (node("a"), node("b"));
    let stored = [
        chat(&path, 1, "one two \u{1f40b} three"),
        entry(&path, 0, Effect::Time(1_700_000_000_000_000)),
        entry(&other, 0, Effect::Random(u64::MAX)),
        entry(&other, 1, Effect::Embed(vec![vec![0.25, -1.0]])),
        entry(&other, 2, Effect::Tool(serde_json::json!({"a": [1, null]}))),
        entry(&other, 3, Effect::Failed(Error::unavailable("down"))),
        entry(
            &other,
            4,
            Effect::Question(Interrupt::new::<bool>(&other, "q", "sure?".into())),
        ),
        entry(&other, 5, Effect::Answer(true.into())),
    ];
    // A call that streams, one that streams beside it and is cut off, and what else is told.
    let told = [
        event(0, &path, EventKind::NodeStarted { items: Some(2) }),
        event(1, &path, text(1, "one ")),
        event(2, &path, text(1, "two ")),
        event(3, &other, text(9, "lost")),
        event(4, &path, text(1, "\u{1f40b}")),
        event(5, &path, text(1, " three")),
        event(6, &path, EventKind::NodeFinished),
        event(7, &other, text(9, " too")),
        event(
            8,
            &other,
            EventKind::CallRetried {
                call: 9,
                error: Error::rate_limited(Some(Duration::from_secs(2)), "slow down"),
                wait: Duration::from_millis(2_345),
            },
        ),
    ];
    // Not in the order of their numbers: pieces of an answer are told when it is there.
    let is_piece = |event: &Event| matches!(event.kind, EventKind::Text { call: 1, .. });
    let (pieces, rest): (Vec<_>, Vec<_>) = told.iter().cloned().partition(is_piece);
    let (early, late) = stored.split_at(3);
    journal.append(&run.id, Vec::new(), rest).await?;
    journal.append(&run.id, early.to_vec(), pieces).await?;
    journal.append(&run.id, late.to_vec(), Vec::new()).await?;
    let last = event(8, &path, EventKind::NodeFinished);
    let end = RunEnd::finished("done".into());
    journal.finish(&run.id, end, vec![last.clone()]).await?;
    drop(claim);

    let (found, entries) = loaded(journal, &run.id).await?;
    let head = journal.head(&run.id).await?;
    holds(
        head.as_ref() == Some(&found),
        "the head of a run is its record",
    )?;
    holds(entries == stored, "entries come back as they were appended")?;
    let events = journal.events(&run.id).await?;
    let expected: Vec<Event> = told.into_iter().chain([last]).collect();
    holds(events == expected, "events come back as they were told")?;
    holds(
        found.status == RunStatus::Finished && found.output == Some("done".into()),
        "the end is kept",
    )?;
    holds(
        found.input == run.input && found.meta == run.meta && found.name == run.name,
        "the head is kept",
    )?;
    let list = journal.list().await?;
    holds(
        matches!(list.as_slice(), [one] if one.id == run.id && one.entries == 8 && !one.live),
        "a run is listed",
    )
}

async fn what_is_ambiguous_is_refused(journal: &impl Journal) -> Result<()> {
    let (run, path) = (record(), node("a"));
    let never = journal.append(&run.id, vec![chat(&path, 0, "x")], Vec::new());
    refused(never.await, "an append to a run that was never begun")?;
    let never = journal.finish(&run.id, RunEnd::finished(().into()), Vec::new());
    refused(never.await, "an end of a run that was never begun")?;
    let _claim = journal.begin(&run).await?;
    journal
        .append(&run.id, vec![chat(&path, 0, "x")], Vec::new())
        .await?;
    let both = vec![chat(&path, 1, "y"), chat(&path, 0, "z")];
    refused(
        journal.append(&run.id, both, Vec::new()).await,
        "a second entry with the same key",
    )?;
    let (_, entries) = loaded(journal, &run.id).await?;
    holds(
        entries == [chat(&path, 0, "x")],
        "an append that is refused leaves nothing",
    )?;
    let failed = entry(&path, 7, Effect::Failed(Error::unavailable("down")));
    let told = vec![event(0, &path, text(7, "lost"))];
    journal.append(&run.id, vec![failed], told.clone()).await?;
    journal
        .append(&run.id, vec![chat(&path, 7, "up")], Vec::new())
        .await?;
    let (_, entries) = loaded(journal, &run.id).await?;
    holds(
        entries == [chat(&path, 0, "x"), chat(&path, 7, "up")],
        "a failed call makes way for its answer",
    )?;
    holds(
        journal.events(&run.id).await? == told,
        "what was told of it stays",
    )?;
    holds(
        journal.load(&RunId::generate()).await?.is_none(),
        "an unknown run is not found",
    )
}

async fn a_run_is_claimed_once(journal: &impl Journal) -> Result<()> {
    let run = record();
    let claim = journal.begin(&run).await?;
    refused(journal.begin(&run).await, "a second claim")?;
    refused(journal.remove(&run.id).await, "removing a live run")?;
    let live = journal.list().await?.first().is_some_and(|run| run.live);
    holds(live, "a claimed run is live")?;
    // As after a crash: the claim is gone, and the run did not end.
    drop(claim);
    let list = journal.list().await?;
    holds(
        matches!(list.as_slice(), [one] if !one.live && one.status == RunStatus::Running),
        "a run without its claim is not live",
    )?;
    drop(journal.begin(&run).await?);
    holds(journal.remove(&run.id).await?, "a run can be removed")?;
    holds(!journal.remove(&run.id).await?, "a run is removed once")?;
    holds(
        journal.load(&run.id).await?.is_none() && journal.events(&run.id).await?.is_empty(),
        "a removed run is gone",
    )
}

async fn taking_up_forgets_events_and_keeps_entries(journal: &impl Journal) -> Result<()> {
    let (run, path) = (record(), node("a"));
    let claim = journal.begin(&run).await?;
    let events = vec![event(0, &path, text(0, "x")), event(1, &path, text(7, "y"))];
    journal
        .append(&run.id, vec![chat(&path, 0, "x")], events)
        .await?;
    let end = RunEnd::failed(Error::unavailable("down"));
    journal.finish(&run.id, end, Vec::new()).await?;
    drop(claim);
    let (found, _) = loaded(journal, &run.id).await?;
    holds(
        found.status == RunStatus::Failed && found.error.is_some_and(|error| error.is_retryable()),
        "why it failed is kept",
    )?;

    let _claim = journal.begin(&run).await?;
    let (found, entries) = loaded(journal, &run.id).await?;
    holds(
        entries == [chat(&path, 0, "x")],
        "entries outlive the attempt that made them",
    )?;
    holds(
        found.status == RunStatus::Running && found.error.is_none(),
        "a run that is taken up is running",
    )?;
    holds(
        journal.events(&run.id).await?.is_empty(),
        "events are those of the last attempt",
    )?;
    // The text of a replayed call is in an entry that an earlier attempt made.
    let told = vec![event(0, &path, text(0, "x"))];
    journal.append(&run.id, Vec::new(), told.clone()).await?;
    holds(
        journal.events(&run.id).await? == told,
        "events of replayed calls come back",
    )
}

async fn runs_are_apart(journal: &impl Journal) -> Result<()> {
    let (first, second, path) = (record(), record(), node("a"));
    let _claims = (journal.begin(&first).await?, journal.begin(&second).await?);
    for (run, answer) in [(&first, "x"), (&second, "y")] {
        let told = vec![event(0, &path, text(0, answer))];
        journal
            .append(&run.id, vec![chat(&path, 0, answer)], told)
            .await?;
    }
    for (run, answer) in [(&first, "x"), (&second, "y")] {
        let (_, entries) = loaded(journal, &run.id).await?;
        let events = journal.events(&run.id).await?;
        holds(
            entries == [chat(&path, 0, answer)] && events == [event(0, &path, text(0, answer))],
            "runs are apart",
        )?;
    }
    holds(journal.list().await?.len() == 2, "every run is listed")
}

fn holds(condition: bool, rule: &str) -> Result<()> {
    match condition {
        true => Ok(()),
        false => Err(Error::other(format!("the journal breaks a rule: {rule}"))),
    }
}

fn refused<T>(result: Result<T>, what: &str) -> Result<()> {
    match result {
        Err(error) if error.is_journal() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => holds(false, &format!("{what} is refused")),
    }
}

async fn loaded(journal: &impl Journal, run: &RunId) -> Result<(RunRecord, Vec<Entry>)> {
    let found = journal.load(run).await?;
    found.ok_or_else(|| Error::other("the journal breaks a rule: a run that was begun is found"))
}

fn record() -> RunRecord {
    let mut record = RunRecord::new(RunId::generate(), "g", serde_json::json!({"a": 1}));
    record.meta = serde_json::json!(["kept"]);
    record
}

fn node(name: &str) -> NodePath {
    NodePath::root("g").child(name)
}

fn entry(path: &NodePath, call: u32, effect: Effect) -> Entry {
    Entry {
        path: path.clone(),
        call,
        request: Fingerprint::new("model", &[("the text", b"hello")]),
        effect,
        usage: Usage::call(3, 1),
        elapsed: Duration::from_micros(5_001),
    }
}

fn chat(path: &NodePath, call: u32, answer: &str) -> Entry {
    let mut response = ChatResponse::new(answer, Usage::call(3, 1));
    response.finish = FinishReason::Length;
    entry(path, call, Effect::Chat(response))
}

fn text(call: u32, text: &str) -> EventKind {
    EventKind::Text {
        call,
        text: text.to_owned(),
    }
}

fn event(seq: u64, path: &NodePath, kind: EventKind) -> Event {
    Event {
        seq,
        at_us: seq * 10,
        path: path.clone(),
        kind,
    }
}
