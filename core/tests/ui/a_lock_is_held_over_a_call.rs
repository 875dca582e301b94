use std::{sync::Mutex, time::Duration};

use catena_core::{Context, Result, agent};

static TURNS: Mutex<u32> = Mutex::new(0);

async fn wait(text: String, cx: Context) -> Result<String> {
    let mut turns = TURNS.lock().unwrap();
    // The guard lives on: a block around its two lines would end it before the call.
    *turns += 1;
    cx.sleep(Duration::from_secs(1)).await?;
    Ok(text)
}

fn main() {
    agent(wait);
}
