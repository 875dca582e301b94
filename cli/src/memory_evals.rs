//! `catena eval` over conversations.

use std::{path::Path, sync::Arc};

use catena_core::Embedder;
use catena_evals::{
    Asking, Conversations, Filled, FromMemory, MEMORY_STRATEGIES, MemoryEvaluation, MemoryMetric,
    MemoryStrategy, MemorySuite, RETRIEVALS, Table, memory_strategies, retrievals,
};
use serde_json::{Value, json};

use crate::{
    args::Eval,
    config::Config,
    evals::{failed, line},
    failure::Failure,
    memory::{self, EmbedderChoice},
    model::{self, Mostly},
    reading::{as_usage, prompts, window},
    terminal::print,
};

/// How many turns are activated: as many as [`catena_agents::MemoryChat`] does, and more where only
/// recall is measured.
const ACTIVATE: usize = 6;
const RETRIEVE: usize = 10;

const ANSWERED: [MemoryMetric; 6] = [
    MemoryMetric::RecallAt(3),
    MemoryMetric::RecallAt(5),
    MemoryMetric::Recall,
    MemoryMetric::AllEvidence,
    MemoryMetric::TokenF1,
    MemoryMetric::Declined,
];
const RETRIEVED: [MemoryMetric; 3] = [
    MemoryMetric::RecallAt(5),
    MemoryMetric::RecallAt(10),
    MemoryMetric::AllEvidence,
];

/// How strategies are measured.
struct Measure {
    embedder: Arc<dyn Embedder>,
    /// The strategies' names.
    names: Vec<String>,
    activate: usize,
    /// What answers, as for SCM's dialogues; `None`: nothing does.
    asking: Option<Asking>,
    metrics: &'static [MemoryMetric],
}

