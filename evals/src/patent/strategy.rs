//! Ways to write a patent from a draft.

use std::{fmt, sync::Arc, time::Instant};

use catena_agents::{
    AutoPatent, Jurisdiction, PatentFlow, PatentLength, PatentPiece, PatentTask, Prompts,
    WrittenPatent,
};
use catena_core::{ChatModel, Error, Graph, Result};
use serde::{Deserialize, Serialize};

use super::{PatentItem, PatentScores, score_patent};
use crate::{Answered, strategy::run};

/// The names of the strategies; see [`patent_strategies`].
pub const PATENT_STRATEGIES: [&str; 3] = ["planned", "zero-shot", "paper"];

/// What all strategies have in common.
#[derive(Clone, Debug)]
pub struct PatentWriting {
    /// The model that writes.
    pub model: Arc<dyn ChatModel>,
    /// How long patents become.
    pub length: PatentLength,
    /// How often a subsection that fails its examination is revised, at most.
    pub rounds: u32,
    /// The most tokens of a prompt and its answer together.
    pub window: u32,
    /// Where prompts come from.
    pub prompts: Prompts,
}

/// Strategies by their names, all by the rules of the United States:
///
/// - `planned`: [`PatentFlow::Planned`];
/// - `zero-shot`: one call, [`PatentFlow::ZeroShot`];
/// - `paper`: the paper's flow, [`PatentFlow::Paper`].
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) for an unknown name, and for a window in which nothing can be written.
pub fn patent_strategies(names: &[String], writing: &PatentWriting) -> Result<Vec<PatentStrategy>> {
    let setting = writing.setting()?;
    names
        .iter()
        .map(|name| {
            let flow = match &**name {
                "planned" => PatentFlow::Planned,
                "zero-shot" => PatentFlow::ZeroShot,
                "paper" => PatentFlow::Paper,
                _ => {
                    return Err(Error::invalid(format!("there is no strategy '{name}'"))
                        .with_help(format!(
                            "the strategies are {}",
                            PATENT_STRATEGIES.join(", ")
                        )));
                }
            };
            let graph = AutoPatent::new(Arc::clone(&writing.model))
                .guide(Jurisdiction::Us.guide())
                .flow(flow)
                .length(writing.length)
                .rounds(writing.rounds)
                .window(writing.window)
                .prompts(writing.prompts.clone())
                .build()?;
            Ok(PatentStrategy {
                name: name.clone(),
                setting: setting.clone(),
                graph: Arc::new(graph),
                model: Arc::clone(&writing.model),
            })
        })
        .collect()
}

/// The prompts of all flows.
const PROMPTS: [&str; 18] = [
    "abstract",
    "background",
    "choose",
    "claims",
    "details",
    "examine",
    "paper_component",
    "paper_plan",
    "paper_retrieve",
    "paper_review",
    "paper_revise",
    "paper_write",
    "plan",
    "revise",
    "summary",
    "title",
    "write",
    "zero_shot",
];

impl PatentWriting {
    fn setting(&self) -> Result<String> {
        let mut digests = Vec::new();
        for name in PROMPTS {
            let prompt = self.prompts.load(&format!("patent/{name}"))?;
            digests.push(prompt.digest().chars().take(4).collect::<String>());
        }
        Ok(format!(
            "catena {}, model {}, window {}, {:?}, {} rounds, prompts {}",
            env!("CARGO_PKG_VERSION"),
            self.model.profile().name,
            self.window,
            self.length,
            self.rounds,
            digests.join(" ")
        ))
    }
}

/// Writes patents with one flow.
#[derive(Clone)]
pub struct PatentStrategy {
    name: String,
    setting: String,
    graph: Arc<Graph<PatentTask, WrittenPatent>>,
    model: Arc<dyn ChatModel>,
}

impl fmt::Debug for PatentStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatentStrategy")
            .field("name", &self.name)
            .field("setting", &self.setting)
            .finish_non_exhaustive()
    }
}

/// What came of a draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WrittenItem {
    /// The patent, with its findings and what each paragraph rests on; `None` after a failure.
    pub written: Option<WrittenPatent>,
    /// What is measured of it beside the granted patent; `None` after a failure.
    pub scores: Option<PatentScores>,
    /// Whether tokens were counted with the model's own tokenizer.
    pub exact_tokens: bool,
    /// From the beginning to the end; calls side by side count once.
    pub seconds: f64,
    /// The transcript and what it took. The answer is the patent's text.
    #[serde(flatten)]
    pub answered: Answered,
}

impl WrittenItem {
    /// The pieces that are not written, where it did not fail.
    pub fn missing(&self) -> Vec<PatentPiece> {
        let written = self.written.as_ref();
        written.map_or_else(Vec::new, |written| written.work.missing())
    }
}

impl AsRef<Answered> for WrittenItem {
    fn as_ref(&self) -> &Answered {
        &self.answered
    }
}

impl PatentStrategy {
    /// Its name, in tables and file names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All that its results depend on: results of different settings are never mixed.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Writes a patent from the draft of an item; a failure is part of what is returned.
    pub async fn write(&self, item: &PatentItem) -> WrittenItem {
        let begun = Instant::now();
        let task = PatentTask::new(item.draft.clone());
        let (output, ran) = run(&self.graph, task, &self.name).await;
        let counter = self.model.counter();
        let mut written = WrittenItem {
            written: None,
            scores: None,
            exact_tokens: counter.is_exact(),
            seconds: begun.elapsed().as_secs_f64(),
            answered: Answered::unanswered(&self.setting, &item.id, item.truth.title(), &[]),
        };
        match output {
            Ok(output) => {
                let text = output.patent.to_text();
                let truth = item.truth.to_text();
                written.scores = Some(score_patent(&text, Some(&truth), &output.findings, counter));
                written.answered.answer = text;
                written.written = Some(output);
            }
            Err(error) => written.answered.error = Some(error.to_string()),
        }
        written.answered.ran(ran);
        written
    }
}
