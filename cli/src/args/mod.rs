//! The command line.

mod chat;
mod engine;
mod fix;
mod memory;
mod patent;
mod sandbox;

pub(crate) use chat::{Chat, Talk};
pub(crate) use engine::Engine;
pub(crate) use fix::{Fix, How, Method};
pub(crate) use memory::{ArchiveFile, Memory, MemoryRead, Store, Which as WhichMemories, Whose};
pub(crate) use patent::{
    Approve, Length, Office, Out, Patent, PatentCheck, PatentClaims, PatentInit, PatentRedo,
    PatentRender, PatentReport, PatentRun, PatentScore, PatentWrite,
};
pub(crate) use sandbox::{Boxed, Layer};

use std::{path::PathBuf, time::Duration};

use catena_core::{Budget, Cost};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::memory::EmbedderChoice;

/// Questions and summaries over documents of any length, answered by a local model.
#[derive(Debug, Parser)]
#[command(name = "catena", version, propagate_version = true, after_long_help = AFTER)]
pub(crate) struct Args {
    /// The configuration file [env: CATENA_CONFIG] [default: catena/config.toml in the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Configuration file (TOML), each line as its flag; a flag beats the environment, which beats the file:
  model = \"qwen2.5-coder-1.5b\"   a name of the catalogue, a path, hf:owner/repo/file.gguf, openai:NAME
  window = 1024                  tokens that a worker may use
  device = \"auto\"                where a local model runs: cpu, cuda, cuda:N, metal, auto
  weights = \"reading\"           of a local model on a CPU: kept so that it reads fast, for `writing`, or `as-is`
                                 [default: reading; of `fix` and `patent` writing]
  paged_attention = true         on an NVIDIA GPU, faster; takes the memory of a whole window at once
  prompts = \"prompts\"            a folder of templates that replace the built-in ones
  memory = \"memory.db\"           of `catena chat`, as the rest: the file with all that is remembered
  index = \"embedded\"             what finds the nearest vectors: exact, embedded, embedded:quantized, qdrant:URL
  embedder = \"minilm\"            what makes vectors: minilm, hashing, onnx:FOLDER, openai:NAME:DIMENSIONS
  user = \"me\"                    who talks
  bot = \"catena\"                 whom they talk to
  instructions = \"Be brief.\"     what the bot is told about itself
  [openai]                       for models named openai:NAME; likewise [openrouter], [anthropic], [ollama],
                                 [vllm], [llamacpp] and [mistralrs]
  base_url = \"http://localhost:8080/v1\"
  context_window = 32768
  input_price = 0.15             dollars for a million tokens
  output_price = 0.60
  headers = { \"X-Title\" = \"catena\" }
  retries = 3                    attempts after one that failed and may succeed: none later than 2 minutes after it
  requests_per_minute = 60       no more than these [default: no limit]
  tokens_per_minute = 100000     read and written together
  parallel = 4                   requests at the same time
  timeout = \"10m\"                how long a server may say nothing [default: 2m]

Environment (an empty variable counts as none):
  CATENA_CONFIG, CATENA_MODEL, CATENA_WINDOW, CATENA_DEVICE, CATENA_WEIGHTS, CATENA_PAGED_ATTENTION,
  CATENA_PROMPTS, CATENA_MEMORY, CATENA_INDEX, CATENA_EMBEDDER
                                    as the flags of these names
  CATENA_BASE_URL, CATENA_API_KEY   the server behind openai:NAME and its key
                                    (else OPENAI_BASE_URL and OPENAI_API_KEY; with the key alone, OpenAI)
  OPENROUTER_API_KEY, ANTHROPIC_API_KEY   the keys of openrouter:NAME and anthropic:NAME
  OLLAMA_API_KEY, VLLM_API_KEY, LLAMA_API_KEY   those of ollama:, vllm: and llamacpp:, where one is wanted
  OPENROUTER_BASE_URL, ANTHROPIC_BASE_URL, OLLAMA_BASE_URL, VLLM_BASE_URL, LLAMACPP_BASE_URL,
  MISTRALRS_BASE_URL                another address of theirs; by default the last four are on this machine
  CATENA_RETRIES, CATENA_REQUESTS_PER_MINUTE, CATENA_TOKENS_PER_MINUTE, CATENA_PARALLEL, CATENA_TIMEOUT
                                    how a server is asked, as in the configuration file
  CATENA_JOURNAL                    as --journal
  CATENA_QDRANT_KEY                 the key of a Qdrant server that wants one
  CATENA_CACHE_DIR                  where model files are kept [default: catena in the user's cache folder]
  CATENA_MODEL_PATH                 more folders with model files, separated by colons
  ORT_DYLIB_PATH                    ONNX Runtime, 1.24 or later, for minilm and onnx:FOLDER
                                    [default: the one that is fetched, for Linux on x86-64]
  HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE   as for other programs that use the Hugging Face hub
  NO_COLOR                          no colours

Exit codes: 0 done; 1 failed, or waits for an answer; 2 wrong usage; 130 interrupted with Ctrl-C.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer a question about texts
    ///
    /// Reads them part by part with a chain of agents. Prints the answer, then the passages that
    /// support it; progress and usage go to standard error.
    Ask(Ask),
    /// Summarise texts
    ///
    /// Reads them part by part with a chain of agents. Prints the summary; progress and usage go
    /// to standard error.
    Summarize(Summarize),
    /// Talk, with a memory that never forgets and never overflows
    ///
    /// On a terminal, a conversation; `/help` lists its commands. From a pipe, each line is a message;
    /// several lines between two lines of """ are one. Answers go to standard output, the rest to
    /// standard error. What was said is remembered for all later conversations of that name. A message has
    /// to fit the window; `catena memory read FILE` takes a text of any length into memory.
    Chat(Chat),
    /// Repair code that does not pass its tests
    ///
    /// Runs the test in a sandbox, finds the type of bug, asks the model what is wrong and for a correction,
    /// and runs the test again, round by round. Shows each round; writes files only when the test passes.
    Fix(Fix),
    /// Write a patent from an inventor's notes: interview, check, write, revise, measure, render
    #[command(subcommand)]
    Patent(Patent),
    /// List, show, search, forget, export, import, check and move what conversations remember
    #[command(subcommand)]
    Memory(Memory),
    /// List, show, resume and fork recorded runs
    ///
    /// Every run of `ask`, `summarize`, `fix` and `patent`, and every turn of `chat`, is recorded after each call to the model. One that was
    /// stopped, killed or failed goes on where it was; what was answered is not asked again.
    #[command(subcommand)]
    Runs(Runs),
    /// List, fetch, examine, measure and remove models
    #[command(subcommand)]
    Models(Models),
    /// Measure on a benchmark
    ///
    /// Answers the items with each strategy, scores them and prints a table. Every answer is kept
    /// in a file as soon as it is there; the same command goes on where it stopped and answers
    /// only what is missing.
    Eval(Eval),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) reading: Reading,

    /// The question
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) question: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Summarize {
    #[command(flatten)]
    pub(crate) reading: Reading,
}

impl Command {
    /// Whether standard output is for a program.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Ask(Ask { reading, .. }) | Self::Summarize(Summarize { reading }) => {
                reading.output.json
            }
            Self::Chat(chat) => chat.output.json,
            Self::Fix(fix) => fix.output.json,
            Self::Patent(patent) => patent.is_json(),
            Self::Memory(memory) => memory.is_json(),
            Self::Runs(runs) => runs.is_json(),
            Self::Models(
                Models::List { json }
                | Models::Info { json, .. }
                | Models::Bench { json, .. }
                | Models::Remove { json, .. },
            ) => *json,
            Self::Models(Models::Pull { .. }) => false,
            Self::Eval(eval) => eval.json,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Reading {
    /// Text or Markdown files in UTF-8, or source code; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) with: With,

    /// The most tokens of the answer
    #[arg(long, value_name = "TOKENS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) answer_tokens: u32,

    /// Say how much there is to read, and wait for a yes before reading it
    #[arg(long)]
    pub(crate) approve: bool,

    /// Have the next chunk read while a worker still writes: for a server on a GPU that takes two
    /// requests at a time and keeps prompts in a cache
    #[arg(long)]
    pub(crate) prefill_ahead: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,

    #[command(flatten)]
    pub(crate) journal: Journal,

    /// Keep no record of the run; it cannot be resumed
    #[arg(long, conflicts_with = "journal", help_heading = "Record")]
    pub(crate) no_journal: bool,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// What a run may spend.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Limits {
    /// Stop before the run makes more calls to the model than this
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub(crate) max_calls: Option<u64>,

    /// Stop before the run reads and writes more tokens than this
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub(crate) max_tokens: Option<u64>,

    /// Stop before the run costs more dollars than this
    #[arg(long, value_name = "DOLLARS", help_heading = "Budget", value_parser = dollars)]
    pub(crate) max_cost: Option<f64>,

    /// Stop when the run has taken this long, such as 90s, 10m or 1h
    #[arg(long, value_name = "TIME", help_heading = "Budget", value_parser = humantime::parse_duration)]
    pub(crate) max_time: Option<Duration>,
}

impl Limits {
    pub(crate) fn budget(&self) -> Budget {
        let mut budget = Budget::new();
        budget.calls = self.max_calls;
        budget.tokens = self.max_tokens;
        budget.cost = self.max_cost.map(Cost::from_dollars);
        budget.time = self.max_time;
        budget
    }
}

/// Where runs are recorded.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Journal {
    /// The file in which runs are recorded, after every call [env: CATENA_JOURNAL] [default: catena/runs.db in the user's data folder]
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub(crate) journal: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Output {
    /// Print one JSON object with everything, and nothing else
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct With {
    /// A name of `catena models list`, a path to a GGUF file, hf:owner/repo/file.gguf, or a server's: openai:NAME, openrouter:, anthropic:, ollama:, vllm:, llamacpp:, mistralrs: [env: CATENA_MODEL]
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// Another model for the last answer, named in the same ways: a small one reads, a larger one answers [default: the same model]
    #[arg(long, value_name = "MODEL")]
    pub(crate) manager_model: Option<String>,

    /// The tokens that a worker may use: prompt and answer together [env: CATENA_WINDOW] [default: what suits the model]
    #[arg(short, long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: Option<u32>,

    /// Where a local model runs: cpu, cuda, cuda:N, metal, or auto for the fastest there is [env: CATENA_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// A folder of templates that replace the built-in ones [env: CATENA_PROMPTS]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<PathBuf>,

    /// How workers take notes for a question [default: copied]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) notes: Option<Notes>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notes {
    /// Copy sentences, each traced to the text
    #[default]
    Copied,
    /// Write notes in the model's own words, for large models
    Written,
}

impl From<Notes> for catena_agents::Notes {
    fn from(notes: Notes) -> Self {
        match notes {
            Notes::Copied => Self::Copied,
            Notes::Written => Self::Written,
        }
    }
}

/// Recorded runs. RUN is a run's id, an unambiguous part of its beginning or end, or `last`.
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// The recorded runs, the newest first
    List {
        #[command(flatten)]
        journal: Journal,
        /// Only the newest N
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One run: its settings, its calls, its answer, and what it waits for
    Show {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Go on with a run that was stopped, was killed, failed, or waits for an answer
    Resume {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        answers: Answers,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        output: Output,
    },
    /// Start a new run that takes over the first calls of another, and goes its own way from there
    Fork {
        #[command(flatten)]
        which: Which,
        /// How many entries to take over; `catena runs show` numbers them
        #[arg(long, value_name = "N")]
        at: usize,
        #[command(flatten)]
        answers: Answers,
        /// What is to be different from there on; otherwise as in the run that is forked
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        output: Output,
    },
    /// Draw a run's graph, coloured by how it fared, with times and tokens
    Graph {
        #[command(flatten)]
        which: Which,
        /// In which language
        #[arg(long, value_enum, default_value_t)]
        format: Picture,
        /// Only the graph, without the run
        #[arg(long)]
        plain: bool,
    },
    /// Write a run as JSON Lines: its head, its entries, its events
    Export {
        #[command(flatten)]
        which: Which,
        /// Write to this file instead of standard output; it must not be there yet
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Forget runs
    ///
    /// Forgets what is finished, and with --all also what could be resumed; never a run that is
    /// being executed.
    Prune {
        #[command(flatten)]
        journal: Journal,
        /// Runs last written to longer ago than this, such as 12h, 30d or 2w
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
        /// All but the newest N
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Unfinished runs too
        #[arg(long)]
        all: bool,
        /// Only say what would be forgotten
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Runs {
    fn is_json(&self) -> bool {
        match self {
            Self::List { json, .. } | Self::Show { json, .. } | Self::Prune { json, .. } => *json,
            Self::Resume { output, .. } | Self::Fork { output, .. } => output.json,
            Self::Graph { .. } | Self::Export { .. } => false,
        }
    }
}

/// A recorded run.
#[derive(Debug, ClapArgs)]
pub(crate) struct Which {
    /// The run's id, the beginning or the end of it, or `last`
    #[arg(value_name = "RUN")]
    pub(crate) run: String,

    #[command(flatten)]
    pub(crate) journal: Journal,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Answers {
    /// Answer a question that the run waits for: its id or its name, and the answer as JSON; what is no JSON is taken as a text
    #[arg(long = "answer", value_name = "QUESTION=ANSWER", value_parser = answer)]
    pub(crate) answers: Vec<(String, serde_json::Value)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// Mermaid, which GitHub and many editors show
    #[default]
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

fn answer(text: &str) -> Result<(String, serde_json::Value), String> {
    let (id, answer) = text
        .split_once('=')
        .ok_or("the question and its answer, with = between: plan=true")?;
    let value = serde_json::from_str(answer).unwrap_or_else(|_| answer.into());
    Ok((id.to_owned(), value))
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        _ => Err("an amount of dollars, such as 0.50".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// The models that have a name, and which of them are here
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model, or go on fetching it
    Pull {
        /// A name of `catena models list`, or hf:owner/repo/file.gguf
        model: String,
    },
    /// What is known of a model, what its file says, and the memory it needs against what there is
    ///
    /// Memory as `catena ask` keeps the weights, to read fast; `fix` and `patent`, which mostly write, need no more.
    Info {
        /// A name of `catena models list`, hf:owner/repo/file.gguf, a path to a GGUF file, or a server's, as --model of `catena ask`
        model: String,
        /// Where it would run, for the memory needed; as --device of `catena ask` [env: CATENA_DEVICE] [default: auto]
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast a model reads and writes here, and how many requests at a time are worth while
    ///
    /// Takes a minute or two on a CPU. Fetches the model first, if need be. The figures are kept, beside the
    /// model or, for one of a server, in the cache folder: later commands make as many requests at a time as
    /// were worth while. Until then it is 1 for a model of this machine, and 8 for one of a server.
    Bench {
        /// As --model of `catena ask` [env: CATENA_MODEL]
        model: Option<String>,
        /// As --device of `catena ask` [env: CATENA_DEVICE] [default: auto]
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete the files of a model that were fetched, and what was converted from them and measured of them
    ///
    /// `catena models pull` fetches them again. A file in a folder of CATENA_MODEL_PATH stays.
    #[command(name = "rm")]
    Remove {
        /// A name of `catena models list`, or hf:owner/repo/file.gguf
        model: String,
        /// Only say how much would be freed
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Eval {
    /// Files of a benchmark, known by their names: *hotpotqa*, *musique*, *2wiki* (JSON Lines), *quality* and *meetings* (L-Eval's form of QuALITY and QMSum); or conversations: *dialogue* (SCM's, with *dialogue*_questions beside it) and *conv-* (LoCoMo); or broken programs: *quixbugs*, and files in a folder humanevalfix; or full texts of granted patents: *patent*, and files in a folder of such a name, from each of which a draft is derived
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) with: With,

    /// The strategies: chain, both-ways and permutations (several chains, by vote), full-context [default: chain,full-context]. Of conversations: scm, scm-no-controller, scm-no-flash, scm-no-activation, scm-paper-ranking, dense, words, hybrid, hybrid@0.2 (words weigh 0.2), last-k, full-context [default: all]. Of broken programs: explain (critique and correction in one answer), critique, paper (the paper's plain loop), feedback (plain error feedback), candidates (side by side, at equal cost), resample (independent samples) [default: all but candidates]. Of patents: planned, zero-shot (one call), paper (the paper's flow) [default: planned,zero-shot]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) strategies: Vec<String>,

    /// Of conversations: how many turns are activated at the most [default: 6; with --no-answers 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) activate: Option<u32>,

    /// Of conversations: only look for turns, which takes no model; strategies are dense, words, hybrid, ranked (with recency), paper-ranking, last-k
    #[arg(long)]
    pub(crate) no_answers: bool,

    /// Of conversations: what makes vectors of texts: minilm, hashing (words alone, without a model), onnx:FOLDER (a sentence model of your own: model.onnx and tokenizer.json), or openai:NAME:DIMENSIONS [env: CATENA_EMBEDDER] [default: minilm]
    #[arg(long, value_name = "EMBEDDER")]
    pub(crate) embedder: Option<EmbedderChoice>,

    /// Of broken programs: rounds behind the first attempt, at least 1; of patents: revisions of a section that fails its examination, 0 examines nothing [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=20))]
    pub(crate) rounds: Option<u32>,

    /// Of patents: how long they become [default: medium]
    #[arg(short, long, value_enum, value_name = "HOW")]
    pub(crate) length: Option<Length>,

    #[command(flatten)]
    pub(crate) boxed: Boxed,

    /// Only the first so many items of each file
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Where answers and transcripts are kept; an answer is not asked for again while model, window, prompts and the version of catena are the same
    #[arg(long, value_name = "FOLDER", default_value = "eval-results")]
    pub(crate) out: PathBuf,

    /// Of broken programs: repair nothing, and tell what is kept in the folder, of the items that have a result of every strategy
    #[arg(long)]
    pub(crate) kept: bool,

    /// Print the table as Markdown
    #[arg(long)]
    pub(crate) markdown: bool,

    /// Print the table as JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn an_answer_is_json_or_a_text() {
        assert_eq!(answer("a:b=true"), Ok(("a:b".to_owned(), true.into())));
        assert_eq!(answer("a=b=c"), Ok(("a".to_owned(), "b=c".into())));
        assert!(answer("a").is_err());
    }

    #[test]
    fn money_is_an_amount() {
        assert_eq!(dollars("$0.5"), Ok(0.5));
        assert!(dollars("-1").is_err() && dollars("NaN").is_err() && dollars("x").is_err());
    }
}
