//! A tool of a server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_core::{Context, Error, Result, ToolSpec};
use catena_tools::DynTool;
use rmcp::model::{CallToolRequestParams, Tool};
use serde_json::Value;

use crate::{client::Server, content, failure};

/// The most characters of a description.
const LONGEST_DESCRIPTION: usize = 1024;

/// The most bytes of a schema.
const LARGEST_SCHEMA: usize = 64 << 10;

pub(crate) struct McpTool {
    pub(crate) server: Arc<Server>,
    /// What the server calls it.
    pub(crate) original: String,
    pub(crate) spec: ToolSpec,
    pub(crate) timeout: Duration,
}

/// What a model is told of a tool of the server `server`, under the name `name`.
pub(crate) fn spec(server: &str, name: String, tool: &Tool) -> Result<ToolSpec> {
    let mut schema = (*tool.input_schema).clone();
    schema.remove("$schema");
    // It says "object" by the protocol; some servers leave it out.
    schema.entry("type").or_insert_with(|| "object".into());
    let schema = Value::Object(schema);
    let bytes = schema.to_string().len();
    if bytes > LARGEST_SCHEMA {
        return Err(Error::malformed_output(format!(
            "the tool '{name}' of the MCP server '{server}' has a schema of {bytes} bytes, and \
             {LARGEST_SCHEMA} are allowed"
        )));
    }
    let description = tool.description.as_deref().or(tool.title.as_deref());
    let description = description.unwrap_or_default().trim();
    let mut short: String = description.chars().take(LONGEST_DESCRIPTION).collect();
    if short.len() < description.len() {
        short.push('…');
    }
    Ok(ToolSpec::new(name, short, schema))
}

#[async_trait]
impl DynTool for McpTool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn repeatable(&self) -> bool {
        // What a server says about that is a hint, by the protocol, and not to be relied on.
        false
    }

    async fn call(&self, arguments: Value, _cx: &Context) -> Result<String> {
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            _ => return Err(Error::invalid("the arguments are no object")),
        };
        let request = CallToolRequestParams::new(self.original.clone()).with_arguments(arguments);
        // Dropped before its answer comes, it tells the server to stop.
        let called = self.server.service.peer().call_tool(request);
        match tokio::time::timeout(self.timeout, called).await {
            Ok(Ok(result)) => content::text(result),
            Ok(Err(error)) => {
                let doing = format!("calling '{}'", self.original);
                Err(self.server.failed(&doing, error).await)
            }
            Err(_) => Err(failure::slow(&self.server.name, self.timeout)),
        }
    }
}
