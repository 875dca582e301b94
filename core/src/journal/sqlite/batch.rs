//! Events as they are kept: numbers in a few bytes, a text once in a batch, and of a piece of an
//! answer no text at all, since that is in the entry of its call.
//!
//! A record is a tag, the event's number and time as the difference to the record before it, its
//! path, and what its kind has beside. Numbers have the form of
//! [LEB128](https://en.wikipedia.org/wiki/LEB128), texts are numbered in the order in which they
//! first come. What is rare is kept as JSON.

use std::collections::HashMap;

use serde::{Serialize, de::DeserializeOwned};

use crate::{CallKind, Effect, Entry, Error, Event, EventKind, NodePath, Result, Usage};

/// What a record is about.
mod tag {
    pub(super) const OTHER: u8 = 0;
    pub(super) const NODE_STARTED: u8 = 1;
    pub(super) const NODE_FINISHED: u8 = 2;
    pub(super) const CALL_STARTED: u8 = 3;
    pub(super) const CALL_FINISHED: u8 = 4;
    /// Pieces of one answer, which came one after the other: their number, and of each the length,
    /// the number and the time.
    pub(super) const PIECES: u8 = 5;
}

/// Writes events down. The text of pieces is left out where `answered` says that the call has an
/// entry.
pub(super) fn encode(events: &[Event], answered: impl Fn(&NodePath, u32) -> bool) -> Vec<u8> {
    let mut to = Writing::default();
    let mut rest = events;
    while let Some((event, after)) = rest.split_first() {
        rest = match piece(event) {
            Some((call, _)) if answered(&event.path, call) => {
                let of_it = |next: &Event| {
                    next.path == event.path && piece(next).is_some_and(|(of, _)| of == call)
                };
                let count = 1 + after.iter().take_while(|next| of_it(next)).count();
                let (pieces, after) = rest.split_at(count);
                to.pieces(event, call, pieces);
                after
            }
            _ => {
                to.event(event);
                after
            }
        };
    }
    to.bytes
}

fn piece(event: &Event) -> Option<(u32, &str)> {
    match &event.kind {
        EventKind::Text { call, text } => Some((*call, text)),
        _ => None,
    }
}

/// Reads batches, with the texts of `entries`; in the order of the events' numbers.
pub(super) fn decode(batches: &[Vec<u8>], entries: &[Entry]) -> Result<Vec<Event>> {
    let mut answers: HashMap<(NodePath, u32), &str> = entries
        .iter()
        .filter_map(|entry| match &entry.effect {
            Effect::Chat(answer) => Some(((entry.path.clone(), entry.call), &*answer.text)),
            _ => None,
        })
        .collect();
    let mut events = Vec::new();
    for batch in batches {
        let mut from = Reading {
            rest: batch,
            texts: Vec::new(),
            last: (0, 0),
        };
        while !from.rest.is_empty() {
            from.record(&mut answers, &mut events)?;
        }
    }
    events.sort_by_key(|event| event.seq);
    Ok(events)
}

#[derive(Default)]
struct Writing<'a> {
    bytes: Vec<u8>,
    texts: HashMap<&'a str, u64>,
    /// Number and time of the event before.
    last: (u64, u64),
}

impl<'a> Writing<'a> {
    fn event(&mut self, event: &'a Event) {
        match &event.kind {
            EventKind::NodeStarted { items: None } => self.head(tag::NODE_STARTED, event),
            EventKind::NodeFinished => self.head(tag::NODE_FINISHED, event),
            EventKind::CallStarted {
                call,
                kind,
                name,
                prompt_tokens,
                max_tokens,
            } => {
                self.head(tag::CALL_STARTED, event);
                self.number(u64::from(*call));
                self.number(number_of(*kind));
                self.text(name);
                self.number(*prompt_tokens);
                self.number(u64::from(*max_tokens));
            }
            EventKind::CallFinished {
                call,
                usage,
                elapsed,
                replayed,
            } => {
                self.head(tag::CALL_FINISHED, event);
                self.number(u64::from(*call));
                self.number(usage.calls);
                self.number(usage.input_tokens);
                self.number(usage.cached_tokens);
                self.number(usage.output_tokens);
                self.number(usage.cost.0);
                self.number(elapsed.as_secs());
                self.number(u64::from(elapsed.subsec_nanos()));
                self.number(u64::from(*replayed));
            }
            kind => {
                self.head(tag::OTHER, event);
                self.json(kind);
            }
        }
    }

    fn pieces(&mut self, first: &'a Event, call: u32, pieces: &[Event]) {
        self.head(tag::PIECES, first);
        self.number(u64::from(call));
        self.number(pieces.len() as u64);
        // The first one's number and time are in the head; the same again is a difference of 0.
        for event in pieces {
            let length = piece(event).map_or(0, |(_, text)| text.len()) as u64;
            // Nearly always the next number, or for the first the same.
            let apart = event.seq.wrapping_sub(self.last.0);
            let jumps = apart > 1;
            self.number(length << 2 | u64::from(jumps) << 1 | (apart & u64::from(!jumps)));
            if jumps {
                self.number(apart);
            }
            self.number(event.at_us.wrapping_sub(self.last.1));
            self.last = (event.seq, event.at_us);
        }
    }

