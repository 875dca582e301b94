//! The agent that makes calls.

use std::{
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use catena::{Agent, Context, Error, Graph, Result};
use futures::future::{join_all, try_join_all};

use crate::{
    model,
    outside::Outside,
    rng::mix,
    spec::{Act, Call, CallSpec, Key, Leaf, Pace},
    value::Plain,
};

pub(crate) struct LeafAgent<I, O> {
    leaf: Arc<Leaf>,
    /// The graphs of its [`Act::Inner`]s.
    inner: Vec<Graph<u64, u64>>,
    outside: Arc<Outside>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> LeafAgent<I, O> {
    pub(crate) fn new(leaf: Arc<Leaf>, inner: Vec<Graph<u64, u64>>, outside: Arc<Outside>) -> Self {
        Self {
            leaf,
            inner,
            outside,
            types: PhantomData,
        }
    }
}

#[async_trait]
impl<I: Plain, O: Plain> Agent for LeafAgent<I, O> {
    type Input = I;
    type Output = O;

    async fn run(&self, input: I, cx: &Context) -> Result<O> {
        let _under_way = self.outside.enter();
        let path = cx.path().as_str();
        let mut h = mix(self.leaf.salt, input.value().digest());
        let mut next = 0;
        let mut inner = self.inner.iter();
        for (point, act) in self.leaf.acts.iter().enumerate() {
            self.outside.check(cx);
            match act {
                Act::Wait => self.outside.pause(path, point as u64).await,
                Act::Sleep => self.sleep(point as u64, cx).await?,
                Act::Call(call) => {
                    h = mix(h, self.call(call, h, (next, 0), cx).await?);
                    next += 1;
                }
                Act::Together(calls) => {
                    let answers = join_all(self.each(calls, h, next, cx)).await;
                    let passing = |answer: &Result<u64>| answer.as_ref().is_err_and(passes);
                    if let Some(last) = answers.iter().find(|answer| passing(answer)) {
                        last.clone()?;
                    }
                    for answer in answers {
                        h = mix(h, answer?);
                    }
                    next += calls.len() as u32;
                }
                Act::Racing(calls) => {
                    for answer in try_join_all(self.each(calls, h, next, cx)).await? {
                        h = mix(h, answer);
                    }
                    next += calls.len() as u32;
                }
                Act::Inner(_) => {
                    let graph = inner.next().expect("it was built");
                    h = graph.run(h, cx).await?;
                }
            }
        }
        self.outside.check(cx);
        if self.leaf.fails(path) {
            return Err(self.leaf.fails.1.error());
        }
        Ok(O::make(h))
    }
}

impl<I, O> LeafAgent<I, O> {
    fn each<'a>(
        &'a self,
        calls: &'a [Call],
        h: u64,
        next: u32,
        cx: &'a Context,
    ) -> impl Iterator<Item = impl Future<Output = Result<u64>> + use<'a, I, O>> {
        calls
            .iter()
            .enumerate()
            .map(move |(index, call)| self.call(call, h, (next, index as u32), cx))
    }

    async fn sleep(&self, point: u64, cx: &Context) -> Result<()> {
        let time = match self.outside.pace() {
            Pace::Paused => Duration::from_millis(mix(self.leaf.salt, point) % 9),
            Pace::Threads => Duration::ZERO,
        };
        cx.sleep(time).await
    }

    /// Makes a call of those that begin together at an index.
    async fn call(&self, call: &Call, h: u64, at: (u32, u32), cx: &Context) -> Result<u64> {
        let (first, index) = at;
        let key = Key(cx.path().as_str().to_owned(), first + index);
        match self.ask(call, h, &key, first, cx).await {
            Ok(answer) => {
                self.outside.check(cx);
                self.outside.returned(&key);
                Ok(answer)
            }
            Err(error) if call.tolerated && !passes(&error) => {
                self.outside.failed(&key);
                Ok(call.substitute())
            }
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, call: &Call, h: u64, key: &Key, first: u32, cx: &Context) -> Result<u64> {
        match call.kind {
            CallSpec::Chat { .. } => {
                let (model, request) = model::ask(call, h, key, first, cx, &self.outside);
                let answer = cx.chat(&model, request).await?.text;
                let first = answer.split(' ').next().unwrap_or_default();
                first
                    .parse()
                    .map_err(|_| Error::invalid(format!("the model said {answer:?}")))
            }
            CallSpec::Tool => {
                let work = async {
                    let _under_way = self.outside.enter();
                    self.outside.check(cx);
                    let new = self.outside.called(key);
                    self.outside.goes_on(cx.path(), first);
                    self.outside.pause(&key.0, 200 + u64::from(key.1)).await;
                    if !call.fails(key) || call.passing && !new {
                        return Ok(call.answer(h));
                    }
                    if call.passing {
                        self.outside.outage(key);
                    }
                    Err(call.fails.1.error())
                };
                cx.tool("tool", &(&key.0, key.1, h), work).await
            }
            CallSpec::Random => {
                self.outside.given(key, cx.random().await?);
                self.outside.goes_on(cx.path(), first);
                Ok(call.answer(h))
            }
            CallSpec::Now => {
                let time = cx.now().await?;
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                let micros = since.unwrap_or_default().as_micros();
                self.outside.given(key, micros as u64);
                self.outside.goes_on(cx.path(), first);
                Ok(call.answer(h))
            }
        }
    }
}

/// What an agent has to let pass.
fn passes(error: &Error) -> bool {
    error.is_cancelled()
        || error.is_budget_exceeded()
        || error.is_interrupted()
        || error.is_journal()
        || error.is_divergence()
}
