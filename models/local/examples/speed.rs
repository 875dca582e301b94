//! How fast a local model reads and writes on this machine, and which worker window suits it.
//!
//! ```text
//! cargo run --release -p catena-local --example speed -- MODEL.gguf [as-is|auto|dense]
//! ```
//!
//! It reads prompts of several lengths and writes an answer after a short one, then works out for
//! several windows how long a chain of workers takes to read a text of 12,000 tokens. On a machine
//! that does other work too, compare the processor time.

use std::time::{Duration, Instant};

use catena_core::{ChatMessage, ChatRequest, Error, Result};
use catena_local::{LocalModel, LocalOptions, Weights};
use catena_models::measure;

/// Prompt lengths to measure, in tokens.
const LENGTHS: [u64; 5] = [256, 512, 1024, 1536, 2048];
/// Tokens to write after each.
const WRITTEN: u32 = 16;
/// The tokens of an answer in the chain.
const ANSWER: u32 = 100;
/// A chain's text, and the instructions of each call, in tokens.
const TEXT: f64 = 12_000.0;
const INSTRUCTIONS: f64 = 150.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or_else(|| Error::invalid("usage: speed MODEL.gguf [as-is|auto|dense]"))?;
    let weights = match arguments.next().as_deref() {
        None | Some("auto") => Weights::Auto,
        Some("as-is") => Weights::AsIs,
        Some("dense") => Weights::Dense,
        Some(other) => return Err(Error::invalid(format!("unknown weights '{other}'"))),
    };
    let begun = Instant::now();
    // Every prompt is read in full: no prefix cache.
    let options = LocalOptions::new().weights(weights).prefix_cache(0);
    let model = LocalModel::load(path, options).await?;
    println!(
        "loaded in {:.1} s, weights {weights:?}",
        begun.elapsed().as_secs_f64()
    );

    let mut reading = Vec::new();
    for length in LENGTHS {
        let run = time(&model, length).await?;
        let seconds = run.first.as_secs_f64();
        println!(
            "reads {} tokens in {seconds:.1} s ({:.1} s of processor time): {:.0} tokens/s, \
             then writes {:.1} tokens/s ({:.3} s of processor time a token)",
            run.prompt,
            run.first_busy,
            run.prompt as f64 / seconds,
            run.rate,
            run.token_busy,
        );
        reading.push((run.prompt as f64, seconds, run.rate));
    }

    println!("\nwindow  text a call  calls  reading  writing  total");
    for (prompt, seconds, decode) in reading {
        // The answer before is part of the prompt, and this answer needs room in the window.
        let unit = f64::from(ANSWER);
        let chunk = prompt - INSTRUCTIONS - unit;
        if chunk <= 0.0 {
            continue;
        }
        let calls = (TEXT / chunk).ceil();
        let (read, write) = (calls * seconds, calls * unit / decode);
        let window = prompt + unit;
        let total = read + write;
        println!(
            "{window:6.0}  {chunk:11.0}  {calls:5.0}  {read:5.0} s  {write:5.0} s  {total:3.0} s"
        );
    }
    Ok(())
}

struct Run {
    /// Tokens read.
    prompt: u64,
    /// Until the first token.
    first: Duration,
    /// Processor seconds until the first token, and of each token after it.
    first_busy: f64,
    token_busy: f64,
    /// Tokens a second, from the first to the last.
    rate: f64,
}

/// Reads a prompt of about `length` tokens and writes some.
async fn time(model: &LocalModel, length: u64) -> Result<Run> {
    let story = measure::story(model, length, length);
    let request = ChatRequest::new([ChatMessage::user(story)]).max_tokens(WRITTEN);
    let clock = || (Instant::now(), processor_seconds());
    let timed = measure::timed(model, request, clock).await?;
    let ((begun, busy), (first, first_busy), (end, end_busy)) =
        (timed.begun, timed.first, timed.end);
    let rest = timed.usage.output_tokens.saturating_sub(1) as f64;
    Ok(Run {
        prompt: timed.usage.input_tokens,
        first: first - begun,
        first_busy: first_busy - busy,
        token_busy: (end_busy - first_busy) / rest.max(1.0),
        rate: rest / (end - first).as_secs_f64().max(1e-9),
    })
}

/// What all threads of this process used so far; 0 where the system does not tell.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the program's name in brackets: user and system time, in hundredths of a second.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
