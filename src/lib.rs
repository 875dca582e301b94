#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! - at the root: the nouns and the runtime ([`Agent`], [`Graph`], [`Run`], [`Budget`], …);
//! - [`models`]: everything that answers a [`ChatRequest`];
//! - [`agents`]: the finished systems, with the feature `docx` patents as DOCX too;
//! - [`memory`]: what conversations are remembered in;
//! - [`tools`]: what agents work with;
//! - `mcp`, with the feature of that name: tools of MCP servers;
//! - `local`, with the feature of that name: models in process.

#![forbid(unsafe_code)]

pub use catena_agents as agents;
pub use catena_core::*;
#[cfg(feature = "local")]
pub use catena_local as local;
#[cfg(feature = "mcp")]
pub use catena_mcp as mcp;
pub use catena_memory as memory;
pub use catena_models as models;
pub use catena_tools as tools;
