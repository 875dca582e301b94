//! One attempt of several.

use catena_core::{ChatRequest, ChatResponse, ChatStream, Error, Result, Usage};
use futures::StreamExt;

use super::Retry;
use crate::layer::stream::{begun, ready};

impl Retry {
    /// One attempt; if it fails, with what it used.
    pub(super) async fn attempt(
        &self,
        request: &ChatRequest,
    ) -> Result<ChatStream, (Error, Usage)> {
        let nothing = |error| (error, Usage::call(0, 0));
        let answer = self.inner.stream(request.clone()).await.map_err(nothing)?;
        if !self.resend_started {
            return begun(answer).await.map_err(nothing);
        }
        self.whole(request, answer).await
    }

    async fn whole(
        &self,
        request: &ChatRequest,
        mut deltas: ChatStream,
    ) -> Result<ChatStream, (Error, Usage)> {
        let mut answer = ChatResponse::default();
        let mut begun = false;
        let error = loop {
            match deltas.next().await {
                Some(Ok(delta)) => {
                    begun = true;
                    if answer.push(delta) {
                        return Ok(ready(answer));
                    }
                }
                Some(Err(error)) => break error,
                None => {
                    let name = &self.inner.profile().name;
                    let said = format!("the answer of '{name}' broke off before its end");
                    break Error::unavailable(said);
                }
            }
        };
        // A failure before the first token costs nothing.
        let used = match begun {
            false => Usage::call(0, 0),
            true => {
                let output = self.inner.counter().count(&answer.text) as u64;
                Usage::call(self.inner.prompt_tokens(request), output)
            }
        };
        Err((error, used))
    }
}

/// `error` with the number of attempts in its help.
pub(super) fn counted(error: Error, attempts: u32) -> Error {
    if attempts == 1 {
        return error;
    }
    let help = error.help().map(|help| format!("{help}; "));
    let help = help.unwrap_or_default();
    error.with_help(format!("{help}{attempts} attempts were made"))
}
