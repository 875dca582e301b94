//! `catena memory`, and where memories are kept.

use std::path::PathBuf;

use catena_memory::{ItemId, Moment};
use clap::{Args as ClapArgs, Subcommand};

use super::{Engine, Journal, Limits, Output, chat::DEFAULT_CONVERSATION};
use crate::memory::{EmbedderChoice, IndexChoice, item_id, moment};

/// Where memories are kept, and what finds them.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Store {
    #[command(flatten)]
    pub(crate) archive: ArchiveFile,

    /// What finds the nearest vectors: exact, embedded, embedded:quantized (for 100,000 items and more), or qdrant:URL for a server [env: CATENA_INDEX] [default: embedded]
    #[arg(long, value_name = "INDEX", help_heading = "Memory")]
    pub(crate) index: Option<IndexChoice>,

    /// What makes vectors of texts: minilm, hashing (words alone, without a model), onnx:FOLDER (a sentence model of your own: model.onnx and tokenizer.json), or openai:NAME:DIMENSIONS [env: CATENA_EMBEDDER] [default: minilm]
    #[arg(long, value_name = "EMBEDDER", help_heading = "Memory")]
    pub(crate) embedder: Option<EmbedderChoice>,
}

#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ArchiveFile {
    /// The file with all that is remembered [env: CATENA_MEMORY] [default: catena/memory.db in the user's data folder]
    #[arg(long, value_name = "FILE", help_heading = "Memory")]
    pub(crate) memory: Option<PathBuf>,
}

/// Whose memories.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Whose {
    /// Who talks; nobody sees the memories of another [default: me]
    #[arg(long, value_name = "NAME", help_heading = "Memory")]
    pub(crate) user: Option<String>,

    /// Whom they talk to [default: catena]
    #[arg(long, value_name = "NAME", help_heading = "Memory")]
    pub(crate) bot: Option<String>,
}

/// A conversation that is there.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct In {
    /// Which conversation
    #[arg(short, long, value_name = "NAME", default_value = DEFAULT_CONVERSATION)]
    pub(crate) conversation: String,

    #[command(flatten)]
    pub(crate) whose: Whose,
}

/// What was said in conversations: turns, and the facts learned from them.
#[derive(Debug, Subcommand)]
pub(crate) enum Memory {
    /// The conversations, how much is remembered of each, and the number of its last turn
    List {
        #[command(flatten)]
        archive: ArchiveFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What is remembered of a conversation, the oldest first
    Show {
        /// Which conversation
        #[arg(value_name = "NAME", default_value = DEFAULT_CONVERSATION)]
        conversation: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        which: Which,
        /// Only facts that still hold
        #[arg(long)]
        current: bool,
        /// Only turns
        #[arg(long, conflicts_with = "facts")]
        turns: bool,
        /// Only facts
        #[arg(long)]
        facts: bool,
        /// Only the last N
        #[arg(short = 'n', long, value_name = "N")]
        limit: Option<usize>,
        #[command(flatten)]
        archive: ArchiveFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Find memories by meaning and by words
    Search {
        /// What to look for
        #[arg(value_name = "TEXT")]
        text: String,
        #[command(flatten)]
        of: In,
        /// By words alone, which takes no embedder
        #[arg(long)]
        words: bool,
        /// No more than N
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        limit: usize,
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget memories for good: in the archive, in the index, and the recorded runs that hold them
    ///
    /// What is named must be true of a memory all at once. The runs of the conversation go too:
    /// what was recalled for an answer stands in its record.
    Forget {
        /// The memories of these numbers; `catena memory show` tells them
        #[arg(value_name = "ID", value_parser = item_id)]
        ids: Vec<ItemId>,
        #[command(flatten)]
        which: Which,
        /// The conversation as a whole: its memories, its name, and the lines that were typed in it
        #[arg(long, conflicts_with_all = ["ids", "containing", "since", "before"])]
        all: bool,
        #[command(flatten)]
        of: In,
        /// Do not ask first
        #[arg(short, long)]
        yes: bool,
        /// Only show what would be forgotten
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        store: Store,
        #[command(flatten)]
        journal: Journal,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a document of any length into a conversation, segment by segment, and print a summary
    ///
    /// Each segment is remembered as a turn, with its summary; `catena chat` in that conversation then
    /// answers questions about it. What was read stays when the run is stopped, and `catena runs resume`
    /// goes on behind it.
    Read(MemoryRead),
    /// Write memories as JSON Lines: all that there are, or those of a user, of a bot or of a conversation
    ///
    /// Where the configuration names a user or a bot, and no flag says otherwise, they are theirs; --all writes
    /// everybody's.
    Export {
        /// Only of this conversation, which is that of `me` with `catena` unless others are named
        #[arg(short, long, value_name = "NAME")]
        conversation: Option<String>,
        /// Only of this user [default: the one of the configuration, or all]
        #[arg(long, value_name = "NAME", help_heading = "Memory")]
        user: Option<String>,
        /// Only of this bot [default: the one of the configuration, or all]
        #[arg(long, value_name = "NAME", help_heading = "Memory")]
        bot: Option<String>,
        /// All that there are, even where the configuration names a user or a bot
        #[arg(long, conflicts_with_all = ["conversation", "user", "bot"])]
        all: bool,
        /// Write to this file instead of standard output; it must not be there yet
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        archive: ArchiveFile,
    },
    /// Take over memories from a file that was exported; one with a broken line is refused as a whole, and Ctrl-C keeps what came
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Into this conversation, of --user and --bot [default: into those that the file names]
        #[arg(short, long, value_name = "NAME")]
        conversation: Option<String>,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare the index with the archive, item by item, and mend what is wrong with it
    Check {
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make the index anew, after the embedder was changed
    Reindex {
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make one of what says the same, in turns and in the names of facts
    ///
    /// Nothing that was told is lost: what becomes one keeps all of its sources, and values of a fact
    /// take each other's place in the order of their times.
    Consolidate {
        #[command(flatten)]
        of: In,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the index elsewhere, from the folder to a server or back, and compare both sides
    Move {
        /// Where to: embedded, embedded:quantized, or qdrant:URL
        #[arg(long, value_name = "INDEX")]
        to: IndexChoice,
        #[command(flatten)]
        store: Store,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Memory {
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::List { json, .. }
            | Self::Show { json, .. }
            | Self::Search { json, .. }
            | Self::Forget { json, .. }
            | Self::Import { json, .. }
            | Self::Check { json, .. }
            | Self::Reindex { json, .. }
            | Self::Consolidate { json, .. }
            | Self::Move { json, .. } => *json,
            Self::Read(read) => read.output.json,
            Self::Export { .. } => false,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MemoryRead {
    /// The document: text or Markdown in UTF-8; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Into this conversation [default: one of the file's name]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) conversation: Option<String>,

    #[command(flatten)]
    pub(crate) whose: Whose,

    #[command(flatten)]
    pub(crate) engine: Engine,

    #[command(flatten)]
    pub(crate) store: Store,

    #[command(flatten)]
    pub(crate) limits: Limits,

    #[command(flatten)]
    pub(crate) journal: Journal,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which memories.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Which {
    /// Those that hold these letters, in either case
    #[arg(long, value_name = "TEXT")]
    pub(crate) containing: Option<String>,

    /// Those last said since then: an age such as 30d, or a day such as 2026-11-25
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) since: Option<Moment>,

    /// Those last said before then: an age such as 30d, or a day such as 2026-11-25
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) before: Option<Moment>,
}
