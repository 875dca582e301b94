//! `catena memory list`, `show` and `search`.

use std::io::stdout;

use anstyle::Style;
use catena_memory::{
    Archive, Filter, Found, Kind, Memory, MemoryItem, Namespace, NamespaceSummary, Query,
};
use serde_json::json;

use super::{
    Place,
    open::{known_archive, known_namespace, open},
    text::{day, line, whole},
};
use crate::{
    args::{ArchiveFile, Store, WhichMemories},
    config::Config,
    failure::Failure,
    terminal::{harmless, print, styled},
};

/// How many memories are read at a time.
const BATCH: usize = 500;

pub(super) async fn list(file: &ArchiveFile, json: bool, config: &Config) -> Result<(), Failure> {
    let mut all = match known_archive(file, config)? {
        Some(archive) => archive.namespaces().await?,
        None => Vec::new(),
    };
    all.retain(NamespaceSummary::is_used);
    if json {
        print(&format!("{:#}\n", json!(all)));
        return Ok(());
    }
    if all.is_empty() {
        print("nothing is remembered yet\n");
        return Ok(());
    }
    let heading = format!(
        "{:>8}  {:>9}  {:<10}  {}",
        "memories", "last turn", "on", "user/bot/conversation"
    );
    let mut text = format!("{}\n", styled(&heading, Style::new().bold(), &stdout()));
    for of in all {
        text += &format!(
            "{:>8}  {:>9}  {:<10}  {}\n",
            of.items,
            of.turns,
            of.last.map(day).unwrap_or_default(),
            harmless(&of.namespace.to_string()).replace('\n', " "),
        );
    }
    print(&text);
    Ok(())
}

pub(super) fn filter(which: &WhichMemories, current: bool, turns: bool, facts: bool) -> Filter {
    Filter {
        kind: match (turns, facts) {
            (true, _) => Some(Kind::Turn),
            (_, true) => Some(Kind::Fact),
            _ => None,
        },
        containing: which.containing.clone(),
        since: which.since,
        before: which.before,
        current,
        ..Filter::default()
    }
}

pub(super) async fn show(
    file: &ArchiveFile,
    namespace: &Namespace,
    filter: &Filter,
    limit: Option<usize>,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    let items = match known_archive(file, config)? {
        Some(archive) => browse(&archive, namespace, filter).await?,
        None => Vec::new(),
    };
    let first = items.len() - limit.unwrap_or(items.len()).min(items.len());
    let items = items.get(first..).unwrap_or_default();
    if json {
        print(&format!("{:#}\n", json!(items)));
        return Ok(());
    }
    if items.is_empty() {
        print("nothing is remembered\n");
    }
    for item in items {
        print(&whole(item));
    }
    Ok(())
}

async fn browse(
    archive: &Archive,
    namespace: &Namespace,
    filter: &Filter,
) -> Result<Vec<MemoryItem>, Failure> {
    let id = known_namespace(archive, namespace).await?;
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|item: &MemoryItem| item.id);
        let items = archive.browse(id, filter, after, BATCH).await?;
        if items.is_empty() {
            return Ok(all);
        }
        all.extend(items);
    }
}

/// What to look for.
pub(super) struct Wanted {
    pub(super) text: String,
    pub(super) words: bool,
    pub(super) limit: usize,
}

pub(super) async fn search(
    store: &Store,
    namespace: &Namespace,
    wanted: Wanted,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    if wanted.text.trim().is_empty() {
        return Err(Failure::usage("there is nothing to look for").help("say what: \"my dog\""));
    }
    let found = match known_archive(&store.archive, config)? {
        None => Vec::new(),
        Some(archive) if wanted.words => by_words(&archive, namespace, &wanted).await?,
        Some(archive) => {
            // It is opened again, with its index.
            drop(archive);
            let memory = open(&Place::of(store, config)?, config, json).await?;
            hybrid(&memory, namespace, &wanted).await?
        }
    };
    if json {
        print(&format!("{:#}\n", json!(found)));
        return Ok(());
    }
    if found.is_empty() {
        print("nothing was found\n");
    }
    print(&rated(&found));
    Ok(())
}

/// Without an embedder.
async fn by_words(
    archive: &Archive,
    namespace: &Namespace,
    wanted: &Wanted,
) -> Result<Vec<Found>, Failure> {
    let id = known_namespace(archive, namespace).await?;
    let hits = archive
        .by_words(id, None, &wanted.text, wanted.limit)
        .await?;
    let best = hits.first().map_or(1.0, |hit| hit.score.max(f32::EPSILON));
    let ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
    let items = archive.items(id, &ids).await?;
    let found = items.into_iter().filter_map(|item| {
        let hit = hits.iter().find(|hit| hit.id == item.id)?;
        Some(Found {
            item,
            relevance: hit.score / best,
            cosine: None,
            words: Some(hit.score),
        })
    });
    Ok(found.collect())
}

async fn hybrid(
    memory: &Memory,
    namespace: &Namespace,
    wanted: &Wanted,
) -> Result<Vec<Found>, Failure> {
    let id = known_namespace(memory.archive(), namespace).await?;
    let query = Query::new(&wanted.text).limit(wanted.limit);
    Ok(memory.search(id, &query).await?)
}

/// What was found, the most relevant first, each with its relevance.
pub(crate) fn rated(found: &[Found]) -> String {
    let lines = found
        .iter()
        .map(|found| format!("{:.2} {}", found.relevance, line(&found.item)));
    lines.collect()
}
