//! `catena models bench`: how fast a model reads and writes here, and how many at a time.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    time::{Duration, Instant},
};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Error, Result};
use catena_local::Device;
use catena_models::measure;
use futures::future::try_join_all;
use serde::Serialize;

use crate::{
    args::With,
    config::{Config, Kept},
    failure::Failure,
    measured::Place,
    model::{self, Mostly},
    terminal::{harmless, print},
};

/// Lengths of the prompts that are read, in tokens.
const LENGTHS: [u64; 4] = [256, 512, 1024, 2048];
/// No longer prompt is read after one that took this long: a slow machine has other things to do.
const ENOUGH: f64 = 15.0;
/// Tokens written before anything is measured.
const WARM_UP: u32 = 8;
/// Tokens written to measure writing.
const WRITTEN: u32 = 48;
/// How many requests are made at a time, until more gain nothing; and what each reads and writes.
const WIDTHS: [usize; 6] = [1, 2, 4, 8, 16, 32];
const WIDTH_READ: u64 = 96;
const WIDTH_WRITTEN: u32 = 24;
/// Less than this is no gain: two runs of the same work differ by as much on a busy machine.
const GAIN: f64 = 1.15;

/// What was measured; times in seconds, rates in tokens a second.
#[derive(Debug, Serialize)]
struct Figures {
    model: String,
    /// How those of a local model are kept on a CPU; nothing of a server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Kept>,
    /// Until the model could be asked, with a download or a conversion if one was due.
    load_seconds: f64,
    reading: Vec<Reading>,
    writing: Writing,
    parallel: Parallel,
    /// Where the figures are kept for later commands; nothing if they could not be.
    kept: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Reading {
    tokens: u64,
    seconds: f64,
    rate: f64,
}

#[derive(Debug, Serialize)]
struct Writing {
    tokens: u64,
    rate: f64,
}

#[derive(Debug, Serialize)]
struct Parallel {
    /// The most requests at a time that were still worth while.
    useful: usize,
    measured: Vec<Width>,
}

#[derive(Debug, Serialize)]
struct Width {
    requests: usize,
    /// Of all of them together, read and written.
    rate: f64,
}

pub(super) async fn bench(with: &With, config: &Config, json: bool) -> Result<(), Failure> {
    let quiet = json && !io::stderr().is_terminal();
    let begun = Instant::now();
    // Without the limits and retries of a user: what is waited for there is no speed.
    let loaded = model::load_bare(with, Mostly::Reads, config, quiet).await?;
    let (model, place) = (loaded.chat, loaded.place);
    let load_seconds = begun.elapsed().as_secs_f64();

    let spinner = model::spinner(quiet);
    let lines = !quiet && !io::stderr().is_terminal();
    let say = |what: String| match lines {
        true => sayln!("{what}"),
        false => spinner.set_message(what),
    };
    let mut bench = Bench {
        model: &*model,
        prompts: 0,
    };
    // The first request pays for what is done once: on a fresh GPU, 20 seconds of compiling.
    say("warming up".to_owned());
    bench.time(WIDTH_READ, WARM_UP).await?;
    let mut reading = Vec::new();
    let window = u64::from(model.profile().context_window);
    for length in LENGTHS.into_iter().filter(|length| length + 16 <= window) {
        say(format!("reading {length} tokens"));
        let read = bench.read(length).await?;
        let enough = read.seconds > ENOUGH;
        reading.push(read);
        if enough {
            break;
        }
    }
    say(format!("writing {WRITTEN} tokens"));
    let writing = bench.write().await?;
    let mut measured: Vec<Width> = Vec::new();
    for requests in WIDTHS {
        say(format!("{requests} at a time"));
        let rate = bench.together(requests).await?;
        let gained = measured.last().is_none_or(|last| rate > GAIN * last.rate);
        measured.push(Width { requests, rate });
        if !gained {
            break;
        }
    }
    spinner.finish_and_clear();
    let mut figures = Figures {
        model: model.profile().name.clone(),
        weights: (place.is_local() && model::device(with, config)? == Device::Cpu)
            .then(|| config.weights.unwrap_or(Kept::Reading)),
        load_seconds,
        reading,
        writing,
        parallel: Parallel {
            useful: useful(&measured),
            measured,
        },
        kept: None,
    };
    figures.keep(&place);
    if json {
        let figures = serde_json::to_string_pretty(&figures)
            .map_err(|error| Failure::new(format!("the figures are no JSON: {error}")))?;
        print(&format!("{figures}\n"));
    } else {
        print(&harmless(&figures.table()));
    }
    Ok(())
}

/// The last width that gained over the one before it.
fn useful(measured: &[Width]) -> usize {
    let gains = measured
        .windows(2)
        .take_while(|pair| matches!(pair, [less, more] if more.rate > GAIN * less.rate));
    measured
        .get(gains.count())
        .map_or(1, |width| width.requests)
}

struct Bench<'a> {
    model: &'a dyn ChatModel,
    /// How many prompts were made: each begins with its number, so that none is read from a cache.
    prompts: u64,
}

