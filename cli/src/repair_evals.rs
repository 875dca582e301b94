//! `catena eval` over broken programs.

use std::{fmt::Write, sync::Arc};

use catena_evals::{
    RepairEvaluation, RepairSuite, RepairedItem, Repairing, Summary, Table, equal_tokens,
    repair_strategies,
};
use serde_json::{Value, json};

use crate::{
    args::Eval,
    boxed,
    config::Config,
    evals::failed,
    failure::Failure,
    model,
    reading::{as_usage, prompts},
    terminal::{harmless, print},
};

/// Those that are measured unless others are named.
const USUAL: [&str; 5] = ["explain", "critique", "paper", "feedback", "resample"];

/// The paper repairs that share of what failed at first, in two rounds.
const PAPER: f64 = 0.292;

/// The tokens of a prompt and its answer unless others are given; programs of benchmarks are short.
const WINDOW: u32 = 4096;

pub(crate) async fn run(args: Eval, config: &Config) -> Result<(), Failure> {
    if args.no_answers || args.activate.is_some() || args.embedder.is_some() {
        return Err(
            Failure::usage("--no-answers, --activate and --embedder are of conversations")
                .help("files of conversations have names that hold dialogue or conv-"),
        );
    }
    let suites = args
        .files
        .iter()
        .map(|path| RepairSuite::load(path))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = match args.strategies.is_empty() {
        true => USUAL.map(str::to_owned).to_vec(),
        false => args.strategies.clone(),
    };
    // Without a sandbox nothing is run, and then no model is needed.
    let runner = Arc::new(boxed::runner(&args.boxed.without)?);
    let model = model::load(&args.with, config, false).await?;
    let profile = model.chat.profile();
    let rounds = args.rounds.unwrap_or(2);
    let window = args.with.window.or(config.window);
    let repairing = Repairing {
        window: window.unwrap_or(WINDOW.min(profile.context_window)),
        model: Arc::clone(&model.chat),
        scorer: model.scorer,
        runner,
        rounds,
        prompts: prompts(&args.with, config)?,
    };
    let strategies = repair_strategies(&names, &repairing).map_err(as_usage)?;
    let mut report = Vec::new();
    let mut failures = 0;
    for suite in suites {
        let suite = match args.limit {
            Some(limit) => suite.limit(limit),
            None => suite,
        };
        let total = suite.items.len();
        let mut measured = Vec::new();
        for strategy in &strategies {
            let told = |item: &RepairedItem, done| {
                let (suite, strategy) = (&suite.name, strategy.name());
                eprintln!(
                    "{suite} {strategy} {done}/{total} {}: {}",
                    item.answered.id,
                    line(item)
                );
            };
            measured.push(suite.evaluate(&**strategy, &args.out, told).await?);
        }
        let failed: usize = measured.iter().map(RepairEvaluation::failures).sum();
        failures += failed;
        let table = table(&measured, rounds)?;
        let notes = notes(&measured)?;
        if args.json {
            let table: Value = serde_json::from_str(&table.json()).unwrap_or_default();
            report.push(json!({
                "suite": suite.name, "n": total, "failures": failed, "table": table,
                "by_type": by_type(&measured), "notes": notes.lines().collect::<Vec<_>>(),
            }));
        } else if args.markdown {
            print(&format!(
                "**{}**\n\n{}\n{notes}\n",
                suite.name,
                table.markdown()
            ));
            print(&format!("{}\n", types(&measured, true)));
        } else {
            print(&format!("{}\n{table}\n{notes}\n", suite.name));
            print(&format!("{}\n", types(&measured, false)));
        }
    }
    if args.json {
        print(&format!("{:#}\n", Value::from(report)));
    }
    match failures {
        0 => Ok(()),
        failures => Err(self::failed(failures, args.json)),
    }
}

/// An item, for whoever waits.
fn line(item: &RepairedItem) -> String {
    if let Some(error) = &item.answered.error {
        return format!("failed: {}", harmless(error));
    }
    let rounds = item.rounds.iter().map(|round| {
        let mark = match (round.hidden, round.report.passes) {
            (Some(true), _) => "passes",
            (_, true) => "passes the visible tests alone",
            _ => "fails",
        };
        format!("{} {mark}", round.number)
    });
    rounds.collect::<Vec<_>>().join(", ")
}

