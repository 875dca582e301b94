//! What has to be true after a kill.

use std::{collections::HashMap, fmt};

use catena_memory::{ItemId, Kind, Memory, MemoryItem, NamespaceId};

use super::{Place, everything, forgotten, items, last, names};

/// What the processes said before they were killed, and what became of the index.
#[derive(Default)]
pub(super) struct Told {
    /// The last number that was acknowledged.
    pub(super) wrote: u64,
    /// What was forgotten, and of which number it was.
    pub(super) forgot: Vec<(ItemId, u64)>,
    pub(super) kills: u64,
    /// How often the index was damaged, and made anew.
    anew: u64,
    /// How often it was compared item by item, and mended.
    mended: u64,
    checks: u64,
}

impl Told {
    /// Takes in a line of a process, if it says anything.
    pub(super) fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let what = words.next();
        let mut number = || words.next().unwrap().parse::<u64>().unwrap();
        match what {
            Some("wrote") => self.wrote = number(),
            Some("forgot") => self.forgot.push((ItemId(number()), number())),
            Some("anew") => self.anew += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} numbers written, {} items forgotten: the index was damaged and made anew {} times, \
             and mended in {} of {} checks",
            self.kills,
            self.wrote,
            self.forgot.len(),
            self.anew,
            self.mended,
            self.checks
        )
    }
}

/// Opens what a killed process left, and compares it with what it had said.
pub(super) async fn check(place: &Place, told: &mut Told) {
    let (memory, anew) = place.open().await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    let repaired = memory.repaired();
    told.anew += u64::from(anew);
    told.mended += u64::from(repaired.added + repaired.removed + repaired.damaged > 0);
    told.checks += 1;
    let archive = memory.archive();
    assert!(
        !archive.owes_purge(memory.index()).await.unwrap(),
        "its files may hold what was forgotten"
    );
    let there = everything(archive).await;
    check_archive(&there, told);
    check_index(&memory, &there, told).await;
}

fn check_archive(there: &[(NamespaceId, MemoryItem)], told: &Told) {
    let last = last(there);
    // At most one was written and not acknowledged in each process.
    let expected = told.wrote..=told.wrote + told.kills;
    assert!(expected.contains(&last), "{last} of {expected:?}");
    let found: HashMap<_, _> = there
        .iter()
        .map(|(_, item)| ((item.validity.from.0, item.kind), item))
        .collect();
    assert_eq!(found.len(), there.len(), "something is there twice");
    for number in 1..=last {
        for (which, new) in items(number).into_iter().enumerate() {
            let Some(item) = found.get(&(number, new.kind)) else {
                assert_eq!(forgotten(number), Some(which), "{new:?} is lost");
                continue;
            };
            assert_eq!(item.turn(), number);
            assert_eq!(
                (&item.key, &item.observation, &item.response),
                (&new.key, &new.observation, &new.response)
            );
        }
    }
    let mut forgot = told.forgot.iter();
    assert!(forgot.all(|(id, _)| there.iter().all(|(_, item)| item.id != *id)));
    let holding = there
        .iter()
        .filter(|(_, item)| item.kind == Kind::Fact && item.validity.until.is_none());
    assert!(holding.count() <= 2, "one in each namespace");
}

async fn check_index(memory: &Memory, there: &[(NamespaceId, MemoryItem)], told: &Told) {
    let (index, embedder) = (memory.index(), memory.embedder());
    let points = index.scan(None, there.len() + 1).await.unwrap();
    let known: Vec<_> = points
        .iter()
        .map(|point| (point.id, point.namespace, point.kind))
        .collect();
    let expected: Vec<_> = there
        .iter()
        .map(|(namespace, item)| (item.id, *namespace, item.kind))
        .collect();
    assert_eq!(known, expected);
    assert_eq!(index.count().await.unwrap(), there.len() as u64);

    let texts: Vec<_> = there.iter().map(|(_, item)| item.text()).collect();
    let vectors = embedder.embed(&texts).await.unwrap();
    for ((namespace, item), vector) in there.iter().zip(&vectors) {
        let hits = index.search(*namespace, None, vector, 1).await.unwrap();
        let nearest = hits.first().map(|hit| hit.id);
        assert_eq!(nearest, Some(item.id), "{:?} is not found", item.text());
    }

    // With the words of both items of its number, whichever it was.
    let texts = told.forgot.iter();
    let texts: Vec<_> = texts
        .map(|(_, number)| format!("said number {number}"))
        .collect();
    let vectors = embedder.embed(&texts).await.unwrap();
    for ((_, number), vector) in told.forgot.iter().zip(&vectors) {
        let namespace = memory.namespace(&names(*number)).await.unwrap();
        let hits = index.search(namespace, None, vector, 5).await.unwrap();
        let is_hit = |id: ItemId| hits.iter().any(|hit| hit.id == id);
        assert!(
            !told.forgot.iter().any(|(id, _)| is_hit(*id)),
            "what was forgotten of {number} is found"
        );
    }
}
