//! Several chains over the same documents, and the best of their answers.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use catena_core::{Agent, ChatModel, ChatRequest, Context, Graph, Prompt, Result};
use serde::{Deserialize, Serialize};

use super::{ChainAnswer, ChainInput, ChainOfAgents, Order, Task};
use crate::whole::worded;

/// Tokens of a judge's verdict, which is a number.
const VERDICT_TOKENS: u32 = 8;

/// Several chains over the same documents, and the best of their answers (§5.6 of the paper).
///
/// Builds the graph `spread` → map `paths` → `select`. p paths over l chunks take p (l + 1) calls,
/// and a judge takes one more. Paths run beside each other as far as the worker's model is
/// [`parallel`](catena_core::ModelProfile::parallel).
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use catena_agents::{ChainInput, ChainOfAgents, MultiPath, Select};
/// use catena_core::{Run, RunOptions};
/// use catena_models::ScriptedModel;
/// use catena_tools::Document;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let model = ScriptedModel::new()
///     .reply_to("Copy the sentence", "The whale is white.")
///     .reply_to("these notes were taken", "White.");
/// let chain = ChainOfAgents::new(Arc::new(model));
/// let graph = MultiPath::both_ways(chain).select(Select::Vote).build()?;
/// let input = ChainInput::question(
///     vec![Document::new("whale.txt", "The whale is white. The sea is blue.")],
///     "What colour is the whale?",
/// );
/// let outcome = Run::start(graph, input, RunOptions::new("ask")).outcome().await?;
/// assert_eq!(outcome.output.text, "White.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MultiPath {
    paths: Vec<ChainOfAgents>,
    select: Select,
}

/// How one of several answers is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Select {
    /// The answer that most paths give, case, punctuation and articles aside; of equals the path
    /// that comes first. For short answers: in the paper it destroys long ones.
    #[default]
    Vote,
    /// The answer of the path whose last unit the manager's model finds the most reliable. The
    /// paper does not print its judge's prompt; this one is ours. A verdict that names no path
    /// leaves the choice to the vote.
    Judge,
}

impl MultiPath {
    /// Two paths: from the start, and from the end (the paper's bi-direction).
    pub fn both_ways(chain: ChainOfAgents) -> Self {
        Self::over([
            chain.clone().order(Order::LeftToRight),
            chain.order(Order::RightToLeft),
        ])
    }

    /// `paths` paths in random orders (the paper has 5), the same ones every time.
    pub fn permutations(chain: ChainOfAgents, paths: u32) -> Self {
        Self::over((0..u64::from(paths)).map(|seed| chain.clone().order(Order::Shuffled(seed))))
    }

    /// `paths` paths in the chain's order (the paper has 5), with workers of a `temperature` above
    /// 0, each path with a seed of its own. The paper does not say which temperature.
    pub fn self_consistency(chain: ChainOfAgents, paths: u32, temperature: f32) -> Self {
        Self::over((0..u64::from(paths)).map(|seed| chain.clone().sampling(temperature, seed)))
    }

    fn over(paths: impl IntoIterator<Item = ChainOfAgents>) -> Self {
        Self {
            paths: paths.into_iter().collect(),
            select: Select::default(),
        }
    }

    /// How the answer is chosen. Default: [`Select::Vote`].
    #[must_use]
    pub fn select(mut self, select: Select) -> Self {
        self.select = select;
        self
    }

    /// Builds the graph.
    ///
    /// # Errors
    ///
    /// Those of [`ChainOfAgents::build`]; and [`is_invalid`](catena_core::Error::is_invalid) when
    /// there is no path.
    pub fn build(self) -> Result<Graph<ChainInput, ChainAnswer>> {
        let Some(first) = self.paths.first() else {
            return Err(catena_core::Error::invalid("there is no path to take")
                .with_help("ask for at least one path"));
        };
        let width = first.worker.profile().parallel;
        let judge = match self.select {
            Select::Vote => None,
            Select::Judge => Some(Judge {
                model: Arc::clone(&first.manager),
                prompt: first.prompts.load("chain/judge_query")?,
                summary: first.prompts.load("chain/judge_summary")?,
            }),
        };
        let chains = self
            .paths
            .into_iter()
            .map(|path| {
                let path = ChainOfAgents {
                    may_be_empty: true,
                    ..path
                };
                path.build()
            })
            .collect::<Result<Vec<_>>>()?;

        let mut graph = Graph::builder("several chains of agents");
        let spread = graph.node(
            "spread",
            Spread {
                paths: chains.len(),
            },
        );
        let paths = graph.map("paths", width, Walk { chains });
        let select = graph.node("select", Selector { judge });
        graph.edge(spread, paths).edge(paths, select);
        graph.build(spread, select)
    }
}

/// What a path is given.
#[derive(Serialize, Deserialize)]
struct Path {
    index: usize,
    input: ChainInput,
}

/// What comes back from a path.
#[derive(Serialize, Deserialize)]
struct Walked {
    task: Task,
    answer: ChainAnswer,
}

impl Walked {
    /// What the path's last worker handed over.
    fn unit(&self) -> &str {
        self.answer.units.last().map_or("", |unit| &unit.text)
    }

    fn answered(&self) -> bool {
        !self.answer.text.is_empty()
    }
}

struct Spread {
    paths: usize,
}

