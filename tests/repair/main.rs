//! The rules of self-critique repair, from outside.

#![allow(missing_docs)]

mod cargo;
mod docs;
mod hostile;
mod languages;
mod methods;
mod prompts;
mod resuming;
mod rounds;
mod support;
