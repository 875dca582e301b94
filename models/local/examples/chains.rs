//! What many chains at a time cost: 32 texts, each asked the same question by a chain of workers and
//! a manager, 1, 8 and 32 at a time.
//!
//! ```text
//! cargo run --release -p catena-local --features cuda --example chains -- TEXT MODEL.gguf [CHARACTERS [AT,… [plain]]]
//! CATENA_BASE_URL=http://localhost:8080/v1 cargo run … --example chains -- TEXT openai:NAME
//! ```
//!
//! The texts are slices of TEXT, of so many CHARACTERS each (default: 7,000). AT: how many at a time,
//! one number after the other (default: 1,8,32). `plain`: without paged attention. A chain's time is split
//! where its calls' first pieces of text arrive: *reading* before, *writing* behind, and the rest outside of
//! calls. The time that a call waits for its turn counts as reading.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_agents::{ChainInput, ChainOfAgents};
use catena_core::{ChatModel, Error, EventKind, Result, Run, RunOptions, Usage};
use catena_local::{Device, LocalModel, LocalOptions};
use catena_models::OpenAiCompatible;
use catena_tools::Document;
use futures::{StreamExt, stream};

const CHAINS: usize = 32;
const QUESTION: &str = "Who speaks first in this text, and to whom?";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::invalid("usage: chains TEXT MODEL [CHARACTERS [AT,… [plain]]]");
    let (text, name, more) = match arguments.as_slice() {
        [text, name, more @ ..] => (text, name, more),
        _ => return Err(usage()),
    };
    let characters = match more.first() {
        Some(number) => number.parse().map_err(|_| usage())?,
        None => NonZeroUsize::new(7_000).ok_or_else(usage)?,
    };
    let widths: Vec<usize> = match more.get(1) {
        Some(widths) => widths
            .split(',')
            .map(|width| {
                width
                    .parse()
                    .ok()
                    .filter(|width| *width > 0)
                    .ok_or_else(usage)
            })
            .collect::<Result<_>>()?,
        None => vec![1, 8, CHAINS],
    };
    let plain = match more.get(2).map(String::as_str) {
        None => false,
        Some("plain") => true,
        Some(_) => return Err(usage()),
    };
    let model: Arc<dyn ChatModel> = match name.strip_prefix("openai:") {
        Some(name) => Arc::new(OpenAiCompatible::from_env(name)?.build()?),
        None => {
            let options = LocalOptions::new().device(Device::best());
            Arc::new(LocalModel::load(name, options.paged_attention(!plain)).await?)
        }
    };
    let text = std::fs::read_to_string(text)
        .map_err(|error| Error::invalid(format!("{text}: {error}")))?;
    let letters: Vec<char> = text.chars().collect();
    let slices: Vec<String> = letters
        .chunks_exact(characters.get())
        .map(|slice| slice.iter().collect())
        .collect();
    // What is set up once is not measured; nor is any slice read before its turn.
    let (warm, slices) = slices
        .split_first()
        .filter(|(_, slices)| !slices.is_empty())
        .ok_or_else(|| Error::invalid("the text is too short"))?;
    chain(&model, warm.clone()).await?;
    println!("at a time | 32 chains in | read, written a second | a chain: reading, writing, rest");
    for (round, at_a_time) in widths.into_iter().enumerate() {
        // Other slices each time: what a cache holds of the last ones would be had for nothing.
        let mine = slices.iter().cycle().skip(round * CHAINS).take(CHAINS);
        let begun = Instant::now();
        let done: Vec<Result<Split>> = stream::iter(mine.cloned())
            .map(|slice| chain(&model, slice))
            .buffer_unordered(at_a_time)
            .collect()
            .await;
        let wall = begun.elapsed();
        let mut all = Split::default();
        for split in done {
            all.add(&split?);
        }
        let rate = |tokens: u64| tokens as f64 / wall.as_secs_f64();
        let each = |time: Duration| time.as_secs_f64() / CHAINS as f64;
        println!(
            "{at_a_time} | {:.1} s | {:.0}, {:.0} ({} calls, {} and {} tokens, {} of them cached) | \
             {:.2}, {:.2}, {:.3} s",
            wall.as_secs_f64(),
            rate(all.usage.input_tokens),
            rate(all.usage.output_tokens),
            all.usage.calls,
            all.usage.input_tokens,
            all.usage.output_tokens,
            all.usage.cached_tokens,
            each(all.reading),
            each(all.writing),
            each(all.whole.saturating_sub(all.reading + all.writing)),
        );
    }
    Ok(())
}

/// Where a chain's time went.
#[derive(Default)]
struct Split {
    whole: Duration,
    reading: Duration,
    writing: Duration,
    usage: Usage,
}

impl Split {
    fn add(&mut self, other: &Self) {
        self.whole += other.whole;
        self.reading += other.reading;
        self.writing += other.writing;
        self.usage += other.usage;
    }
}

async fn chain(model: &Arc<dyn ChatModel>, text: String) -> Result<Split> {
    let graph = ChainOfAgents::new(Arc::clone(model)).window(2048).build()?;
    let input = ChainInput::question(vec![Document::new("text", text)], QUESTION);
    let begun = Instant::now();
    let mut run = Run::start(graph, input, RunOptions::new("chain"));
    let mut split = Split::default();
    let mut open: HashMap<(String, u32), (u64, u64)> = HashMap::new();
    while let Some(event) = run.next().await {
        let key = |call: u32| (event.path.to_string(), call);
        match event.kind {
            EventKind::CallStarted { call, .. } => {
                open.insert(key(call), (event.at_us, event.at_us));
            }
            EventKind::Text { call, .. } => {
                if let Some((begun, first)) = open.get_mut(&key(call))
                    && begun == first
                {
                    *first = event.at_us;
                }
            }
            EventKind::CallFinished { call, .. } => {
                if let Some((begun, first)) = open.remove(&key(call)) {
                    split.reading += Duration::from_micros(first - begun);
                    split.writing += Duration::from_micros(event.at_us - first);
                }
            }
            _ => {}
        }
    }
    let outcome = run.outcome().await?;
    split.usage = outcome.usage;
    split.whole = begun.elapsed();
    Ok(split)
}
