//! Tools of [MCP](https://modelcontextprotocol.io) servers as tools of Catena: over stdio, as a process
//! that is started here, and over streamable HTTP.
//!
//! A server is a stranger. Its tools are called like any others, through a
//! [`Toolbox`](catena_tools::Toolbox): allow-list and approval are the program's, and what the server says
//! of its tools (that they only read, for instance) is not believed. What it says and gives is text for a
//! model, of a bounded size.
//!
//! Neither resources nor prompts of a server are used, nor does it get to ask the model or the person
//! anything. That its list of tools has changed is not noticed: ask for [the tools](McpClient::tools)
//! again.

#![forbid(unsafe_code)]

mod client;
mod content;
mod failure;
mod http;
mod name;
mod stdio;
mod tool;

pub use client::McpClient;
pub use http::HttpServer;
pub use stdio::StdioServer;
