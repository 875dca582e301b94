//! What the commands of a conversation do.

use std::{
    path::{Path, PathBuf},
    pin::pin,
};

use catena_memory::{Archive, Filter, ItemId, Kind, Query};

use super::{
    command::help,
    history,
    interrupts::Interrupts,
    session::{Bot, Session},
    why::why,
};
use crate::{
    failure::Failure,
    memory::{self, Chosen, ELSEWHERE, day, item_id, line, memories, rated, whole},
    terminal::{harmless, print},
};

/// How many turns `/memory` shows.
const LATELY: usize = 20;

/// How many memories a search of `/memory` shows.
const FOUND: usize = 10;

pub(super) fn show_help() {
    print(&help());
}

/// `/memory`: the last turns, what has to do with a text, or one memory.
pub(super) async fn browse(bot: &Bot, of: &Session, text: Option<&str>) -> Result<(), Failure> {
    let archive = bot.memory.archive();
    let Some(text) = text else {
        let turns = archive.last_turns(of.id, LATELY).await?;
        let lines: String = turns.iter().map(line).collect();
        print(match lines.is_empty() {
            true => "nothing is remembered yet\n",
            false => &lines,
        });
        return Ok(());
    };
    if text.starts_with('#') {
        let id = item_id(text).map_err(Failure::usage)?;
        let items = archive.items(of.id, &[id]).await?;
        let item = items.first();
        let item = item.ok_or_else(|| Failure::usage(format!("there is no memory #{id}")))?;
        print(&whole(item));
        return Ok(());
    }
    let found = bot
        .memory
        .search(of.id, &Query::new(text).limit(FOUND))
        .await?;
    print(&match found.is_empty() {
        true => "nothing was found\n".to_owned(),
        false => rated(&found),
    });
    Ok(())
}

/// `/facts`: all of them, those about the same thing together.
pub(super) async fn facts(bot: &Bot, of: &Session) -> Result<(), Failure> {
    let filter = Filter {
        kind: Some(Kind::Fact),
        ..Filter::default()
    };
    let archive = bot.memory.archive();
    let mut facts = archive.browse(of.id, &filter, None, usize::MAX).await?;
    facts.sort_by(|a, b| {
        let about = a.key.cmp(&b.key);
        about.then(a.validity.from.cmp(&b.validity.from))
    });
    let lines: String = facts.iter().map(whole).collect();
    print(match lines.is_empty() {
        true => "no facts were learned yet\n",
        false => &lines,
    });
    Ok(())
}

/// `/why`: what was recalled for the last answer, also if another process gave it.
pub(super) async fn explain(of: &Session) -> Result<(), Failure> {
    match of.recorded.last_reply().await? {
        Some((run, reply)) => print(&format!("{}run {run}\n", why(&reply.recall))),
        None => print("there is no answer of which this is recorded\n"),
    }
    Ok(())
}

/// What `/forget` would forget, shown; `None` where that is nothing.
pub(super) async fn to_forget(
    bot: &Bot,
    of: &Session,
    chosen: &Chosen,
) -> Result<Option<Vec<ItemId>>, Failure> {
    let archive = bot.memory.archive();
    if let Some(named) = &chosen.ids {
        all_there(archive, of, named).await?;
    }
    let (ids, text) = memory::choose(archive, of.id, chosen).await?;
    if ids.is_empty() && !chosen.is_everything() {
        if memory::is_elsewhere(archive, &of.namespace, chosen, &of.recorded).await? {
            print(&format!("no memory is like that; {ELSEWHERE} hold it\n"));
            return Ok(Some(ids));
        }
        print("no memory is like that\n");
        return Ok(None);
    }
    print(&text);
    Ok(Some(ids))
}

/// Refuses numbers that name no memory of the conversation, as `catena memory forget` does.
async fn all_there(archive: &Archive, of: &Session, named: &[ItemId]) -> Result<(), Failure> {
    let missing = memory::missing(archive, of.id, named).await?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "the conversation has no memory {}",
            missing.join(", ")
        ))
        .help("/memory shows the numbers of those there are; nothing was forgotten")),
    }
}

pub(super) async fn forget(bot: &Bot, of: &mut Session, ids: &[ItemId]) -> Result<(), Failure> {
    let namespace = (of.id, &of.namespace);
    memory::erase(bot.memory.archive(), namespace, Some(ids), &mut of.recorded).await?;
    print(&format!(
        "{} forgotten, and the record of the last turns with it\n",
        memories(ids.len() as u64)
    ));
    Ok(())
}

