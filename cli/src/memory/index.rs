//! `catena memory check`, `reindex` and `move`.

use std::{fs, sync::Arc};

use catena_core::Error;
use catena_edge::EdgeIndex;
use catena_memory::{Memory, Repaired};
use serde_json::{Value, json};

use super::{
    IndexChoice, Place,
    open::{
        INDEX, bar, beside, index, known_archive, make_anew, open, open_anew, open_to_check, show,
    },
    text::{memories, wrong},
};
use crate::{args::Store, config::Config, failure::Failure, terminal::print};

/// A name that was mistyped is not to become an archive.
fn must_be_there(store: &Store, config: &Config) -> Result<(), Failure> {
    match known_archive(&store.archive, config)? {
        Some(_) => Ok(()),
        None => Err(Failure::usage("nothing is remembered yet")),
    }
}

pub(super) async fn check(store: &Store, json: bool, config: &Config) -> Result<(), Failure> {
    must_be_there(store, config)?;
    let place = Place::of(store, config)?;
    let mut memory = open_to_check(&place, config, json).await?;
    let mut verified = verify(&memory, json).await;
    if let Err(error) = &verified
        && EdgeIndex::is_damage(error)
    {
        let (archive, embedder) = (memory.archive().clone(), Arc::clone(memory.embedder()));
        // It has the index open.
        drop(memory);
        memory = make_anew(error, archive, embedder, &place, json).await?;
        verified = verify(&memory, json).await;
    }
    let mended = verified?;
    // Opening has mended what showed at once.
    let opened = memory.repaired();
    let found = Repaired {
        added: mended.added + opened.added,
        removed: mended.removed + opened.removed,
        damaged: mended.damaged + opened.damaged,
        purged: mended.purged || opened.purged,
    };
    let points = memory.index().count().await?;
    let index = memory.index().describe();
    if json {
        tell(&json!({
            "index": index,
            "memories": points,
            "added": found.added,
            "removed": found.removed,
            "damaged": found.damaged,
            "purged": found.purged,
        }));
        return Ok(());
    }
    print(&checked(&index, &found, points));
    Ok(())
}

async fn verify(memory: &Memory, quiet: bool) -> Result<Repaired, Error> {
    let bar = bar("checking", quiet);
    let repaired = memory.verify(&mut |done, of| show(&bar, done, of)).await;
    bar.finish_and_clear();
    repaired
}

/// What was found of an index, for a person.
fn checked(index: &str, found: &Repaired, points: u64) -> String {
    let all = memories(points);
    match wrong(found) {
        None => format!("{index} has all of {all}\n"),
        Some(wrong) => format!("{index} {wrong}; now it has all of {all}\n"),
    }
}

pub(super) async fn reindex(store: &Store, json: bool, config: &Config) -> Result<(), Failure> {
    must_be_there(store, config)?;
    let memory = open_anew(&Place::of(store, config)?, config, json).await?;
    let points = memory.index().count().await?;
    let index = memory.index().describe();
    let embedder = &memory.embedder().profile().name;
    match json {
        true => tell(&json!({ "index": index, "memories": points, "embedder": embedder })),
        false => print(&format!(
            "{} in {index}, by the embedder '{embedder}'\n",
            memories(points)
        )),
    }
    Ok(())
}

pub(super) async fn relocate(
    store: &Store,
    to: &IndexChoice,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    let place = Place::of(store, config)?;
    if *to == IndexChoice::Exact {
        return Err(Failure::usage("an exact index is made anew each time")
            .help("move to: embedded, embedded:quantized, or qdrant:URL"));
    }
    if to.is_where(&place.index) {
        return Err(
            Failure::usage(format!("the index is {} already", place.index)).help(
                "--index names the one to move from; `embedded` and `embedded:quantized` are the same folder",
            ),
        );
    }
    must_be_there(store, config)?;
    let memory = open(&place, config, json).await?;
    let target = index(memory.archive(), to).await?;
    let bar = bar("moving", json);
    let moved = memory
        .relocate(&target, &mut |done, of| show(&bar, done, of))
        .await;
    bar.finish_and_clear();
    let moved = moved?;
    let (from, at) = (memory.index().describe(), target.describe());
    let emptied = empty(memory, &place.index).await;
    if json {
        tell(&json!({
            "from": from,
            "to": at,
            "memories": moved.points,
            "digest": moved.digest,
            "emptied": emptied.is_ok(),
        }));
        return emptied.map_err(Failure::told);
    }
    print(&format!(
        "{} moved from {from} to {at}\nboth sides were the same: {}\n\
         from now on: `--index {to}`, or `index = \"{to}\"` in the configuration\n",
        memories(moved.points),
        moved.digest,
    ));
    emptied?;
    print("nothing is left where they were\n");
    Ok(())
}

/// Removes the points of an index that was moved away from: what is forgotten from now on would stay there.
async fn empty(memory: Memory, choice: &IndexChoice) -> Result<(), Failure> {
    let place = memory.index().describe();
    let emptied = match choice {
        IndexChoice::Embedded { .. } => {
            let folder = beside(memory.archive().path(), INDEX);
            // It is open as long as the memory is.
            drop(memory);
            let discarded = EdgeIndex::discard(&folder).await;
            discarded.map(|()| {
                // An empty folder does no harm.
                let _ = fs::remove_dir_all(&folder);
            })
        }
        _ => match memory.index().stamp().await {
            Ok(Some(stamp)) => memory.index().reset(&stamp).await,
            other => other.map(drop),
        },
    };
    emptied.map_err(|error| {
        Failure::from(error).also(format!(
            "the memories were moved, and what is left in {place} has to be removed by hand"
        ))
    })
}

fn tell(object: &Value) {
    print(&format!("{object:#}\n"));
}

#[cfg(test)]
mod tests {
    use catena_memory::{Namespace, NewItem};

    use super::*;
    use crate::memory::EmbedderChoice;

    #[tokio::test]
    async fn nothing_is_left_of_an_index_that_was_moved_away_from() {
        let root = tempfile::tempdir().unwrap();
        for index in [
            IndexChoice::Embedded { quantized: false },
            IndexChoice::Exact,
        ] {
            let place = Place {
                archive: root.path().join("memory.db"),
                index,
                embedder: EmbedderChoice::Hashing,
            };
            let memory = open(&place, &Config::default(), true).await.unwrap();
            let names = Namespace::new("me", "catena", "default");
            let namespace = memory.namespace(&names).await.unwrap();
            let item = NewItem::turn("My dog is called Rex.", "Noted.");
            memory.remember(namespace, item).await.unwrap();
            memory.sync(&mut |_, _| {}).await.unwrap();
            assert_eq!(memory.index().count().await.unwrap(), 1);
            let other = memory.clone();
            let folder = beside(&place.archive, INDEX);
            if place.index == IndexChoice::Exact {
                empty(memory, &place.index).await.unwrap();
                assert_eq!(other.index().count().await.unwrap(), 0);
                continue;
            }
            assert!(folder.exists());
            // Somebody else has it: what is left is told.
            let failure = empty(memory, &place.index).await.unwrap_err();
            assert!(failure.help_text().unwrap().contains("by hand"));
            empty(other, &place.index).await.unwrap();
            assert!(!folder.exists() && place.archive.exists());
        }
    }
}
