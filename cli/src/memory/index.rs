//! `catena memory check`, `reindex` and `move`.

use serde_json::{Value, json};

use super::{
    IndexChoice, Place,
    open::{bar, index, known_archive, open, open_anew, show},
    text::memories,
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
    let memory = open(&Place::of(store, config)?, config, json).await?;
    let bar = bar("checking", json);
    let repaired = memory.verify(&mut |done, of| show(&bar, done, of)).await;
    bar.finish_and_clear();
    let mended = repaired?;
    // Opening has mended what showed at once.
    let opened = memory.repaired();
    let (added, removed) = (mended.added + opened.added, mended.removed + opened.removed);
    let points = memory.index().count().await?;
    let index = memory.index().describe();
    if json {
        tell(&json!({
            "index": index,
            "memories": points,
            "added": added,
            "removed": removed,
        }));
        return Ok(());
    }
    print(&match (added, removed) {
        (0, 0) => format!("{index} has all of {}\n", memories(points)),
        (added, removed) => format!(
            "{index} lacked {added} and had {removed} too many; now it has all of {}\n",
            memories(points)
        ),
    });
    Ok(())
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
    if json {
        tell(&json!({
            "from": from,
            "to": at,
            "memories": moved.points,
            "digest": moved.digest,
        }));
        return Ok(());
    }
    print(&format!(
        "{} copied from {from} to {at}\nboth sides are the same: {}\n\
         from now on: `--index {to}`, or `index = \"{to}\"` in the configuration\n",
        memories(moved.points),
        moved.digest,
    ));
    Ok(())
}

fn tell(object: &Value) {
    print(&format!("{object:#}\n"));
}
