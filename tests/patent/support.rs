//! An invention, and a model by script that writes about it.

use std::sync::{Arc, Mutex};

use catena::{
    ChatRequest, Error, Event, Run, RunOptions,
    agents::{AutoPatent, Draft, PatentLength, PatentTask, WrittenPatent},
    models::ScriptedModel,
};
use futures::StreamExt;

/// What a request of [`AutoPatent`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Title,
    Abstract,
    Background,
    Summary,
    Claims,
    Details,
    Plan,
    Choose,
    Write,
    Examine,
    Revise,
    Whole,
    PaperComponent,
    PaperPlan,
    PaperRetrieve,
    PaperWrite,
    PaperReview,
    PaperRevise,
    Repair,
}

pub(crate) fn purpose(request: &ChatRequest) -> Purpose {
    use Purpose as For;
    let last = &request.messages.last().unwrap().content;
    for (mark, purpose) in [
        ("That is not the JSON asked for", For::Repair),
        ("Write the title of the patent", For::Title),
        ("Write the abstract of the patent", For::Abstract),
        ("Write the background section", For::Background),
        ("Write the summary section", For::Summary),
        ("List the essential parts", For::Claims),
        ("The notes tell of this too", For::Claims),
        ("Find up to", For::Details),
        ("Plan the detailed description", For::Plan),
        ("Which passages are needed", For::Choose),
        ("words of plain technical prose", For::Write),
        ("Which of these does it fail?", For::Examine),
        ("Write one to three edits", For::Revise),
        ("Write the complete patent", For::Whole),
        ("Write the most detailed guide", For::PaperPlan),
        ("Copy what is needed", For::PaperRetrieve),
        ("Answer <Result>", For::PaperReview),
        ("Write the revised subsection", For::PaperRevise),
        ("in detail. It has to say", For::PaperWrite),
        ("Put it between", For::PaperComponent),
    ] {
        if last.contains(mark) {
            return purpose;
        }
    }
    panic!("what is this for? {last}");
}

pub(crate) fn purposes(model: &ScriptedModel) -> Vec<Purpose> {
    model.requests().iter().map(purpose).collect()
}

pub(crate) fn count(model: &ScriptedModel, wanted: Purpose) -> usize {
    purposes(model)
        .into_iter()
        .filter(|one| *one == wanted)
        .count()
}

/// All that the model is shown.
pub(crate) fn shown(request: &ChatRequest) -> String {
    let contents = request.messages.iter().map(|message| &*message.content);
    contents.collect::<Vec<_>>().join("\n")
}

/// The heading of the subsection that a request is about.
pub(crate) fn heading(request: &ChatRequest) -> String {
    let text = shown(request);
    let (_, rest) = text.rsplit_once("ubsection \"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

pub(crate) const PLAN: &str = r#"{"sections": [
    {"heading": "Structure", "overview": "The parts.", "subsections": [
        {"heading": "Foot", "topics": "Say how the foot is made."},
        {"heading": "Rim", "topics": "Say how the rim is made."}]},
    {"heading": "Use", "overview": "How it works.", "subsections": [
        {"heading": "Pouring", "topics": "Say how a drink is poured."},
        {"heading": "Washing", "topics": "Say how the cup is washed."}]}]}"#;

pub(crate) const PASS: &str = r#"{"fails": [], "advice": ""}"#;

pub(crate) const FAIL: &str =
    r#"{"fails": ["comprehensiveness"], "advice": "Say what the foot is made of."}"#;

