//! Asks the model, which answers or calls tools.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    Agent, ChatMessage, ChatModel, ChatRequest, Context, Error, FinishReason, Prompt, Result,
    ToolCall, ToolChoice,
};
use serde::Serialize;

use super::{
    fit::Fitting,
    json::{Json, Said},
    types::{Calling, OnLimit, State, ToolAnswer, Turn},
    written::written,
};

#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) calling: Calling,
    pub(super) json: Json,
    pub(super) last: Prompt,
    pub(super) steps: usize,
    pub(super) on_limit: OnLimit,
    pub(super) answer_tokens: u32,
    pub(super) fitting: Fitting,
}

/// Answers that are no JSON are sent back so often.
const REPAIRS: u32 = 2;

#[derive(Serialize)]
struct LastVariables {
    json: bool,
}

#[async_trait]
impl Agent for Ask {
    type Input = State;
    type Output = Turn;

    async fn run(&self, mut state: State, cx: &Context) -> Result<Turn> {
        let last = state.steps >= self.steps && self.on_limit == OnLimit::Answer;
        if last {
            self.say_that_it_is_the_last(&mut state)?;
        }
        match self.calling {
            Calling::Native => self.native(state, last, cx).await,
            Calling::Json => self.json(state, last, cx).await,
        }
    }
}

impl Ask {
    async fn native(&self, mut state: State, mut last: bool, cx: &Context) -> Result<Turn> {
        let mut repeats = false;
        loop {
            let choice = match last {
                true => ToolChoice::None,
                false => ToolChoice::Auto,
            };
            let request = |messages: &[ChatMessage]| {
                let request = ChatRequest::new(messages.iter().cloned());
                let request = request.max_tokens(self.answer_tokens);
                // Who writes calls as text writes them wherever it reads of tools.
                match repeats {
                    true => request,
                    false => request
                        .tools(self.json.specs.iter().cloned())
                        .tool_choice(choice.clone()),
                }
            };
            self.fitting.fit(&mut state, request, cx);
            let mut answer = cx.chat(&*self.model, request(&state.messages)).await?;
            let mut calls = answer.tool_calls;
            if calls.is_empty() && !last && answer.finish == FinishReason::Stop {
                calls = written(&answer.text, &self.json.specs);
                // As in `json`: small models call the same again and again.
                repeats = self.on_limit == OnLimit::Answer && are_the_last(&calls, &state);
                if repeats {
                    self.say_that_it_is_the_last(&mut state)?;
                    last = true;
                    continue;
                }
                if !calls.is_empty() {
                    answer.text.clear();
                }
            }
            if calls.is_empty() || (last && !answer.text.trim().is_empty()) {
                let cut = answer.finish == FinishReason::Length;
                return Ok(done(state, answer.text, last && !repeats, cut));
            }
            self.may_call(&state, cx)?;
            name_apart(&mut calls, &state.messages);
            let said = ChatMessage::assistant_calling(answer.text, calls.clone());
            state.messages.push(said);
            return Ok(Turn::Act { state, calls });
        }
    }

    async fn json(&self, mut state: State, mut last: bool, cx: &Context) -> Result<Turn> {
        loop {
            let request = |messages: &[ChatMessage]| {
                let request = ChatRequest::new(messages.iter().cloned());
                let request = request.max_tokens(self.answer_tokens);
                match self.json.constrained {
                    true => request.json_schema(self.json.schema(!last)),
                    false => request,
                }
            };
            self.fitting.fit(&mut state, request, cx);
            let request = request(&state.messages);
            let said: Said = cx.chat_as(&*self.model, request, REPAIRS).await?;
            let call = match said {
                Said::Answer(text) => return Ok(done(state, text, last, false)),
                Said::Call(call) => call,
            };
            self.may_call(&state, cx)?;
            // Small models call the same again and again: nothing new would come of it.
            let before = state.used.last();
            let again = before.is_some_and(|before| {
                before.tool == call.tool && before.arguments == call.arguments()
            });
            if again && self.on_limit == OnLimit::Answer && !last {
                self.say_that_it_is_the_last(&mut state)?;
                last = true;
                continue;
            }
            state.messages.push(ChatMessage::assistant(call.said()));
            let calls = vec![ToolCall::new(
                format!("call-{}", state.used.len() + 1),
                call.tool.clone(),
                call.arguments(),
            )];
            return Ok(Turn::Act { state, calls });
        }
    }

    fn may_call(&self, state: &State, cx: &Context) -> Result<()> {
        if state.steps < self.steps {
            return Ok(());
        }
        let s = if self.steps == 1 { "" } else { "s" };
        Err(Error::step_limit(format!(
            "'{}' called tools {} time{s}, as often as it may, and wants to call more",
            self.model.profile().name,
            self.steps
        ))
        .with_help("allow more steps, or have it answer from what it knows with OnLimit::Answer")
        .at(cx.path()))
    }

    fn say_that_it_is_the_last(&self, state: &mut State) -> Result<()> {
        let json = self.calling == Calling::Json;
        for message in self.last.render(&LastVariables { json })? {
            match state.messages.last_mut() {
                // Some chat templates take no two turns of a user in a row.
                Some(before) if before.role == message.role => {
                    before.content.push_str("\n\n");
                    before.content.push_str(&message.content);
                }
                _ => state.messages.push(message),
            }
        }
        Ok(())
    }
}

/// Whether these calls, if there are any, are those that were made last.
fn are_the_last(calls: &[ToolCall], state: &State) -> bool {
    let before = state.used.iter().rev().take(calls.len()).rev();
    let same = before.filter(|used| {
        let call = |call: &&ToolCall| call.name == used.tool && call.arguments == used.arguments;
        calls.iter().any(|one| call(&one))
    });
    !calls.is_empty() && same.count() == calls.len()
}

fn done(state: State, text: String, out_of_steps: bool, cut: bool) -> Turn {
    Turn::Done(ToolAnswer {
        text: text.trim().to_owned(),
        used: state.used,
        out_of_steps,
        cut,
    })
}

/// Gives each call an id of its own in the conversation: models repeat ids, or leave them out, and a
/// result must belong to one call.
fn name_apart(calls: &mut [ToolCall], before: &[ChatMessage]) {
    let earlier = before.iter().flat_map(|message| &message.tool_calls);
    let mut taken: HashSet<String> = earlier.map(|call| call.id.clone()).collect();
    for call in calls {
        let mut number = 1;
        let given = match call.id.trim() {
            "" => "call".to_owned(),
            id => id.to_owned(),
        };
        call.id.clone_from(&given);
        while call.id == "call" || taken.contains(&call.id) {
            number += 1;
            call.id = format!("{given}-{number}");
        }
        taken.insert(call.id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_an_id_of_its_own() {
        let call = |id: &str| ToolCall::new(id, "t", "{}");
        let before = [ChatMessage::assistant_calling("", [call("a"), call("a-2")])];
        let mut calls = [call("a"), call("b"), call("b"), call(""), call(" ")];
        name_apart(&mut calls, &before);
        let ids: Vec<&str> = calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["a-3", "b", "b-2", "call-2", "call-3"]);
    }
}
