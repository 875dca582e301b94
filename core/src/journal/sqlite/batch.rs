//! Events as they are kept: of a piece of an answer its number, time and length alone, in a few
//! bytes, since its text is in the entry of its call.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Effect, Entry, Error, Event, EventKind, NodePath, Result};

/// Events that were told between two writes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// JSON of [`Kept`] ones.
    pub(super) events: String,
    /// For each piece three numbers, each the difference to the one before or the length, in the
    /// form of [LEB128](https://en.wikipedia.org/wiki/LEB128).
    pub(super) pieces: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Event(Event),
    /// So many pieces of the answer to a call.
    Pieces(NodePath, u32, usize),
}

impl Batch {
    /// Writes events down. The text of pieces is left out where `answered` says that the call has
    /// an entry.
    pub(super) fn encode(events: Vec<Event>, answered: impl Fn(&NodePath, u32) -> bool) -> Self {
        let mut kept: Vec<Kept> = Vec::new();
        let mut pieces = Vec::new();
        let mut last = (0, 0);
        for event in events {
            match &event.kind {
                EventKind::Text { call, text } if answered(&event.path, *call) => {
                    // Wrapping: a difference may be negative, and wraps back when it is added.
                    write_number(&mut pieces, event.seq.wrapping_sub(last.0));
                    write_number(&mut pieces, event.at_us.wrapping_sub(last.1));
                    write_number(&mut pieces, text.len() as u64);
                    last = (event.seq, event.at_us);
                    match kept.last_mut() {
                        Some(Kept::Pieces(path, of, count))
                            if *path == event.path && of == call =>
                        {
                            *count += 1;
                        }
                        _ => kept.push(Kept::Pieces(event.path.clone(), *call, 1)),
                    }
                }
                _ => kept.push(Kept::Event(event)),
            }
        }
        Self {
            // Strings, numbers and JSON: serialising cannot fail.
            events: serde_json::to_string(&kept).unwrap_or_default(),
            pieces,
        }
    }
}

/// Reads batches, with the texts of `entries`; in the order of the events' numbers.
pub(super) fn decode(batches: &[Batch], entries: &[Entry]) -> Result<Vec<Event>> {
    let mut texts: HashMap<(NodePath, u32), &str> = entries
        .iter()
        .filter_map(|entry| match &entry.effect {
            Effect::Chat(answer) => Some(((entry.path.clone(), entry.call), &*answer.text)),
            _ => None,
        })
        .collect();
    let mut events = Vec::new();
    for batch in batches {
        let kept: Vec<Kept> =
            serde_json::from_str(&batch.events).map_err(|error| damaged().with_source(error))?;
        let mut pieces = batch.pieces.as_slice();
        let mut last = (0_u64, 0_u64);
        for kept in kept {
            let (path, call, count) = match kept {
                Kept::Event(event) => {
                    events.push(event);
                    continue;
                }
                Kept::Pieces(path, call, count) => (path, call, count),
            };
            let rest = texts.get_mut(&(path.clone(), call)).ok_or_else(damaged)?;
            for _ in 0..count {
                last.0 = last.0.wrapping_add(read_number(&mut pieces)?);
                last.1 = last.1.wrapping_add(read_number(&mut pieces)?);
                let length = usize::try_from(read_number(&mut pieces)?).map_err(|_| damaged())?;
                let (text, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
                *rest = after;
                events.push(Event {
                    seq: last.0,
                    at_us: last.1,
                    path: path.clone(),
                    kind: EventKind::Text {
                        call,
                        text: text.to_owned(),
                    },
                });
            }
        }
    }
    events.sort_by_key(|event| event.seq);
    Ok(events)
}

fn damaged() -> Error {
    Error::journal("the journal's events of the run are damaged")
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or_else(damaged)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(damaged())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers: Vec<u64>) {
            let mut bytes = Vec::new();
            for number in &numbers {
                write_number(&mut bytes, *number);
            }
            let mut rest = bytes.as_slice();
            for number in numbers {
                prop_assert_eq!(read_number(&mut rest).unwrap(), number);
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn damage_is_an_error_and_no_panic(events: String, pieces: Vec<u8>) {
            let batch = Batch { events, pieces };
            let _ = decode(&[batch], &[]);
        }
    }
}
