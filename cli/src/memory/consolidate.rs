//! `catena memory consolidate`.

use catena_memory::{Action, Consolidated, ItemId, Namespace, Plan, Proposal};
use serde_json::json;

use super::{
    Place,
    open::{known_archive, known_namespace, open},
    text::memories,
};
use crate::{
    args::Store,
    config::Config,
    failure::Failure,
    terminal::{harmless, print},
};

pub(super) async fn consolidate(
    store: &Store,
    namespace: &Namespace,
    dry_run: bool,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    let Some(archive) = known_archive(&store.archive, config)? else {
        return Err(Failure::usage("nothing is remembered yet"));
    };
    let id = known_namespace(&archive, namespace).await?;
    // It is opened again, with its index.
    drop(archive);
    let memory = open(&Place::of(store, config)?, config, json).await?;
    let plan = memory.plan_consolidation(id).await?;
    let done = match dry_run {
        true => Consolidated::default(),
        false => memory.consolidate(id, &plan).await?,
    };
    if json {
        let object = json!({ "plan": plan, "done": done, "dry_run": dry_run });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    print(&text(&plan, &done, dry_run));
    Ok(())
}

fn text(plan: &Plan, done: &Consolidated, dry_run: bool) -> String {
    if plan.proposals.is_empty() {
        return "there is nothing to consolidate\n".to_owned();
    }
    let mut text: String = plan.proposals.iter().map(line).collect();
    if !dry_run {
        text += &format!(
            "{} merged, {} facts renamed, {} left as they are\n",
            memories(done.merged),
            done.renamed,
            done.skipped.len(),
        );
    }
    if plan.more {
        text += "there is more: the same command goes on\n";
    }
    text
}

fn line(proposal: &Proposal) -> String {
    let ids: Vec<_> = proposal.items.iter().map(number).collect();
    let what = match &proposal.action {
        Action::Rename { from, to } => format!("'{from}' becomes '{to}'"),
        _ => "become one".to_owned(),
    };
    format!(
        "{} {}: {}\n",
        ids.join(", "),
        harmless(&what).replace('\n', " "),
        harmless(&proposal.reason)
    )
}

fn number(id: &ItemId) -> String {
    format!("#{id}")
}
