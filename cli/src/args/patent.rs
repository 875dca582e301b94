//! `catena patent`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{Engine, Journal, Limits, Output};

/// From an inventor's notes to a complete patent draft.
#[derive(Debug, Subcommand)]
pub(crate) enum Patent {
    /// Interview the inventor: five questions, and a draft in Markdown
    ///
    /// On a terminal each question comes with an explanation and an example. From a pipe, the answers are read
    /// one after the other. An answer ends with a line that holds a single dot; an answer of nothing else is
    /// left for later. The file is written after every answer, and the same command goes on where it stopped.
    Init(PatentInit),
    /// Say what is wrong with a draft or a patent, without a model
    ///
    /// Of a draft, whether each answer holds what its question demands. Of a patent, the rules of the patent
    /// office, with place and advice.
    /// Exit codes: 0 no errors; 1 errors, or with --strict anything at all; 2 wrong usage.
    Check(PatentCheck),
    /// Write a patent from a draft
    ///
    /// Five components, the claims among them, then a plan, and then section by section of the detailed
    /// description. Beside FILE comes a JSON file with everything, from which single sections are written anew
    /// with `catena patent redo`. What is stopped leaves what there is, marked as incomplete, and goes on with
    /// `catena runs resume`.
    Write(Box<PatentWrite>),
    /// Write pieces of a patent anew, and keep the others
    Redo(Box<PatentRedo>),
    /// Say which sections must change when the claims do
    ///
    /// Compares the claims of FILE with changed ones, and names the pieces that rest on what changed. With
    /// --out, takes the changed claims over and writes those pieces anew.
    Claims(Box<PatentClaims>),
    /// Say what each paragraph rests on: an answer of the draft, a claim, a reference, or nothing
    Report(PatentReport),
    /// Measure patents, beside a true one if it is named
    ///
    /// The metrics of AutoPatent as its authors coded them, and the usual ones beside them.
    Score(PatentScore),
    /// Turn a patent into DOCX, Markdown, text or JSON
    Render(PatentRender),
}

