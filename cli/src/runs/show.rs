//! `catena runs show`.

use std::io::stdout;

use anstyle::{AnsiColor, Style};
use catena_core::{
    Effect, Entry, FinishReason, Journal, RunRecord, RunSummary, Usage, open_interrupts,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    found,
    list::{ago, state},
    subject,
};
use crate::{
    args::Which,
    failure::Failure,
    report::cut,
    terminal::{harmless, headline, print, styled},
};

pub(super) async fn show(which: &Which, json: bool) -> Result<(), Failure> {
    let (journal, id) = found(which).await?;
    let gone = || Failure::new(format!("run {id} was forgotten meanwhile"));
    let (record, entries) = journal.load(&id).await?.ok_or_else(gone)?;
    let open = open_interrupts(&*journal, &id).await?;
    let summary = journal.list().await?.into_iter().find(|run| run.id == id);
    let summary = summary.ok_or_else(gone)?;
    if json {
        let object = json!({
            "run": record,
            "live": summary.live,
            "usage": usage(&entries),
            "interrupts": open,
            "entries": entries,
        });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    let mut text = head(&record, &summary, &entries);
    for interrupt in &open {
        text += &format!(
            "waits for    {} (a {}), asking: {}\n",
            interrupt.id,
            interrupt.answer,
            harmless(&interrupt.question.to_string())
        );
    }
    text += &table(&entries);
    print(&text);
    Ok(())
}

fn head(record: &RunRecord, summary: &RunSummary, entries: &[Entry]) -> String {
    let (word, style) = state(summary);
    let mut lines = vec![
        ("run", record.id.to_string()),
        ("command", record.name.clone()),
        ("state", styled(word, style, &stdout())),
        ("begun", ago(record.created_ms)),
        ("about", harmless(&subject(record))),
        ("settings", settings(&record.meta)),
    ];
    if let Some((parent, at)) = &record.forked {
        lines.push(("forked from", format!("{parent}, behind {at} entries")));
    }
    let used = usage(entries) + record.lost;
    lines.push((
        "used",
        format!(
            "{} calls, {} tokens read, {} written, {}",
            used.calls, used.input_tokens, used.output_tokens, used.cost
        ),
    ));
    if let Some(error) = &record.error {
        lines.push(("why", harmless(&error.to_string())));
    }
    if let Some(answer) = record
        .output
        .as_ref()
        .and_then(|output| output["text"].as_str())
    {
        lines.push(("answer", harmless(answer)));
    }
    let finish = record.output.as_ref().map(|output| &output["finish"]);
    let finish = finish.and_then(|finish| FinishReason::deserialize(finish).ok());
    if let Some(told) = finish.and_then(|finish| cut("it", finish)) {
        lines.push(("but", told));
    }
    lines
        .into_iter()
        .map(|(name, value)| format!("{name:<12} {value}\n"))
        .collect()
}

fn settings(meta: &Value) -> String {
    let Some(settings) = meta.as_object() else {
        return "none".to_owned();
    };
    let told = settings.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name} {}", harmless(text)),
        None => format!("{name} {value}"),
    })
    .collect::<Vec<_>>()
    .join(", ")
}

fn table(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let heading = "\n    n  node                            kind      tokens   seconds  what came";
    let mut text = format!("{}\n", styled(heading, Style::new().bold(), &stdout()));
    for (index, entry) in entries.iter().enumerate() {
        let kind = match &entry.effect {
            effect @ (Effect::Failed(_) | Effect::GaveUp { .. }) => {
                let kind = format!("{:<8}", effect.kind());
                styled(&kind, AnsiColor::Red.on_default(), &stdout())
            }
            effect => format!("{:<8}", effect.kind()),
        };
        text += &format!(
            "{:>5}  {:<30}  {kind}  {:>6}  {:>8.2}  {}\n",
            index + 1,
            entry.path.as_str(),
            entry.usage.tokens(),
            entry.elapsed.as_secs_f64(),
            came(&entry.effect),
        );
    }
    text
}

fn came(effect: &Effect) -> String {
    let text = match effect {
        Effect::Chat(answer) => match answer.finish {
            FinishReason::Length | FinishReason::ContentFilter => {
                format!("(cut off) {}", answer.text.trim_start())
            }
            _ => answer.text.clone(),
        },
        Effect::Failed(error) | Effect::GaveUp { error, .. } => error.to_string(),
        Effect::Question(interrupt) => interrupt.question.to_string(),
        Effect::Answer(value) | Effect::Tool(value) => value.to_string(),
        Effect::Embed(vectors) => format!("{} vectors", vectors.len()),
        Effect::Score(score) => format!("choice {} of {}", score.best() + 1, score.logprobs.len()),
        Effect::Time(micros) => format!("{micros} \u{b5}s since 1970"),
        Effect::Random(bits) => format!("{bits:016x}"),
        _ => String::new(),
    };
    headline(&text, 60)
}

fn usage(entries: &[Entry]) -> Usage {
    entries.iter().map(|entry| entry.usage).sum()
}