    fn head(&mut self, tag: u8, event: &'a Event) {
        self.bytes.push(tag);
        // Wrapping: a difference may be negative, and wraps back when it is added.
        self.number(event.seq.wrapping_sub(self.last.0));
        self.number(event.at_us.wrapping_sub(self.last.1));
        self.last = (event.seq, event.at_us);
        self.text(event.path.as_str());
    }

    /// A text's number; 0 for a new one, which follows.
    fn text(&mut self, text: &'a str) {
        if let Some(known) = self.texts.get(text) {
            return self.number(*known);
        }
        self.texts.insert(text, self.texts.len() as u64 + 1);
        self.number(0);
        self.bytes(text.as_bytes());
    }

    fn json(&mut self, value: &impl Serialize) {
        // Strings, numbers and JSON: serialising cannot fail.
        self.bytes(&serde_json::to_vec(value).unwrap_or_default());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

struct Reading<'a> {
    rest: &'a [u8],
    texts: Vec<NodePath>,
    last: (u64, u64),
}

impl Reading<'_> {
    /// Reads a record; pieces take their text from `answers`.
    fn record(
        &mut self,
        answers: &mut HashMap<(NodePath, u32), &str>,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let tag = self.byte()?;
        self.last.0 = self.last.0.wrapping_add(self.number()?);
        self.last.1 = self.last.1.wrapping_add(self.number()?);
        let path = self.text()?;
        let kind = match tag {
            tag::OTHER => self.json()?,
            tag::NODE_STARTED => EventKind::NodeStarted { items: None },
            tag::NODE_FINISHED => EventKind::NodeFinished,
            tag::CALL_STARTED => EventKind::CallStarted {
                call: self.number()?,
                kind: kind_of(self.number()?)?,
                name: self.text()?.into(),
                prompt_tokens: self.number()?,
                max_tokens: self.number()?,
            },
            tag::CALL_FINISHED => EventKind::CallFinished {
                call: self.number()?,
                usage: Usage {
                    calls: self.number()?,
                    input_tokens: self.number()?,
                    cached_tokens: self.number()?,
                    output_tokens: self.number()?,
                    cost: crate::Cost(self.number()?),
                },
                elapsed: self.elapsed()?,
                replayed: self.number::<u64>()? > 0,
            },
            tag::PIECES => return self.pieces(path, answers, events),
            _ => return Err(damaged()),
        };
        events.push(Event {
            seq: self.last.0,
            at_us: self.last.1,
            path,
            kind,
        });
        Ok(())
    }

    fn pieces(
        &mut self,
        path: NodePath,
        answers: &mut HashMap<(NodePath, u32), &str>,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let call = self.number()?;
        let answer = answers.get_mut(&(path.clone(), call)).ok_or_else(damaged)?;
        for _ in 0..self.number::<u64>()? {
            let length: u64 = self.number()?;
            let apart = match length & 2 {
                0 => length & 1,
                _ => self.number()?,
            };
            self.last.0 = self.last.0.wrapping_add(apart);
            self.last.1 = self.last.1.wrapping_add(self.number()?);
            let length = usize::try_from(length >> 2).map_err(|_| damaged())?;
            let (text, after) = answer.split_at_checked(length).ok_or_else(damaged)?;
            *answer = after;
            events.push(Event {
                seq: self.last.0,
                at_us: self.last.1,
                path: path.clone(),
                kind: EventKind::Text {
                    call,
                    text: text.to_owned(),
                },
            });
        }
        Ok(())
    }

    fn elapsed(&mut self) -> Result<std::time::Duration> {
        let (seconds, nanos) = (self.number()?, self.number()?);
        // `new` panics on an overflow that only damage can cause.
        match nanos {
            0..1_000_000_000 => Ok(std::time::Duration::new(seconds, nanos)),
            _ => Err(damaged()),
        }
    }

    fn text(&mut self) -> Result<NodePath> {
        let number: usize = self.number()?;
        if let Some(known) = number.checked_sub(1) {
            return self.texts.get(known).cloned().ok_or_else(damaged);
        }
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| damaged())?;
        let text = NodePath::from(text.to_owned());
        self.texts.push(text.clone());
        Ok(text)
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        serde_json::from_slice(self.bytes()?).map_err(|error| damaged().with_source(error))
    }

    fn bytes(&mut self) -> Result<&[u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn number<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return T::try_from(number).map_err(|_| damaged());
            }
        }
        Err(damaged())
    }

    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*byte)
    }
}