/// Tokens an item at which samples cost what the rounds of the first strategy cost.
fn cap(measured: &[RepairEvaluation], samples: &RepairEvaluation) -> Option<(String, u64)> {
    let rounds = measured
        .iter()
        .find(|evaluation| !evaluation.is_resampling)?;
    let tokens = rounds.cost(None).1;
    Some((rounds.strategy.clone(), equal_tokens(samples, tokens)))
}

fn table(measured: &[RepairEvaluation], rounds: u32) -> Result<Table, Failure> {
    let mut rows = Vec::new();
    for evaluation in measured {
        if evaluation.is_resampling
            && let Some((_, cap)) = cap(measured, evaluation)
        {
            rows.push(evaluation.row(rounds, Some(cap))?);
        }
        rows.push(evaluation.row(rounds, None)?);
    }
    Ok(Table::from_iter(rows))
}

/// What strategies took, and what a table does not tell.
fn notes(measured: &[RepairEvaluation]) -> Result<String, Failure> {
    let mut text = String::new();
    let mut about = |evaluation: &RepairEvaluation, name: &str, tokens: Option<u64>| {
        let (calls, spent) = evaluation.cost(tokens);
        let n = evaluation.items.len() as f64;
        let solved: f64 = evaluation.passes_within(tokens).iter().sum();
        let of_each = match solved > 0.0 {
            true => format!(
                "{:.1} calls and {:.0} tokens for each that is solved",
                calls * n / solved,
                spent * n / solved
            ),
            false => "none is solved".to_owned(),
        };
        // Writing into a text does not fail.
        let _ = writeln!(
            text,
            "{name}: {calls:.1} calls and {spent:.0} tokens an item, {of_each}; {} broken by a round, {} pass the visible tests alone at first{}",
            evaluation.regressions(tokens),
            evaluation.unseen(),
            match evaluation.failures() {
                0 => String::new(),
                failures => format!(", {failures} failed (scored 0)"),
            }
        );
    };
    for evaluation in measured {
        about(evaluation, &evaluation.strategy, None);
        if evaluation.is_resampling
            && let Some((strategy, cap)) = cap(measured, evaluation)
        {
            let name = format!("{} at the tokens of {strategy}", evaluation.strategy);
            about(evaluation, &name, Some(cap));
        }
    }
    for evaluation in measured
        .iter()
        .filter(|evaluation| !evaluation.is_resampling)
    {
        let repaired = evaluation.repaired(None);
        if repaired.is_empty() {
            continue;
        }
        let Summary { n, mean, low, high } = Summary::bootstrap(&repaired, 2026)?;
        let beside = match () {
            () if low > PAPER => "above",
            () if high < PAPER => "below",
            () => "not told apart from",
        };
        let _ = writeln!(
            text,
            "{}: {:.1} % [{:.1}, {:.1}] of the {n} that failed at first are repaired, {beside} the paper's {:.1} %",
            evaluation.strategy,
            mean * 100.0,
            low * 100.0,
            high * 100.0,
            PAPER * 100.0
        );
    }
    Ok(text)
}

/// By type of bug, of the strategies that name one.
fn types(measured: &[RepairEvaluation], markdown: bool) -> String {
    let mut text = match markdown {
        true => "| strategy | type of bug | failed at first | repaired | by rule |\n| --- | --- | ---: | ---: | ---: |\n".to_owned(),
        false => String::new(),
    };
    for evaluation in measured {
        for (bug, kind) in evaluation.by_type() {
            let bug = bug.map_or("unknown".to_owned(), |bug| bug.to_string());
            let (failing, repaired, by_rule) = (kind.failing, kind.repaired, kind.by_rule);
            let strategy = &evaluation.strategy;
            let _ = match markdown {
                true => writeln!(
                    text,
                    "| {strategy} | {bug} | {failing} | {repaired} | {by_rule} |"
                ),
                false => writeln!(
                    text,
                    "{strategy}, {bug}: {repaired} of {failing} repaired, type by rule in {by_rule}"
                ),
            };
        }
    }
    text
}

fn by_type(measured: &[RepairEvaluation]) -> Value {
    let of = |evaluation: &RepairEvaluation| {
        let kinds = evaluation.by_type().into_iter().map(|(bug, kind)| {
            json!({
                "type": bug, "failing": kind.failing, "repaired": kind.repaired, "by_rule": kind.by_rule,
            })
        });
        (evaluation.strategy.clone(), kinds.collect::<Value>())
    };
    measured.iter().map(of).collect()
}
