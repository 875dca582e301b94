//! A command at a terminal.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
};

use super::{Finished, PATIENCE, finish, signal};

/// `command` at a terminal of its own: what comes there, both of its outputs, is standard output, and what is
/// read from standard input is typed.
pub(crate) fn at_terminal(command: &Command) -> Command {
    let spawn = "import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut terminal = Command::new("python3");
    terminal.args(["-c", spawn]).arg(command.get_program());
    terminal.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    terminal
}

/// Somebody who reads what a command shows, and types.
pub(crate) struct Person {
    child: Child,
    keys: ChildStdin,
    shown: mpsc::Receiver<Vec<u8>>,
    /// What was shown and not waited for.
    unread: Vec<u8>,
}

impl Person {
    pub(crate) fn at(command: &Command) -> Self {
        let mut terminal = at_terminal(command);
        let mut child = terminal.stdin(Stdio::piped()).spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                // Nobody may be reading any more, and the terminal is to go on.
                let _ = sender.send(piece[..length].to_vec());
            }
        });
        Self {
            child,
            keys,
            shown,
            unread: Vec::new(),
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` is shown, behind what was waited for before.
    #[track_caller]
    pub(crate) fn reads(&mut self, text: &str) {
        loop {
            let mut places = self.unread.windows(text.len());
            if let Some(place) = places.position(|part| part == text.as_bytes()) {
                self.unread.drain(..place + text.len());
                return;
            }
            match self.shown.recv_timeout(PATIENCE) {
                Ok(piece) => self.unread.extend(piece),
                Err(why) => {
                    signal(self.child.id(), "KILL");
                    let unread = String::from_utf8_lossy(&self.unread);
                    panic!("no {text:?} in {unread:?}: {why}");
                }
            }
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn leaves(self) -> Finished {
        finish(self.child)
    }
}