/// What the model answers where a test wants nothing else.
pub(crate) fn usual(request: &ChatRequest) -> String {
    match purpose(request) {
        Purpose::Title => "**Title:** Cup With a Weighted Foot.".into(),
        Purpose::Abstract => "A cup has a rim and a weighted foot, which keeps it upright.".into(),
        Purpose::Background => "Cups tip over easily.\n\nKnown cups have a narrow foot.".into(),
        Purpose::Summary => "The foot of a cup is weighted, so that the cup stays upright.".into(),
        Purpose::Claims | Purpose::Repair => r#"{"subject": "cup", "parts":
            ["a rim around an opening", "a foot below the rim", "a weight in the foot"]}"#
            .into(),
        Purpose::Details => {
            r#"{"details": ["the weight is made of iron", "a ring of cork below the foot",
            "the ring keeps the cup from sliding"]}"#
                .into()
        }
        Purpose::Plan => PLAN.into(),
        Purpose::Choose => r#"{"passages": [1]}"#.into(),
        Purpose::Write | Purpose::PaperWrite => match heading(request).as_str() {
            "Foot" => {
                "The foot is wide. The weight in the foot is made of iron. A ring lies below."
                    .into()
            }
            "Rim" => "The rim surrounds an opening. It is thinner than the wall of the cup.".into(),
            "Pouring" => {
                "A drink is poured over the rim. The weight holds the cup on the table.".into()
            }
            other => format!("{other} is done by hand. Cold water does no harm to cork."),
        },
        Purpose::Examine => PASS.into(),
        Purpose::Revise => r#"{"edits": []}"#.into(),
        Purpose::Whole => "# Cup\n## Abstract\nA cup.\n## Claims\n1. A cup.".into(),
        Purpose::PaperComponent if shown(request).contains("Write the claims") => {
            "<Claims>1. A cup having a foot.\n2. The cup of claim 1, being red.</Claims>".into()
        }
        Purpose::PaperComponent if shown(request).contains("Write the summary") => {
            "<Summary>The foot of a cup is heavy.</Summary>".into()
        }
        Purpose::PaperComponent => "<Title>Cup with a foot</Title>".into(),
        Purpose::PaperPlan => {
            "<Section-1>Structure: parts\n<Subsection-1>Foot: how it is made</Subsection-1>\
                               </Section-1>"
                .into()
        }
        Purpose::PaperRetrieve => "<Reference>The foot holds a weight of iron.</Reference>".into(),
        Purpose::PaperReview => "<Result>Pass</Result><Advice>Say more.</Advice>".into(),
        Purpose::PaperRevise => "The foot is wide and heavy.".into(),
    }
}

/// A model that answers as a test wants, and as usual where it wants nothing.
pub(crate) fn model(
    answer: impl Fn(Purpose, &ChatRequest) -> Option<String> + Send + Sync + 'static,
) -> ScriptedModel {
    ScriptedModel::from_fn(move |request| {
        Ok(answer(purpose(request), request).unwrap_or_else(|| usual(request)))
    })
}

/// A model whose how-manieth call of a purpose fails, once.
pub(crate) fn failing(wanted: Purpose, at: usize) -> ScriptedModel {
    let seen = Arc::new(Mutex::new(0));
    ScriptedModel::from_fn(move |request| {
        let mut seen = seen.lock().unwrap();
        if purpose(request) == wanted {
            *seen += 1;
            if *seen == at {
                return Err(Error::unavailable("down"));
            }
        }
        Ok(usual(request))
    })
}

pub(crate) fn draft() -> Draft {
    Draft::new([
        "Cups tip over when they are pushed at the rim.",
        "Known cups have a narrow foot. They are cheap, but they tip over.",
        "The cup has a rim around an opening and a foot below the rim. A weight of iron lies in the foot. A \
         ring of cork below the foot keeps the cup from sliding. The rim is 2 mm thick. To wash the cup, the \
         ring is taken off. A drink is poured over the rim.",
        "- a weight in the foot\n- a ring of cork below the foot",
        "FIG. 1 shows the cup from the side.\nFIG. 2 shows the foot from below.",
    ])
    .unwrap()
}

/// Two sections of two subsections, as [`PLAN`] has them.
pub(crate) fn writer(model: &ScriptedModel) -> AutoPatent {
    AutoPatent::new(Arc::new(model.clone())).length(PatentLength::SHORT)
}

pub(crate) async fn written(writer: AutoPatent) -> WrittenPatent {
    let (written, _) = told(writer, PatentTask::new(draft())).await;
    written.unwrap()
}

/// What comes of it, and every event.
pub(crate) async fn told(
    writer: AutoPatent,
    task: PatentTask,
) -> (Result<WrittenPatent, Error>, Vec<Event>) {
    let graph = writer.build().unwrap();
    let mut run = Run::start(graph, task, RunOptions::new("patent"));
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    (run.outcome().await.map(|outcome| outcome.output), events)
}
