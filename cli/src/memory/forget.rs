//! `catena memory forget`.

use std::io::{self, BufRead, IsTerminal};

use catena_memory::{Archive, Filter, ItemId, Namespace, NamespaceId};
use serde_json::json;

use super::{
    Conversation, Place, Recorded,
    open::{known_archive, known_namespace, open},
    text::{line, memories},
};
use crate::{
    args::{self, Store, WhichMemories},
    chat::history,
    config::Config,
    failure::Failure,
    journal,
    terminal::{harmless, print},
};

/// What is to be forgotten: what satisfies the filter and, where there are any, has one of the
/// numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) ids: Option<Vec<ItemId>>,
    pub(crate) filter: Filter,
}

impl Chosen {
    pub(super) fn of(ids: Vec<ItemId>, which: &WhichMemories, all: bool) -> Result<Self, Failure> {
        if which
            .containing
            .as_ref()
            .is_some_and(|text| text.trim().is_empty())
        {
            return Err(Failure::usage("an empty text is in every memory")
                .help("say a word of what is to be forgotten, or --all"));
        }
        let filter = Filter {
            containing: which.containing.clone(),
            since: which.since,
            before: which.before,
            ..Filter::default()
        };
        if ids.is_empty() && filter.is_everything() && !all {
            return Err(
                Failure::usage("nothing says which memories to forget").help(
                    "numbers of `catena memory show`, --containing TEXT, --before 30d, or --all",
                ),
            );
        }
        Ok(Self {
            ids: (!ids.is_empty()).then_some(ids),
            filter,
        })
    }

    /// The text that all of it holds, where nothing else is said of it.
    pub(crate) fn text(&self) -> Option<&str> {
        let alone = Filter {
            containing: self.filter.containing.clone(),
            ..Filter::default()
        };
        let alone = self.ids.is_none() && self.filter == alone;
        self.filter.containing.as_deref().filter(|_| alone)
    }

    /// Whether that is the conversation as a whole.
    pub(crate) fn is_everything(&self) -> bool {
        self.ids.is_none() && self.filter.is_everything()
    }
}

/// The most memories that are shown before they are forgotten.
const SHOWN: usize = 10;

/// What would be forgotten: the numbers, and the first of them for a person.
pub(crate) async fn choose(
    archive: &Archive,
    namespace: NamespaceId,
    chosen: &Chosen,
) -> Result<(Vec<ItemId>, String), Failure> {
    let ids = archive
        .would_forget(namespace, &chosen.filter, chosen.ids.as_deref())
        .await?;
    let first = ids.get(..SHOWN).unwrap_or(ids.as_slice());
    let items = archive.items(namespace, first).await?;
    let mut text: String = items.iter().map(line).collect();
    if ids.len() > first.len() {
        text += &format!("      and {} more\n", ids.len() - first.len());
    }
    Ok((ids, text))
}

/// Forgets memories for good, or, where no numbers are given, the conversation with its name. With them goes
/// what else holds their words: the recorded runs, in which memories of other turns stand too, and the lines
/// that were typed. The index is rid of them by [`Memory::purge`](catena_memory::Memory::purge), or when it is
/// opened next.
pub(crate) async fn erase(
    archive: &Archive,
    namespace: (NamespaceId, &Namespace),
    ids: Option<&[ItemId]>,
    recorded: &mut Recorded,
) -> Result<(), Failure> {
    recorded.clear().await?;
    history::forget(archive, namespace.1)?;
    match ids {
        Some(_) => archive.forget(namespace.0, &Filter::default(), ids).await?,
        None => archive.forget_namespace(namespace.0).await?,
    };
    Ok(())
}

/// What is forgotten where no memory is like that and something else is, for a person.
pub(crate) const ELSEWHERE: &str =
    "the recorded runs of the conversation and the lines typed in it";

/// Whether a text that is to be forgotten stands in the recorded runs of a conversation or in the lines typed
/// in it: of a turn that failed nothing is remembered, and its words are there all the same.
pub(crate) async fn is_elsewhere(
    archive: &Archive,
    namespace: &Namespace,
    chosen: &Chosen,
    recorded: &Recorded,
) -> Result<bool, Failure> {
    let Some(text) = chosen.text() else {
        return Ok(false);
    };
    Ok(recorded.containing(text).await? > 0 || history::holds(archive, namespace, text))
}

