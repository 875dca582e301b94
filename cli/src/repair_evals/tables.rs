//! What is told of measured repairs.

use std::{collections::BTreeMap, fmt::Write};

use catena_agents::{BugCategory, BugType, ClassifiedBy};
use catena_evals::{Kind, RepairEvaluation, RepairedItem, Summary, Table, equal_tokens};
use serde_json::{Value, json};

use crate::{failure::Failure, grid};

/// The paper repairs that share of what failed at first, in two rounds.
const PAPER: f64 = 0.292;

/// A suite's tables, for a person.
pub(super) fn text(
    name: &str,
    measured: &[RepairEvaluation],
    rounds: u32,
    markdown: bool,
) -> Result<String, Failure> {
    let (table, notes) = (table(measured, rounds)?, notes(measured)?);
    let (types, labels) = (types(measured), labels(measured));
    Ok(match markdown {
        true => format!(
            "**{name}**\n\n{}\n{notes}\n{}\n{}\n",
            table.markdown(),
            types.markdown(),
            labels.markdown()
        ),
        false => format!(
            "{name}\n{table}\n{notes}\n{}\n{}\n",
            types.plain(),
            labels.plain()
        ),
    })
}

/// The same, for a program.
pub(super) fn json(
    name: &str,
    measured: &[RepairEvaluation],
    rounds: u32,
) -> Result<Value, Failure> {
    let table: Value = serde_json::from_str(&table(measured, rounds)?.json()).unwrap_or_default();
    let failures: usize = measured.iter().map(RepairEvaluation::failures).sum();
    Ok(json!({
        "suite": name,
        "n": measured.first().map_or(0, |first| first.items.len()),
        "failures": failures,
        "table": table,
        "by_type": types(measured).json(),
        "by_label": labels(measured).json(),
        "notes": notes(measured)?.lines().collect::<Vec<_>>(),
    }))
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

/// What was repaired, in groups: a line each, with the repaired and the failing of each strategy.
struct Groups {
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Kind>)>,
}

impl Groups {
    /// Groups by a key; of samples those that cost as much as the rounds of the first strategy.
    fn by<K: Ord>(
        title: &'static str,
        measured: &[RepairEvaluation],
        group: impl Fn(&RepairedItem) -> K,
        name: impl Fn(&K) -> String,
    ) -> Self {
        let mut rows: BTreeMap<K, Vec<Kind>> = BTreeMap::new();
        let mut columns = Vec::new();
        for evaluation in measured {
            let limit = evaluation
                .is_resampling
                .then(|| cap(measured, evaluation))
                .flatten();
            columns.push(match limit {
                Some(_) => format!("{} (equal tokens)", evaluation.strategy),
                None => evaluation.strategy.clone(),
            });
            let tokens = limit.map(|(_, tokens)| tokens);
            for (key, kind) in evaluation.repaired_by(tokens, &group) {
                let row = rows.entry(key).or_default();
                row.resize(columns.len() - 1, Kind::default());
                row.push(kind);
            }
        }
        let row = |(key, mut kinds): (K, Vec<Kind>)| {
            kinds.resize(columns.len(), Kind::default());
            (name(&key), kinds)
        };
        let rows = rows.into_iter().map(row).collect();
        Self {
            title,
            columns,
            rows,
        }
    }

    fn cells(&self) -> Vec<(&str, Vec<String>)> {
        let cell = |kind: &Kind| match kind.failing {
            0 => String::new(),
            failing => format!("{} of {failing}", kind.repaired),
        };
        let rows = self.rows.iter();
        rows.map(|(name, kinds)| (&**name, kinds.iter().map(cell).collect()))
            .collect()
    }

    fn markdown(&self) -> String {
        let head = std::iter::once(self.title.to_owned());
        let mut rows = vec![head.chain(self.columns.clone()).collect()];
        for (name, cells) in self.cells() {
            rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
        grid::markdown(&rows)
    }

    fn plain(&self) -> String {
        let mut text = String::new();
        for (name, cells) in self.cells() {
            let told = self
                .columns
                .iter()
                .zip(cells)
                .filter(|(_, cell)| !cell.is_empty());
            let told: Vec<_> = told
                .map(|(column, cell)| format!("{column} {cell}"))
                .collect();
            text += &format!("{name}: {}\n", told.join(", "));
        }
        text
    }

    fn json(&self) -> Value {
        let row = |(name, kinds): &(String, Vec<Kind>)| {
            let of = |(column, kind): (&String, &Kind)| {
                let counts = json!({ "failing": kind.failing, "repaired": kind.repaired });
                (column.clone(), counts)
            };
            (
                name.clone(),
                self.columns.iter().zip(kinds).map(of).collect::<Value>(),
            )
        };
        self.rows.iter().map(row).collect()
    }
}

/// What the first attempt failed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Failed {
    /// A bug of this type; `true` where a rule says so.
    Bug(BugType, bool),
    /// Neither a rule nor the model names one.
    Unknown,
    /// It passes the visible tests: no round sees it.
    Unseen,
    /// The item itself failed.
    Error,
}

impl Failed {
    fn of(item: &RepairedItem) -> Self {
        let by_rule = |by: &Option<ClassifiedBy>| matches!(by, Some(ClassifiedBy::Rule(_)));
        match (item.rounds.first(), &item.bug) {
            (None, _) => Self::Error,
            (Some(first), _) if first.report.passes => Self::Unseen,
            (_, Some(bug)) => bug.bug_type.map_or(Self::Unknown, |bug_type| {
                Self::Bug(bug_type, by_rule(&bug.by))
            }),
            (_, None) => Self::Unknown,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Bug(bug, true) => format!("{bug}, by rule"),
            Self::Bug(bug, false) => format!("{bug}, by the model"),
            Self::Unknown => "of no type".to_owned(),
            Self::Unseen => "passes the visible tests".to_owned(),
            Self::Error => "was not repaired for an error".to_owned(),
        }
    }
}

/// By the type of bug of the first attempt, behind the three categories.
fn types(measured: &[RepairEvaluation]) -> Groups {
    // What is of no category comes last.
    let category = |item: &RepairedItem| match Failed::of(item) {
        Failed::Bug(bug, _) => (false, Some(bug.category())),
        _ => (true, None),
    };
    let name = |(_, category): &(bool, Option<BugCategory>)| match category {
        Some(category) => format!("all {category} bugs"),
        None => "the others".to_owned(),
    };
    let mut groups = Groups::by("failed at first with", measured, category, name);
    groups
        .rows
        .extend(Groups::by("", measured, Failed::of, Failed::name).rows);
    groups
}

/// By what the benchmark itself calls what was wrong.
fn labels(measured: &[RepairEvaluation]) -> Groups {
    let label = |item: &RepairedItem| item.answered.gold.first().cloned().unwrap_or_default();
    let name = |label: &String| match label.is_empty() {
        true => "(no label)".to_owned(),
        false => label.clone(),
    };
    Groups::by("label of the benchmark", measured, label, name)
}
