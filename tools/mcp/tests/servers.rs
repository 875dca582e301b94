//! A server that no one here wrote: the reference server of the protocol, over stdio and over HTTP.
//!
//! `make test` runs these; by hand, with the packages that `scripts/npm.sh` installs:
//! `CATENA_MCP_SERVERS=$(scripts/npm.sh mcp tools/mcp/tests/servers/package.json) cargo test -p
//! catena-mcp --test servers`.

#[path = "servers/agent.rs"]
mod agent;
#[path = "servers/calls.rs"]
mod calls;
#[path = "servers/ends.rs"]
mod ends;
#[path = "servers/everything.rs"]
mod everything;
