//! `catena chat`: a conversation with a memory.

mod block;
mod command;
mod commands;
mod editor;
pub(crate) mod history;
mod interrupts;
mod pipe;
mod session;
mod setting;
mod talk;
mod turn;
mod why;

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use catena_core::{RunRecord, SqliteJournal};

use self::{
    interrupts::Interrupts,
    session::{Making, failure, said},
    setting::Setting,
    talk::{Source, Talking},
    turn::Screen,
};
use crate::{
    args::{Chat, Limits, Output},
    config::Config,
    failure::Failure,
    journal,
    memory::{self, Conversation},
};

pub(crate) async fn chat(args: Chat, config: &Config) -> Result<(), Failure> {
    if args
        .once
        .as_ref()
        .is_some_and(|text| text.trim().is_empty())
    {
        return Err(Failure::usage("the message is empty").help("say something: --once \"Hello\""));
    }
    let namespace = memory::namespace(&args.whose, &args.conversation, config)?;
    let mut interrupts = Interrupts::listen();
    let screen = Screen::of(args.output);
    let making = Making {
        setting: Setting::of(&args.talk, &args.store, config)?,
        device: args.talk.device.clone(),
        limits: args.limits,
        journal: journal::open(&args.journal)?,
        quiet: screen.quiet || screen.json,
    };
    let bot = making.make(&mut interrupts, config).await?;
    let session = bot.session(namespace).await?;
    let interactive = !screen.json && io::stdin().is_terminal() && io::stdout().is_terminal();
    let source = match args.once {
        Some(text) => Source::Once(Some(text)),
        None if interactive => Source::terminal()?,
        None => Source::Pipe(pipe::messages()),
    };
    let mut talking = Talking {
        bot,
        session,
        source,
        screen,
        interrupts,
        failed: false,
    };
    let talked = talking.talk().await;
    let Talking {
        bot,
        session,
        mut interrupts,
        ..
    } = talking;
    let left = bot.leave(&session).await;
    // Or what was said would have to be embedded the next time, which it is where nobody waits for it now.
    if !matches!(&talked, Err(failure) if failure.is_interrupted()) {
        let mut untold = |_: u64, _: u64| {};
        interrupts.unless(bot.memory.sync(&mut untold)).await;
    }
    // Its graph has the memory open.
    drop(session);
    bot.close().await;
    talked.and(left)
}

/// Goes on with a recorded turn, for `catena runs resume`.
pub(crate) async fn resume(
    record: RunRecord,
    journal: Arc<SqliteJournal>,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let unknown = |error: serde_json::Error| {
        Failure::usage(format!(
            "run {} is no turn that this command began: {error}",
            record.id
        ))
        .help("resume it with the program that began it")
    };
    let setting: Setting = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    let of: Conversation = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    let mut interrupts = Interrupts::listen();
    let screen = Screen::of(output);
    let making = Making {
        setting,
        device: None,
        limits,
        journal,
        quiet: screen.quiet || screen.json,
    };
    let bot = making.make(&mut interrupts, config).await?;
    if bot.memory.archive().id() != of.archive {
        return Err(Failure::usage(format!(
            "{} is another archive than that of run {}",
            bot.memory.archive().path().display(),
            record.id
        ))
        .help("put the archive back where it was, or say it again"));
    }
    let mut session = bot.session(of.namespace).await?;
    let message = said(&record).to_owned();
    let ended = session
        .turn(&bot, &message, Some(&record.id), &mut interrupts, screen)
        .await?;
    let failure = failure(&ended, false);
    if !screen.json {
        return failure.map_or(Ok(()), Err);
    }
    let help = failure.as_ref().and_then(Failure::help_text);
    ended.print_json(&session.namespace.conversation, &message, help);
    failure.map_or(Ok(()), |failure| Err(failure.told()))
}
