//! The rules of the runtime, from outside: DESIGN.md's fourteen, a file or two each.
//!
//! | rule | where |
//! | --- | --- |
//! | 1 what waits is bounded | `bounds` |
//! | 2 wrong wiring | the compile-fail tests of `core`, and its unit tests of `build` |
//! | 3 a fan-in fires once, in order | `joins` |
//! | 4 streaming changes nothing | `streaming` |
//! | 5 step limits | `cycles` |
//! | 6 failures | `failures`, `panics`, `policies`, `giving_up` |
//! | 7 stopping | `stopping` |
//! | 8 resuming | `replaying`, `effects`; after `kill -9`, the test program `crash` |
//! | 9 changed programs, forks | `forks`; the test program `regressions` has every kind of change |
//! | 10 budgets | `budgets` |
//! | 11 interrupts | `interrupts` |
//! | 12 prompts that do not fit | `prompts` |
//! | 13 events | `events` |
//! | 14 pictures | `pictures` |
//!
//! `spans` are for traces.

#![allow(missing_docs)]

mod bounds;
mod budgets;
mod cycles;
mod effects;
mod events;
mod failures;
mod forks;
mod giving_up;
mod interrupts;
mod joins;
mod panics;
mod pictures;
mod policies;
mod prompts;
mod replaying;
mod spans;
mod stopping;
mod streaming;
mod support;
