//! Conversations with a scripted model, without an embedder's model and without an index's files.

use std::process::Command;

use super::{Finished, Home, Reply, Request, Server, run_with_input};

pub(crate) const DOG: &str = "My dog is called Rex.";
pub(crate) const ASKED: &str = "What is my dog called?";
pub(crate) const KNOWN: &str = "Your dog is called Rex.";
pub(crate) const UNKNOWN: &str = "I do not know.";

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Need,
    Facts,
    Answer,
}

pub(crate) fn purpose(request: &Request) -> For {
    let system = system(request);
    match () {
        () if system.starts_with("You sort messages") => For::Need,
        () if system.starts_with("You write down what a message") => For::Facts,
        () => For::Answer,
    }
}

pub(crate) fn system(request: &Request) -> &str {
    request.body["messages"][0]["content"].as_str().unwrap()
}

/// What is said: the end of the last message, behind the facts that are known.
pub(crate) fn said(request: &Request) -> &str {
    let last = request.user();
    match last.strip_prefix("What I told you about myself:\n") {
        Some(facts) => facts.split_once("\n\n").unwrap().1,
        None => last,
    }
}

/// A bot that knows the dog's name if it is in its prompt, and learns it as a fact.
pub(crate) fn bot(request: &Request) -> Reply {
    let user = said(request);
    match purpose(request) {
        For::Need => Reply::text("notes"),
        For::Facts if user.contains("Rex") => Reply::text("name of the dog: Rex"),
        For::Facts => Reply::text("none"),
        For::Answer if user != ASKED => Reply::text("Noted."),
        For::Answer if request.body["messages"].to_string().contains("Rex") => Reply::text(KNOWN),
        For::Answer => Reply::text(UNKNOWN),
    }
}

/// `catena chat` and more, fast.
pub(crate) fn chat(home: &Home, server: &Server, more: &[&str]) -> Command {
    let mut command = home.with(server, ["chat"]);
    command.args(["--index", "exact", "--embedder", "hashing"]);
    command.args(more);
    command
}

/// Says lines to a conversation, each a message.
#[track_caller]
pub(crate) fn say(home: &Home, server: &Server, more: &[&str], lines: &[&str]) -> Finished {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    run_with_input(&mut chat(home, server, more), &text)
}

/// `catena memory` and more, of the same archive.
pub(crate) fn memory(home: &Home, args: &[&str]) -> Command {
    let mut command = home.catena(["memory"]);
    command
        .args(args)
        .env("CATENA_INDEX", "exact")
        .env("CATENA_EMBEDDER", "hashing");
    command
}
