//! One call, from its number to its entry in the journal.

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use crate::{
    CallKind, Effect, Entry, Error, EventKind, Fingerprint, Result, Usage, budget::Reservation,
};

/// What is called, for the events.
pub(super) struct Target<'a> {
    pub(super) kind: CallKind,
    pub(super) name: &'a str,
    pub(super) prompt_tokens: u64,
    pub(super) max_tokens: u32,
}

/// How a call begins.
pub(super) enum Begun<'a> {
    /// It was made before, and gave this.
    Replayed(Effect),
    /// It is to be made.
    Live(Call<'a>),
}

/// A call that is to be made, or is being made. Dropped before its end (its node was cancelled),
/// it has failed.
pub(super) struct Call<'a> {
    cx: &'a Context,
    index: u32,
    request: Fingerprint,
    /// `None` for calls that cost nothing.
    reservation: Option<Reservation>,
    started: Instant,
    told: bool,
    open: bool,
}

impl Context {
    /// Begins a call: gives it its number and looks for it in the journal. With a target, it is
    /// told.
    pub(super) async fn begin(
        &self,
        request: Fingerprint,
        target: Option<Target<'_>>,
    ) -> Result<Begun<'_>> {
        // Before the first wait: of calls made at once, the numbers follow the order of their making.
        let index = self.next_calls(1);
        self.begin_as(index, request, target).await
    }

    /// Begins a call that has its number.
    pub(super) async fn begin_as(
        &self,
        index: u32,
        request: Fingerprint,
        target: Option<Target<'_>>,
    ) -> Result<Begun<'_>> {
        // The node goes on behind whatever failed in it before.
        self.keep_failures().await?;
        let Some(entry) = self.recorded(index, &request)? else {
            // Told and paid is only what is really made.
            if self.node.cancel.is_cancelled() {
                return Err(Error::cancelled().at(self.path()));
            }
            return Ok(Begun::Live(Call {
                cx: self,
                index,
                request,
                reservation: None,
                started: Instant::now(),
                told: false,
                open: false,
            }));
        };
        if let Some(target) = target {
            self.emit(started(index, &target));
            match &entry.effect {
                Effect::Failed(error) => self.emit(EventKind::CallFailed {
                    call: index,
                    error: error.clone(),
                    usage: entry.usage,
                    replayed: true,
                }),
                effect => {
                    if let Effect::Chat(answer) = effect {
                        self.emit(EventKind::Text {
                            call: index,
                            text: answer.text.clone(),
                        });
                    }
                    self.emit(EventKind::CallFinished {
                        call: index,
                        usage: entry.usage,
                        elapsed: entry.elapsed,
                        replayed: true,
                    });
                }
            }
        }
        match entry.effect.clone() {
            // It was given up, by its agent or because of a sibling: nobody saw it end, and if
            // somebody did now, the resumed run would go another way.
            Effect::Failed(error) if error.is_cancelled() => {
                self.guarded(std::future::pending()).await
            }
            Effect::Failed(error) => Err(error),
            effect => Ok(Begun::Replayed(effect)),
        }
    }

    /// The entry of call `index` from an earlier attempt, if it asked the same.
    fn recorded(&self, index: u32, request: &Fingerprint) -> Result<Option<&Entry>> {
        // No allocation for the key of a run that is not resumed, which is nearly every run.
        if self.run.replay.is_empty() {
            return Ok(None);
        }
        let entry = self.run.replay.get(&(self.path().clone(), index));
        match entry.and_then(|entry| entry.request.difference(request)) {
            Some(difference) => Err(self.diverged(index, &difference)),
            None => Ok(entry),
        }
    }

    pub(super) fn diverged(&self, call: u32, difference: &str) -> Error {
        Error::divergence(format!(
            "call {call} is not the one that was recorded: {difference}"
        ))
        .with_help(
            "the program, a prompt or a model has changed since the run began: resume it with \
             those that it began with, fork it before this call, or start a new run",
        )
        .at(self.path())
    }
}

impl Call<'_> {
    /// Tells that the call is made now, on a reservation if it costs something.
    pub(super) fn start(&mut self, target: &Target<'_>, reservation: Option<Reservation>) {
        self.reservation = reservation;
        self.started = Instant::now();
        self.told = true;
        self.open = true;
        self.cx.emit(started(self.index, target));
    }

    /// Notes what has been used so far: what is charged if the call ends here.
    pub(super) fn used(&mut self, usage: Usage) {
        if let Some(reservation) = &mut self.reservation {
            reservation.used(usage);
        }
    }

    /// Tells that an attempt failed with `error` and that another is made after `wait`, if the
    /// budget has `more` for it; or fails with `error`.
    pub(super) fn again(&mut self, error: Error, wait: Duration, more: Usage) -> Result<()> {
        let extended = match &mut self.reservation {
            Some(reservation) => reservation.extend(more, wait),
            None => Ok(()),
        };
        if extended.is_err() {
            let help = error.help().map(|help| format!("{help}; "));
            let help = help.unwrap_or_default();
            return Err(error.with_help(format!("{help}the budget allows no further attempt")));
        }
        self.cx.emit(EventKind::CallRetried {
            call: self.index,
            error,
            wait,
        });
        Ok(())
    }

    /// Passes on a piece of the answer.
    pub(super) fn piece(&mut self, text: &str) {
        self.cx.emit(EventKind::Text {
            call: self.index,
            text: text.to_owned(),
        });
    }

    /// Ends the call: what it used is settled, what it gave is written down, and only then told.
    pub(super) async fn finish(mut self, effect: Effect, usage: Usage) -> Result<()> {
        let elapsed = self.started.elapsed();
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(usage);
        }
        self.open = false;
        let (cx, told, index) = (self.cx, self.told, self.index);
        let request = self.request.clone();
        drop(self);
        cx.keep(Entry {
            path: cx.path().clone(),
            call: index,
            request,
            effect,
            usage,
            elapsed,
        })
        .await?;
        if told {
            cx.emit(EventKind::CallFinished {
                call: index,
                usage,
                elapsed,
                replayed: false,
            });
        }
        Ok(())
    }

    /// Ends the call with a failure, which is kept until it is known what comes of it.
    pub(super) fn fail(mut self, error: Error) -> Error {
        let error = error.at(self.cx.path()).in_call(self.index);
        self.failed(error.clone());
        error
    }

    fn failed(&mut self, error: Error) {
        self.open = false;
        let usage = match self.reservation.take() {
            Some(reservation) => reservation.give_up(),
            None => Usage::default(),
        };
        let stops = error.ends_the_run() && !error.is_cancelled();
        if self.cx.run.journal.is_some() && !stops {
            self.cx.run.failures.push(Entry {
                path: self.cx.path().clone(),
                call: self.index,
                request: self.request.clone(),
                effect: Effect::Failed(error.clone()),
                usage,
                elapsed: self.started.elapsed(),
            });
        }
        self.cx.emit(EventKind::CallFailed {
            call: self.index,
            error,
            usage,
            replayed: false,
        });
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.open {
            self.failed(Error::cancelled().at(self.cx.path()).in_call(self.index));
        }
    }
}

fn started(index: u32, target: &Target<'_>) -> EventKind {
    EventKind::CallStarted {
        call: index,
        kind: target.kind,
        name: target.name.to_owned(),
        prompt_tokens: target.prompt_tokens,
        max_tokens: target.max_tokens,
    }
}
