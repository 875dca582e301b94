//! One correction: asked for, read, applied; and asked for again when it cannot be.

use async_trait::async_trait;
use catena_core::{Agent, ChatRequest, Context, FinishReason, Result, Usage};
use serde::{Deserialize, Serialize};

use super::{
    SourceFile,
    edit::{apply, diff, read},
    render::Renderer,
    state::{by_path, listed},
};

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
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) candidate: u32,
    /// The new version; `None` when no answer could be applied.
    pub(super) files: Option<Vec<SourceFile>>,
    pub(super) diff: String,
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

#[async_trait]
impl Agent for Writer {
    type Input = Writing;
    type Output = Written;

    async fn run(&self, writing: Writing, cx: &Context) -> Result<Written> {
        let all = by_path(&writing.files);
        let mut open = all.clone();
        open.retain(|path, _| writing.shown.contains(path));
        let mut written = Written {
            candidate: writing.candidate,
            files: None,
            diff: String::new(),
            unapplied: Vec::new(),
            usage: Usage::default(),
        };
        let mut request = writing.request.clone();
        for attempt in 0..=self.retries {
            let answer = cx.chat(&*self.renderer.model, request.clone()).await?;
            written.usage += answer.usage;
            let applied = match answer.finish {
                FinishReason::Length => Err("the answer broke off: it is too long".to_owned()),
                _ => read(&answer.text).and_then(|changes| {
                    apply(&open, &changes).map_err(|refused| refused.to_string())
                }),
            };
            match applied {
                Ok(changed) => {
                    let mut after = all.clone();
                    after.extend(changed);
                    written.diff = diff(&all, &after);
                    written.files = Some(listed(after));
                    break;
                }
                Err(reason) => {
                    cx.note(
                        "repair.unapplied",
                        &Unapplied {
                            candidate: writing.candidate,
                            reason: &reason,
                        },
                    );
                    let path = writing.shown.first().map_or("", |path| &**path);
                    request = self.renderer.again(
                        &writing.request,
                        &answer.text,
                        &reason,
                        writing.whole,
                        path,
                    )?;
                    request.temperature = request.temperature.max(RETRY_TEMPERATURE);
                    let seed = request.seed.unwrap_or_default();
                    request.seed = Some(seed.wrapping_add(u64::from(attempt) + 1));
                    written.unapplied.push(reason);
                }
            }
        }
        Ok(written)
    }
}