#[async_trait]
impl Agent for Spread {
    type Input = ChainInput;
    type Output = Vec<Path>;

    async fn run(&self, input: ChainInput, _cx: &Context) -> Result<Vec<Path>> {
        let path = |index| Path {
            index,
            input: input.clone(),
        };
        Ok((0..self.paths).map(path).collect())
    }
}

struct Walk {
    chains: Vec<Graph<ChainInput, ChainAnswer>>,
}

#[async_trait]
impl Agent for Walk {
    type Input = Path;
    type Output = Walked;

    async fn run(&self, path: Path, cx: &Context) -> Result<Walked> {
        let chain = self
            .chains
            .get(path.index)
            .ok_or_else(|| catena_core::Error::invalid("there is no such path"))?;
        Ok(Walked {
            task: path.input.task.clone(),
            answer: chain.run(path.input, cx).await?,
        })
    }
}

struct Selector {
    judge: Option<Judge>,
}

#[async_trait]
impl Agent for Selector {
    type Input = Vec<Walked>;
    type Output = ChainAnswer;

    async fn run(&self, mut walked: Vec<Walked>, cx: &Context) -> Result<ChainAnswer> {
        let judged = match &self.judge {
            Some(judge) => judge.best(&walked, cx).await?,
            None => None,
        };
        // A path that gave no answer is none to choose, whatever its notes are.
        let judged = judged.filter(|path| walked.get(*path).is_some_and(Walked::answered));
        let best = judged.unwrap_or_else(|| most_frequent(&walked));
        cx.note("path", &best);
        if best >= walked.len() {
            return Err(catena_core::Error::invalid("no path gave an answer"));
        }
        let answer = walked.swap_remove(best).answer;
        worded(&answer.text, answer.finish)?;
        Ok(answer)
    }
}

struct Judge {
    model: Arc<dyn ChatModel>,
    prompt: Prompt,
    summary: Prompt,
}

/// The variables of the templates.
#[derive(Serialize)]
struct Variables<'a> {
    units: Vec<&'a str>,
    question: Option<&'a str>,
}

impl Judge {
    /// The path whose notes are the most reliable; none if the verdict names none.
    async fn best(&self, walked: &[Walked], cx: &Context) -> Result<Option<usize>> {
        let question = walked.first().and_then(|first| first.task.question());
        let prompt = match question {
            Some(_) => &self.prompt,
            None => &self.summary,
        };
        let messages = prompt.render(&Variables {
            units: walked.iter().map(Walked::unit).collect(),
            question,
        })?;
        let request = ChatRequest::new(messages).max_tokens(VERDICT_TOKENS);
        let verdict = cx.chat(&*self.model, request).await?.text;
        let number = verdict
            .split(|c: char| !c.is_ascii_digit())
            .find_map(|digits| digits.parse::<usize>().ok());
        Ok(number
            .and_then(|number| number.checked_sub(1))
            .filter(|index| *index < walked.len()))
    }
}

/// The first path whose answer is the most frequent. Paths that found nothing have no vote, and one that gave
/// no answer is chosen only where none did.
fn most_frequent(walked: &[Walked]) -> usize {
    let answers: Vec<String> = walked.iter().map(|path| plain(&path.answer.text)).collect();
    let mut votes: HashMap<&str, usize> = HashMap::new();
    for (answer, path) in answers.iter().zip(walked) {
        *votes.entry(answer).or_default() += usize::from(!path.unit().is_empty());
    }
    let count = |index: &usize| {
        let answered = walked.get(*index).is_some_and(Walked::answered);
        let answer = answers.get(*index);
        (
            answered,
            answer.and_then(|answer| votes.get(answer.as_str())),
        )
    };
    // The last of equal ones would win otherwise.
    (0..answers.len()).rev().max_by_key(count).unwrap_or(0)
}

/// An answer without case, punctuation and articles.
fn plain(answer: &str) -> String {
    answer
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !["", "a", "an", "the"].contains(word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use catena_core::FinishReason;

    use super::*;
    use crate::Unit;

    fn voted(answers: &[&str]) -> usize {
        let unit = |text: &str| Unit {
            text: text.to_owned(),
            tokens: 0,
            document: 0,
            range: 0..0,
            refused: false,
            cut: false,
        };
        let walked: Vec<Walked> = answers
            .iter()
            .map(|text| Walked {
                task: Task::Summary,
                answer: ChainAnswer {
                    text: (*text).to_owned(),
                    finish: FinishReason::Stop,
                    passages: Vec::new(),
                    units: vec![unit(if *text == "nothing" { "" } else { "notes" })],
                },
            })
            .collect();
        most_frequent(&walked)
    }

    #[test]
    fn the_most_frequent_answer_wins_and_of_equals_the_first() {
        assert_eq!(voted(&["Graz", "The Vienna.", "vienna"]), 1);
        assert_eq!(voted(&["b", "a", "c"]), 0);
        assert_eq!(voted(&["c", "a", "b", "B!", "A", "c"]), 0);
        assert_eq!(voted(&["nothing", "nothing", "a"]), 2);
        assert_eq!(voted(&["nothing", "nothing"]), 0);
        assert_eq!(voted(&["", "", "a"]), 2);
        assert_eq!(voted(&["", "nothing"]), 1);
    }
}
