//! What a run tells while it goes on.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{NodePath, RunId, Usage};

/// Something that happened in a run.
///
/// Events of one run are numbered from 0 without gaps; a consumer that is too slow for the
/// channel's 4,096 places sees a gap, and the run goes on without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the run.
    pub seq: u64,
    /// The node in which it happened.
    pub path: NodePath,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened: enough to draw progress, a trace and a bill from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run began.
    RunStarted {
        /// Its id.
        run: RunId,
    },
    /// A node began.
    NodeStarted {
        /// For a `map` or a `fold`: how many items it goes through.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<usize>,
    },
    /// A node is done.
    NodeFinished,
    /// A model is about to be asked.
    CallStarted {
        /// The call's index in its node, from 0.
        call: u32,
        /// The model's name.
        model: String,
        /// The prompt's tokens.
        prompt_tokens: u64,
        /// The most tokens of the answer.
        max_tokens: u32,
    },
    /// A piece of the answer came.
    Text {
        /// The call's index in its node.
        call: u32,
        /// The text to append.
        text: String,
    },
    /// A call is done.
    CallFinished {
        /// The call's index in its node.
        call: u32,
        /// What it used.
        usage: Usage,
        /// How long it took; of a replayed call, how long it took when it was made.
        elapsed: Duration,
        /// Whether the answer came from the journal.
        replayed: bool,
    },
    /// What an agent has to tell: see [`Context::note`](crate::Context::note).
    Note {
        /// What it is about.
        name: String,
        /// Its data.
        data: serde_json::Value,
    },
    /// The run is done.
    RunFinished {
        /// What it used.
        usage: Usage,
    },
    /// The run failed.
    RunFailed {
        /// The error's message.
        error: String,
        /// What it had used.
        usage: Usage,
    },
}

pub(crate) const CHANNEL: usize = 4096;

/// Numbers events and hands them to the run's consumer, if there is one that keeps up.
#[derive(Debug)]
pub(crate) struct EventSink {
    // One lock for number and place, so that events arrive in the order of their numbers.
    next: Mutex<u64>,
    sender: mpsc::Sender<Event>,
}

impl EventSink {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let sink = Self {
            next: Mutex::new(0),
            sender,
        };
        (sink, receiver)
    }

    pub(crate) fn emit(&self, path: &NodePath, kind: EventKind) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event {
            seq: *next,
            path: path.clone(),
            kind,
        };
        *next += 1;
        // Full or closed: the consumer's loss, never the run's.
        let _ = self.sender.try_send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_consumer_sees_a_gap_and_blocks_nobody() {
        let (sink, mut receiver) = EventSink::channel();
        let path = NodePath::root("run");
        for _ in 0..CHANNEL + 3 {
            sink.emit(&path, EventKind::NodeFinished);
        }
        for seq in 0..CHANNEL as u64 {
            assert_eq!(receiver.try_recv().unwrap().seq, seq);
        }
        sink.emit(&path, EventKind::NodeFinished);
        assert_eq!(receiver.try_recv().unwrap().seq, CHANNEL as u64 + 3);
    }

    #[test]
    fn events_are_flat_json() {
        let event = Event {
            seq: 4,
            path: NodePath::root("ask").child("chain").item(2),
            kind: EventKind::NodeStarted { items: None },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":4,"path":"ask/chain[2]","event":"node_started"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
