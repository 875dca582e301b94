//! The model catalogue from outside: a hub and a pip that are played on this machine.

#![cfg(unix)]

#[path = "catalog/support.rs"]
mod support;

#[path = "catalog/hub.rs"]
mod hub;
#[path = "catalog/pip.rs"]
mod pip;
#[path = "catalog/store.rs"]
mod store;
