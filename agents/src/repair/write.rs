//! One correction: asked for, read, applied; and asked for again when it cannot be.

use async_trait::async_trait;
use catena_core::{Agent, ChatRequest, ChatResponse, Context, FinishReason, Result, Usage};
use serde::{Deserialize, Serialize};

use super::{
    SourceFile,
    edit::{Guard, apply, diff, plain, read},
    render::Renderer,
    state::{by_path, listed},
    types::Files,
};
use crate::whole::is_cut;

/// Writes a correction.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) renderer: Renderer,
    /// How often it is asked again.
    pub(super) retries: u32,
}

/// What a correction is asked for with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Writing {
    pub(super) candidate: u32,
    pub(super) request: ChatRequest,
    /// All files of the version that is corrected.
    pub(super) files: Vec<SourceFile>,
    /// The paths of those that may be changed now.
    pub(super) shown: Vec<String>,
    /// Whether the one that is shown is asked for as a whole.
    pub(super) whole: bool,
    /// Versions that fail, by what differs in them from the one that is corrected: not wanted again.
    pub(super) known: Vec<Vec<SourceFile>>,
    /// What has to stay.
    pub(super) guard: Guard,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) candidate: u32,
    /// The new version; `None` when no answer could be applied.
    pub(super) files: Option<Vec<SourceFile>>,
    pub(super) diff: String,
    /// What the answer says before it comes to the correction.
    pub(super) explanation: String,
    /// Why answers could not be applied.
    pub(super) unapplied: Vec<String>,
    pub(super) usage: Usage,
}

/// What is told of an answer that could not be applied.
#[derive(Serialize)]
struct Unapplied<'a> {
    candidate: u32,
    reason: &'a str,
}

/// A second try at temperature 0 would be the first once more.
const RETRY_TEMPERATURE: f32 = 0.5;

/// Who writes the same again has to be driven away from it, each time farther.
const REPEATED_TEMPERATURES: [f32; 2] = [0.8, 1.0];

/// Why an answer is not taken.
enum Refusal {
    /// It is a version that is known to fail.
    Repeated(String),
    /// It cannot be applied.
    Useless(String),
}

impl Writing {
    /// What an answer makes of the files.
    fn apply(&self, all: &Files, answer: &ChatResponse) -> Result<Files, Refusal> {
        if is_cut(answer.finish) {
            let reason = match answer.finish {
                FinishReason::Length => "the answer broke off: it is too long",
                _ => "the answer broke off: the provider withheld the rest",
            };
            return Err(Refusal::Useless(reason.to_owned()));
        }
        let mut open = all.clone();
        open.retain(|path, _| self.shown.contains(path));
        let changes = read(&answer.text, &open).map_err(Refusal::Useless)?;
        let changed = apply(&open, &changes, &self.guard);
        let changed = changed.map_err(|refused| match refused.is_unchanged() {
            true => Refusal::Repeated(refused.to_string()),
            false => Refusal::Useless(refused.to_string()),
        })?;
        let mut after = all.clone();
        after.extend(changed);
        if is_same(&differing(all, &after), all) {
            let reason = "it changes nothing but blanks and comments".to_owned();
            return Err(Refusal::Repeated(reason));
        }
        let new = differing(all, &after);
        match self.known.iter().any(|known| is_alike(known, &new)) {
            true => Err(Refusal::Repeated("it was tried before".to_owned())),
            false => Ok(after),
        }
    }
}

/// Whether files are those of a version but for blanks and comments.
fn is_same(files: &[SourceFile], version: &Files) -> bool {
    files.iter().all(|file| {
        let before = version.get(&file.path).map_or("", |text| &**text);
        plain(&file.path, before) == plain(&file.path, &file.text)
    })
}

/// Whether two lists hold the same files but for blanks and comments.
fn is_alike(a: &[SourceFile], b: &[SourceFile]) -> bool {
    let alike = |(a, b): (&SourceFile, &SourceFile)| {
        a.path == b.path && plain(&a.path, &a.text) == plain(&b.path, &b.text)
    };
    a.len() == b.len() && a.iter().zip(b).all(alike)
}

/// What an answer says before its code.
fn explanation(answer: &str) -> String {
    let is_code = |line: &&str| line.starts_with("```") || line.starts_with("<<<<<");
    let lines = answer
        .lines()
        .take_while(|line| !is_code(&line.trim_start()));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The files of a version that are not as they are in another.
pub(super) fn differing(base: &Files, version: &Files) -> Vec<SourceFile> {
    let differs = |(path, text): &(&String, &String)| base.get(*path) != Some(*text);
    let files = version.iter().filter(differs);
    files
        .map(|(path, text)| SourceFile::new(path, text))
        .collect()
}

#[async_trait]
impl Agent for Writer {
    type Input = Writing;
    type Output = Written;

    async fn run(&self, writing: Writing, cx: &Context) -> Result<Written> {
        let all = by_path(&writing.files);
        let mut written = Written {
            candidate: writing.candidate,
            files: None,
            diff: String::new(),
            explanation: String::new(),
            unapplied: Vec::new(),
            usage: Usage::default(),
        };
        let mut request = writing.request.clone();
        for attempt in 0..=self.retries {
            let answer = cx.chat(&*self.renderer.model, request.clone()).await?;
            written.usage += answer.usage;
            let refusal = match writing.apply(&all, &answer) {
                Ok(after) => {
                    written.diff = diff(&all, &after);
                    written.explanation = explanation(&answer.text);
                    written.files = Some(listed(after));
                    break;
                }
                Err(refusal) => refusal,
            };
            let (reason, repeats) = match refusal {
                Refusal::Repeated(reason) => (reason, true),
                Refusal::Useless(reason) => (reason, false),
            };
            cx.note(
                "repair.unapplied",
                &Unapplied {
                    candidate: writing.candidate,
                    reason: &reason,
                },
            );
            let at_least = match repeats {
                false => RETRY_TEMPERATURE,
                true => {
                    let index = (attempt as usize).min(REPEATED_TEMPERATURES.len() - 1);
                    REPEATED_TEMPERATURES.get(index).copied().unwrap_or(1.0)
                }
            };
            let whole = writing.whole.then(|| writing.shown.first());
            let whole = whole.flatten().map_or("", |path| &**path);
            request = match repeats {
                true => self.renderer.otherwise(&writing.request, whole)?,
                false => {
                    let (first, said) = (&writing.request, &answer.text);
                    self.renderer.again(first, said, &reason, whole)?
                }
            };
            request.temperature = request.temperature.max(at_least);
            let seed = request.seed.unwrap_or_default();
            request.seed = Some(seed.wrapping_add(u64::from(attempt) + 1));
            written.unapplied.push(reason);
        }
        Ok(written)
    }
}
