//! Servers that end, or are none.

use std::{fs, path::Path, process::Command, time::Duration};

use catena_mcp::{HttpServer, McpClient, StdioServer};
use catena_tools::{ToolOutcome, Toolbox};

use crate::everything::{START, call, serve, server};

/// A server that says its number in a file and, behind it, does what `more` says.
fn wrapped(file: &Path, more: &str) -> StdioServer {
    let packages = std::env::var("CATENA_MCP_SERVERS").unwrap();
    let script = format!("{packages}/@modelcontextprotocol/server-everything/dist/index.js");
    let file = file.display();
    let line = format!("echo $$ > '{file}'; {more} exec node '{script}' stdio");
    StdioServer::new("sh")
        .args(["-c".to_owned(), line])
        .begin_within(START)
}

fn lives(process: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    // A zombie has ended.
    state.is_ok_and(|state| !state.contains(") Z "))
}

async fn ends(process: &str) -> bool {
    for _ in 0..100 {
        if !lives(process) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_dies_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("number");
    let client = McpClient::stdio(wrapped(&file, "echo these are my last words >&2;"));
    let client = client.await.unwrap();
    let tools = Toolbox::new().with_all(client.tools().await.unwrap());
    let tools = tools.unwrap();
    let process = fs::read_to_string(&file).unwrap();
    let calling = call(
        &tools,
        "trigger-long-running-operation",
        r#"{"duration": 60}"#,
    );
    let killing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let killed = Command::new("kill").args(["-9", process.trim()]).status();
        assert!(killed.unwrap().success());
    };
    let (result, ()) = tokio::join!(calling, killing);
    let result = result.unwrap();
    assert_eq!(result.outcome, ToolOutcome::Failed);
    assert!(
        result.text.contains("the MCP server 'sh' has ended"),
        "{}",
        result.text
    );
    assert!(
        result.text.contains("these are my last words"),
        "{}",
        result.text
    );
    // And the next call as well.
    let result = call(&tools, "echo", r#"{"message": "?"}"#).await.unwrap();
    assert!(result.text.contains("has ended"), "{}", result.text);
    assert!(client.tools().await.unwrap_err().is_retryable());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_left_of_a_server_when_the_last_of_its_tools_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("number");
    let child = folder.path().join("child");
    let more = format!("sleep 1000 & echo $! > '{}';", child.display());
    let client = McpClient::stdio(wrapped(&file, &more)).await.unwrap();
    let tools = client.tools().await.unwrap();
    drop(client);
    let number = |file: &Path| fs::read_to_string(file).unwrap().trim().to_owned();
    let (process, child) = (number(&file), number(&child));
    assert!(lives(&process) && lives(&child));
    drop(tools);
    assert!(ends(&process).await && ends(&child).await);
}

#[tokio::test]
async fn what_is_no_server_is_refused_with_its_reason() {
    let start = async |program: &str, arguments: &[&str]| {
        let server = StdioServer::new(program).args(arguments.iter().copied());
        McpClient::stdio(server).await.unwrap_err()
    };
    let missing = start("catena-no-such-program", &[]).await;
    assert!(missing.is_invalid() && missing.to_string().contains("cannot be started"));
    let failing = start("sh", &["-c", "echo no licence >&2; exit 3"]).await;
    assert!(failing.is_retryable());
    let said = "the MCP server 'sh' has ended; its last words: no licence";
    assert!(failing.to_string().contains(said), "{failing}");
    let odd = start(
        "sh",
        &[
            "-c",
            "read line; echo '{\"jsonrpc\": \"2.0\", \"id\": 0, \"result\": 3}'",
        ],
    );
    let odd = odd.await;
    assert!(odd.to_string().contains("'sh'"), "{odd}");
}

#[tokio::test]
async fn what_does_not_answer_over_http_is_an_error_that_says_so() {
    let (port, process) = serve().await;
    let connect = async |path: &str| {
        let url = format!("http://127.0.0.1:{port}/{path}");
        McpClient::http(HttpServer::new(url)).await
    };
    let elsewhere = connect("elsewhere").await.unwrap_err();
    assert!(
        elsewhere.to_string().contains(&format!("127.0.0.1:{port}")),
        "{elsewhere}"
    );
    let client = connect("mcp").await.unwrap();
    let tools = Toolbox::new().with_all(client.tools().await.unwrap());
    let tools = tools.unwrap();
    drop(process);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let result = call(&tools, "echo", r#"{"message": "?"}"#).await.unwrap();
    assert_eq!(result.outcome, ToolOutcome::Failed);
    assert!(
        result.text.contains("cannot be reached") || result.text.contains("has ended"),
        "{}",
        result.text
    );
    let gone = connect("mcp").await.unwrap_err();
    assert!(
        gone.is_retryable() && gone.to_string().contains("cannot be reached"),
        "{gone}"
    );
}

/// Cancelling a run ends its call at once, and not the server.
#[tokio::test]
async fn a_server_outlives_a_cancelled_run() {
    let client = McpClient::stdio(server()).await.unwrap();
    let tools = Toolbox::new().with_all(client.tools().await.unwrap());
    let tools = tools.unwrap();
    let long = call(
        &tools,
        "trigger-long-running-operation",
        r#"{"duration": 60}"#,
    );
    // Dropping the handle of a run cancels it.
    assert!(
        tokio::time::timeout(Duration::from_millis(300), long)
            .await
            .is_err()
    );
    let echo = call(&tools, "echo", r#"{"message": "here"}"#).await;
    assert_eq!(echo.unwrap().text, "Echo: here");
}
