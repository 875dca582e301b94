//! Attempts to escape from the sandbox, and what has to work in it.
//!
//! An attempt is a program, mostly in Python, that says `DONE` or `REFUSED` and the error. Where it
//! does no harm the same program also runs outside, where it has to succeed: what is refused within
//! would otherwise have worked. After each run nothing of it may be left.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod kernel;
mod layers;
mod network;
mod processes;
mod reading;
mod resources;
mod support;
mod works;
mod writing;
