//! The steps of the cycle: run, classify, critique, correct; and the end.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Agent, ChatRequest, Context, Error, Graph, Result};

use super::{
    BugType, ClassifiedBy, Critique, Method, RepairTask, Repaired, Report, Round, Runner,
    SourceFile, Stopped,
    diagnose::missing,
    edit::{Guard, diff},
    render::Renderer,
    state::{Draft, State, by_path},
    write::{Writing, Written, differing},
};

/// A graph that writes several corrections side by side.
pub(super) type Writers = Arc<Graph<Vec<Writing>, Vec<Written>>>;

/// How corrections are sampled when the likeliest one is not enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    pub(super) temperature: f32,
    pub(super) seed: u64,
}

impl Sampling {
    /// A request as a sample, different ones in each round and for each candidate.
    fn apply(self, request: ChatRequest, round: u32, candidate: u32) -> ChatRequest {
        let number = u64::from(round) * 1_000 + u64::from(candidate);
        let seed = self.seed.wrapping_add(number);
        request.temperature(self.temperature).seed(seed)
    }
}

/// Begins: checks the task, and has the first attempt written where one is wanted.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) attempt: bool,
    pub(super) correct: Correct,
}

#[async_trait]
impl Agent for Begin {
    type Input = RepairTask;
    type Output = State;

    async fn run(&self, task: RepairTask, cx: &Context) -> Result<State> {
        task.validate().map_err(|error| error.at(cx.path()))?;
        let mut state = State {
            task,
            ..State::default()
        };
        if self.attempt {
            state = self.correct.write(state, cx).await?;
        } else {
            state.drafts.push(Draft {
                candidate: 0,
                files: state.task.files.clone(),
                diff: String::new(),
                explanation: String::new(),
                unapplied: Vec::new(),
            });
        }
        Ok(state)
    }
}

/// Runs the versions that were not run yet, keeps the best, and decides whether to go on.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) runner: Arc<dyn Runner>,
    pub(super) rounds: u32,
    pub(super) tokens: Option<u64>,
    pub(super) method: Method,
    /// Whether the first version is one of the model's.
    pub(super) attempt: bool,
}

#[async_trait]
impl Agent for Check {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        let mut latest = None;
        for draft in std::mem::take(&mut state.drafts) {
            let report = self.report(&state, &draft, cx).await?;
            let round = Round {
                number: state.number,
                candidate: draft.candidate,
                critique: explained(state.critique.clone(), draft.explanation),
                unapplied: draft.unapplied,
                diff: draft.diff,
                report,
                hidden: None,
                usage: state.usage,
                files: draft.files,
            };
            cx.note("repair.round", &round);
            let index = state.rounds.len();
            let rank = round.report.rank();
            state.rounds.push(round);
            let is_best = state
                .rounds
                .get(state.best)
                .is_none_or(|best| rank > best.report.rank());
            if index == 0 || is_best {
                state.best = index;
            }
            let is_latest = latest
                .and_then(|latest: usize| state.rounds.get(latest))
                .is_none_or(|latest| rank > latest.report.rank());
            if is_latest {
                latest = Some(index);
            }
            // What passes is not improved upon.
            if state
                .rounds
                .get(index)
                .is_some_and(|round| round.report.passes)
            {
                break;
            }
        }
        // The paper goes on from what was written last, we from the best.
        state.base = match self.method {
            Method::Critique => state.best,
            _ => latest.unwrap_or(state.best),
        };
        if state.stopped.is_none() {
            state.stopped = self.stops(&state);
        }
        Ok(state)
    }
}

impl Check {
    async fn report(&self, state: &State, draft: &Draft, cx: &Context) -> Result<Report> {
        let (files, fixed) = (&draft.files, &state.task.fixed);
        let check = &state.task.visible;
        let asked = (files, fixed, check);
        let run = self.runner.run(files, fixed, check);
        let report = cx.tool("check", &asked, run).await?;
        let report = judged(report, &state.rounds, self.attempt);
        let is_given = state.rounds.is_empty() && !self.attempt;
        if is_given && report.is_without_tests() {
            return Err(Error::invalid(format!(
                "no test runs with {}: nothing would say whether a correction is one",
                commands(check)
            ))
            .with_help("name a command that runs one which fails as long as the program is wrong")
            .at(cx.path()));
        }
        let missing = missing(&state.task, &report);
        if let Some(missing) = missing.filter(|missing| is_given || missing.always) {
            let said = format!("the program cannot be tested: {}", missing.what);
            return Err(Error::invalid(said).with_help(missing.help).at(cx.path()));
        }
        // An error that a person saw is one, also where our check does not come to it.
        let reported = state.task.reported.as_deref();
        Ok(match reported.filter(|_| state.rounds.is_empty()) {
            Some(text) if report.passes => Report::reported(text),
            _ => report,
        })
    }

