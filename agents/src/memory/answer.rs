//! The answer, from what was recalled and nothing else.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};

use super::{
    render::Renderer,
    types::{Answered, Recalled},
};
use crate::whole::{tell_cut, worded};

/// Answers a message (SCM §3.5).
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) renderer: Renderer,
    /// `None`: the likeliest token each time.
    pub(super) sampling: Option<(f32, u64)>,
}

#[async_trait]
impl Agent for Answer {
    type Input = Recalled;
    type Output = Answered;

    async fn run(&self, recalled: Recalled, cx: &Context) -> Result<Answered> {
        let mut request = self.renderer.request(
            &recalled.message.text,
            recalled.now,
            &recalled.recall.facts,
            &recalled.lines,
            recalled.flash.as_ref(),
        )?;
        if let Some((temperature, seed)) = self.sampling {
            // Another seed each turn, or the same words would come again.
            let turn = recalled.recall.flash.as_ref().map_or(0, |flash| flash.turn);
            request = request
                .temperature(temperature)
                .seed(seed.wrapping_add(turn));
        }
        let answer = cx.chat(&*self.renderer.model, request).await?;
        tell_cut(cx, "the answer", answer.finish);
        Ok(Answered {
            recalled,
            text: worded(&answer.text, answer.finish)?,
            finish: answer.finish,
        })
    }
}