/// What is forgotten, or would be, for a person.
pub(crate) fn told(ids: &[ItemId], whole: Option<&Namespace>) -> String {
    let count = memories(ids.len() as u64);
    match whole {
        None => count,
        Some(namespace) => format!(
            "{count} and the conversation {} itself, its recorded runs and the lines typed in it",
            harmless(&namespace.to_string()).replace('\n', " ")
        ),
    }
}

/// How it is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) yes: bool,
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

pub(super) async fn forget(
    store: &Store,
    record: &args::Journal,
    namespace: &Namespace,
    chosen: &Chosen,
    asking: Asking,
    config: &Config,
) -> Result<(), Failure> {
    let Some(archive) = known_archive(&store.archive, config)? else {
        return Err(Failure::usage("nothing is remembered yet"));
    };
    let id = known_namespace(&archive, namespace).await?;
    all_there(&archive, id, chosen).await?;
    let (ids, text) = choose(&archive, id, chosen).await?;
    let conversation = Conversation::new(&archive, namespace);
    let recorded = async || Recorded::of(journal::open(record)?, &conversation).await;
    let elsewhere = match ids.is_empty() && chosen.text().is_some() {
        true => is_elsewhere(&archive, namespace, chosen, &recorded().await?).await?,
        false => false,
    };
    if !asking.json {
        print(&text);
    }
    let whole = chosen.is_everything();
    let what = match elsewhere && !whole {
        true => ELSEWHERE.to_owned(),
        false => told(&ids, whole.then_some(namespace)),
    };
    if (whole || elsewhere || !ids.is_empty()) && !asking.dry_run {
        if !asking.yes && !agreed(&what, asking.json).await? {
            return Err(Failure::new("nothing was forgotten"));
        }
        // It is opened again, with its index.
        drop(archive);
        let memory = open(&Place::of(store, config)?, config, asking.json).await?;
        let some = (!whole).then_some(ids.as_slice());
        let archive = memory.archive();
        let erased = erase(archive, (id, namespace), some, &mut recorded().await?).await;
        // Even where traces are left in the archive's file.
        let purged = memory.purge().await;
        erased?;
        purged?;
    }
    if asking.json {
        let object = json!({
            "forgotten": ids,
            "recorded": whole || elsewhere || !ids.is_empty(),
            "conversation": whole,
            "dry_run": asking.dry_run,
        });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    let verb = if asking.dry_run { "would be " } else { "" };
    print(&format!("{what} {verb}forgotten\n"));
    Ok(())
}

/// Which of these numbers name no memory of a conversation.
pub(crate) async fn missing(
    archive: &Archive,
    id: NamespaceId,
    named: &[ItemId],
) -> Result<Vec<String>, Failure> {
    let there = archive.items(id, named).await?;
    let missing = named
        .iter()
        .filter(|named| there.iter().all(|item| item.id != **named));
    Ok(missing.map(ToString::to_string).collect())
}

/// Refuses numbers that name no memory of the conversation.
async fn all_there(archive: &Archive, id: NamespaceId, chosen: &Chosen) -> Result<(), Failure> {
    let named = chosen.ids.as_deref().unwrap_or_default();
    let missing = missing(archive, id, named).await?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "the conversation has no memory {}",
            missing.join(", ")
        ))
        .help("`catena memory show` numbers what it has; nothing was forgotten")),
    }
}

/// Asks the person at the terminal.
async fn agreed(what: &str, json: bool) -> Result<bool, Failure> {
    if json || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage("nobody is there to be asked")
            .help("--yes forgets without asking, --dry-run only shows"));
    }
    say!("Forget {what} for good? [y/N] ");
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = line.await.ok().and_then(Result::ok).unwrap_or_default();
    Ok(is_yes(&line))
}

/// Whether a person's answer is a yes.
pub(crate) fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}