    fn stops(&self, state: &State) -> Option<Stopped> {
        let passes = state
            .rounds
            .get(state.best)
            .is_some_and(|best| best.report.passes);
        let spent = state.usage.tokens();
        if passes {
            let untouched = state.number == 0 && state.usage.calls == 0;
            Some(if untouched {
                Stopped::NothingWrong
            } else {
                Stopped::Passed
            })
        } else if state.number >= self.rounds {
            Some(Stopped::Rounds)
        } else if self.tokens.is_some_and(|limit| spent >= limit) {
            Some(Stopped::Tokens)
        } else {
            None
        }
    }
}

/// What passes, unless it was tested by less than the first version, or by tests that it changed.
///
/// What the program that was given changes itself is a habit of its tests.
fn judged(report: Report, rounds: &[Round], attempt: bool) -> Report {
    let given = rounds.first().filter(|_| !attempt);
    let is_given = rounds.is_empty() && !attempt;
    let habits = given.map_or(&[][..], |given| &given.report.changed);
    let changed = report.changed.iter().find(|path| !habits.contains(path));
    match changed.cloned() {
        Some(path) if report.passes && !is_given => report.untested(format!(
            "it changed {path} while it ran, which has to stay as it is"
        )),
        _ => {
            // Where none ran, as where the tests cannot be loaded, nothing was counted.
            let mut counts = rounds.iter().filter_map(|round| round.report.ran);
            report.tested(counts.find(|count| *count > 0).unwrap_or(0))
        }
    }
}

/// The commands of a check, for a person.
fn commands(check: &super::Check) -> String {
    let commands = check
        .steps
        .iter()
        .map(|step| format!("`{}`", step.command.join(" ")));
    commands.collect::<Vec<_>>().join(" and ")
}

/// Asks the model what is wrong.
#[derive(Debug)]
pub(super) struct Criticise {
    pub(super) renderer: Renderer,
    pub(super) method: Method,
    pub(super) sampling: Sampling,
}

#[async_trait]
impl Agent for Criticise {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        let paper = match self.method {
            Method::Critique => false,
            Method::Paper => true,
            Method::Explain | Method::Feedback | Method::Resample => return Ok(state),
        };
        let Some(program) = self.renderer.program(&state, true)? else {
            return Ok(state);
        };
        // What a small model guessed is no help to it: it guesses the same of nearly every failure.
        let ruled = |critique: &&Critique| matches!(critique.by, Some(ClassifiedBy::Rule(_)));
        let ruled = state.critique.as_ref().filter(ruled);
        let known = ruled.and_then(|critique| critique.bug_type);
        let tried = tried(&state, self.method);
        let mut request = self.renderer.critique(&program, known, tried, paper)?;
        if !self.renderer.fits(&request) && !tried.is_empty() {
            request = self.renderer.critique(&program, known, "", paper)?;
        }
        if !self.renderer.fits(&request) {
            return Ok(state);
        }
        if !tried.is_empty() {
            // The likeliest critique led there.
            request = self.sampling.apply(request, state.number, 0);
        }
        let answer = cx.chat(&*self.renderer.model, request).await?;
        state.usage += answer.usage;
        let mut critique = state.critique.take().unwrap_or(Critique {
            bug_type: None,
            by: None,
            text: String::new(),
        });
        if paper {
            critique.bug_type = BugType::named_in(&answer.text);
            critique.by = critique.bug_type.map(|_| ClassifiedBy::Model);
        }
        critique.text = answer.text.trim().to_owned();
        cx.note("repair.critique", &critique);
        state.critique = Some(critique);
        Ok(state)
    }
}

/// Has corrections written.
#[derive(Clone, Debug)]
pub(super) struct Correct {
    pub(super) renderer: Renderer,
    pub(super) writers: Writers,
    pub(super) candidates: u32,
    /// The most corrections of all rounds together.
    pub(super) most: Option<u32>,
    pub(super) method: Method,
    pub(super) sampling: Sampling,
}

#[async_trait]
impl Agent for Correct {
    type Input = State;
    type Output = State;

    async fn run(&self, state: State, cx: &Context) -> Result<State> {
        self.write(state, cx).await
    }
}

