//! From a failing version to requests that fit the window.

use std::{path::Path, sync::Arc};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Prompt, Result};
use serde::Serialize;
use serde_json::json;

use super::{BugType, Critique, Language, SourceFile, focus, state::State};
use crate::Prompts;

/// Renders prompts.
#[derive(Clone, Debug)]
pub(super) struct Renderer {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) window: u64,
    pub(super) answer_tokens: u32,
    pub(super) whole_tokens: usize,
    pub(super) form: Form,
    pub(super) prompts: Set,
}

/// In which form corrections are asked for. Any is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A single small file as a whole, everything else in blocks.
    #[default]
    Auto,
    /// Always the whole file, if it is one.
    Whole,
    /// Always in search-and-replace blocks.
    Blocks,
}

/// The prompts.
#[derive(Clone, Debug)]
pub(super) struct Set {
    program: Prompt,
    classify: Prompt,
    critique: Prompt,
    paper: Prompt,
    correct: Prompt,
    again: Prompt,
}

impl Set {
    pub(super) fn load(prompts: &Prompts) -> Result<Self> {
        Ok(Self {
            program: prompts.load("repair/program")?,
            classify: prompts.load("repair/classify")?,
            critique: prompts.load("repair/critique")?,
            paper: prompts.load("repair/critique_paper")?,
            correct: prompts.load("repair/correct")?,
            again: prompts.load("repair/again")?,
        })
    }
}

/// The part that all prompts of a round have in common.
#[derive(Clone, Debug)]
pub(super) struct Program {
    text: String,
    /// The files that are shown, whole ones and parts of them.
    pub(super) files: Vec<SourceFile>,
    /// The one file that can be written as a whole.
    whole: Option<String>,
    language: Language,
    failed: bool,
}

#[derive(Serialize)]
struct FileVariables<'a> {
    path: &'a str,
    text: String,
    fence: String,
    language: &'a str,
    note: String,
}

#[derive(Serialize)]
struct TypeVariables {
    code: &'static str,
    name: &'static str,
    definition: &'static str,
}

impl From<BugType> for TypeVariables {
    fn from(bug: BugType) -> Self {
        Self {
            code: bug.code(),
            name: bug.name(),
            definition: bug.definition(),
        }
    }
}

/// The most tokens of what is told of a failure, and of a critique.
const FAILURE_TOKENS: usize = 400;
pub(super) const CRITIQUE_TOKENS: u32 = 200;

/// What instructions around the program take at most.
const INSTRUCTIONS: u64 = 420;

impl Renderer {
    /// The program with its failure; without one where `told` is `false`. `None` when it does not fit.
    pub(super) fn program(&self, state: &State, told: bool) -> Result<Option<Program>> {
        let counter = self.model.counter();
        let (files, report) = state.failing();
        let report = report.filter(|report| told && !report.passes);
        // The likeliest place was not it, or not alone.
        let wide = state.number > 1;
        let chosen = focus::files(&state.task, files, report, wide);
        let failure = match report {
            Some(report) => focus::failure(&state.task, files, report, counter, FAILURE_TOKENS),
            None => String::new(),
        };
        // An answer may have to be as long as the program.
        let spoken = counter.count(&state.task.instruction) + counter.count(&failure);
        let Some(left) = self.window.checked_sub(spoken as u64 + INSTRUCTIONS) else {
            return Ok(None);
        };
        let each = left as usize / 2 / chosen.len().max(1);
        let mut variables = Vec::new();
        let mut shown = Vec::new();
        let mut is_whole = chosen.len() == 1;
        for file in chosen {
            let Some((text, note)) = focus::shown(file, report, counter, each, wide) else {
                continue;
            };
            is_whole &= note.is_empty() && counter.count(&text) <= self.whole_tokens;
            variables.push(FileVariables {
                path: &file.path,
                fence: fence(&text),
                language: Language::of(Path::new(&file.path)).fence(),
                text,
                note,
            });
            shown.push(file.clone());
        }
        let Some(first) = shown.first() else {
            return Ok(None);
        };
        let whole = match self.form {
            Form::Blocks => None,
            Form::Auto | Form::Whole => is_whole.then(|| first.path.clone()),
        };
        let failed = !failure.is_empty();
        let messages = self.prompts.program.render(&json!({
            "instruction": state.task.instruction.trim(),
            "files": variables,
            "fence": fence(&failure),
            "failure": failure,
        }))?;
        let parts: Vec<String> = messages
            .into_iter()
            .map(|message| message.content)
            .collect();
        Ok(Some(Program {
            text: parts.join("\n\n"),
            files: shown,
            whole,
            language: state.task.language,
            failed,
        }))
    }

    /// Asks for the type of the bug, one of these.
    pub(super) fn classify(&self, program: &Program, types: &[BugType]) -> Result<ChatRequest> {
        let codes: Vec<_> = types.iter().map(|bug| bug.code()).collect();
        let messages = self.prompts.classify.render(&json!({
            "program": program.text,
            "types": types_of(types),
        }))?;
        let request = ChatRequest::new(messages).max_tokens(16);
        Ok(match self.model.profile().json_schema {
            false => request,
            true => request.json_schema(json!({
                "type": "object",
                "properties": { "bug_type": { "type": "string", "enum": codes } },
                "required": ["bug_type"],
                "additionalProperties": false,
            })),
        })
    }

