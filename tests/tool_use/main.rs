//! The rules of tools and of the agent that uses them, from outside.

#![allow(missing_docs)]

mod approval;
mod calls;
mod failures;
mod hostile;
mod json;
mod limits;
mod prompts;
mod recall;
mod resuming;
mod run_code;
mod support;
