//! What models are told, word for word.

use std::fmt::Write;

use catena::{
    Format,
    agents::OnLimit,
    models::{Reply, ScriptedModel},
    tools::{Document, ReadFile, SearchDocuments, Toolbox},
};

use crate::support::{agent, answer, calls, native};

fn tools() -> Toolbox {
    let documents = vec![Document::new(
        "tom.txt",
        "Old Tom kept the key in a blue teapot.",
    )];
    Toolbox::new()
        .with(ReadFile::new(".").unwrap())
        .unwrap()
        .with(SearchDocuments::new(documents))
        .unwrap()
}

fn text(model: &ScriptedModel) -> String {
    let requests = model.requests();
    let request = requests.last().unwrap();
    let mut text = String::new();
    for message in &request.messages {
        writeln!(text, "[{:?}]\n{}", message.role, message.content).unwrap();
        for call in &message.tool_calls {
            writeln!(text, "{} {}", call.name, call.arguments).unwrap();
        }
    }
    for tool in &request.tools {
        let parameters = serde_json::to_string_pretty(&tool.parameters).unwrap();
        writeln!(text, "{}: {}\n{parameters}", tool.name, tool.description).unwrap();
    }
    if let Format::JsonSchema(schema) = &request.format {
        writeln!(text, "{}", serde_json::to_string_pretty(schema).unwrap()).unwrap();
    }
    text
}

#[tokio::test]
async fn the_prompts_are_these() {
    let model = native([
        calls([catena::ToolCall::new(
            "1",
            "search_documents",
            r#"{"query":"key"}"#,
        )]),
        Reply::from("In a teapot."),
    ]);
    answer(agent(&model, &tools()).steps(1, OnLimit::Answer)).await;
    insta::assert_snapshot!("native", text(&model));

    let search = r#"{"tool":"search_documents","with":{"query":"key"}}"#;
    let model = ScriptedModel::new().replies([search, r#"{"answer":"In a teapot."}"#]);
    let model = model.configure(|profile| profile.json_schema = true);
    answer(agent(&model, &tools())).await;
    insta::assert_snapshot!("json", text(&model));

    let model = ScriptedModel::new().replies([search, r#"{"answer":"In a teapot."}"#]);
    answer(agent(&model, &tools()).steps(1, OnLimit::Answer)).await;
    insta::assert_snapshot!("json_last", text(&model));
}

#[test]
fn the_graph_is_drawn() {
    let model = native([]);
    let graph = agent(&model, &tools()).build().unwrap();
    insta::assert_snapshot!("graph", graph.shape().mermaid());
}