impl Correct {
    async fn write(&self, mut state: State, cx: &Context) -> Result<State> {
        if self.method == Method::Resample {
            // Each sample is independent: it is of the program as it was at first.
            state.base = usize::MAX;
        }
        let is_attempt = state.number == 0;
        let told = !is_attempt && self.method != Method::Resample;
        let Some(program) = self.renderer.program(&state, told)? else {
            state.stopped = Some(Stopped::TooLong);
            return Ok(state);
        };
        let tried = tried(&state, self.method);
        let explain = self.method == Method::Explain && !is_attempt;
        let mut request =
            self.renderer
                .correct(&program, state.critique.as_ref(), tried, explain)?;
        if !self.renderer.fits(&request) && !tried.is_empty() {
            request = self
                .renderer
                .correct(&program, state.critique.as_ref(), "", explain)?;
        }
        if !self.renderer.fits(&request) {
            state.stopped = Some(Stopped::TooLong);
            return Ok(state);
        }
        let (files, report) = state.failing();
        let shown: Vec<String> = program.files.iter().map(|file| file.path.clone()).collect();
        let written = state
            .number
            .saturating_sub(1)
            .saturating_mul(self.candidates);
        let left = self
            .most
            .map_or(u32::MAX, |most| most.saturating_sub(written));
        let count = if is_attempt {
            1
        } else {
            self.candidates.min(left)
        };
        let known = match self.method {
            // Samples know of nothing.
            Method::Resample => Vec::new(),
            _ => known(&state.rounds, files),
        };
        let guard = Guard::of(files, &state.task.fixed, &state.task.visible, report);
        let writings = (0..count)
            .map(|candidate| {
                let mut request = request.clone();
                // The first is the likeliest, unless that was written before.
                let again = self.method == Method::Resample && !is_attempt;
                if candidate > 0 || again || !tried.is_empty() {
                    request = self.sampling.apply(request, state.number, candidate);
                }
                Writing {
                    candidate,
                    request,
                    files: files.to_vec(),
                    shown: shown.clone(),
                    whole: program.is_whole(),
                    known: known.clone(),
                    guard: guard.clone(),
                }
            })
            .collect();
        let written = self.writers.run(writings, cx).await?;
        let mut unapplied = Vec::new();
        for written in written {
            state.usage += written.usage;
            match written.files {
                Some(files) => {
                    let explanation = match explain {
                        true => written.explanation,
                        false => String::new(),
                    };
                    if !explanation.is_empty() {
                        let known = state.critique.clone();
                        cx.note("repair.critique", &explained(known, explanation.clone()));
                    }
                    state.drafts.push(Draft {
                        candidate: written.candidate,
                        files,
                        diff: written.diff,
                        explanation,
                        unapplied: written.unapplied,
                    })
                }
                None => unapplied.extend(written.unapplied),
            }
        }
        match state.drafts.first_mut() {
            // Of candidates that came to nothing the first that did not tells.
            Some(first) => first.unapplied.extend(unapplied),
            None => self.without_a_draft(&mut state, unapplied),
        }
        Ok(state)
    }

    /// No answer could be applied: the attempt is then the program as it was, a sample is lost, and a
    /// repair is at its end.
    fn without_a_draft(&self, state: &mut State, unapplied: Vec<String>) {
        if state.number == 0 {
            state.drafts.push(Draft {
                candidate: 0,
                files: state.task.files.clone(),
                diff: String::new(),
                explanation: String::new(),
                unapplied,
            });
            return;
        }
        state.unapplied = unapplied;
        if self.method != Method::Resample {
            state.stopped = Some(Stopped::Unapplied);
        }
    }
}

/// A critique with what the model said beside its correction.
fn explained(known: Option<Critique>, explanation: String) -> Option<Critique> {
    if explanation.is_empty() {
        return known;
    }
    let (bug_type, by) = known.map_or((None, None), |known| (known.bug_type, known.by));
    Some(Critique {
        bug_type,
        by,
        text: explanation,
    })
}

/// The change that made the best version worse, if that is what came last.
fn tried(state: &State, method: Method) -> &str {
    let last = state.rounds.len().checked_sub(1);
    match last {
        Some(last) if method == Method::Critique && last != state.base => {
            state.rounds.get(last).map_or("", |round| &round.diff)
        }
        _ => "",
    }
}

/// All versions that were run, by what differs in them from these files.
fn known(rounds: &[Round], files: &[SourceFile]) -> Vec<Vec<SourceFile>> {
    let base = by_path(files);
    let others = rounds.iter().map(|round| by_path(&round.files));
    others.map(|version| differing(&base, &version)).collect()
}

/// Runs the hidden tests and sums up.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) runner: Arc<dyn Runner>,
}

#[async_trait]
impl Agent for Finish {
    type Input = State;
    type Output = Repaired;

    async fn run(&self, mut state: State, cx: &Context) -> Result<Repaired> {
        if let Some(hidden) = state.task.hidden.clone() {
            for round in &mut state.rounds {
                let (files, fixed) = (&round.files, &state.task.fixed);
                let asked = (files, fixed, &hidden);
                let run = self.runner.run(files, fixed, &hidden);
                // Whether they pass is all that leaves the check.
                let passes = async {
                    let report = run.await?;
                    Ok(report.passes && report.changed.is_empty())
                };
                round.hidden = Some(cx.tool("hidden check", &asked, passes).await?);
            }
        }
        let best = state.rounds.get(state.best);
        let files = best.map_or(state.task.files.clone(), |best| best.files.clone());
        let repaired = Repaired {
            passes: best.is_some_and(|best| best.report.passes),
            hidden: best.and_then(|best| best.hidden),
            diff: diff(&by_path(&state.task.files), &by_path(&files)),
            files,
            best: state.best,
            unapplied: state.unapplied,
            stopped: state.stopped.unwrap_or(Stopped::Rounds),
            usage: state.usage,
            rounds: state.rounds,
        };
        Ok(repaired)
    }
}
