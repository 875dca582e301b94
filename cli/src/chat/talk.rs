//! The conversation: what is said and commanded, one after the other.

use std::{io::stdout, mem};

use anstyle::Style;
use catena_core::RunId;
use rustyline::error::ReadlineError;
use tokio::sync::mpsc;

use super::{
    block,
    command::Command,
    commands,
    editor::LineEditor,
    interrupts::Interrupts,
    session::{Bot, Session, Unfinished, failure, said},
    turn::{Ended, Screen},
};
use crate::{
    failure::{Failure, INTERRUPTED},
    memory::{Chosen, is_yes, memories},
    terminal::{harmless, headline, print, styled},
};

/// Where messages come from.
pub(super) enum Source {
    Terminal(LineEditor),
    Pipe(mpsc::Receiver<Result<String, Failure>>),
    Once(Option<String>),
}

impl Source {
    pub(super) fn terminal() -> Result<Self, Failure> {
        LineEditor::start().map(Self::Terminal)
    }

    fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }
}

/// A conversation, up to its end.
pub(super) struct Talking {
    pub(super) bot: Bot,
    pub(super) session: Session,
    pub(super) source: Source,
    pub(super) screen: Screen,
    pub(super) interrupts: Interrupts,
    /// Whether a turn or a command failed.
    pub(super) failed: bool,
}

/// The shortest part of a question by which a person knows it again.
const QUESTION: usize = 70;

impl Talking {
    /// Talks until there is no more to say.
    ///
    /// At a terminal that is a success, whatever happened in between: the person saw it. Elsewhere
    /// it is a failure if a turn failed.
    pub(super) async fn talk(&mut self) -> Result<(), Failure> {
        if self.source.is_terminal() && !self.screen.quiet {
            print(&format!(
                "{} answers; /help lists the commands, Ctrl-D leaves\n",
                harmless(self.bot.model())
            ));
        }
        self.arrive().await?;
        while let Some(line) = self.next().await? {
            let goes_on = match Command::read(&line).filter(|_| !self.screen.json) {
                Some(command) => self.obey(command).await,
                None => self.say(&line).await.map(|()| true),
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if failure.is_interrupted() => return Err(failure),
                Err(failure) => {
                    self.failed = true;
                    failure.report();
                }
            }
        }
        match self.failed && !self.source.is_terminal() {
            true => Err(Failure::new("not everything was answered").told()),
            false => Ok(()),
        }
    }

    /// The next line or block; `None` at the end.
    async fn next(&mut self) -> Result<Option<String>, Failure> {
        match &mut self.source {
            Source::Once(text) => Ok(text.take()),
            Source::Pipe(messages) => tokio::select! {
                biased;
                () = self.interrupts.next() => {
                    Err(Failure::new("interrupted").code(INTERRUPTED))
                }
                message = messages.recv() => message.transpose(),
            },
            Source::Terminal(editor) => {
                let line = editor.read(&prompt(&self.session)).await;
                // What came at the prompt stopped nothing.
                self.interrupts.forget();
                match line {
                    Ok(line) => {
                        // What is to be forgotten is not to be found among the lines typed.
                        if !line.trim_start().starts_with("/forget") && !line.trim().is_empty() {
                            editor.keep(&line);
                        }
                        Ok(Some(line))
                    }
                    Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
                    Err(error) => Err(Failure::new(format!(
                        "the terminal cannot be read: {error}"
                    ))),
                }
            }
        }
    }

    /// Says what is there, and goes on with what was left undone.
    async fn arrive(&mut self) -> Result<(), Failure> {
        if let Source::Terminal(editor) = &self.source {
            editor.open(commands::typed(&self.bot, &self.session));
            if !self.screen.quiet {
                let name = headline(&self.session.namespace.conversation, 40);
                let there = match self.bot.remembered(&self.session).await? {
                    0 => "nothing is remembered yet".to_owned(),
                    count => format!("{} so far", memories(count)),
                };
                print(&format!("{name}: {there}\n"));
            }
        }
        match self.session.unfinished().await? {
            Unfinished::None => {}
            // Stopped behind its answer.
            Unfinished::Here(record) | Unfinished::Elsewhere(record)
                if self.bot.remembers(&self.session, &record.id).await? => {}
            Unfinished::Here(record) if self.source.is_terminal() => {
                let question = headline(said(&record), QUESTION);
                if self
                    .agreed(&format!(
                        "\"{question}\" came to no answer. Go on with it? [y/N] "
                    ))
                    .await
                {
                    self.answer(said(&record), Some(&record.id)).await?;
                }
            }
            Unfinished::Here(record) | Unfinished::Elsewhere(record) => {
                if !self.screen.quiet && !self.screen.json {
                    sayln!(
                        "\"{}\" came to no answer; `catena runs resume {}` goes on with it",
                        headline(said(&record), QUESTION),
                        record.id
                    );
                }
            }
        }
        Ok(())
    }

    async fn agreed(&self, question: &str) -> bool {
        match &self.source {
            Source::Terminal(editor) => {
                matches!(editor.read(question).await, Ok(line) if is_yes(&line))
            }
            _ => false,
        }
    }

