//! The type of a bug.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Agent, Context, Result, Scorer, Usage};

use super::{
    BugType, ClassifiedBy, Critique, Method, RepairTask, Round,
    diagnose::{by_rule, choices},
    render::Renderer,
    state::State,
};

/// Finds the type of a bug, by rule where one decides, and by the model otherwise.
#[derive(Clone, Debug)]
pub(super) struct Typing {
    pub(super) renderer: Renderer,
    pub(super) scorer: Option<Arc<dyn Scorer>>,
}

impl Typing {
    /// The type of what is wrong with the version that is corrected; of a version that was not run, none.
    /// Without `asks` no model is asked.
    async fn of(
        &self,
        state: &State,
        asks: bool,
        cx: &Context,
    ) -> Result<(Option<Critique>, Usage)> {
        let nothing = (None, Usage::default());
        let (_, Some(report)) = state.failing() else {
            return Ok(nothing);
        };
        let (bug_type, by, usage) = match by_rule(report) {
            Some((bug, rule)) => (Some(bug), Some(ClassifiedBy::Rule(rule)), Usage::default()),
            None if !asks => return Ok(nothing),
            None => {
                let (bug, usage) = self.ask(state, choices(report), cx).await?;
                (bug, bug.map(|_| ClassifiedBy::Model), usage)
            }
        };
        let critique = Critique {
            bug_type,
            by,
            text: String::new(),
        };
        Ok((Some(critique), usage))
    }

    async fn ask(
        &self,
        state: &State,
        choices: &[BugType],
        cx: &Context,
    ) -> Result<(Option<BugType>, Usage)> {
        let Some(program) = self.renderer.program(state, true)? else {
            return Ok((None, Usage::default()));
        };
        let request = self.renderer.classify(&program, choices)?;
        if !self.renderer.fits(&request) {
            return Ok((None, Usage::default()));
        }
        if let Some(scorer) = &self.scorer {
            let codes: Vec<String> = choices.iter().map(|bug| bug.code().to_owned()).collect();
            let score = cx.score(&**scorer, request, &codes).await?;
            return Ok((choices.get(score.best()).copied(), score.usage));
        }
        let answer = cx.chat(&*self.renderer.model, request).await?;
        let named = BugType::named_in(&answer.text).filter(|bug| choices.contains(bug));
        Ok((named, answer.usage))
    }
}

/// Begins a round: finds the type of the bug where the method wants it.
#[derive(Debug)]
pub(super) struct Classify {
    pub(super) typing: Typing,
    pub(super) method: Method,
    /// Whether the model is asked where the type is for the reader alone.
    pub(super) names: bool,
}

#[async_trait]
impl Agent for Classify {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        state.number += 1;
        let asks = match self.method {
            Method::Critique => true,
            Method::Explain => self.names,
            Method::Paper | Method::Feedback | Method::Resample => {
                state.critique = None;
                return Ok(state);
            }
        };
        let (critique, usage) = self.typing.of(&state, asks, cx).await?;
        if let Some(critique) = &critique {
            cx.note("repair.bug_type", critique);
        }
        state.usage += usage;
        state.critique = critique;
        Ok(state)
    }
}

/// Names the type of the bug of one version.
#[derive(Debug)]
pub(super) struct Named(pub(super) Typing);

#[async_trait]
impl Agent for Named {
    type Input = (RepairTask, Round);
    type Output = Option<Critique>;

    async fn run(&self, (task, round): Self::Input, cx: &Context) -> Result<Option<Critique>> {
        let state = State {
            task,
            rounds: vec![round],
            ..State::default()
        };
        Ok(self.0.of(&state, true, cx).await?.0)
    }
}
