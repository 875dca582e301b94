//! What the runtime costs, beside LangGraph in the same run: `make bench`.
//!
//! Each figure is taken in rounds, one of ours and then one of LangGraph's, so that whatever else
//! the machine does meets both. `CATENA_BENCH_PEER` names the Python that has LangGraph; without
//! it, the figures are printed alone.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

mod fan_out;
mod hop;
mod idle;
mod memory;
mod orchestration;
mod peer;
mod rounds;
mod store;
mod table;

use peer::Peer;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Memory is measured in a process that has done nothing before.
    if let [_, what, kind, ..] = &*std::env::args().collect::<Vec<_>>()
        && what == memory::CHILD
    {
        return memory::child(kind).await;
    }
    let mut peer = Peer::start();
    println!("{}", table::machine());
    match &peer {
        Some(peer) => println!("beside {}\n", peer.version()),
        None => println!("LangGraph is not measured\n"),
    }
    table::head();
    hop::in_memory(peer.as_mut()).await.print();
    hop::journaled(peer.as_mut()).await.print();
    fan_out::fan_out(peer.as_mut()).await.print();
    store::store(peer.as_mut()).await.print();
    drop(peer);
    if cfg!(target_os = "linux") {
        memory::constant(memory::PLAIN).print();
        memory::constant(memory::JOURNALED).print();
        idle::waiting().await.print();
    } else {
        println!("memory and idling are measured on Linux alone");
    }
    println!();
    orchestration::orchestration().await;
    println!("\n{}", table::machine());
}