impl Bench<'_> {
    async fn read(&mut self, length: u64) -> Result<Reading> {
        let timed = self.time(length, 2).await?;
        let (tokens, time) = (timed.usage.input_tokens, timed.first - timed.begun);
        Ok(Reading {
            tokens,
            seconds: time.as_secs_f64(),
            rate: rate(tokens, time),
        })
    }

    async fn write(&mut self) -> Result<Writing> {
        let timed = self.time(WIDTH_READ, WRITTEN).await?;
        let tokens = timed.usage.output_tokens;
        let rate = match timed.pieces {
            // In one piece, it was written before it came.
            1 => rate(tokens, timed.end - timed.begun),
            _ => rate(tokens.saturating_sub(1), timed.end - timed.first),
        };
        Ok(Writing { tokens, rate })
    }

    /// Tokens a second of `requests` at a time.
    async fn together(&mut self, requests: usize) -> Result<f64> {
        let crowd: Vec<_> = (0..requests)
            .map(|_| self.request(WIDTH_READ, WIDTH_WRITTEN))
            .collect();
        let begun = Instant::now();
        let timed = crowd
            .into_iter()
            .map(|request| measure::timed(self.model, request, Instant::now));
        let timed = try_join_all(timed).await?;
        timed.iter().try_for_each(answered)?;
        let used = timed.iter().map(|timed| timed.usage);
        let tokens = used.map(|usage| usage.input_tokens.saturating_add(usage.output_tokens));
        Ok(rate(tokens.sum(), begun.elapsed()))
    }

    async fn time(&mut self, length: u64, written: u32) -> Result<measure::Timed<Instant>> {
        let request = self.request(length, written);
        let timed = measure::timed(self.model, request, Instant::now).await?;
        answered(&timed)?;
        Ok(timed)
    }

    fn request(&mut self, length: u64, written: u32) -> ChatRequest {
        self.prompts += 1;
        let story = measure::story(self.model, self.prompts, length);
        ChatRequest::new([ChatMessage::user(story)]).max_tokens(written)
    }
}

/// Refuses an answer without a word: how fast that comes says nothing of the model.
fn answered(timed: &measure::Timed<Instant>) -> Result<()> {
    match timed.pieces {
        0 => Err(
            Error::malformed_output("the model gave an empty answer, which has no speed").with_help(
                "nothing is kept; see whether it answers: `catena chat --once \"Hello\" -m MODEL`",
            ),
        ),
        _ => Ok(()),
    }
}

fn rate(tokens: u64, time: Duration) -> f64 {
    tokens as f64 / time.as_secs_f64().max(1e-9)
}

impl Figures {
    /// Keeps what later commands use. A folder that cannot be written is no reason to lose the rest.
    fn keep(&mut self, place: &Place) {
        let reads = self.reading.iter().map(|reading| reading.rate);
        let reads = reads.fold(0.0, f64::max);
        match place.write(self.parallel.useful, reads, self.writing.rate) {
            Ok(file) => self.kept = Some(file.to_owned()),
            Err(error) => sayln!("warning: the figures cannot be kept: {error}"),
        }
    }

    fn table(&self) -> String {
        let mut text = format!("{}, loaded in {:.1} s\n", self.model, self.load_seconds);
        if let Some(weights) = self.weights {
            text += &format!("weights on a CPU: {}\n", weights.told());
        }
        text.push('\n');
        text += "READS              IN       TOKENS/S\n";
        for reading in &self.reading {
            text += &format!(
                "{:>6} tokens  {:>6.1} s  {:>10.0}\n",
                reading.tokens, reading.seconds, reading.rate
            );
        }
        text += &format!(
            "\nwrites {:.1} tokens/s (over {} tokens)\n\nAT A TIME  TOKENS/S IN ALL\n",
            self.writing.rate, self.writing.tokens
        );
        for width in &self.parallel.measured {
            text += &format!("{:>9}  {:>15.0}\n", width.requests, width.rate);
        }
        let useful = self.parallel.useful;
        let s = if useful == 1 { "" } else { "s" };
        text += &format!("\n{useful} request{s} at a time: more gain less than 15 %\n");
        match &self.kept {
            Some(file) => text + &format!("kept for later commands in {}\n", file.display()),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_useful_width_is_the_last_that_gained() {
        let widths = |rates: &[f64]| {
            let width = |(rate, requests): (&f64, usize)| Width {
                requests,
                rate: *rate,
            };
            useful(&rates.iter().zip(WIDTHS).map(width).collect::<Vec<_>>())
        };
        assert_eq!(widths(&[100.0, 90.0]), 1);
        assert_eq!(widths(&[100.0, 114.0]), 1);
        assert_eq!(widths(&[100.0, 190.0, 200.0]), 2);
        assert_eq!(widths(&[10.0, 20.0, 40.0, 80.0, 160.0, 320.0]), 32);
    }
}
