//! A connection to a server, however it is reached.

use std::{fmt, sync::Arc, time::Duration};

use catena_core::{Error, Result};
use catena_tools::DynTool;
use rmcp::{
    RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, Tool},
    serve_client,
    service::RunningService,
    transport::IntoTransport,
};

use crate::{
    HttpServer, StdioServer, failure,
    name::Namer,
    stdio::Process,
    tool::{McpTool, spec},
};

/// A connection to an MCP server.
///
/// It lasts as long as this or one of its tools is held; then a server that was started here is killed,
/// with all processes of its group. Cloning is cheap.
///
/// # Example: a server's tools, two of them, beside another tool
///
/// ```no_run
/// use catena_mcp::{McpClient, StdioServer};
/// use catena_tools::{ReadFile, Toolbox};
///
/// # async fn example() -> catena_core::Result<()> {
/// let server = StdioServer::new("mcp-server-git").args(["--repository", "."]);
/// let git = McpClient::stdio(server).await?.prefix("git_");
/// let tools = Toolbox::new()
///     .with(ReadFile::new(".")?)?
///     .with_all(git.tools().await?)?
///     .only(["read_file", "git_git_status", "git_git_commit"])?
///     .approve(["git_git_commit"])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct McpClient {
    server: Arc<Server>,
    prefix: String,
    timeout: Duration,
}

/// The other end. Held by the client and by each tool.
pub(crate) struct Server {
    /// For messages.
    pub(crate) name: String,
    pub(crate) service: RunningService<RoleClient, ClientConfig>,
    /// Of a server that was started here: dropped, it is killed.
    pub(crate) process: Option<Process>,
}

/// How long a server may take to begin, if nothing else was said: one that is fetched first takes long.
pub(crate) const BEGIN: Duration = Duration::from_secs(60);

/// The most tools of a server, and the most pages in which it may list them.
const MOST_TOOLS: usize = 1000;
const MOST_PAGES: usize = 100;

impl McpClient {
    /// Starts a server and connects to it.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when it cannot be started,
    /// [`is_retryable`](Error::is_retryable) when it ends or does not answer (the last that it wrote to
    /// its standard error is told), and [`is_malformed_output`](Error::is_malformed_output) when what it
    /// answers is no MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the server.
    pub async fn stdio(server: StdioServer) -> Result<Self> {
        let begin = server.begin;
        let (process, transport) = server.start()?;
        let name = process.name.clone();
        Self::connect(name, transport, begin, Some(process)).await
    }

    /// Connects to a server over streamable HTTP.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when URL or headers are none, [`is_refused`](Error::is_refused)
    /// when it wants other credentials, [`is_retryable`](Error::is_retryable) when it cannot be reached or
    /// does not answer, and [`is_malformed_output`](Error::is_malformed_output) when what it answers is no
    /// MCP.
    pub async fn http(server: HttpServer) -> Result<Self> {
        let name = server.name();
        Self::connect(name, server.transport()?, server.begin, None).await
    }

    async fn connect<T, E, A>(
        name: String,
        transport: T,
        begin: Duration,
        process: Option<Process>,
    ) -> Result<Self>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let us = Implementation::new("catena", env!("CARGO_PKG_VERSION"));
        // No capabilities: it may ask us for nothing.
        let config = ClientConfig::new(ClientCapabilities::default(), us);
        let begun = tokio::time::timeout(begin, serve_client(config, transport)).await;
        let service = match begun {
            Ok(Ok(service)) => service,
            Ok(Err(error)) => {
                let last = match &process {
                    Some(process) => process.last_words().await,
                    None => String::new(),
                };
                return Err(failure::of_start(&name, error, &last));
            }
            Err(_) => return Err(failure::slow(&name, begin)),
        };
        Ok(Self {
            server: Arc::new(Server {
                name,
                service,
                process,
            }),
            prefix: String::new(),
            timeout: Duration::from_secs(300),
        })
    }

    /// Begins the names of its tools with this, to tell them from those of other servers. Default:
    /// nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest that listing tools or a call may take; a call is mostly given up earlier by its
    /// [`Toolbox`](catena_tools::Toolbox::timeout). The server is told to stop. Default: 5 minutes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What the server calls itself, with its version; nothing, if it does not say.
    pub fn about(&self) -> String {
        let about = self.server.service.peer_info();
        let about = about.and_then(|about| about.server_info.clone());
        about.map_or_else(String::new, |it| format!("{} {}", it.name, it.version))
    }

    /// Its tools, as they are now, in its order.
    ///
    /// Names are made to fit: what is no letter, digit, `_` or `-` becomes `_`, and of two that then are
    /// alike the second is numbered. Descriptions are cut at 1,024 characters.
    ///
    /// # Errors
    ///
    /// [`is_retryable`](Error::is_retryable) when the server has ended, cannot be reached or does not
    /// answer; [`is_malformed_output`](Error::is_malformed_output) when its list is none, does not end, or
    /// has a schema of more than 64 KiB.
    pub async fn tools(&self) -> Result<Vec<Arc<dyn DynTool>>> {
        let mut namer = Namer::new(&self.prefix);
        let mut tools: Vec<Arc<dyn DynTool>> = Vec::new();
        for tool in self.listed().await? {
            let name = namer.name(&tool.name);
            let spec = spec(&self.server.name, name, &tool)?;
            tools.push(Arc::new(McpTool {
                server: Arc::clone(&self.server),
                original: tool.name.into_owned(),
                spec,
                timeout: self.timeout,
            }));
        }
        Ok(tools)
    }

    async fn listed(&self) -> Result<Vec<Tool>> {
        let list = async {
            let mut tools = Vec::new();
            let mut cursor = None;
            for _ in 0..MOST_PAGES {
                let mut page = PaginatedRequestParams::default();
                page.cursor = cursor;
                let page = self.server.service.list_tools(Some(page)).await;
                let page = match page {
                    Ok(page) => page,
                    Err(error) => return Err(self.server.failed("listing its tools", error).await),
                };
                tools.extend(page.tools);
                cursor = page.next_cursor;
                if cursor.is_none() || tools.len() > MOST_TOOLS {
                    break;
                }
            }
            if cursor.is_some() || tools.len() > MOST_TOOLS {
                return Err(Error::malformed_output(format!(
                    "the MCP server '{}' has more than {MOST_TOOLS} tools, or a list without an end",
                    self.server.name
                )));
            }
            Ok(tools)
        };
        let listed = tokio::time::timeout(self.timeout, list).await;
        listed.unwrap_or_else(|_| Err(failure::slow(&self.server.name, self.timeout)))
    }
}

