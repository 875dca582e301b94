//! A program that adds, a model by script, and tests that are not run but looked up.

use std::sync::Arc;

use catena::{
    ChatRequest, Event, EventKind, ModelProfile, Run, RunOptions,
    agents::{
        Check, CheckStep, Diagnostic, Fault, Method, RepairTask, Repaired, Repairer, Report,
        Runner, ScriptedRunner, SourceFile, Stage,
    },
    models::ScriptedModel,
};
use futures::StreamExt;
use serde_json::Value;

pub(crate) const BROKEN: &str = "def add(a, b):\n    return a - b\n";
pub(crate) const FIXED: &str = "def add(a, b):\n    return a + b\n";

/// What a request of [`Repairer`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Classify,
    Critique,
    Correct,
    Again,
}

pub(crate) fn purpose(request: &ChatRequest) -> Purpose {
    let last = &request.messages.last().unwrap().content;
    if last.starts_with("That cannot be used") || last.contains("The program fails as it stands") {
        Purpose::Again
    } else if last.contains("Which type of bug is it?") {
        Purpose::Classify
    } else if last.contains("Which line is wrong") || last.contains("Name the type of the bug") {
        Purpose::Critique
    } else {
        Purpose::Correct
    }
}

pub(crate) fn purposes(model: &ScriptedModel) -> Vec<Purpose> {
    model.requests().iter().map(purpose).collect()
}

/// All that the model is shown.
pub(crate) fn shown(request: &ChatRequest) -> String {
    let contents = request.messages.iter().map(|message| &*message.content);
    contents.collect::<Vec<_>>().join("\n")
}

pub(crate) fn block(text: &str) -> String {
    format!("```python\n{text}```")
}

/// A model that classifies and criticises, and whose corrections are made by `correct` from the request
/// and the number of corrections before it.
pub(crate) fn model(
    correct: impl Fn(&ChatRequest, usize) -> String + Send + Sync + 'static,
) -> ScriptedModel {
    let count = std::sync::atomic::AtomicUsize::new(0);
    ScriptedModel::from_fn(move |request| {
        Ok(match purpose(request) {
            Purpose::Classify => "{\"bug_type\": \"C.1\"}".to_owned(),
            Purpose::Critique => "C.4: it subtracts where it has to add.".to_owned(),
            Purpose::Correct | Purpose::Again => {
                let before = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                correct(request, before)
            }
        })
    })
    .with_profile(ModelProfile::new("scripted", 4096))
}

/// A report of failed assertions.
pub(crate) fn failing(passed: u32, failed: u32) -> Report {
    let mut told = Diagnostic::new(
        Fault::Assertion,
        "`add(1, 2) == 3` failed: got -1, expected 3",
    );
    told.values = Some(("-1".to_owned(), "3".to_owned()));
    Report {
        passes: false,
        stage: Some(Stage::Test),
        passed,
        failed,
        ran: Some(passed + failed),
        diagnostics: vec![told],
        ..Report::default()
    }
}

/// Looks up how a text fares: what adds passes; `# n passed` says how many tests do otherwise.
pub(crate) fn judge(files: &[SourceFile], _check: &Check) -> Report {
    let text = &files[0].text;
    if text.contains("a + b") {
        return Report::passing(4);
    }
    let passed = text
        .split_once("# ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let passed = passed.unwrap_or(1);
    failing(passed, 4 - passed)
}

pub(crate) fn check() -> Check {
    Check::new([CheckStep::new(Stage::Test, ["python3", "test_add.py"])])
        .file("test_add.py", "assert add(1, 2) == 3\n")
}

pub(crate) fn task() -> RepairTask {
    RepairTask::new("add.py", BROKEN, check()).instruction("add: the sum of a and b")
}

pub(crate) fn runner() -> Arc<dyn Runner> {
    Arc::new(ScriptedRunner::from_fn(judge))
}

pub(crate) fn repairer(model: &ScriptedModel) -> Repairer {
    Repairer::new(Arc::new(model.clone()), runner()).method(Method::Critique)
}

pub(crate) async fn repair(repairer: Repairer, task: RepairTask) -> catena::Result<Repaired> {
    let run = Run::start(repairer.build()?, task, RunOptions::new("fix"));
    Ok(run.outcome().await?.output)
}

/// The notes of a run, by name.
pub(crate) async fn notes(repairer: Repairer, task: RepairTask) -> Vec<(String, Value)> {
    let run = Run::start(repairer.build().unwrap(), task, RunOptions::new("fix"));
    let events: Vec<Event> = run.collect().await;
    let note = |event: Event| match event.kind {
        EventKind::Note { name, data } => Some((name, data)),
        _ => None,
    };
    events.into_iter().filter_map(note).collect()
}
