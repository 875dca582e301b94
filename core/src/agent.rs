//! The one thing that a graph is made of.

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, Inside, Result};

/// What agents receive and return: plain data that can be written down.
///
/// Implemented for every type that qualifies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot go into an agent or come out of one",
    label = "not a `Payload`",
    note = "what agents exchange is written to a journal and read again: it must be \
            `serde::Serialize`, `serde::de::DeserializeOwned` and `Send`, and own what it holds"
)]
pub trait Payload: Serialize + DeserializeOwned + Send + 'static {}

// Or a compiler would list what serde implements, once for each trait, and leave out the above.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Payload for T {}

/// `async fn(Input, &Context) -> Result<Output>`: a step that may ask models and tools.
///
/// An agent reaches the outside world through its [`Context`] alone; a
/// [`Graph`](crate::Graph) of agents is an agent too, so graphs nest.
///
/// # Cancel safety
///
/// The runtime drops the future of `run` when the run is cancelled, at any `await`. An agent that
/// keeps state outside of its arguments must survive that.
///
/// # Example
///
/// ```
/// use catena_core::{Agent, Context, Result};
///
/// struct CountWords;
///
/// #[async_trait::async_trait]
/// impl Agent for CountWords {
///     type Input = String;
///     type Output = usize;
///
///     async fn run(&self, text: String, _cx: &Context) -> Result<usize> {
///         Ok(text.split_whitespace().count())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no agent",
    label = "not an `Agent`",
    note = "a function becomes one by `agent(function)`, a `GraphBuilder` by `build(entry, exit)?`"
)]
#[async_trait]
pub trait Agent: Send + Sync + 'static {
    /// What it receives.
    type Input: Payload;
    /// What it returns.
    type Output: Payload;

    /// Does its work once.
    ///
    /// # Errors
    ///
    /// Whatever fails in it. The runtime adds the node's path.
    async fn run(&self, input: Self::Input, cx: &Context) -> Result<Self::Output>;

    /// What a picture and a journal are told of its inside. The default: nothing, which is right
    /// for all but those that wrap other agents.
    fn inside(&self) -> Inside {
        Inside::default()
    }
}

#[async_trait]
impl<A: Agent + ?Sized> Agent for Arc<A> {
    type Input = A::Input;
    type Output = A::Output;

    async fn run(&self, input: Self::Input, cx: &Context) -> Result<Self::Output> {
        (**self).run(input, cx).await
    }

    fn inside(&self) -> Inside {
        (**self).inside()
    }
}

/// Makes an agent of a function.
///
/// # Example
///
/// ```
/// use catena_core::{Context, agent};
///
/// let double = agent(|x: u32, _cx: Context| async move { Ok(x * 2) });
/// # let _ = double;
/// ```
pub fn agent<I, O, F, Fut>(function: F) -> FnAgent<I, O, F>
where
    I: Payload,
    O: Payload,
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
{
    FnAgent {
        function,
        types: PhantomData,
    }
}

/// An agent made of a function; see [`agent`].
pub struct FnAgent<I, O, F> {
    function: F,
    types: PhantomData<fn(I) -> O>,
}

#[async_trait]
impl<I, O, F, Fut> Agent for FnAgent<I, O, F>
where
    I: Payload,
    O: Payload,
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn run(&self, input: I, cx: &Context) -> Result<O> {
        (self.function)(input, cx.clone()).await
    }
}

impl<I, O, F> fmt::Debug for FnAgent<I, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnAgent")
    }
}
