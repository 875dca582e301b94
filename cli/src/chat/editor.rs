//! The line editor at a terminal.

use std::{borrow::Cow, path::PathBuf, sync::mpsc, thread};

use anstyle::{AnsiColor, Style};
use rustyline::{
    ColorMode, Config, Context, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};
use tokio::sync::oneshot;

use super::{block, command::COMMANDS, history::LINES};
use crate::{config::variable, data, failure::Failure};

/// What came of reading.
pub(super) type Line = Result<String, ReadlineError>;

/// A line editor on a thread of its own, where it may wait for a person.
pub(super) struct LineEditor(mpsc::Sender<Request>);

enum Request {
    Read(String, oneshot::Sender<Line>),
    Keep(String),
    /// Takes the lines of another file in the place of those there are.
    Open(Option<PathBuf>),
}

impl LineEditor {
    /// Starts it; nothing is read yet.
    pub(super) fn start() -> Result<Self, Failure> {
        let colours = match variable("NO_COLOR") {
            Some(_) => ColorMode::Disabled,
            None => ColorMode::Enabled,
        };
        let unusable =
            |error: ReadlineError| Failure::new(format!("the terminal cannot be used: {error}"));
        let config = Config::builder()
            .max_history_size(LINES)
            .map_err(unusable)?
            .color_mode(colours)
            .build();
        let (requests, asked) = mpsc::channel();
        let (started, ready) = mpsc::channel();
        thread::spawn(move || {
            // Made here: an editor stays on its thread.
            match Editor::with_config(config) {
                Ok(editor) => {
                    let _ = started.send(Ok(()));
                    serve(editor, &asked);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
        match ready.recv() {
            Ok(started) => started.map_err(unusable)?,
            Err(_) => return Err(Failure::new("the terminal cannot be used")),
        }
        Ok(Self(requests))
    }

    /// Reads a line, or the lines of a block.
    pub(super) async fn read(&self, prompt: &str) -> Line {
        let (sender, line) = oneshot::channel();
        // A thread that is gone answers nothing, and that is the end of the input.
        let _ = self.0.send(Request::Read(prompt.to_owned(), sender));
        line.await.unwrap_or(Err(ReadlineError::Eof))
    }

    /// Keeps a line among those that the arrow keys bring back.
    pub(super) fn keep(&self, line: &str) {
        let _ = self.0.send(Request::Keep(line.to_owned()));
    }

    /// Goes over to the lines of another conversation; of a file that is not there, to none.
    pub(super) fn open(&self, history: Option<PathBuf>) {
        let _ = self.0.send(Request::Open(history));
    }
}

fn serve(mut editor: Editor<Commands, FileHistory>, asked: &mpsc::Receiver<Request>) {
    editor.set_helper(Some(Commands));
    let mut file: Option<PathBuf> = None;
    for request in asked {
        match request {
            Request::Read(prompt, answer) => {
                let _ = answer.send(editor.readline(prompt.as_str()));
            }
            // Lines that cannot be kept are not worth a word.
            Request::Keep(line) => {
                let new = editor.add_history_entry(line).unwrap_or(false);
                if let Some(file) = file.as_ref().filter(|_| new) {
                    let _ = file.parent().map(data::make_private);
                    let _ = editor.append_history(file);
                }
            }
            Request::Open(path) => {
                let _ = editor.clear_history();
                if let Some(path) = path.as_ref().filter(|path| path.exists()) {
                    let _ = editor.load_history(path);
                }
                file = path;
            }
        }
    }
}

/// Completes commands, keeps blocks open, and colours the prompt.
struct Commands;

impl Helper for Commands {}

impl Completer for Commands {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..pos).unwrap_or_default();
        if !typed.starts_with('/') {
            return Ok((pos, Vec::new()));
        }
        let fitting = COMMANDS.iter().filter(|(name, ..)| name.starts_with(typed));
        Ok((0, fitting.map(|(name, ..)| format!("{name} ")).collect()))
    }
}

impl Hinter for Commands {
    type Hint = String;
}

impl Highlighter for Commands {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let style: Style = AnsiColor::Cyan.on_default().bold();
        format!("{style}{prompt}{style:#}").into()
    }
}

impl Validator for Commands {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(match block::is_open(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}
