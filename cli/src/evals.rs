//! `catena eval`.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_agents::{ChainOfAgents, FullContext, MultiPath};
use catena_core::Usage;
use catena_evals::{
    AgentStrategy, Answered, Conversations, Evaluation, PatentSuite, RepairSuite, Strategy, Suite,
    Table,
};
use serde_json::{Value, json};

use crate::{
    args::{Eval, Notes},
    config::Config,
    failure::Failure,
    memory_evals,
    model::{self, Mostly},
    patent_evals,
    reading::{as_usage, prompts, window},
    repair_evals,
    terminal::{harmless, print},
};

/// Benchmarks compare short answers word by word. No kinds of answers are named here: models of
/// 0.5B parameters answer with the names of the kinds ("a name").
const REQUIREMENT: &str = "Answer with a few words only.";
const ANSWER_TOKENS: u32 = 32;

const STRATEGIES: [&str; 4] = ["chain", "both-ways", "permutations", "full-context"];

/// The chains of `permutations` (§5.6 of the paper).
const PERMUTATIONS: u32 = 5;

/// Those that are measured unless others are named.
const USUAL: [&str; 2] = ["chain", "full-context"];

pub(crate) async fn run(args: Eval, config: &Config) -> Result<(), Failure> {
    let mut kinds = args.files.iter().map(|path| Measured::of(path));
    let first = kinds.next().unwrap_or(Measured::Texts);
    if let Some(other) = kinds.find(|kind| *kind != first) {
        return Err(Failure::usage(format!(
            "{first} and {other} are measured by different strategies"
        ))
        .help("give each a command of its own"));
    }
    first.check(&args)?;
    match first {
        Measured::Programs => repair_evals::run(args, config).await,
        Measured::Patents => patent_evals::run(args, config).await,
        Measured::Conversations => memory_evals::run(args, config).await,
        Measured::Texts => texts(args, config).await,
    }
}

/// What a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measured {
    Texts,
    Conversations,
    Programs,
    Patents,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Texts => "texts",
            Self::Conversations => "conversations",
            Self::Programs => "programs",
            Self::Patents => "patents",
        })
    }
}

impl Measured {
    fn of(path: &Path) -> Self {
        match () {
            () if RepairSuite::knows(path) => Self::Programs,
            () if Conversations::of(path).is_some() => Self::Conversations,
            () if PatentSuite::knows(path) => Self::Patents,
            () => Self::Texts,
        }
    }

    /// Refuses what is of other files.
    fn check(self, args: &Eval) -> Result<(), Failure> {
        let of_programs =
            args.kept || !(args.boxed.without.is_empty() && args.boxed.readable.is_empty());
        let of_conversations =
            args.no_answers || args.activate.is_some() || args.embedder.is_some();
        match self {
            Self::Programs if args.rounds == Some(0) => {
                Err(Failure::usage("there is no repair without a round")
                    .help("--rounds 1 is the least; `--strategies resample` only draws samples"))
            }
            Self::Programs | Self::Patents => Ok(()),
            _ if args.rounds.is_some() => {
                Err(Failure::usage("--rounds is of broken programs and patents").help(KNOWN))
            }
            _ => Ok(()),
        }?;
        if of_programs && self != Self::Programs {
            return Err(
                Failure::usage("--kept, --without and --readable are of broken programs")
                    .help(KNOWN),
            );
        }
        if of_conversations && self != Self::Conversations {
            return Err(Failure::usage(
                "--no-answers, --activate and --embedder are of conversations",
            )
            .help(KNOWN));
        }
        if args.length.is_some() && self != Self::Patents {
            return Err(Failure::usage("--length is of patents").help(KNOWN));
        }
        Ok(())
    }
}

/// How files are told apart.
const KNOWN: &str = "files are known by their names: texts by hotpotqa, musique, 2wiki, quality or meetings; \
    programs by quixbugs, or a folder humanevalfix; conversations by dialogue or conv-; patents by patent, or a folder \
    of such a name";

/// The suites of all files, of each the first items alone where a limit is named.
pub(crate) fn suites<S>(
    args: &Eval,
    load: fn(&Path) -> catena_core::Result<S>,
    limit: fn(S, usize) -> S,
) -> Result<Vec<S>, Failure> {
    let one = |path: &PathBuf| {
        let suite = load(path)?;
        Ok(match args.limit {
            Some(count) => limit(suite, count),
            None => suite,
        })
    };
    args.files.iter().map(one).collect()
}

/// The strategies that are named, or the usual ones.
pub(crate) fn named(args: &Eval, usual: &[&str]) -> Vec<String> {
    match args.strategies.is_empty() {
        true => usual.iter().map(ToString::to_string).collect(),
        // Named twice, it is measured once.
        false => args.strategies.iter().fold(Vec::new(), |mut names, name| {
            if !names.contains(name) {
                names.push(name.clone());
            }
            names
        }),
    }
}

