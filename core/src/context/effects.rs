//! Time, chance and tools.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Context,
    call::{Begun, Target},
};
use crate::{CallKind, Effect, Error, Fingerprint, Result, Usage, telemetry};

impl Context {
    /// What time it is, to the microsecond. A resumed run is told the time that it was.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) and [`is_divergence`](Error::is_divergence).
    pub async fn now(&self) -> Result<SystemTime> {
        let micros = match self.begin(Fingerprint::new("the time", &[]), None).await? {
            Begun::Replayed(Effect::Time(micros)) => micros,
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                let micros = since.unwrap_or_default().as_micros();
                let micros = u64::try_from(micros).unwrap_or(u64::MAX);
                call.finish(Effect::Time(micros), Usage::default()).await?;
                micros
            }
        };
        Ok(UNIX_EPOCH + Duration::from_micros(micros))
    }

    /// 64 random bits. A resumed run gets those that it got.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) and [`is_divergence`](Error::is_divergence).
    pub async fn random(&self) -> Result<u64> {
        match self.begin(Fingerprint::new("chance", &[]), None).await? {
            Begun::Replayed(Effect::Random(bits)) => Ok(bits),
            Begun::Replayed(other) => Err(self.unlike(&other)),
            Begun::Live(call) => {
                let bits = getrandom::u64().map_err(|error| {
                    Error::unavailable("the system gives no random numbers")
                        .with_source(error.to_string())
                })?;
                call.finish(Effect::Random(bits), Usage::default()).await?;
                Ok(bits)
            }
        }
    }

    /// Does something in the outside world, once: a resumed run that had its result before does
    /// not do it again. `request` is what it depends on; a resumed run whose request differs is
    /// refused.
    ///
    /// It counts against the run's time and against nothing else of its budget.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`is_invalid`](Error::is_invalid) when request or result cannot be written
    /// as JSON; and as [`chat`](Self::chat).
    ///
    /// # Example
    ///
    /// ```
    /// use catena_core::{Context, Error, Result};
    ///
    /// async fn size_of(path: String, cx: &Context) -> Result<u64> {
    ///     cx.tool("size of file", &path, async {
    ///         let data = std::fs::metadata(&path).map_err(|error| Error::other(error.to_string()))?;
    ///         Ok(data.len())
    ///     })
    ///     .await
    /// }
    /// ```
    pub async fn tool<T>(
        &self,
        name: &str,
        request: &impl Serialize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
    {
        let unwritable = |error: serde_json::Error| {
            Error::invalid(format!(
                "what the tool '{name}' is given or gives cannot be written as JSON"
            ))
            .with_source(error)
            .at(self.path())
        };
        // By way of a value: the keys of a map are then in the same order each time.
        let arguments = serde_json::to_value(request)
            .map_err(unwritable)?
            .to_string();
        let target = || Target {
            kind: CallKind::Tool,
            name,
            prompt_tokens: 0,
            max_tokens: 0,
        };
        let fingerprint = Fingerprint::new(name, &[("the arguments", arguments.as_bytes())]);
        let mut call = match self.begin(fingerprint, Some(target())).await? {
            Begun::Replayed(Effect::Tool(value)) => {
                return serde_json::from_value(value).map_err(unwritable);
            }
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => call,
        };
        let span = telemetry::tool(name);
        call.start(&target(), None);
        match telemetry::within(&span, self.guarded(work)).await {
            Ok(output) => {
                let value = serde_json::to_value(&output).map_err(unwritable)?;
                call.finish(Effect::Tool(value), Usage::default()).await?;
                Ok(output)
            }
            Err(error) => {
                telemetry::failed(&span, &error);
                Err(call.fail(error))
            }
        }
    }

    /// The error for an effect of another kind than was asked for.
    pub(super) fn unlike(&self, effect: &Effect) -> Error {
        let call = self.node.calls.load(std::sync::atomic::Ordering::Relaxed);
        let difference = format!("its effect was of the kind '{}'", effect.kind());
        self.diverged(call.saturating_sub(1), &difference)
    }
}
