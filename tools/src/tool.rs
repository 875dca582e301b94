//! What a tool is: to who writes one, and to who calls it.

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use catena_core::{Context, Error, Result, ToolSpec};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::schema;

/// Something that a model may have done: `async fn(Arguments) -> Result<Output>`, with a name and a
/// description.
///
/// The JSON schema of the arguments is derived from their type; the comments of its fields are what
/// the model reads about them. For a tool that is a function, see [`tool`].
///
/// # Contract
///
/// - An error is told to the model, with its help, and the run goes on. Say in few words what was
///   wrong and what to do: the model is the one to do it. Errors of `cx` are to be passed on as they
///   are: those that end the run (a spent budget, an open question) do.
/// - A panic and a call that takes too long are told to the model as errors.
/// - The result is journaled as a whole. What the tool does through `cx` is journaled too, and paid
///   by the run's budget.
///
/// # Cancel safety
///
/// The future of a call is dropped when the run is cancelled or the call takes too long, at any
/// `await`.
///
/// # Example
///
/// ```
/// use catena_core::{Context, Error, Result};
/// use catena_tools::{JsonSchema, Tool, Toolbox};
/// use serde::Deserialize;
///
/// struct Divide;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Division {
///     dividend: f64,
///     /// Not zero.
///     divisor: f64,
/// }
///
/// #[async_trait::async_trait]
/// impl Tool for Divide {
///     type Arguments = Division;
///     type Output = f64;
///
///     fn name(&self) -> &str {
///         "divide"
///     }
///
///     fn description(&self) -> &str {
///         "Divides one number by another."
///     }
///
///     fn repeatable(&self) -> bool {
///         true
///     }
///
///     async fn call(&self, division: Division, _cx: &Context) -> Result<f64> {
///         match division.divisor {
///             0.0 => Err(Error::invalid("the divisor is zero").with_help("give another one")),
///             divisor => Ok(division.dividend / divisor),
///         }
///     }
/// }
///
/// let tools = Toolbox::new().with(Divide)?;
/// assert_eq!(tools.specs()[0].parameters["required"][1], "divisor");
/// # Ok::<(), Error>(())
/// ```
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// What it is called with: a struct, or `()` for nothing.
    type Arguments: DeserializeOwned + JsonSchema + Send;
    /// What it gives. The model is shown a text as it is, and anything else as JSON.
    type Output: Serialize + Send;

    /// What the model calls it by: letters, digits, `_` and `-`, at most 64 of them.
    fn name(&self) -> &str;

    /// What it does and when to use it, for the model.
    fn description(&self) -> &str;

    /// Whether calling it twice does no more than calling it once. Default: no.
    ///
    /// A run that was killed in the middle of a call makes it again if it is repeatable. If it is
    /// not, the model is told that nobody knows whether the call had its effect.
    fn repeatable(&self) -> bool {
        false
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// Whatever fails in it, for the model.
    async fn call(&self, arguments: Self::Arguments, cx: &Context) -> Result<Self::Output>;
}

#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    type Arguments = T::Arguments;
    type Output = T::Output;

    fn name(&self) -> &str {
        (**self).name()
    }

    fn description(&self) -> &str {
        (**self).description()
    }

    fn repeatable(&self) -> bool {
        (**self).repeatable()
    }

    async fn call(&self, arguments: T::Arguments, cx: &Context) -> Result<T::Output> {
        (**self).call(arguments, cx).await
    }
}

/// A tool whose arguments are known when the program runs, and the form in which a
/// [`Toolbox`](crate::Toolbox) keeps all of them. Every [`Tool`] is one; implement it by hand for
/// tools that come from elsewhere, with their schema.
#[async_trait]
pub trait DynTool: Send + Sync + 'static {
    /// What the model is told of it. Constant over its life.
    fn spec(&self) -> ToolSpec;

    /// As [`Tool::repeatable`].
    fn repeatable(&self) -> bool;

    /// Does it. The arguments satisfy the schema.
    ///
    /// # Errors
    ///
    /// Whatever fails in it, for the model.
    async fn call(&self, arguments: Value, cx: &Context) -> Result<String>;
}

impl fmt::Debug for dyn DynTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynTool").field(&self.spec().name).finish()
    }
}

#[async_trait]
impl<T: Tool> DynTool for T {
    fn spec(&self) -> ToolSpec {
        ToolSpec::new(
            self.name(),
            self.description(),
            schema::of::<T::Arguments>(),
        )
    }

    fn repeatable(&self) -> bool {
        Tool::repeatable(self)
    }

    async fn call(&self, arguments: Value, cx: &Context) -> Result<String> {
        // Nothing at all is an empty object to a model, and null to serde.
        let nothing = arguments
            .as_object()
            .is_some_and(|object| object.is_empty());
        let read = match serde_json::from_value(arguments) {
            Err(_) if nothing => serde_json::from_value(Value::Null),
            read => read,
        };
        let arguments = read.map_err(|error| {
            Error::invalid(format!("the arguments do not fit: {error}"))
                .with_help("call it again with arguments as its schema has them")
        })?;
        let output = Tool::call(self, arguments, cx).await?;
        let output = serde_json::to_value(output).map_err(|error| {
            Error::other("what the tool gave cannot be written as JSON").with_source(error)
        })?;
        Ok(match output {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

/// Makes a tool of a function.
///
/// # Example
///
/// ```
/// use catena_core::{Context, Result};
/// use catena_tools::{JsonSchema, Toolbox, tool};
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct City {
///     /// Its name in English.
///     city: String,
/// }
///
/// let weather = tool("weather", "The weather of a city, now.", |city: City, _cx: Context| async move {
///     Ok(format!("It snows in {}.", city.city))
/// });
/// let tools = Toolbox::new().with(weather.repeatable())?;
/// # Ok::<(), catena_core::Error>(())
/// ```
pub fn tool<A, O, F, Fut>(
    name: impl Into<String>,
    description: impl Into<String>,
    function: F,
) -> FnTool<A, O, F>
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + Send + 'static,
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
{
    FnTool {
        name: name.into(),
        description: description.into(),
        repeatable: false,
        function,
        types: PhantomData,
    }
}

/// A tool made of a function; see [`tool`].
pub struct FnTool<A, O, F> {
    name: String,
    description: String,
    repeatable: bool,
    function: F,
    types: PhantomData<fn(A) -> O>,
}

impl<A, O, F> FnTool<A, O, F> {
    /// Says that it may be called twice; see [`Tool::repeatable`].
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

#[async_trait]
impl<A, O, F, Fut> Tool for FnTool<A, O, F>
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + Send + 'static,
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
{
    type Arguments = A;
    type Output = O;

    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn repeatable(&self) -> bool {
        self.repeatable
    }

    async fn call(&self, arguments: A, cx: &Context) -> Result<O> {
        (self.function)(arguments, cx.clone()).await
    }
}

impl<A, O, F> fmt::Debug for FnTool<A, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTool")
            .field("name", &self.name)
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}
