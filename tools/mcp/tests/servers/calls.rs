//! What tools of a server give.

use std::time::{Duration, Instant};

use catena_mcp::McpClient;
use catena_tools::{ToolOutcome, Toolbox};
use serde_json::Value;

use crate::everything::{both, call, over_stdio, server};

#[tokio::test]
async fn the_tools_are_the_same_over_both_transports() {
    let mut names = Vec::new();
    for (transport, server) in both().await {
        let about = server.client.about();
        assert!(about.starts_with("mcp-servers/everything "), "{about}");
        let tools = Toolbox::new().with_all(server.client.tools().await.unwrap());
        let tools = tools.unwrap();
        let spec = |name: &str| tools.specs().into_iter().find(|spec| spec.name == name);
        let sum = spec("get-sum").unwrap();
        assert_eq!(sum.parameters["type"], "object", "{transport}");
        assert_eq!(sum.parameters["properties"]["a"]["type"], "number");
        assert_eq!(sum.description, "Returns the sum of two numbers");
        names.push(tools.names().map(str::to_owned).collect::<Vec<_>>());
    }
    assert!(names[0].len() >= 10, "{names:?}");
    assert_eq!(names[0], names[1]);
}

#[tokio::test]
async fn results_of_all_kinds_become_text() {
    for (transport, server) in both().await {
        let client = server.client.clone().prefix("ev_");
        let tools = Toolbox::new().with_all(client.tools().await.unwrap());
        let tools = tools.unwrap();
        let text = async |name: &str, arguments: &str| {
            let result = call(&tools, name, arguments).await.unwrap();
            assert_eq!(result.outcome, ToolOutcome::Done, "{transport}: {result:?}");
            result.text
        };
        assert_eq!(text("ev_echo", r#"{"message": "hé"}"#).await, "Echo: hé");
        let sum = text("ev_get-sum", r#"{"a": 2, "b": 40}"#).await;
        assert!(sum.contains("42"), "{sum}");
        let image = text("ev_get-tiny-image", "").await;
        assert!(image.contains("(an attached image, image/png, "), "{image}");
        let weather = text("ev_get-structured-content", r#"{"location": "Chicago"}"#).await;
        let weather: Value = serde_json::from_str(&weather).unwrap();
        assert!(weather["temperature"].is_number(), "{weather}");
        let resource = text(
            "ev_get-resource-reference",
            r#"{"resourceType": "Text", "resourceId": 1}"#,
        );
        assert!(resource.await.contains("://"));
    }
}

#[tokio::test]
async fn arguments_that_do_not_fit_never_reach_the_server() {
    let server = over_stdio().await;
    let tools = Toolbox::new().with_all(server.client.tools().await.unwrap());
    let result = call(&tools.unwrap(), "get-sum", r#"{"a": "two", "b": 40}"#).await;
    let result = result.unwrap();
    assert_eq!(result.outcome, ToolOutcome::Refused);
    assert!(result.text.contains("at /a"), "{}", result.text);
}

#[tokio::test]
async fn a_long_call_is_given_up_and_the_server_serves_on() {
    for (transport, server) in both().await {
        let tools = Toolbox::new().with_all(server.client.tools().await.unwrap());
        let tools = tools.unwrap().timeout(Duration::from_millis(300));
        let begun = Instant::now();
        let long = r#"{"duration": 60, "steps": 60}"#;
        let result = call(&tools, "trigger-long-running-operation", long).await;
        let result = result.unwrap();
        assert_eq!(result.outcome, ToolOutcome::Failed, "{transport}");
        assert!(
            result.text.contains("did not answer within 300ms"),
            "{result:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(20));
        let tools = tools.timeout(Duration::from_secs(30));
        let echo = call(&tools, "echo", r#"{"message": "still here"}"#).await;
        assert_eq!(echo.unwrap().text, "Echo: still here", "{transport}");
    }
}

#[tokio::test]
async fn a_server_knows_nothing_of_our_environment_but_what_it_is_given() {
    // What cargo sets for this test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let server = server().env("GIVEN", "this");
    let client = McpClient::stdio(server).await.unwrap();
    let tools = Toolbox::new().with_all(client.tools().await.unwrap());
    let result = call(&tools.unwrap(), "get-env", "{}").await.unwrap();
    let environment: Value = serde_json::from_str(&result.text).unwrap();
    assert_eq!(environment["GIVEN"], "this");
    assert!(environment["PATH"].is_string());
    for name in environment.as_object().unwrap().keys() {
        assert!(
            !name.contains("CARGO") && !name.contains("CATENA"),
            "{name}"
        );
    }
}
