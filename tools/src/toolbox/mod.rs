//! The tools that a model may call, and the only way to them.

mod arguments;
mod call;
mod result;

pub use call::{Approval, ApprovalRequest};
pub use result::{ToolOutcome, ToolResult};

use std::{fmt, sync::Arc, time::Duration};

use catena_core::{Error, Result, ToolSpec};

use self::arguments::Arguments;
use crate::DynTool;

/// The tools that a model may call, by name.
///
/// What is not in it cannot be called, whatever a model was talked into: [`only`](Self::only) and
/// [`approve`](Self::approve) are rules of the program and no part of a prompt. Cloning is cheap.
///
/// # Example: two of the tools, one of them after a person agreed
///
/// ```
/// use catena_core::{Context, Error};
/// use catena_tools::{JsonSchema, Toolbox, tool};
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Path {
///     path: String,
/// }
///
/// let read = tool("read", "Reads.", |path: Path, _cx: Context| async move { Ok(path.path) });
/// let write = tool("write", "Writes.", |path: Path, _cx: Context| async move { Ok(path.path) });
/// let erase = tool("erase", "Erases.", |path: Path, _cx: Context| async move { Ok(path.path) });
/// let tools = Toolbox::new().with(read)?.with(write)?.with(erase)?;
/// let tools = tools.only(["read", "write"])?.approve(["write"])?;
/// assert_eq!(tools.names().collect::<Vec<_>>(), ["read", "write"]);
/// assert!(tools.approve(["erase"]).is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Toolbox {
    /// In the order in which they were added, which is that of the prompt.
    tools: Vec<Entry>,
}

/// A tool, with what the program requires of its calls.
#[derive(Clone)]
struct Entry {
    spec: Arc<ToolSpec>,
    arguments: Arc<Arguments>,
    tool: Arc<dyn DynTool>,
    approval: bool,
    timeout: Duration,
}

/// How long a call may take, if nothing else was said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The longest name of a tool that all providers take.
const LONGEST_NAME: usize = 64;

impl Toolbox {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there is one of that name, the name is not made of up to
    /// 64 letters, digits, `_` and `-`, or the schema of the arguments is none of an object.
    pub fn with(self, tool: impl DynTool) -> Result<Self> {
        self.with_dyn(Arc::new(tool))
    }

    /// Adds several tools, such as those of a server.
    ///
    /// # Errors
    ///
    /// Those of [`with`](Self::with), for the first that has one.
    pub fn with_all(self, tools: impl IntoIterator<Item = Arc<dyn DynTool>>) -> Result<Self> {
        tools.into_iter().try_fold(self, Self::with_dyn)
    }