fn number_of(kind: CallKind) -> u64 {
    match kind {
        CallKind::Chat => 0,
        CallKind::Score => 1,
        CallKind::Embed => 2,
        CallKind::Tool => 3,
    }
}

fn kind_of(number: u64) -> Result<CallKind> {
    Ok(match number {
        0 => CallKind::Chat,
        1 => CallKind::Score,
        2 => CallKind::Embed,
        3 => CallKind::Tool,
        _ => return Err(damaged()),
    })
}

fn damaged() -> Error {
    Error::journal("the journal's events of the run are damaged")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{ChatResponse, Cost, Fingerprint};

    /// An answer in pieces of so many bytes, with its entry.
    fn answer(path: &NodePath, call: u32, pieces: &[usize]) -> (Entry, Vec<EventKind>) {
        let texts = pieces.iter().map(|length| "x".repeat(*length));
        let entry = Entry {
            path: path.clone(),
            call,
            request: Fingerprint::new("m", &[]),
            effect: Effect::Chat(ChatResponse {
                text: texts.clone().collect(),
                ..ChatResponse::default()
            }),
            usage: Usage::default(),
            elapsed: Duration::ZERO,
        };
        let kinds = texts.map(|text| EventKind::Text { call, text });
        (entry, kinds.collect())
    }

    fn kinds() -> impl Strategy<Value = EventKind> {
        let call_kind = prop_oneof![
            Just(CallKind::Chat),
            Just(CallKind::Score),
            Just(CallKind::Embed),
            Just(CallKind::Tool),
        ];
        prop_oneof![
            any::<Option<usize>>().prop_map(|items| EventKind::NodeStarted { items }),
            Just(EventKind::NodeFinished),
            (
                any::<u32>(),
                call_kind,
                any::<String>(),
                any::<(u64, u32)>()
            )
                .prop_map(|(call, kind, name, (prompt_tokens, max_tokens))| {
                    EventKind::CallStarted {
                        call,
                        kind,
                        name,
                        prompt_tokens,
                        max_tokens,
                    }
                }),
            (
                any::<[u32; 6]>(),
                any::<u64>(),
                0..1_000_000_000_u32,
                any::<bool>()
            )
                .prop_map(|([call, numbers @ ..], seconds, nanos, replayed)| {
                    let [calls, input, cached, output, cost] = numbers.map(u64::from);
                    EventKind::CallFinished {
                        call,
                        usage: Usage {
                            calls,
                            cached_tokens: cached,
                            cost: Cost(cost),
                            ..Usage::call(input, output)
                        },
                        elapsed: Duration::new(seconds, nanos),
                        replayed,
                    }
                }),
            // Of a call without an entry.
            any::<String>().prop_map(|text| EventKind::Text { call: 99, text }),
            (any::<u32>(), any::<String>()).prop_map(|(call, text)| EventKind::CallFailed {
                call,
                error: Error::other(text),
                usage: Usage::default(),
                replayed: false,
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_told_comes_back(
            told in prop::collection::vec((kinds(), any::<bool>(), any::<u64>()), 0..20),
            pieces in prop::collection::vec(0..300_usize, 0..9),
            skipped in prop::collection::vec(1..4_u64, 30),
            cut in 0..30_usize,
        ) {
            let paths = [NodePath::root("r"), NodePath::root("r").child("n").item(7)];
            let (entry, kinds) = answer(&paths[1], 0, &pieces);
            let pieces = kinds.into_iter().map(|kind| (kind, true, 5));
            let all: Vec<_> = told.into_iter().chain(pieces).collect();
            let mut seq = 0;
            let events: Vec<Event> = all.into_iter().enumerate().map(|(n, (kind, second, at_us))| {
                seq += skipped[n];
                Event { seq, at_us, path: paths[usize::from(second)].clone(), kind }
            }).collect();
            let (first, second) = events.split_at(cut.min(events.len()));
            let known = |path: &NodePath, call: u32| *path == paths[1] && call == 0;
            let batches = [encode(first, known), encode(second, known)];
            prop_assert_eq!(decode(&batches, &[entry]).unwrap(), events);
        }

        #[test]
        fn damage_is_an_error_and_no_panic(batch: Vec<u8>) {
            let path = NodePath::root("");
            let (entry, _) = answer(&path, 0, &[5]);
            let _ = decode(&[batch], &[entry]);
        }
    }

    #[test]
    fn a_piece_takes_two_bytes_beside_its_text() {
        let path = NodePath::root("book").child("chapter").item(3);
        let (_, kinds) = answer(&path, 0, &[6; 180]);
        let events: Vec<Event> = (1000..)
            .zip(kinds)
            .map(|(seq, kind)| Event {
                seq,
                at_us: seq * 40,
                path: path.clone(),
                kind,
            })
            .collect();
        let bytes = encode(&events, |_, _| true).len();
        assert!(bytes < 400, "{bytes}");
    }
}