pub(crate) async fn run(args: Eval, config: &Config) -> Result<(), Failure> {
    let suites = args
        .files
        .iter()
        .map(|path| MemorySuite::load(path))
        .collect::<Result<Vec<_>, _>>()?;
    let measure = Measure::new(&args, config).await?;
    // Names are checked before anything is remembered or asked.
    measure.strategies(Conversations::Scm)?;
    let mut report = Vec::new();
    let mut failures = 0;
    for suite in suites {
        let suite = match args.limit {
            Some(limit) => suite.limit(limit),
            None => suite,
        };
        let filled = measure.fill(&suite, &args.out).await?;
        let mut measured = Vec::new();
        for strategy in measure.strategies(suite.set)? {
            let (suite_name, name, total) = (&suite.name, strategy.name(), suite.questions());
            let told = |answer: &FromMemory, done| {
                let what = match measure.asking {
                    Some(_) => line(&answer.answered),
                    None => format!("turns {:?}", answer.activated),
                };
                sayln!("{suite_name} {name} {done}/{total}: {what}");
            };
            measured.push(suite.evaluate(&*strategy, &filled, &args.out, told).await?);
        }
        let failed: usize = measured.iter().map(MemoryEvaluation::failures).sum();
        failures += failed;
        let tables = measure.tables(&measured)?;
        if args.json {
            let tables: Value = tables
                .iter()
                .map(|(name, table)| {
                    let table: Value = serde_json::from_str(&table.json()).unwrap_or_default();
                    (name.clone(), table)
                })
                .collect();
            let tokens: Value = measured
                .iter()
                .map(|evaluation| Ok((evaluation.strategy.clone(), json!(evaluation.tokens()?))))
                .collect::<Result<_, Failure>>()?;
            report.push(json!({
                "suite": suite.name, "n": suite.questions(), "failures": failed, "tables": tables,
                "tokens": tokens,
            }));
            continue;
        }
        for (name, table) in &tables {
            match args.markdown {
                true => print(&format!(
                    "**{}, {name}**\n\n{}\n",
                    suite.name,
                    table.markdown()
                )),
                false => print(&format!("{}, {name}\n{table}\n\n", suite.name)),
            }
        }
        if measure.asking.is_some() {
            print(&format!("{}\n", costs(&measured)?));
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

impl Measure {
    async fn new(args: &Eval, config: &Config) -> Result<Self, Failure> {
        let activate = args.activate.map(|count| count as usize);
        let embedder = EmbedderChoice::of(&args.embedder, config)?;
        let embedder = memory::embedder(&embedder, config, false).await?;
        let usual = |names: &[&str]| match args.strategies.is_empty() {
            true => names.iter().map(ToString::to_string).collect(),
            false => args.strategies.clone(),
        };
        if args.no_answers {
            return Ok(Self {
                embedder,
                names: usual(&RETRIEVALS),
                activate: activate.unwrap_or(RETRIEVE),
                asking: None,
                metrics: &RETRIEVED,
            });
        }
        let model = model::load(&args.with, Mostly::Reads, config, false).await?;
        let activate = activate.unwrap_or(ACTIVATE);
        Ok(Self {
            embedder,
            names: usual(&MEMORY_STRATEGIES),
            activate,
            asking: Some(Asking {
                window: window(&args.with, config, &*model.chat),
                model: model.chat,
                scorer: model.scorer,
                set: Conversations::Scm,
                activate,
                prompts: prompts(&args.with, config)?,
            }),
            metrics: &ANSWERED,
        })
    }

    fn asking(&self, set: Conversations) -> Option<Asking> {
        let asking = self.asking.clone()?;
        Some(Asking { set, ..asking })
    }

    fn strategies(&self, set: Conversations) -> Result<Vec<Box<dyn MemoryStrategy>>, Failure> {
        let embedder = &self.embedder.profile().name;
        match self.asking(set) {
            Some(asking) => memory_strategies(&self.names, &asking, embedder),
            None => retrievals(&self.names, self.activate, embedder),
        }
        .map_err(as_usage)
    }

    /// Remembers what is said, with summaries of long turns where something answers.
    async fn fill(&self, suite: &MemorySuite, out: &Path) -> Result<Vec<Filled>, Failure> {
        let asking = self.asking(suite.set);
        let label = asking.as_ref().map(Asking::summaries).transpose()?;
        let archive = suite.archive(out, label.as_deref());
        let filled = Filled::open(&archive, &suite.conversations, self.embedder.clone()).await?;
        if let Some(asking) = asking {
            let summarise = Arc::new(asking.summarise()?);
            for filled in &filled {
                let mut told = |done, total| {
                    sayln!("{}: {done} of {total} long turns summarised", suite.name);
                };
                filled.summarise(&summarise, &mut told).await?;
            }
        }
        Ok(filled)
    }

    /// All strategies by all metrics, and by categories of questions.
    fn tables(&self, measured: &[MemoryEvaluation]) -> Result<Vec<(String, Table)>, Failure> {
        let rows = measured
            .iter()
            .map(|evaluation| evaluation.row(self.metrics));
        let mut tables = vec![("all questions".to_owned(), rows.collect::<Result<_, _>>()?)];
        let by_category = match self.asking {
            Some(_) => vec![MemoryMetric::Recall, MemoryMetric::TokenF1],
            None => vec![MemoryMetric::RecallAt(RETRIEVE)],
        };
        for metric in by_category {
            let rows = measured
                .iter()
                .map(|evaluation| evaluation.by_category(metric));
            tables.push((
                format!("{metric} by category"),
                rows.collect::<Result<_, _>>()?,
            ));
        }
        Ok(tables)
    }
}

/// What the strategies' answers took, on average.
fn costs(measured: &[MemoryEvaluation]) -> Result<String, Failure> {
    let mut costs = String::new();
    for evaluation in measured {
        let answers = evaluation.answers.iter().map(|answer| &answer.answered);
        let n = evaluation.answers.len().max(1) as f64;
        let (mut calls, mut seconds) = (0, 0.0);
        for answered in answers {
            calls += answered.usage.calls;
            seconds += answered.elapsed.as_secs_f64();
        }
        let tokens = evaluation.tokens()?;
        let failures = match evaluation.failures() {
            0 => String::new(),
            failures => format!(", {failures} failed (scored 0)"),
        };
        costs += &format!(
            "{}: {:.1} calls, {:.0} [{:.0}, {:.0}] tokens read, {:.1} s a question{failures}\n",
            evaluation.strategy,
            calls as f64 / n,
            tokens.mean,
            tokens.low,
            tokens.high,
            seconds / n
        );
    }
    Ok(costs)
}
