//! `catena eval` over granted patents: a draft is derived from each, and a patent written from it.

use std::{fs, io::Write, path::Path};

use catena_evals::{
    PATENT_STRATEGIES, PatentEvaluation, PatentRow, PatentStrategy, PatentSuite, PatentWriting,
    WrittenItem, patent_rows, patent_strategies,
};
use serde_json::{Value, json};

use crate::{
    args::Eval,
    config::Config,
    evals::{named, suites},
    failure::Failure,
    grid,
    model::{self, Mostly},
    output_file::OutputFile,
    reading::{as_usage, prompts},
    terminal::{harmless, print},
};

/// Those that are measured unless others are named.
const USUAL: [&str; 2] = ["planned", "zero-shot"];

/// As [`catena_agents::AutoPatent`] has them.
const WINDOW: u32 = 8192;
const ROUNDS: u32 = 2;

pub(crate) async fn run(args: Eval, config: &Config) -> Result<(), Failure> {
    let suites = suites(&args, PatentSuite::load, PatentSuite::limit)?;
    let names = named(&args, &USUAL);
    // Told before a model is fetched or loaded.
    if let Some(unknown) = names
        .iter()
        .find(|name| !PATENT_STRATEGIES.contains(&name.as_str()))
    {
        return Err(
            Failure::usage(format!("there is no strategy '{unknown}'")).help(format!(
                "the strategies are {}",
                PATENT_STRATEGIES.join(", ")
            )),
        );
    }
    let loaded = model::load(&args.with, Mostly::Writes, config, false).await?;
    let model = loaded.chat;
    let window = args.with.window.or(config.window);
    let writing = PatentWriting {
        window: window.unwrap_or(WINDOW.min(model.profile().context_window)),
        length: args.length.unwrap_or_default().into(),
        rounds: args.rounds.unwrap_or(ROUNDS),
        prompts: prompts(&args.with, config)?,
        model: model.clone(),
    };
    let strategies = patent_strategies(&names, &writing).map_err(as_usage)?;
    let mut report = Vec::new();
    let mut failures = 0;
    for suite in &suites {
        let drafts = suite.items.iter();
        let drafts = drafts.map(|item| (&*item.id, item.draft.to_markdown()));
        leave(&args.out.join(&suite.name).join("drafts"), drafts)?;
        let mut measured = Vec::new();
        for strategy in &strategies {
            measured.push(evaluate(suite, strategy, &args.out).await?);
        }
        let failed: usize = measured.iter().map(PatentEvaluation::failures).sum();
        failures += failed;
        let exact = model.counter().is_exact();
        let rows = patent_rows(suite, &measured, model.counter());
        if args.json {
            report.push(json!({
                "suite": suite.name,
                "n": suite.items.len(),
                "failures": failed,
                "tokens_are_exact": exact,
                "rows": rows,
                "findings": findings(&measured),
            }));
        } else {
            let text = text(&suite.name, &cells(&rows), exact, args.markdown);
            print(&harmless(&format!("{text}\n{}\n", listed(&measured))));
        }
    }
    if args.json {
        print(&format!("{:#}\n", Value::from(report)));
    }
    match failures {
        0 => Ok(()),
        failures => {
            let failure = Failure::new(format!("{failures} patents failed and are in no mean"))
                .help("the same command tries them again");
            // One JSON value and no other: it tells the failures of each suite.
            Err(if args.json { failure.told() } else { failure })
        }
    }
}

/// Writes what is not there yet, and leaves it where it can be read.
async fn evaluate(
    suite: &PatentSuite,
    strategy: &PatentStrategy,
    out: &Path,
) -> Result<PatentEvaluation, Failure> {
    let (name, total) = (strategy.name(), suite.items.len());
    let told = |item: &WrittenItem, done| {
        let (id, line) = (&item.answered.id, line(item));
        sayln!("{} {name} {done}/{total} {id}: {line}", suite.name);
    };
    let evaluation = suite.evaluate(strategy, out, told).await?;
    let written = evaluation.items.iter().filter_map(|item| {
        let written = item.written.as_ref()?;
        Some((&*item.answered.id, written.patent.to_markdown()))
    });
    leave(&out.join(&suite.name).join(name), written)?;
    Ok(evaluation)
}

