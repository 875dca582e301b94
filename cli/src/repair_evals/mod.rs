//! `catena eval` over broken programs.

mod tables;

use std::{collections::HashSet, sync::Arc};

use catena_evals::{
    RepairEvaluation, RepairStrategy, RepairSuite, RepairedItem, Repairing, repair_strategies,
};
use serde_json::Value;

use crate::{
    args::Eval,
    boxed,
    config::Config,
    evals::{failed, named, suites},
    failure::Failure,
    model::{self, Mostly},
    reading::{as_usage, prompts},
    terminal::{harmless, print},
};

/// Those that are measured unless others are named: what matters most comes first, should it be cut.
const USUAL: [&str; 5] = ["explain", "resample", "critique", "paper", "feedback"];

/// The tokens of a prompt and its answer unless others are given; programs of benchmarks are short.
const WINDOW: u32 = 4096;

pub(crate) async fn run(args: Eval, config: &Config) -> Result<(), Failure> {
    let suites = suites(&args, RepairSuite::load, RepairSuite::limit)?;
    let names = named(&args, &USUAL);
    // Without a sandbox nothing is run, and then no model is needed.
    let runner = Arc::new(boxed::runner(&args.boxed.without, &args.boxed.readable)?);
    let model = model::load(&args.with, Mostly::Writes, config, false).await?;
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
    let mut measured: Vec<Vec<RepairEvaluation>> = suites.iter().map(|_| Vec::new()).collect();
    // A strategy over all suites before the next: what is cut off is then the last strategy.
    for strategy in &strategies {
        for (suite, measured) in suites.iter().zip(&mut measured) {
            measured.push(match args.kept {
                true => suite.kept(&**strategy, &args.out)?,
                false => evaluate(suite, &**strategy, &args).await?,
            });
        }
    }
    if args.kept {
        measured.iter_mut().for_each(|of_suite| in_common(of_suite));
    }
    let all = joined(&measured);
    let failures = all.iter().map(RepairEvaluation::failures).sum();
    let named = suites.iter().map(|suite| &*suite.name).zip(&measured);
    let several = (suites.len() > 1).then_some(("all", &all));
    let mut report = Vec::new();
    for (name, measured) in named.chain(several) {
        if measured
            .iter()
            .any(|evaluation| evaluation.items.is_empty())
        {
            print(&format!(
                "{name}: no item has a result of every strategy\n\n"
            ));
        } else if args.json {
            report.push(tables::json(name, measured, rounds)?);
        } else {
            print(&tables::text(name, measured, rounds, args.markdown)?);
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

async fn evaluate(
    suite: &RepairSuite,
    strategy: &dyn RepairStrategy,
    args: &Eval,
) -> Result<RepairEvaluation, Failure> {
    let total = suite.items.len();
    let told = |item: &RepairedItem, done| {
        let (suite, strategy) = (&suite.name, strategy.name());
        let (id, line) = (&item.answered.id, line(item));
        sayln!("{suite} {strategy} {done}/{total} {id}: {line}");
    };
    Ok(suite.evaluate(strategy, &args.out, told).await?)
}

/// Leaves the items of a suite that every strategy has a result of.
fn in_common(measured: &mut [RepairEvaluation]) {
    let ids = |evaluation: &RepairEvaluation| -> HashSet<String> {
        let items = evaluation.items.iter();
        items.map(|item| item.answered.id.clone()).collect()
    };
    let all = measured
        .iter()
        .map(ids)
        .reduce(|a, b| &a & &b)
        .unwrap_or_default();
    for evaluation in measured {
        evaluation
            .items
            .retain(|item| all.contains(&item.answered.id));
    }
}

/// The results of each strategy over all suites.
fn joined(measured: &[Vec<RepairEvaluation>]) -> Vec<RepairEvaluation> {
    let count = measured.first().map_or(0, Vec::len);
    let of = |index: usize| {
        measured
            .iter()
            .filter_map(move |of_suite| of_suite.get(index))
    };
    (0..count)
        .map(|index| RepairEvaluation::joined(of(index)))
        .collect()
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
