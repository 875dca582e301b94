use catena_core::{Context, agent};

fn main() {
    // A closure gets a `Context` of its own.
    agent(|_: (), cx: &Context| async move { cx.random().await });
}
