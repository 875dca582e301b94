//! The reference server, for as long as a test lasts.

use std::{
    env,
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use catena_core::{Result, Run, RunOptions, ToolCall, agent};
use catena_mcp::{HttpServer, McpClient, StdioServer};
use catena_tools::{ToolResult, Toolbox};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Node starts in a second or two, on a machine with nothing else to do.
pub(crate) const START: Duration = Duration::from_secs(300);

/// A connection, and the server behind it if that is a process of the test's.
pub(crate) struct Connected {
    pub(crate) client: McpClient,
    _process: Option<Child>,
}

/// The server over each of its transports.
pub(crate) async fn both() -> [(&'static str, Connected); 2] {
    [("stdio", over_stdio().await), ("http", over_http().await)]
}

pub(crate) fn server() -> StdioServer {
    StdioServer::new("node")
        .args([script(), "stdio".into()])
        .begin_within(START)
}

pub(crate) async fn over_stdio() -> Connected {
    Connected {
        client: McpClient::stdio(server()).await.unwrap(),
        _process: None,
    }
}

pub(crate) async fn over_http() -> Connected {
    let (port, process) = serve().await;
    let url = format!("http://127.0.0.1:{port}/mcp");
    Connected {
        client: McpClient::http(HttpServer::new(url).begin_within(START))
            .await
            .unwrap(),
        _process: Some(process),
    }
}

/// A server over HTTP on a port that was free.
pub(crate) async fn serve() -> (u16, Child) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut process = Command::new("node")
        .args([script(), "streamableHttp".into()])
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let begun = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("listening on port") {
                return;
            }
        }
        panic!("the server ended");
    };
    tokio::time::timeout(START, begun)
        .await
        .expect("the server does not start");
    // Or it would end at its next word.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    (port, process)
}

/// The server's program.
///
/// # Panics
///
/// If there is none: a test that proves nothing does not pass.
fn script() -> OsString {
    let packages = env::var_os("CATENA_MCP_SERVERS").filter(|folder| !folder.is_empty());
    let packages = packages.expect(
        "CATENA_MCP_SERVERS does not name a folder with the packages of \
         tools/mcp/tests/servers/package.json: run `make test`",
    );
    let script = "@modelcontextprotocol/server-everything/dist/index.js";
    PathBuf::from(packages).join(script).into_os_string()
}

/// Makes a call as an agent does.
pub(crate) async fn call(tools: &Toolbox, name: &str, arguments: &str) -> Result<ToolResult> {
    let tools = tools.clone();
    let call = ToolCall::new("1", name, arguments);
    let caller = agent(move |call: ToolCall, cx| {
        let tools = tools.clone();
        async move { tools.call(&call, &cx).await }
    });
    let run = Run::start(caller, call, RunOptions::new("call"));
    Ok(run.outcome().await?.output)
}
