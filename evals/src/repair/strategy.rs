//! Ways to repair an item.

use std::sync::Arc;

use async_trait::async_trait;
use catena_agents::{
    Critique, Method, Prompts, RepairTask, Repaired, Repairer, Round, Runner, Stopped,
};
use catena_core::{ChatModel, Error, Graph, Result, Scorer};
use serde::{Deserialize, Serialize};

use super::{RepairItem, once::Once};
use crate::{Answered, strategy::run};

/// The names of the strategies; see [`repair_strategies`].
pub const REPAIR_STRATEGIES: [&str; 6] = [
    "explain",
    "critique",
    "paper",
    "feedback",
    "candidates",
    "resample",
];

/// Samples that `resample` draws behind the first attempt, unless one passes before.
const SAMPLES: u32 = 6;

/// Repairs items of a [`RepairSuite`](crate::RepairSuite).
#[async_trait]
pub trait RepairStrategy: Send + Sync {
    /// Its name, in tables and file names.
    fn name(&self) -> &str;

    /// All that its results depend on: results of different settings are never mixed.
    fn setting(&self) -> String;

    /// Whether its rounds are independent samples.
    fn is_resampling(&self) -> bool;

    /// How many items it is worth to repair at a time. Default: 1.
    fn width(&self) -> usize {
        1
    }

    /// Repairs one item; a failure is part of what is returned.
    async fn repair(&self, item: &RepairItem) -> RepairedItem;
}

/// What came of an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepairedItem {
    /// All versions: the first attempt and what followed.
    pub rounds: Vec<Round>,
    /// Why it ended; `None` after a failure.
    pub stopped: Option<Stopped>,
    /// Corrections that could not be applied, of a round that ended for that.
    pub unapplied: Vec<String>,
    /// The type of bug of the first attempt, if that fails the visible tests. The question for it is no part
    /// of the repair, nor of what the repair took.
    #[serde(default)]
    pub bug: Option<Critique>,
    /// The transcript and what it took. The answer is the best version's changes.
    #[serde(flatten)]
    pub answered: Answered,
}

impl AsRef<Answered> for RepairedItem {
    fn as_ref(&self) -> &Answered {
        &self.answered
    }
}

/// What all strategies have in common.
#[derive(Clone, Debug)]
pub struct Repairing {
    /// The model that criticises and corrects.
    pub model: Arc<dyn ChatModel>,
    /// What classifies by probabilities, if anything does.
    pub scorer: Option<Arc<dyn Scorer>>,
    /// Where programs run.
    pub runner: Arc<dyn Runner>,
    /// The most tokens of a prompt and its answer together.
    pub window: u32,
    /// Rounds behind the first attempt.
    pub rounds: u32,
    /// Where prompts come from.
    pub prompts: Prompts,
}

impl Repairing {
    fn setting(&self) -> Result<String> {
        let names = [
            "program",
            "classify",
            "critique",
            "critique_paper",
            "correct",
            "again",
        ];
        let digests = names
            .map(|name| -> Result<String> {
                let prompt = self.prompts.load(&format!("repair/{name}"))?;
                Ok(prompt.digest().chars().take(8).collect())
            })
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        Ok(format!(
            "catena {}, model {}{}, window {}, {} rounds, {SAMPLES} samples, checks 3, prompts {}",
            env!("CARGO_PKG_VERSION"),
            self.model.profile().name,
            if self.scorer.is_some() {
                ", scorer"
            } else {
                ""
            },
            self.window,
            self.rounds,
            digests.join(" ")
        ))
    }

    fn repairer(&self, name: &str) -> Repairer {
        let repairer = Repairer::new(Arc::clone(&self.model), Arc::clone(&self.runner))
            .window(self.window)
            .rounds(self.rounds)
            .attempt(true)
            // It is asked for beside the repair, once for all strategies.
            .names_bugs(false)
            .prompts(self.prompts.clone());
        let repairer = match &self.scorer {
            Some(scorer) => repairer.scorer(Arc::clone(scorer)),
            None => repairer,
        };
        match name {
            "critique" => repairer.method(Method::Critique),
            "paper" => repairer.method(Method::Paper),
            "feedback" => repairer.method(Method::Feedback),
            "candidates" => repairer
                .method(Method::Critique)
                .candidates(self.rounds)
                .equal_cost(true),
            "resample" => repairer.method(Method::Resample).rounds(SAMPLES),
            _ => repairer,
        }
    }
}

