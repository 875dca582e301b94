//! What a run tells while it goes on.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::Instant};

use crate::{Budget, Error, Interrupt, NodePath, RunId, Usage};

/// Something that happened in a run.
///
/// Events of one run are numbered from 0 without gaps; a consumer that is too slow for the
/// channel's 4,096 places sees a gap, and the run goes on without it. A [journal](crate::Journal)
/// keeps all of them, and gives them back exactly as they were told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the run.
    pub seq: u64,
    /// Microseconds since the run began, or since it was resumed.
    pub at_us: u64,
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
    /// The run began, or was resumed.
    RunStarted {
        /// Its id.
        run: RunId,
        /// Whether it goes on from a journal.
        resumed: bool,
    },
    /// A node began.
    NodeStarted {
        /// For a `map` or a `fold`: how many items it goes through.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<usize>,
    },
    /// A node is done.
    NodeFinished,
    /// A node failed. What was cancelled because of it tells nothing more.
    NodeFailed {
        /// Why.
        error: Error,
    },
    /// A node that failed goes on all the same, by its [failure policy](crate::on_failure). A resumed
    /// run does not make the attempt again: this is then all that is told of it.
    Recovered {
        /// How.
        by: Recovery,
        /// Why it had failed.
        error: Error,
    },
    /// Something outside is about to be called.
    CallStarted {
        /// The call's index in its node, from 0.
        call: u32,
        /// What kind of call it is.
        kind: CallKind,
        /// The name of the model or the tool.
        name: String,
        /// The prompt's tokens; 0 for a tool.
        prompt_tokens: u64,
        /// The most tokens of the answer; 0 for a tool or an embedder.
        max_tokens: u32,
    },
    /// An attempt at a call failed, and another follows: a layer of the model's makes it.
    CallRetried {
        /// The call's index in its node.
        call: u32,
        /// Why the attempt failed.
        error: Error,
        /// How long the model waits before the next one.
        wait: Duration,
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
    /// A call failed, or was cut off.
    CallFailed {
        /// The call's index in its node.
        call: u32,
        /// Why.
        error: Error,
        /// What is booked for it.
        usage: Usage,
        /// Whether the failure came from the journal.
        replayed: bool,
    },
    /// A node asks a person; the run ends without a result unless the answer is there already.
    Interrupted {
        /// The question.
        interrupt: Interrupt,
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
        /// What its budget has left.
        unspent: Budget,
    },
    /// The run failed, was cancelled, or waits for a person.
    RunFailed {
        /// Why.
        error: Error,
        /// What it had used.
        usage: Usage,
        /// What its budget had left.
        unspent: Budget,
    },
}

/// What kind of thing is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallKind {
    /// A chat model.
    Chat,
    /// A scorer.
    Score,
    /// An embedder.
    Embed,
    /// A tool: see [`Context::tool`](crate::Context::tool).
    Tool,
}

/// How a node goes on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recovery {
    /// The agent is run again, after a wait.
    Retry {
        /// The attempt that follows; the first was 1.
        attempt: u32,
        /// The wait.
        delay: Duration,
    },
    /// Another agent is run.
    Fallback,
    /// A substitute takes the output's place: a gap.
    Skip,
}

/// The most events that wait for a consumer.
pub(crate) const CHANNEL: usize = 4096;

/// Numbers events and hands them to the run's consumer, if there is one that keeps up, and to the
/// journal, if there is one.
#[derive(Debug)]
pub(crate) struct EventSink {
    // One lock for number and place, so that events arrive in the order of their numbers.
    state: Mutex<State>,
    started: Instant,
    kept: bool,
}

#[derive(Debug)]
struct State {
    next: u64,
    /// Gone when the run has ended: what is told by whoever kept a context is told nobody.
    sender: Option<mpsc::Sender<Event>>,
    /// What the journal has not been told yet.
    untold: Vec<Event>,
    /// Pieces of answers that are still coming. They are told with the entry of their call, which
    /// has their text.
    pieces: HashMap<CallKey, Vec<Event>>,
}

/// A call of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey(NodePath, u32);

impl CallKey {
    pub(crate) fn new(path: &NodePath, call: u32) -> Self {
        Self(path.clone(), call)
    }
}

impl EventSink {
    /// `kept`: whether events are also kept for [`untold`](Self::untold).
    pub(crate) fn channel(kept: bool) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let sink = Self {
            state: Mutex::new(State {
                next: 0,
                sender: Some(sender),
                untold: Vec::new(),
                pieces: HashMap::new(),
            }),
            started: Instant::now(),
            kept,
        };
        (sink, receiver)
    }

    pub(crate) fn emit(&self, path: &NodePath, kind: EventKind) {
        let mut state = self.state();
        let Some(sender) = &state.sender else {
            return;
        };
        let heard = !sender.is_closed();
        let seq = state.next;
        state.next += 1;
        if !heard && !self.kept {
            return;
        }
        let event = Event {
            seq,
            at_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            path: path.clone(),
            kind,
        };
        if !heard {
            return state.keep(event);
        }
        if self.kept {
            state.keep(event.clone());
        }
        // Full or closed: the consumer's loss, never the run's.
        if let Some(sender) = &state.sender {
            let _ = sender.try_send(event);
        }
    }

    /// Takes the events that the journal has not been told, once there are `at_least` of them:
    /// without the pieces of answers that are still coming, but for those of `closing`.
    pub(crate) fn untold(&self, at_least: usize, closing: Option<&CallKey>) -> Vec<Event> {
        let mut state = self.state();
        if let Some(key) = closing {
            state.close(key);
        }
        if state.untold.len() < at_least.max(1) {
            return Vec::new();
        }
        std::mem::take(&mut state.untold)
    }

    /// Takes all of them: the run is at its end, and nothing is told any more.
    pub(crate) fn last(&self) -> Vec<Event> {
        let mut state = self.state();
        state.sender = None;
        let pieces = std::mem::take(&mut state.pieces);
        state.untold.extend(pieces.into_values().flatten());
        std::mem::take(&mut state.untold)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, event: Event) {
        match &event.kind {
            EventKind::Text { call, .. } => {
                let key = CallKey::new(&event.path, *call);
                self.pieces.entry(key).or_default().push(event);
            }
            EventKind::CallFinished { call, .. } | EventKind::CallFailed { call, .. } => {
                self.close(&CallKey::new(&event.path, *call));
                self.untold.push(event);
            }
            _ => self.untold.push(event),
        }
    }

    fn close(&mut self, key: &CallKey) {
        if let Some(pieces) = self.pieces.remove(key) {
            self.untold.extend(pieces);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_consumer_sees_a_gap_and_blocks_nobody() {
        let (sink, mut receiver) = EventSink::channel(false);
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
            at_us: 17,
            path: NodePath::root("ask").child("chain").item(2),
            kind: EventKind::NodeStarted { items: None },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":4,"at_us":17,"path":"ask/chain[2]","event":"node_started"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