    fn with_dyn(mut self, tool: Arc<dyn DynTool>) -> Result<Self> {
        let spec = tool.spec();
        let name = &spec.name;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
            return Err(
                Error::invalid(format!("'{name}' is no name for a tool")).with_help(format!(
                    "use 1 to {LONGEST_NAME} letters, digits, '_' and '-'"
                )),
            );
        }
        if self.entry(name).is_some() {
            return Err(
                Error::invalid(format!("there are two tools called '{name}'"))
                    .with_help("give one of them another name"),
            );
        }
        let arguments = Arguments::new(name, &spec.parameters)?;
        self.tools.push(Entry {
            arguments: Arc::new(arguments),
            spec: Arc::new(spec),
            tool,
            approval: false,
            timeout: TIMEOUT,
        });
        Ok(self)
    }

    /// Leaves out all tools but these: an allow-list.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there is no tool of one of the names.
    pub fn only<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names = self.known(names)?;
        self.tools.retain(|entry| names.contains(&entry.spec.name));
        Ok(self)
    }

    /// Has a person agree to each call of these tools: the run
    /// [waits](catena_core::Context::interrupt) for an [`Approval`]. Default: none.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there is no tool of one of the names.
    pub fn approve<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names = self.known(names)?;
        for entry in &mut self.tools {
            entry.approval |= names.contains(&entry.spec.name);
        }
        Ok(self)
    }

    /// Has a person agree to each call of any tool that is in it now.
    #[must_use]
    pub fn approve_all(mut self) -> Self {
        for entry in &mut self.tools {
            entry.approval = true;
        }
        self
    }

    /// Gives up a call of any tool that is in it now after this time, and tells the model. Default: 60
    /// seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        for entry in &mut self.tools {
            entry.timeout = timeout;
        }
        self
    }

    /// What a model is told of the tools, in the order in which they were added.
    pub fn specs(&self) -> Vec<ToolSpec> {
        let specs = self.tools.iter().map(|entry| &*entry.spec);
        specs.cloned().collect()
    }

    /// The names of the tools, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|entry| &*entry.spec.name)
    }

    /// Whether there is no tool in it.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.tools.iter().find(|entry| entry.spec.name == name)
    }

    /// The names as text, if there is a tool of each.
    fn known<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> Result<Vec<String>> {
        let known = |name: S| {
            let name = name.as_ref();
            match self.entry(name) {
                Some(_) => Ok(name.to_owned()),
                None => Err(Error::invalid(format!("there is no tool '{name}'"))
                    .with_help(format!("there are: {}", self.listed()))),
            }
        };
        names.into_iter().map(known).collect()
    }

    /// The names of all tools, in a sentence.
    fn listed(&self) -> String {
        match self.is_empty() {
            true => "none".to_owned(),
            false => self.names().collect::<Vec<_>>().join(", "),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.spec.name)
            .field("approval", &self.approval)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use catena_core::Context;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::tool;

    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    fn named(name: &str) -> impl DynTool + use<> {
        tool(name, "?", |_: Nothing, _: Context| async { Ok(()) })
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let tools = Toolbox::new().with(named("a")).unwrap();
        let error = tools.clone().with(named("a")).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), "there are two tools called 'a'");
        assert!(
            tools
                .with_all([Arc::new(named("a")) as Arc<dyn DynTool>])
                .is_err()
        );
    }

    #[test]
    fn a_name_is_one_that_providers_take() {
        for name in ["", "a b", "a.b", "ä", "a\nb", &"a".repeat(65)] {
            let error = Toolbox::new().with(named(name)).unwrap_err();
            assert!(error.is_invalid() && error.help().is_some(), "{name}");
        }
        let longest = "a".repeat(64);
        for name in ["a", "A-1_b", &longest] {
            assert!(Toolbox::new().with(named(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_allow_list_names_tools_that_there_are() {
        let tools = ["a", "b", "c"].into_iter().map(named);
        let tools = tools.fold(Toolbox::new(), |tools_, tool| tools_.with(tool).unwrap());
        let error = tools.clone().only(["a", "d"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no tool 'd'");
        assert_eq!(error.help(), Some("there are: a, b, c"));
        let only = tools.only(["c", "a"]).unwrap();
        assert_eq!(only.names().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(only.specs().len(), 2);
        assert!(only.approve(["b"]).is_err());
    }

    #[test]
    fn a_schema_that_is_no_objects_is_refused() {
        struct Odd(Value);
        #[async_trait::async_trait]
        impl DynTool for Odd {
            fn spec(&self) -> ToolSpec {
                ToolSpec::new("odd", "?", self.0.clone())
            }
            fn repeatable(&self) -> bool {
                true
            }
            async fn call(&self, _: Value, _: &Context) -> Result<String> {
                unreachable!()
            }
        }
        for schema in [
            serde_json::json!({"type": "string"}),
            serde_json::json!("object"),
            serde_json::json!({"type": "object", "properties": 3}),
            // Nothing is fetched.
            serde_json::json!({"type": "object", "$ref": "http://127.0.0.1:9/x.json"}),
        ] {
            let error = Toolbox::new().with(Odd(schema.clone())).unwrap_err();
            assert!(error.to_string().contains("'odd'"), "{schema}: {error}");
        }
    }
}
