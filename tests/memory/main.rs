//! The rules of Self-Controlled Memory, from outside.

#![allow(missing_docs)]

mod bounds;
mod controller;
mod crowd;
mod documents;
mod facts;
mod prompts;
mod resuming;
mod support;