    /// Asks for the critique; the paper's way when `paper`.
    pub(super) fn critique(
        &self,
        program: &Program,
        bug: Option<BugType>,
        tried: &str,
        paper: bool,
    ) -> Result<ChatRequest> {
        let messages = match paper {
            true => self.prompts.paper.render(&json!({
                "program": program.text,
                "types": types_of(&BugType::ALL),
            }))?,
            false => self.prompts.critique.render(&json!({
                "program": program.text,
                "bug_type": bug.map(TypeVariables::from),
                "tried": tried.trim_end(),
                "fence": fence(tried),
            }))?,
        };
        Ok(ChatRequest::new(messages).max_tokens(CRITIQUE_TOKENS))
    }

    /// Asks for the correction, and for what is wrong before it when `explain`.
    pub(super) fn correct(
        &self,
        program: &Program,
        critique: Option<&Critique>,
        tried: &str,
        explain: bool,
    ) -> Result<ChatRequest> {
        let critique = critique.map_or("", |critique| critique.text.trim());
        let whole = program.whole.as_deref().unwrap_or_default();
        let example = program.files.first().map_or("", |file| &*file.path);
        let block = program.files.first().map(|file| fence(&file.text));
        let messages = self.prompts.correct.render(&json!({
            "program": program.text,
            "failed": program.failed,
            "explain": explain && program.failed,
            "critique": critique,
            "tried": tried.trim_end(),
            "fence": fence(tried),
            "whole": whole,
            "block": block.filter(|block| block.len() > 3).unwrap_or_default(),
            "language": program.language.fence(),
            "example": example,
        }))?;
        let counter = self.model.counter();
        let long = match (&program.whole, program.files.first()) {
            // A correction is longer than what it corrects, but not by much.
            (Some(_), Some(file)) => counter.count(&file.text) * 3 / 2 + 256,
            _ => self.answer_tokens as usize,
        };
        let most = u32::try_from(long)
            .unwrap_or(u32::MAX)
            .min(self.answer_tokens);
        Ok(ChatRequest::new(messages).max_tokens(most))
    }

    /// Whether prompt and answer fit.
    pub(super) fn fits(&self, request: &ChatRequest) -> bool {
        let answer = request.max_tokens.unwrap_or(self.answer_tokens);
        self.model.prompt_tokens(request) + u64::from(answer) <= self.window
    }

    /// Asks again after an answer that was known to fail. That answer is not shown: what stands in a
    /// prompt twice is written a third time.
    pub(super) fn otherwise(&self, request: &ChatRequest, whole: &str) -> Result<ChatRequest> {
        let said = self.prompts.again.render(&json!({
            "repeats": true,
            "reason": "",
            "whole": whole,
        }))?;
        let mut request = request.clone();
        let said: Vec<String> = said.into_iter().map(|message| message.content).collect();
        let longer = request.messages.last().map(|last| {
            let content = format!("{}\n\n{}", last.content, said.join("\n\n"));
            ChatMessage::user(content)
        });
        let unchanged = request.clone();
        if let (Some(last), Some(longer)) = (request.messages.last_mut(), longer) {
            *last = longer;
        }
        Ok(match self.fits(&request) {
            true => request,
            false => unchanged,
        })
    }

    /// Asks again after an answer that cannot be used. What does not fit goes on without the answer.
    pub(super) fn again(
        &self,
        request: &ChatRequest,
        answer: &str,
        reason: &str,
        whole: &str,
    ) -> Result<ChatRequest> {
        let said = self.prompts.again.render(&json!({
            "repeats": false,
            "reason": reason,
            "whole": whole,
        }))?;
        let with = |answer: &str| {
            let mut request = request.clone();
            request.messages.push(ChatMessage::assistant(answer));
            request.messages.extend(said.clone());
            request
        };
        let longer = with(answer);
        if self.fits(&longer) {
            return Ok(longer);
        }
        let head: String = answer.chars().take(120).collect();
        let shorter = with(&format!("{head}\n[…]"));
        Ok(match self.fits(&shorter) {
            true => shorter,
            false => request.clone(),
        })
    }
}

impl Program {
    /// Whether its one file is asked for as a whole.
    pub(super) fn is_whole(&self) -> bool {
        self.whole.is_some()
    }
}

fn types_of(types: &[BugType]) -> Vec<TypeVariables> {
    types.iter().copied().map(TypeVariables::from).collect()
}

/// A fence that is longer than any in the text: nothing in it ends the block.
fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat((longest + 1).max(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_those_inside() {
        assert_eq!(fence("x"), "```");
        assert_eq!(fence("``"), "```");
        assert_eq!(fence("a\n````\nb"), "`````");
    }
}
