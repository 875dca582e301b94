//! The process that is killed: it does one thing for as long as it lives, and says what is done.

use std::{fmt, io::Write, sync::Arc};

use catena_memory::{Filter, IndexStamp, Memory, VectorIndex};

use super::{
    FOLDER, OPEN, Place, REMAKE, WORK, WRITE, everything, forgotten, items, last, names, runtime,
};

/// Does nothing in this process: the others execute it in another one.
#[test]
fn the_process_that_is_killed() {
    let (Ok(folder), Ok(work)) = (std::env::var(FOLDER), std::env::var(WORK)) else {
        return;
    };
    let place = Place {
        folder: folder.into(),
        long: work == REMAKE,
    };
    runtime().block_on(async {
        match work.as_str() {
            WRITE => write(&place).await,
            OPEN => open(&place).await,
            REMAKE => remake(&place).await,
            _ => panic!("'{work}' is nothing that it does"),
        }
    });
}

/// Writes and forgets, and now and then has the index keep what it was told.
async fn write(place: &Place) {
    let memory = opened(place).await;
    say("begun");
    for number in next(&memory).await.. {
        tell(&memory, number, true).await;
        if number % 7 == 0 {
            memory.sync(&mut |_, _| {}).await.unwrap();
        }
    }
}

/// Opens both again and again, always with something that the index was not told, and owes a purge for.
async fn open(place: &Place) {
    say("begun");
    loop {
        let memory = opened(place).await;
        let next = next(&memory).await;
        for number in next..next + 10 {
            tell(&memory, number, false).await;
        }
    }
}

/// Fills the index anew, as `catena memory reindex` does, builds its graph, and makes that anew without what is
/// forgotten.
async fn remake(place: &Place) {
    let (archive, embedder) = (place.archive(), place.embedder());
    let (index, anew) = place.index().await;
    if anew {
        say("anew");
    }
    let index: Arc<dyn VectorIndex> = Arc::new(index);
    let stamp = IndexStamp {
        archive: archive.id().to_owned(),
        embedder: embedder.profile().name.clone(),
        dimensions: embedder.profile().dimensions,
    };
    say("begun");
    loop {
        index.reset(&stamp).await.unwrap();
        let memory = Memory::open_with(
            archive.clone(),
            Arc::clone(&index),
            Arc::clone(&embedder),
            true,
            &mut |_, _| {},
        )
        .await
        .unwrap();
        index.optimize().await.unwrap();
        let next = next(&memory).await;
        for number in next..next + 10 {
            tell(&memory, number, true).await;
        }
    }
}

async fn opened(place: &Place) -> Memory {
    let (memory, anew) = place.open().await;
    if anew {
        say("anew");
    }
    memory
}

async fn next(memory: &Memory) -> u64 {
    last(&everything(memory.archive()).await) + 1
}

/// Writes the items of a number, and forgets the one that is to be; with `index`, the index is told.
async fn tell(memory: &Memory, number: u64, index: bool) {
    let archive = memory.archive();
    let namespace = memory.namespace(&names(number)).await.unwrap();
    let new = items(number).to_vec();
    let written = match index {
        true => memory.remember_all(namespace, new).await,
        false => archive.remember_all(namespace, new).await,
    };
    let written = written.unwrap();
    say(format_args!("wrote {number}"));
    let Some(which) = forgotten(number) else {
        return;
    };
    let id = written[which].id;
    let (all, ids) = (Filter::default(), [id]);
    let gone = match index {
        true => memory.forget(namespace, &all, Some(&ids)).await,
        false => archive.forget(namespace, &all, Some(&ids)).await,
    };
    assert_eq!(gone.unwrap().items, ids);
    say(format_args!("forgot {id} {number}"));
}

/// A line at once, past what `print!` keeps back.
fn say(what: impl fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{what}").unwrap();
    out.flush().unwrap();
}
