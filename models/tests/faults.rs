//! Faults that a network and a server can have, injected on the loopback: each ends in an error of
//! the right kind, in time.

#[path = "faults/charges.rs"]
mod charges;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/size.rs"]
mod size;
#[path = "faults/status.rs"]
mod status;
#[path = "faults/stream.rs"]
mod stream;
#[path = "faults/time.rs"]
mod time;
#[path = "faults/tls.rs"]
mod tls;
