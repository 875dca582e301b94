//! Defects that shipped in other engines, a named test or more for each.
//!
//! | defect | where |
//! | --- | --- |
//! | a checkpoint written before the frontier advances | `checkpoints` |
//! | streaming that executes every node twice | `frontier` |
//! | a fan-in that runs once per branch, or never after a resume | `frontier` |
//! | results merged in completion order | `frontier` |
//! | an unknown route that reports success | `frontier` |
//! | an interrupt that cannot be passed, or whose payload is lost | `interrupts` |
//! | a resume that repeats finished side effects | `checkpoints` |
//! | a turn limit off by one, a structured-output retry that never stops | `limits` |
//! | state that grows with the square of the conversation | `growth` |
//! | a changed graph, prompt or model that resumes an old run wrongly | `changed_graph`, `changed_request` |
//! | a second process that opens the same store and crashes | `second_process` |

#![allow(missing_docs)]

mod changed_graph;
mod changed_request;
mod checkpoints;
mod frontier;
mod growth;
mod interrupts;
mod limits;
mod second_process;
#[path = "../rules/support.rs"]
mod support;
