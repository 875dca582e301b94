//! The rules of the memory, checked from outside: one file a rule.

#![allow(missing_docs)]

mod consolidating;
mod crowd;
mod facts;
mod fakes;
mod forgetting;
mod merging;
mod moving;
mod namespaces;
mod opening;
mod purging;
mod queries;
mod removing;
mod repair;
mod support;
mod traces;
mod transfers;
mod waiting;