/// A suite's table, for a person.
fn text(suite: &str, cells: &[Vec<String>], exact: bool, markdown: bool) -> String {
    let about = match exact {
        true => "",
        false => "Tokens are estimated: three bytes each.\n",
    };
    match markdown {
        true => format!("**{suite}**\n\n{}\n{about}", grid::markdown(cells)),
        false => format!("{suite}\n{}{about}", grid::aligned(cells)),
    }
}

/// Writes texts to read, each into a file of its own.
fn leave<'a>(folder: &Path, texts: impl Iterator<Item = (&'a str, String)>) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    for (id, text) in texts {
        let path = folder.join(format!("{id}.md"));
        let mut file = OutputFile::replacing(&path)?;
        file.write_all(text.as_bytes())
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        file.finish()?;
    }
    Ok(())
}

/// A patent, for whoever waits.
fn line(item: &WrittenItem) -> String {
    match (&item.answered.error, &item.scores) {
        (Some(error), _) => format!("failed: {}", harmless(error)),
        (None, Some(scores)) => {
            let about = if item.exact_tokens { "" } else { "about " };
            format!(
                "{about}{} tokens, {} pieces missing, {} findings, {} calls, {:.0} s",
                scores.tokens,
                item.missing().len(),
                scores.findings.values().sum::<usize>(),
                item.answered.usage.calls,
                item.seconds
            )
        }
        (None, None) => "nothing".to_owned(),
    }
}

/// What validators found in what was written, by strategy and patent.
fn findings(measured: &[PatentEvaluation]) -> Value {
    let of = |item: &WrittenItem| {
        let findings = item.written.iter().flat_map(|written| &written.findings);
        let missing: Vec<String> = item.missing().iter().map(ToString::to_string).collect();
        json!({
            "patent": item.answered.id,
            "missing": missing,
            "findings": findings.collect::<Vec<_>>(),
        })
    };
    let of_strategy = |evaluation: &PatentEvaluation| {
        let items: Vec<Value> = evaluation.items.iter().map(of).collect();
        (evaluation.strategy.clone(), Value::from(items))
    };
    measured.iter().map(of_strategy).collect()
}

/// The same, for a person.
fn listed(measured: &[PatentEvaluation]) -> String {
    let mut text = String::new();
    for evaluation in measured {
        for item in &evaluation.items {
            let (name, id) = (&evaluation.strategy, &item.answered.id);
            let missing: Vec<String> = item.missing().iter().map(ToString::to_string).collect();
            if !missing.is_empty() {
                text += &format!("{name}, {id}: {} missing\n", missing.join(", "));
            }
            for finding in item.written.iter().flat_map(|written| &written.findings) {
                text += &format!("{name}, {id}: {finding}\n");
            }
        }
    }
    text
}

type Column = (&'static str, fn(&PatentRow) -> Option<f64>, usize);

/// Headings, figures, and the places behind the point.
const COLUMNS: [Column; 13] = [
    ("missing", |row| row.missing, 0),
    ("findings", |row| row.findings, 0),
    ("tokens", |row| row.tokens, 0),
    ("IRR(0.2)", |row| row.irr_02, 1),
    ("IRR(0.4)", |row| row.irr_04, 1),
    ("BLEU", |row| row.char_bleu, 1),
    ("R-1", |row| row.rouge_1, 1),
    ("R-2", |row| row.rouge_2, 1),
    ("R-L", |row| row.rouge_l, 1),
    ("calls", |row| row.calls, 0),
    ("read", |row| row.read, 0),
    ("written", |row| row.written, 0),
    ("s", |row| row.seconds, 0),
];

fn cells(rows: &[PatentRow]) -> Vec<Vec<String>> {
    let head = COLUMNS.iter().map(|(name, ..)| (*name).to_owned());
    let mut cells = vec![std::iter::once("patent".to_owned()).chain(head).collect()];
    for row in rows {
        let figures = COLUMNS.iter().map(|(_, figure, places)| match figure(row) {
            // The mean of few things is seldom whole.
            Some(figure) if figure < 100.0 && figure.fract() != 0.0 => format!("{figure:.1}"),
            Some(figure) => format!("{figure:.places$}"),
            None => String::new(),
        });
        cells.push(std::iter::once(row.name.clone()).chain(figures).collect());
    }
    cells
}