async fn texts(mut args: Eval, config: &Config) -> Result<(), Failure> {
    args.strategies = named(&args, &USUAL);
    if let Some(unknown) = args
        .strategies
        .iter()
        .find(|name| !STRATEGIES.contains(&name.as_str()))
    {
        return Err(Failure::usage(format!("there is no strategy '{unknown}'"))
            .help(format!("the strategies are {}", STRATEGIES.join(", "))));
    }
    let suites = suites(&args, Suite::load, Suite::limit)?;
    let strategies = strategies(&args, config).await?;
    let mut report = Vec::new();
    let mut failures = 0;
    for suite in suites {
        let mut rows = Vec::new();
        let mut costs = String::new();
        let mut failed = 0;
        for strategy in &strategies {
            let total = suite.items.len();
            let evaluation = suite
                .evaluate(&**strategy, &args.out, |answered, done| {
                    sayln!(
                        "{} {} {done}/{total}: {}",
                        suite.name,
                        strategy.name(),
                        line(answered)
                    );
                })
                .await?;
            costs += &cost(&evaluation);
            failed += evaluation.failures();
            rows.push(evaluation.row()?);
        }
        failures += failed;
        let table = Table::from_iter(rows);
        if args.json {
            let table: Value = serde_json::from_str(&table.json()).unwrap_or_default();
            report.push(json!({ "suite": suite.name, "n": suite.items.len(), "failures": failed, "table": table }));
        } else if args.markdown {
            print(&format!(
                "**{}**\n\n{}\n{costs}\n",
                suite.name,
                table.markdown()
            ));
        } else {
            print(&format!("{}\n{table}\n{costs}\n", suite.name));
        }
    }
    if args.json {
        print(&format!("{:#}\n", Value::from(report)));
    }
    match failures {
        0 => Ok(()),
        failures => Err(failed(failures, args.json)),
    }
}

/// Some answers failed.
pub(crate) fn failed(failures: usize, json: bool) -> Failure {
    let failure = Failure::new(format!("{failures} answers failed and scored 0"))
        .help("the same command tries them again");
    // One JSON value and no other: it tells the failures of each suite.
    if json { failure.told() } else { failure }
}

async fn strategies(args: &Eval, config: &Config) -> Result<Vec<Box<dyn Strategy>>, Failure> {
    let model = model::load(&args.with, Mostly::Reads, config, false)
        .await?
        .chat;
    let manager = model::manager(&model, &args.with, config, false).await?;
    let window = window(&args.with, config, &*model);
    let prompts = prompts(&args.with, config)?;
    let digest = |name: &str| -> Result<String, Failure> {
        Ok(prompts.load(name)?.digest().chars().take(12).collect())
    };
    let setting = format!(
        "catena {}, model {}, window {window}, {ANSWER_TOKENS} tokens, '{REQUIREMENT}'",
        env!("CARGO_PKG_VERSION"),
        model.profile().name
    );
    // Answers of one pair of models are not those of another.
    let setting = match Arc::ptr_eq(&model, &manager) {
        true => setting,
        false => format!("{setting}, manager {}", manager.profile().name),
    };
    let chain = || {
        ChainOfAgents::new(model.clone())
            .manager(manager.clone())
            .window(window)
            .answer_tokens(ANSWER_TOKENS)
            .notes(args.with.notes.unwrap_or_default().into())
            .requirement(REQUIREMENT)
            .prompts(prompts.clone())
    };
    let worker = match args.with.notes.unwrap_or_default() {
        Notes::Copied => "chain/worker_query",
        Notes::Written => "chain/worker_query_written",
    };
    let mut strategies: Vec<Box<dyn Strategy>> = Vec::new();
    for name in &args.strategies {
        let used = match name.as_str() {
            "full-context" => digest("full_context/query")?,
            _ => [digest(worker)?, digest("chain/manager_query")?].join(" "),
        };
        let setting = format!("{setting}, prompts {used}");
        let graph = match name.as_str() {
            "both-ways" => MultiPath::both_ways(chain()).build(),
            "permutations" => MultiPath::permutations(chain(), PERMUTATIONS).build(),
            "full-context" => {
                let full =
                    FullContext::new(model.clone(), window, ANSWER_TOKENS, REQUIREMENT, &prompts)
                        .map_err(as_usage)?;
                strategies.push(Box::new(AgentStrategy::new(name, setting, full)));
                continue;
            }
            _ => chain().build(),
        };
        let graph = graph.map_err(as_usage)?;
        strategies.push(Box::new(AgentStrategy::new(name, setting, graph)));
    }
    Ok(strategies)
}

/// An answer, for whoever waits.
pub(crate) fn line(answered: &Answered) -> String {
    match &answered.error {
        Some(error) => format!("failed: {}", harmless(error)),
        None => format!("{:?} (gold {:?})", answered.answer, answered.gold),
    }
}

/// What a strategy's answers took, on average.
fn cost(evaluation: &Evaluation) -> String {
    let n = evaluation.answers.len().max(1) as f64;
    let usage: Usage = evaluation
        .answers
        .iter()
        .map(|answered| answered.usage)
        .sum();
    let seconds: f64 = evaluation
        .answers
        .iter()
        .map(|answered| answered.elapsed.as_secs_f64())
        .sum();
    let failures = match evaluation.failures() {
        0 => String::new(),
        failures => format!(", {failures} failed (scored 0)"),
    };
    format!(
        "{}: {:.1} calls, {:.0} tokens read, {:.0} written, {:.1} s an item{failures}\n",
        evaluation.strategy,
        usage.calls as f64 / n,
        usage.input_tokens as f64 / n,
        usage.output_tokens as f64 / n,
        seconds / n
    )
}
