//! A patent by a graph of one's own: the plan is fixed, and the examiner is a rule instead of a model.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run --example patent -- MODEL DRAFT.md`

use std::{env, fs, sync::Arc};

use catena::{
    Context, Error, Run, RunOptions, agent,
    agents::{
        AutoPatent, Criterion, Draft, Examination, PatentLength, PatentTask, PgTree, Planning,
        Verdict,
    },
    models::OpenAiCompatible,
};

const PLAN: &str = "## Structure\n### Parts\nThe parts and how they are connected.\n\
                    ## Use\n### Operation\nHow it works, step by step.\n### Care\nHow it is cleaned.";

/// Every subsection has to say what may be different.
async fn wants_variants(seen: Examination, _: Context) -> Result<Option<Verdict>, Error> {
    let varies = seen.text.contains("embodiment") || seen.text.contains(" may ");
    Ok(Some(match varies {
        true => Verdict::default(),
        false => Verdict {
            fails: vec![Criterion::Comprehensiveness],
            advice: "Add a sentence that begins with 'In another embodiment'.".to_owned(),
        },
    }))
}

#[tokio::main]
async fn main() -> catena::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, draft] = arguments.as_slice() else {
        return Err(Error::invalid("usage: patent MODEL DRAFT.md"));
    };
    let draft = fs::read_to_string(draft).map_err(|error| Error::invalid(error.to_string()))?;
    let model = OpenAiCompatible::from_env(model)?.build()?;
    let graph = AutoPatent::new(Arc::new(model))
        .planner(agent(|_: Planning, _| async {
            PgTree::from_markdown(PLAN)
        }))
        .examiner(agent(wants_variants))
        .length(PatentLength::SHORT)
        .build()?;
    let task = PatentTask::new(Draft::read(&draft)?);
    let outcome = Run::start(graph, task, RunOptions::new("patent"))
        .outcome()
        .await?;
    println!("{}", outcome.output.patent.to_markdown());
    for finding in outcome.output.findings {
        eprintln!("{finding}");
    }
    Ok(())
}
