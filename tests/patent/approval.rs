//! A run stops for a person, and goes on with what the person changed.

use std::sync::Arc;

use catena::{
    Journal, MemoryJournal, Result, Run, RunId, RunOptions,
    agents::{AutoPatent, PatentTask, WrittenPatent},
    models::ScriptedModel,
};
use serde_json::Value;

use crate::support::{Purpose, count, draft, model, purpose, shown, writer};

struct Desk {
    journal: Arc<dyn Journal>,
    model: ScriptedModel,
}

impl Desk {
    fn new() -> Self {
        Self {
            journal: Arc::new(MemoryJournal::new()),
            model: model(|_, _| None),
        }
    }

    async fn run(
        &self,
        writer: AutoPatent,
        resumed: Option<(RunId, &str, Value)>,
    ) -> (RunId, Result<WrittenPatent>) {
        let mut options = RunOptions::new("patent").journal(self.journal.clone());
        if let Some((id, name, answer)) = resumed {
            options = options.resume(id).answer(name, answer);
        }
        let run = Run::start(writer.build().unwrap(), PatentTask::new(draft()), options);
        let id = run.id().clone();
        (id, run.outcome().await.map(|outcome| outcome.output))
    }
}

#[tokio::test]
async fn the_plan_is_approved_as_it_is_or_changed() {
    let desk = Desk::new();
    let writer = || writer(&desk.model).approve_plan(true);
    let (id, waits) = desk.run(writer(), None).await;
    let waits = waits.unwrap_err();
    assert!(waits.is_interrupted());
    let question = &waits.interrupts()[0];
    assert_eq!(
        (question.name(), question.id.as_str()),
        ("plan", "patent/plan:plan")
    );
    let text = question.question["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("## Structure\nThe parts.\n\n### Foot\n"),
        "{text}"
    );
    assert_eq!(
        count(&desk.model, Purpose::Write),
        0,
        "nothing is written before"
    );
    let calls = desk.model.calls();

    let changed = text
        .replace("### Foot", "### Foot and weight")
        .replace("## Use", "## Usage");
    let (_, written) = desk.run(writer(), Some((id, "plan", changed.into()))).await;
    let work = written.unwrap().work;
    assert_eq!(
        work.plan.sections[0].subsections[0].heading,
        "Foot and weight"
    );
    assert_eq!(work.plan.sections[1].heading, "Usage");
    assert_eq!(
        desk.model.calls(),
        calls + 8,
        "four subsections, nothing twice"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_plan_leaves_the_question_open() {
    let desk = Desk::new();
    let writer = || writer(&desk.model).approve_plan(true);
    let (id, waits) = desk.run(writer(), None).await;
    assert!(waits.unwrap_err().is_interrupted());
    for wrong in ["no heading", ""] {
        let (_, refused) = desk
            .run(writer(), Some((id.clone(), "plan", wrong.into())))
            .await;
        let refused = refused.unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
    }
    let (_, refused) = desk
        .run(writer(), Some((id.clone(), "plan", false.into())))
        .await;
    assert!(refused.unwrap_err().is_invalid());
    let (_, written) = desk.run(writer(), Some((id, "plan", true.into()))).await;
    assert_eq!(written.unwrap().work.missing(), []);
}

#[tokio::test]
async fn changed_claims_are_what_everything_after_them_follows() {
    let desk = Desk::new();
    let writer = || writer(&desk.model).approve_claims(true);
    let (id, waits) = desk.run(writer(), None).await;
    let waits = waits.unwrap_err();
    let question = &waits.interrupts()[0];
    assert_eq!(question.name(), "claims");
    let text = question.question["text"].as_str().unwrap();
    assert!(
        text.starts_with("1. A cup, comprising:\n   a rim"),
        "{text}"
    );
    assert_eq!(count(&desk.model, Purpose::Plan), 0);

    let changed = "1. A beaker, comprising: a rim; and a copper spout.\n\n2. The beaker of claim 1, wherein the \
                   copper spout is bent.";
    let (_, written) = desk
        .run(writer(), Some((id, "claims", changed.into())))
        .await;
    let written = written.unwrap();
    assert_eq!(written.patent.claims.len(), 2);
    assert!(written.work.glossary.find("copper spout").is_some());
    let plan = desk
        .model
        .requests()
        .into_iter()
        .find(|request| purpose(request) == Purpose::Plan)
        .unwrap();
    assert!(shown(&plan).contains("copper spout"));
    // Support for what the person added is given, or the finding is listed.
    let text = written.patent.to_text();
    assert!(text.contains("In one aspect, a beaker comprises"), "{text}");
}

#[tokio::test]
async fn both_are_asked_one_after_the_other() {
    let desk = Desk::new();
    let writer = || writer(&desk.model).approve_claims(true).approve_plan(true);
    let (id, waits) = desk.run(writer(), None).await;
    assert_eq!(waits.unwrap_err().interrupts()[0].name(), "claims");
    let (id, waits) = desk.run(writer(), Some((id, "claims", true.into()))).await;
    assert_eq!(waits.unwrap_err().interrupts()[0].name(), "plan");
    let (_, written) = desk.run(writer(), Some((id, "plan", true.into()))).await;
    assert_eq!(written.unwrap().work.missing(), []);
}