impl Server {
    /// The error for something that failed with the server.
    pub(crate) async fn failed(&self, doing: &str, error: rmcp::ServiceError) -> Error {
        let last = match &self.process {
            Some(process) if failure::is_death(&error) => process.last_words().await,
            _ => String::new(),
        };
        failure::of_service(&self.name, doing, error, &last)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex, split};

    use super::*;

    /// A server that answers requests by `answer`, by method and parameters, until there is no answer.
    async fn served(answer: impl Fn(&str, &Value) -> Option<Value> + Send + 'static) -> McpClient {
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(serve(theirs, answer));
        McpClient::connect("fake".to_owned(), split(ours), BEGIN, None)
            .await
            .unwrap()
    }

    async fn serve(stream: DuplexStream, answer: impl Fn(&str, &Value) -> Option<Value>) {
        let (read, mut write) = split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = message.get("id") else {
                continue;
            };
            let method = message["method"].as_str().unwrap();
            let result = match method {
                "initialize" => Some(json!({
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "fake", "version": "1"},
                })),
                method => answer(method, &message["params"]),
            };
            let Some(result) = result else {
                return;
            };
            let reply = json!({"jsonrpc": "2.0", "id": id, "result": result});
            let line = format!("{reply}\n");
            write.write_all(line.as_bytes()).await.unwrap();
        }
    }

    fn tool(name: &str) -> Value {
        json!({"name": name, "description": "é".repeat(2000), "inputSchema": {"properties": {}}})
    }

    #[tokio::test]
    async fn a_list_comes_in_pages() {
        let client = served(|_, parameters| {
            Some(match parameters["cursor"].as_str() {
                None => json!({"tools": [tool("a.b")], "nextCursor": "2"}),
                Some("2") => json!({"tools": [tool("a_b"), tool("c")], "nextCursor": "3"}),
                _ => json!({"tools": [tool("d")]}),
            })
        })
        .await;
        assert_eq!(client.about(), "fake 1");
        let tools = client.prefix("x-").tools().await.unwrap();
        let specs: Vec<_> = tools.iter().map(|tool| tool.spec()).collect();
        let names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
        assert_eq!(names, ["x-a_b", "x-a_b_2", "x-c", "x-d"]);
        assert_eq!(specs[0].description.chars().count(), 1025);
        assert_eq!(specs[0].parameters["type"], "object");
    }

    #[tokio::test]
    async fn a_list_without_an_end_and_a_huge_schema_are_refused() {
        let client =
            served(|_, _| Some(json!({"tools": [tool("a")], "nextCursor": "again"}))).await;
        let error = client.tools().await.unwrap_err();
        assert!(error.is_malformed_output(), "{error}");
        let client = served(|_, _| {
            let schema = json!({"type": "object", "title": "x".repeat(70_000)});
            Some(json!({"tools": [{"name": "a", "inputSchema": schema}]}))
        })
        .await;
        let error = client.tools().await.unwrap_err();
        assert!(error.to_string().contains("a schema of 700"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_ends_or_is_silent_is_an_error_that_says_so() {
        let client = served(|_, _| None).await;
        let error = client.tools().await.unwrap_err();
        assert_eq!(error.to_string(), "the MCP server 'fake' has ended");
        assert!(error.is_retryable());

        let (ours, _theirs) = duplex(1 << 16);
        let soon = Duration::from_millis(50);
        let silent = McpClient::connect("fake".to_owned(), split(ours), soon, None).await;
        let error = silent.unwrap_err().to_string();
        assert_eq!(error, "the MCP server 'fake' did not answer within 50ms");
    }
}