    /// Answers a line that is no command.
    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        let message = match self.screen.json {
            true => block::message(line),
            false => {
                let message = block::message(line);
                // Written twice, so as to be no command.
                match message.strip_prefix("//") {
                    Some(rest) => format!("/{rest}"),
                    None => message,
                }
            }
        };
        match message.is_empty() {
            true => Ok(()),
            false => self.answer(&message, None).await,
        }
    }

    async fn answer(&mut self, message: &str, resume: Option<&RunId>) -> Result<(), Failure> {
        let ended = self
            .session
            .turn(
                &self.bot,
                message,
                resume,
                &mut self.interrupts,
                self.screen,
            )
            .await?;
        let interactive = self.source.is_terminal();
        let failure = failure(&ended, interactive);
        if self.screen.json {
            let help = failure.as_ref().and_then(Failure::help_text);
            ended.print_json(&self.session.namespace.conversation, message, help);
        }
        if ended.impatient {
            return Err(Failure::new("interrupted").code(INTERRUPTED));
        }
        match failure {
            // In a pipe nobody sees that it came too late.
            None if ended.stopped && !interactive => {
                Err(Failure::new("interrupted").code(INTERRUPTED))
            }
            None => {
                if interactive && !self.screen.quiet {
                    self.tell_learned(&ended);
                }
                Ok(())
            }
            Some(failure) if failure.is_interrupted() && interactive => {
                print("stopped; /retry goes on with it\n");
                Ok(())
            }
            Some(failure) if self.screen.json => Err(failure.told()),
            Some(failure) => Err(failure),
        }
    }

    fn tell_learned(&self, ended: &Ended) {
        let Ok(outcome) = &ended.result else { return };
        if !outcome.output.learned.is_empty() {
            let learned = harmless(&outcome.output.learned.join("; "));
            let noted = format!("(noted: {learned})");
            print(&format!(
                "{}\n",
                styled(&noted, Style::new().dimmed(), &stdout())
            ));
        }
    }

    /// Does what a command says, unless Ctrl-C is pressed; `false` if it is to leave.
    async fn obey(&mut self, command: Result<Command, Failure>) -> Result<bool, Failure> {
        let (bot, session) = (&self.bot, &self.session);
        let interrupts = &mut self.interrupts;
        let done = match command? {
            Command::Quit => return Ok(false),
            Command::Help => {
                commands::show_help();
                return Ok(true);
            }
            Command::Memory(text) => {
                let browse = commands::browse(bot, session, text.as_deref());
                interrupts.unless(browse).await
            }
            Command::Facts => interrupts.unless(commands::facts(bot, session)).await,
            Command::Why => interrupts.unless(commands::explain(session)).await,
            Command::Conversations => {
                let shown = commands::conversations(bot, session);
                interrupts.unless(shown).await
            }
            // These two end what they write and read themselves.
            Command::Export(file) => match commands::export(bot, session, &file, interrupts).await?
            {
                true => None,
                false => Some(Ok(())),
            },
            Command::Import(file) => match commands::import(bot, session, &file, interrupts).await?
            {
                true if !self.source.is_terminal() => None,
                _ => Some(Ok(())),
            },
            Command::Forget(chosen) => return self.forget(&chosen).await.map(|()| true),
            Command::Switch(name) => {
                let other = commands::switch(bot, session, &name);
                match interrupts.unless(other).await {
                    Some(other) => Some(self.go_to(other?).await),
                    None => None,
                }
            }
            Command::New(name) => {
                let other = commands::begin(bot, session, name.as_deref());
                match interrupts.unless(other).await {
                    Some(other) => Some(self.go_to(other?).await),
                    None => None,
                }
            }
            Command::Retry => match session.unfinished().await? {
                Unfinished::Here(record) => {
                    Some(self.answer(said(&record), Some(&record.id)).await)
                }
                Unfinished::Elsewhere(record) => {
                    return Err(
                        Failure::usage("that turn was begun with other settings").help(format!(
                            "`catena runs resume {}` goes on with it as it was",
                            record.id
                        )),
                    );
                }
                Unfinished::None => {
                    return Err(Failure::usage("the last turn came to its answer"));
                }
            },
        };
        match done {
            Some(done) => done.map(|()| true),
            None if self.source.is_terminal() => {
                print("stopped\n");
                Ok(true)
            }
            None => Err(Failure::new("interrupted").code(INTERRUPTED)),
        }
    }

    async fn go_to(&mut self, other: Session) -> Result<(), Failure> {
        let left = mem::replace(&mut self.session, other);
        if left.id != self.session.id {
            self.bot.leave(&left).await?;
        }
        self.arrive().await
    }

    async fn forget(&mut self, chosen: &Chosen) -> Result<(), Failure> {
        let Some(ids) = commands::to_forget(&self.bot, &self.session, chosen).await? else {
            return Ok(());
        };
        let Source::Terminal(editor) = &self.source else {
            return Err(Failure::usage("nobody is there to be asked")
                .help("`catena memory forget --yes` forgets without asking"));
        };
        let these = match chosen.is_everything() {
            true => "the whole conversation",
            false => "these",
        };
        if !self
            .agreed(&format!("Forget {these} for good? [y/N] "))
            .await
        {
            print("nothing was forgotten\n");
            return Ok(());
        }
        let erased = match chosen.is_everything() {
            true => commands::forget_all(&self.bot, &mut self.session, &ids).await,
            false => commands::forget(&self.bot, &mut self.session, &ids).await,
        };
        // What follows is due even where that failed: where traces are left in the archive's file, it is
        // forgotten all the same.
        let begun = commands::begin_again(&self.bot, &mut self.session).await;
        // That may take minutes, and is not lost: the index owes it until it is done.
        let purged = self.interrupts.unless(self.bot.memory.purge()).await;
        if purged.is_none() {
            print("stopped: the index's files are rid of it when it is opened next\n");
        }
        editor.open(commands::typed(&self.bot, &self.session));
        erased?;
        begun?;
        purged.transpose()?;
        Ok(())
    }
}

fn prompt(session: &Session) -> String {
    match headline(&session.namespace.conversation, 20).as_str() {
        "default" => "> ".to_owned(),
        name => format!("{name}> "),
    }
}