/// Strategies by their names. All begin with the same attempt, of a model that is told that the program
/// is broken and nothing more, and stop as soon as the visible tests pass:
///
/// - `explain`: what is wrong and the correction in one answer;
/// - `critique`: type of bug by rule where one decides, critique, correction of the best version;
/// - `paper`: the plain loop of the paper, where the model is shown all types and guesses;
/// - `feedback`: what went wrong, and nothing else;
/// - `candidates`: one round of `critique` with as many corrections side by side as there are rounds;
/// - `resample`: independent samples, more than the others have rounds, to be cut where they have taken
///   as many tokens ([`equal_tokens`](crate::equal_tokens)).
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) for an unknown name, and for a window that is larger than the
/// model's.
pub fn repair_strategies(
    names: &[String],
    repairing: &Repairing,
) -> Result<Vec<Box<dyn RepairStrategy>>> {
    let setting = repairing.setting()?;
    let repairing = Repairing {
        model: Arc::new(Once::new(Arc::clone(&repairing.model))),
        ..repairing.clone()
    };
    let classifier = Arc::new(repairing.repairer("explain").classifier()?);
    names
        .iter()
        .map(|name| -> Result<Box<dyn RepairStrategy>> {
            if !REPAIR_STRATEGIES.contains(&&**name) {
                return Err(
                    Error::invalid(format!("there is no strategy '{name}'")).with_help(format!(
                        "the strategies are {}",
                        REPAIR_STRATEGIES.join(", ")
                    )),
                );
            }
            Ok(Box::new(ByGraph {
                name: name.clone(),
                setting: setting.clone(),
                graph: Arc::new(repairing.repairer(name).build()?),
                classifier: Arc::clone(&classifier),
                width: repairing.model.profile().parallel,
            }))
        })
        .collect()
}

struct ByGraph {
    name: String,
    setting: String,
    graph: Arc<Graph<RepairTask, Repaired>>,
    classifier: Arc<Graph<(RepairTask, Round), Option<Critique>>>,
    width: usize,
}

impl ByGraph {
    /// The type of bug of the first attempt.
    async fn bug(&self, item: &RepairItem, first: &Round) -> Result<Option<Critique>> {
        if first.report.passes {
            return Ok(None);
        }
        let asked = (item.task.clone(), first.clone());
        run(&self.classifier, asked, "classifier").await.0
    }
}

#[async_trait]
impl RepairStrategy for ByGraph {
    fn name(&self) -> &str {
        &self.name
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    fn is_resampling(&self) -> bool {
        self.name == "resample"
    }

    fn width(&self) -> usize {
        self.width
    }

    async fn repair(&self, item: &RepairItem) -> RepairedItem {
        let gold = [item.kind.clone()];
        let mut repaired = RepairedItem {
            rounds: Vec::new(),
            stopped: None,
            unapplied: Vec::new(),
            bug: None,
            answered: Answered::unanswered(&self.setting, &item.id, &item.task.instruction, &gold),
        };
        let (output, ran) = run(&self.graph, item.task.clone(), &self.name).await;
        match output {
            Ok(output) => {
                repaired.answered.answer = output.diff;
                repaired.rounds = output.rounds;
                repaired.stopped = Some(output.stopped);
                repaired.unapplied = output.unapplied;
            }
            Err(error) => repaired.answered.error = Some(error.to_string()),
        }
        if let Some(first) = repaired.rounds.first() {
            match self.bug(item, first).await {
                Ok(bug) => repaired.bug = bug,
                Err(error) => repaired.answered.error = Some(error.to_string()),
            }
        }
        repaired.answered.ran(ran);
        repaired
    }
}