impl Patent {
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Init(init) => init.json,
            Self::Check(check) => check.json,
            Self::Write(write) => write.run.output.json,
            Self::Redo(redo) => redo.run.output.json,
            Self::Claims(claims) => claims.run.output.json,
            Self::Report(report) => report.json,
            Self::Score(score) => score.json,
            Self::Render(render) => render.json,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentInit {
    /// The draft; one that is there is completed
    #[arg(value_name = "FILE", default_value = "draft.md")]
    pub(crate) file: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentCheck {
    /// A draft (Markdown, tagged, JSON) or a patent (Markdown, JSON, a record of a public collection); `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Whose rules a patent is checked by [default: us; of a file that `catena patent write` made, its own]
    #[arg(short, long, value_enum, value_name = "WHOSE")]
    pub(crate) jurisdiction: Option<Office>,

    /// Count warnings and advice as errors
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentScore {
    /// Patents: Markdown, JSON, or records of a public collection; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The true patent to compare with
    #[arg(short, long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,

    /// Count tokens with the tokenizer of this model, of the catalogue or in a GGUF file; it is loaded for that [default: an estimate, three bytes a token]
    #[arg(long, value_name = "MODEL")]
    pub(crate) tokens_of: Option<String>,

    /// Whose rules findings are counted by [default: us; of a file that `catena patent write` made, its own]
    #[arg(short, long, value_enum, value_name = "WHOSE")]
    pub(crate) jurisdiction: Option<Office>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentRender {
    /// A patent: Markdown, JSON, or a record of a public collection; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) out: Out,

    /// Whose pages and order of sections [default: us; of a file that `catena patent write` made, its own]
    #[arg(short, long, value_enum, value_name = "WHOSE")]
    pub(crate) jurisdiction: Option<Office>,

    /// A line at the top of every page of a DOCX file
    #[arg(long, value_name = "TEXT")]
    pub(crate) notice: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentReport {
    /// The JSON file that `catena patent write` made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Only paragraphs that rest on nothing
    #[arg(long)]
    pub(crate) unsupported: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_long_help = AFTER)]
pub(crate) struct PatentWrite {
    /// The draft: Markdown as `catena patent init` writes it, the paper's tagged form, or JSON; `-` is standard input
    #[arg(value_name = "DRAFT")]
    pub(crate) draft: PathBuf,

    #[command(flatten)]
    pub(crate) out: Out,

    /// Texts that sections may rest on besides the draft
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) references: Vec<PathBuf>,

    /// Whose rules the patent follows
    #[arg(short, long, value_enum, value_name = "WHOSE", default_value_t)]
    pub(crate) jurisdiction: Office,

    /// The paper's flow, for comparison: references copied by the model, every section revised whatever its verdict
    #[arg(long, conflicts_with = "zero_shot")]
    pub(crate) paper_flow: bool,

    /// One call for everything, for comparison
    #[arg(long, conflicts_with = "approve")]
    pub(crate) zero_shot: bool,

    /// Write although the draft lacks what it needs
    #[arg(long)]
    pub(crate) anyway: bool,

    #[command(flatten)]
    pub(crate) run: PatentRun,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentRedo {
    /// The JSON file that `catena patent write` made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What is written anew: title, abstract, background, summary, claims, plan (with all sections), or a section such as 2.3
    #[arg(value_name = "PIECE", required = true)]
    pub(crate) pieces: Vec<String>,

    #[command(flatten)]
    pub(crate) out: Out,

    #[command(flatten)]
    pub(crate) run: PatentRun,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatentClaims {
    /// The JSON file that `catena patent write` made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The changed claims, numbered: a text, or a patent in Markdown
    #[arg(value_name = "CLAIMS")]
    pub(crate) claims: PathBuf,

    /// Take the claims over, write what must change anew, and put the patent here: a name that ends in .docx, .md, .txt or .json
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Vec<PathBuf>,

    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) run: PatentRun,
}

/// Where a patent is written to.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Out {
    /// Where it goes: a name that ends in .docx, .md, .txt or .json; may be given several times
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(crate) out: Vec<PathBuf>,

    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Who writes, how, and within which limits.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct PatentRun {
    #[command(flatten)]
    pub(crate) engine: Engine,

    /// How long the detailed description becomes [default: that of the patent that is changed, or medium]
    #[arg(short, long, value_enum, value_name = "HOW")]
    pub(crate) length: Option<Length>,

    /// How often a section that fails its examination is revised, at most; 0 examines nothing [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10))]
    pub(crate) rounds: Option<u32>,

    /// Stop for a person to read and change these before it goes on: they are put into a file beside FILE
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        value_delimiter = ',',
        conflicts_with = "no_journal"
    )]
    pub(crate) approve: Vec<Approve>,

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

const AFTER: &str = "\
Examples:
  catena patent init draft.md
  catena patent check draft.md
  catena patent write draft.md --out cup.docx --approve plan,claims
  catena patent redo cup.json 2.3 --out cup.docx --force

Exit codes: 0 done; 1 failed, or waits for a person; 2 wrong usage; 130 interrupted.";

/// Whose rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Office {
    /// The United States
    #[default]
    Us,
    /// The European Patent Convention
    Ep,
}

impl From<Office> for catena_agents::Jurisdiction {
    fn from(office: Office) -> Self {
        match office {
            Office::Us => Self::Us,
            Office::Ep => Self::Ep,
        }
    }
}

impl PatentRun {
    /// As long as a patent that is changed, unless another length is named.
    pub(crate) fn length_of(self, length: Length) -> Self {
        let length = self.length.or(Some(length));
        Self { length, ..self }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Length {
    /// A test: up to 1 × 2 sections of 100 tokens
    Brief,
    /// A look: up to 2 × 2 sections of 160 tokens
    Short,
    /// Up to 4 × 3 sections of 400 tokens
    #[default]
    Medium,
    /// As long as real ones: up to 6 × 4 sections of 960 tokens
    Full,
}

impl From<Length> for catena_agents::PatentLength {
    fn from(length: Length) -> Self {
        match length {
            Length::Brief => Self::BRIEF,
            Length::Short => Self::SHORT,
            Length::Medium => Self::MEDIUM,
            Length::Full => Self::FULL,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Approve {
    /// The plan of the detailed description
    Plan,
    /// The claims
    Claims,
}

impl Approve {
    /// The name of its question, and in that of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Claims => "claims",
        }
    }
}
