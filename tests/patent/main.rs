//! The rules of AutoPatent, from outside.

#![allow(missing_docs)]

mod agreeing;
mod approval;
mod budgets;
mod examining;
mod flows;
mod orders;
mod prompts;
mod redoing;
mod resuming;
mod support;
mod whole;
