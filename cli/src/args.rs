//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

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
  prompts = \"prompts\"            a folder of templates that replace the built-in ones
  [openai]                       for models named openai:NAME
  base_url = \"http://localhost:8080/v1\"
  context_window = 32768
  input_price = 0.15             dollars for a million tokens
  output_price = 0.60
  headers = { \"X-Title\" = \"catena\" }

Environment (an empty variable counts as none):
  CATENA_CONFIG, CATENA_MODEL, CATENA_WINDOW, CATENA_DEVICE, CATENA_PROMPTS
                                    as the flags of these names
  CATENA_BASE_URL, CATENA_API_KEY   the server behind openai:NAME and its key
                                    (else OPENAI_BASE_URL and OPENAI_API_KEY)
  CATENA_CACHE_DIR                  where model files are kept [default: catena in the user's cache folder]
  CATENA_MODEL_PATH                 more folders with model files, separated by colons
  HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE   as for other programs that use the Hugging Face hub
  NO_COLOR                          no colours

Exit codes: 0 done; 1 failed; 2 wrong usage; 130 interrupted with Ctrl-C.";

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
    /// List, fetch and examine models
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
            Self::Ask(Ask { reading, .. }) | Self::Summarize(Summarize { reading }) => reading.json,
            Self::Models(Models::List { json } | Models::Info { json, .. }) => *json,
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

    /// Keep the run in this file, after every call; the same command goes on where it stopped
    #[arg(long, value_name = "RUN.json")]
    pub(crate) save: Option<PathBuf>,

    /// Print one JSON object with everything, and nothing else
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct With {
    /// A name of `catena models list`, a path to a GGUF file, hf:owner/repo/file.gguf, or openai:NAME [env: CATENA_MODEL]
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// The tokens that a worker may use: prompt and answer together [env: CATENA_WINDOW] [default: what suits the model]
    #[arg(short, long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: Option<u32>,

    /// Where a local model runs: cpu, cuda, cuda:N, metal, or auto for the fastest there is [env: CATENA_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// A folder of templates that replace the built-in ones [env: CATENA_PROMPTS]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<PathBuf>,

    /// How workers take notes for a question
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub(crate) notes: Notes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
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
    /// What is known of a model, and what its file says
    Info {
        /// A name of `catena models list`, or a path to a GGUF file
        model: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Eval {
    /// Files of a benchmark, known by their names: *hotpotqa*, *musique*, *2wiki* (JSON Lines), *quality* and *meetings* (L-Eval's form of QuALITY and QMSum)
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) with: With,

    /// The strategies: chain, both-ways and permutations (several chains, by vote), full-context
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "chain,full-context"
    )]
    pub(crate) strategies: Vec<String>,

    /// Only the first so many items of each file
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Where answers and transcripts are kept; an answer is not asked for again while model, window, prompts and the version of catena are the same
    #[arg(long, value_name = "FOLDER", default_value = "eval-results")]
    pub(crate) out: PathBuf,

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
    fn money_is_an_amount() {
        assert_eq!(dollars("$0.5"), Ok(0.5));
        assert!(dollars("-1").is_err() && dollars("NaN").is_err() && dollars("x").is_err());
    }
}