/// `/forget all`: the conversation as a whole.
pub(super) async fn forget_all(bot: &Bot, of: &mut Session, ids: &[ItemId]) -> Result<(), Failure> {
    let what = memory::told(ids, Some(&of.namespace));
    let namespace = (of.id, &of.namespace);
    memory::erase(bot.memory.archive(), namespace, None, &mut of.recorded).await?;
    print(&format!("{what} forgotten\n"));
    Ok(())
}

/// Begins a conversation that was forgotten as a whole anew under its name, which goes too where nothing is
/// said in it any more. One that is still there goes on.
pub(super) async fn begin_again(bot: &Bot, of: &mut Session) -> Result<(), Failure> {
    let there = bot.memory.archive().find_namespace(&of.namespace).await?;
    if there != Some(of.id) {
        *of = bot.session(of.namespace.clone()).await?;
    }
    Ok(())
}

/// `/export`; whether it was stopped with Ctrl-C, and then there is no file.
pub(super) async fn export(
    bot: &Bot,
    of: &Session,
    file: &Path,
    interrupts: &mut Interrupts,
) -> Result<bool, Failure> {
    let end = pin!(interrupts.next());
    let written = memory::export(bot.memory.archive(), &[Some(of.id)], file, end).await?;
    if let Some(count) = written {
        print(&memory::exported(count, "", file));
    }
    Ok(written.is_none())
}

/// `/import`; whether it was stopped with Ctrl-C.
pub(super) async fn import(
    bot: &Bot,
    of: &Session,
    file: &Path,
    interrupts: &mut Interrupts,
) -> Result<bool, Failure> {
    let end = pin!(interrupts.next());
    let (done, stopped) = memory::import(&bot.memory, file, Some(of.id), end).await?;
    print(&memory::imported(done, stopped));
    Ok(stopped)
}

/// `/conversations`: those of the same two.
pub(super) async fn conversations(bot: &Bot, of: &Session) -> Result<(), Failure> {
    let mut text = String::new();
    for other in bot.memory.archive().namespaces().await? {
        let theirs =
            other.namespace.user == of.namespace.user && other.namespace.bot == of.namespace.bot;
        // The one that goes on is one, though nothing was said in it yet.
        if theirs && (other.is_used() || other.id == of.id) {
            let here = if other.id == of.id { "*" } else { " " };
            text += &format!(
                "{here} {:>14}  {:<10}  {}\n",
                memories(other.items),
                other.last.map(day).unwrap_or_default(),
                harmless(&other.namespace.conversation).replace('\n', " "),
            );
        }
    }
    print(&text);
    Ok(())
}

/// `/switch`: another conversation that is there.
pub(super) async fn switch(bot: &Bot, of: &Session, name: &str) -> Result<Session, Failure> {
    let mut namespace = of.namespace.clone();
    name.clone_into(&mut namespace.conversation);
    if !bot.is_there(&namespace).await? {
        return Err(
            Failure::usage(format!("there is no conversation '{name}'")).help(format!(
                "/new {name} begins it; /conversations shows those there are"
            )),
        );
    }
    bot.session(namespace).await
}

/// `/new`: a conversation that is not there yet; without a name, one that is free.
pub(super) async fn begin(bot: &Bot, of: &Session, name: Option<&str>) -> Result<Session, Failure> {
    let mut namespace = of.namespace.clone();
    if let Some(name) = name {
        memory::check_name("conversation", name)?;
        name.clone_into(&mut namespace.conversation);
        if bot.is_there(&namespace).await? {
            return Err(
                Failure::usage(format!("there is a conversation '{name}' already"))
                    .help(format!("/switch {name} goes to it")),
            );
        }
        return bot.session(namespace).await;
    }
    let mut number = 1;
    loop {
        namespace.conversation = format!("conversation-{number}");
        if bot
            .memory
            .archive()
            .find_namespace(&namespace)
            .await?
            .is_none()
        {
            return bot.session(namespace).await;
        }
        number += 1;
    }
}

/// The file with the lines typed in a conversation.
pub(super) fn typed(bot: &Bot, of: &Session) -> Option<PathBuf> {
    history::file(bot.memory.archive(), &of.namespace)
}
