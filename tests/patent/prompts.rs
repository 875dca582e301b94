//! What models are asked, word for word.

use std::{collections::BTreeMap, fmt::Write};

use catena::{
    ChatRequest,
    agents::{Jurisdiction, PatentFlow, Retrieval},
};

use crate::support::{FAIL, Purpose, model, purpose, writer, written};

/// A request as text.
fn text(request: &ChatRequest) -> String {
    let mut text = String::new();
    for message in &request.messages {
        writeln!(text, "[{:?}]\n{}", message.role, message.content).unwrap();
    }
    text
}

#[tokio::test]
async fn the_prompts_are_as_they_were_tried() {
    let mut prompts = BTreeMap::new();
    for (flow, guide) in [
        (PatentFlow::Planned, Jurisdiction::Us),
        (PatentFlow::Planned, Jurisdiction::Ep),
        (PatentFlow::Paper, Jurisdiction::Us),
        (PatentFlow::ZeroShot, Jurisdiction::Us),
    ] {
        let asked = model(|purpose, _| match purpose {
            Purpose::Examine => Some(FAIL.into()),
            _ => None,
        });
        let writer = writer(&asked)
            .flow(flow)
            .guide(guide.guide())
            .retrieval(Retrieval::Chosen)
            .rounds(1);
        written(writer).await;
        for request in asked.requests() {
            let mut name = format!("{:?}", purpose(&request));
            if guide == Jurisdiction::Ep && purpose(&request) == Purpose::Claims {
                name.push_str(", Europe");
            }
            prompts.entry(name).or_insert_with(|| text(&request));
        }
    }
    assert_eq!(
        prompts.len(),
        19,
        "one for each template, and Europe's claims"
    );
    let all: String = prompts
        .iter()
        .map(|(name, text)| format!("== {name}\n{text}\n"))
        .collect();
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn answers_are_held_to_a_schema_where_the_model_can_be() {
    let free = model(|_, _| None);
    written(writer(&free)).await;
    let held = model(|_, _| None).configure(|profile| profile.json_schema = true);
    written(writer(&held)).await;
    let formats = |model: &catena::models::ScriptedModel| {
        model
            .requests()
            .into_iter()
            .filter(|request| request.format != catena::Format::Text)
            .map(|request| purpose(&request))
            .collect::<Vec<_>>()
    };
    assert_eq!(formats(&free), []);
    let mut seen = formats(&held);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen,
        [
            Purpose::Claims,
            Purpose::Details,
            Purpose::Plan,
            Purpose::Examine
        ]
    );
}
