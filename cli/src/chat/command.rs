//! What a line that begins with a slash means.

use std::{env, path::PathBuf};

use catena_memory::Filter;

use crate::{
    failure::Failure,
    memory::{Chosen, item_id, moment},
};

/// A command of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    /// Searches for a text, shows the memory of a number, or, without either, the last turns.
    Memory(Option<String>),
    Facts,
    Why,
    Forget(Chosen),
    Export(PathBuf),
    Import(PathBuf),
    Conversations,
    Switch(String),
    New(Option<String>),
    Retry,
    Quit,
}

/// Name, what follows it, and what it does.
pub(super) const COMMANDS: &[(&str, &str, &str)] = &[
    ("/help", "", "this list"),
    (
        "/memory",
        "[TEXT|#NUMBER]",
        "the last turns; what has to do with a text; one memory in full",
    ),
    (
        "/facts",
        "",
        "the facts that were learned, and for how long each held",
    ),
    (
        "/why",
        "",
        "what was recalled for the last answer, in which form, and why",
    ),
    (
        "/forget",
        "NUMBERS|TEXT|older 30d|all",
        "forget memories for good, after asking",
    ),
    ("/export", "FILE", "write what is remembered as JSON Lines"),
    ("/import", "FILE", "take over what /export wrote"),
    ("/conversations", "", "the conversations that there are"),
    ("/switch", "NAME", "go to another conversation"),
    ("/new", "[NAME]", "begin another conversation"),
    ("/retry", "", "go on with a turn that was stopped or failed"),
    ("/quit", "", "leave; so does Ctrl-D"),
];

impl Command {
    /// Reads a line; `None` if it is no command. A message may begin with a slash if that is written
    /// twice.
    pub(super) fn read(line: &str) -> Option<Result<Self, Failure>> {
        let line = line.trim();
        (line.starts_with('/') && !line.starts_with("//")).then(|| Self::parse(line))
    }

    fn parse(line: &str) -> Result<Self, Failure> {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let file = || match unquoted(rest) {
            "" => Err(Failure::usage(format!("{name} takes the name of a file"))),
            path => Ok(at_home(path)),
        };
        let named = || (!rest.is_empty()).then(|| rest.to_owned());
        Ok(match name {
            "/help" | "/?" => Self::Help,
            "/memory" => Self::Memory(named()),
            "/facts" => Self::Facts,
            "/why" => Self::Why,
            "/forget" => Self::Forget(forget(rest)?),
            "/export" => Self::Export(file()?),
            "/import" => Self::Import(file()?),
            "/conversations" => Self::Conversations,
            "/switch" => Self::Switch(named().ok_or_else(|| {
                Failure::usage("/switch takes the name of a conversation")
                    .help("/conversations shows those there are")
            })?),
            "/new" => Self::New(named()),
            "/retry" => Self::Retry,
            "/quit" | "/exit" | "/q" => Self::Quit,
            unknown => return Err(no_command(unknown)),
        })
    }
}

/// What `/forget` is told to forget.
fn forget(text: &str) -> Result<Chosen, Failure> {
    let of = |filter| Chosen { ids: None, filter };
    if text.is_empty() {
        return Err(Failure::usage("/forget takes what to forget")
            .help("numbers of /memory, a text, `older 30d`, or `all`"));
    }
    if text == "all" {
        return Ok(of(Filter::default()));
    }
    if let Some(age) = text.strip_prefix("older ") {
        let before = moment(age.trim()).map_err(|why| {
            Failure::usage(why).help("to forget what holds these words, put them in quotes")
        })?;
        return Ok(of(Filter {
            before: Some(before),
            ..Filter::default()
        }));
    }
    let numbers: Result<Vec<_>, _> = text
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .map(item_id)
        .collect();
    if let Ok(ids) = numbers {
        return Ok(Chosen {
            ids: Some(ids),
            filter: Filter::default(),
        });
    }
    let text = unquoted(text);
    if text.trim().is_empty() {
        return Err(Failure::usage("an empty text is in every memory")
            .help("say a word of what is to be forgotten, or `/forget all`"));
    }
    Ok(of(Filter {
        containing: Some(text.to_owned()),
        ..Filter::default()
    }))
}

/// What stands between quotes, where they are around all of it.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// A path as a shell would have it: `~/` is the user's home folder.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// How alike a word has to be to a command to be taken for a slip, from 0 to 1.
const ALIKE: f64 = 0.75;

fn no_command(name: &str) -> Failure {
    let nearest = COMMANDS
        .iter()
        .map(|(known, ..)| (*known, strsim::jaro_winkler(known, name)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let failure = Failure::usage(format!("there is no command {name}"));
    match nearest {
        Some((known, alike)) if alike > ALIKE => failure.help(format!("did you mean {known}?")),
        _ => failure
            .help("/help lists the commands; a message that begins with / is written with //"),
    }
}

/// The list of `/help`.
pub(super) fn help() -> String {
    let mut text = String::new();
    for (name, follows, does) in COMMANDS {
        let call = format!("{name} {follows}");
        text += &format!("{call:<35}  {does}\n");
    }
    text += "\nA line that ends with \\ goes on in the next; so do lines between two of \"\"\" or ```.\n\
             Ctrl-C stops an answer or a command. A message that begins with / is written with //.\n\
             A text that is too long for a message: `catena memory read FILE`, outside.\n";
    text
}

#[cfg(test)]
mod tests {
    use catena_memory::ItemId;

    use super::*;

    fn read(line: &str) -> Command {
        Command::read(line).unwrap().unwrap()
    }

    #[test]
    fn a_line_is_a_command_if_it_begins_with_one_slash() {
        assert_eq!(read(" /why "), Command::Why);
        assert_eq!(
            read("/memory my dog"),
            Command::Memory(Some("my dog".into()))
        );
        assert_eq!(
            read("/export a b.jsonl"),
            Command::Export("a b.jsonl".into())
        );
        let export = Command::Export;
        assert_eq!(read("/export \"a b.jsonl\""), export("a b.jsonl".into()));
        let home = env::home_dir().unwrap();
        assert_eq!(read("/export ~/a"), export(home.join("a")));
        assert_eq!(read("/import \"~/a\""), Command::Import(home.join("a")));
        assert_eq!(read("/export ~a"), export("~a".into()));
        assert!(Command::read("/export \"\"").unwrap().is_err());
        assert!(Command::read("//etc/passwd is a file").is_none());
        assert!(Command::read("why?").is_none());
    }

    #[test]
    fn every_command_of_the_list_is_one() {
        for (name, ..) in COMMANDS {
            assert!(
                Command::read(&format!("{name} 1")).unwrap().is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn forgetting_is_by_number_age_or_text() {
        let filter = |line| match read(line) {
            Command::Forget(chosen) => chosen,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            filter("/forget 3, #4").ids,
            Some(vec![ItemId(3), ItemId(4)])
        );
        assert!(filter("/forget all").filter.is_everything());
        assert!(filter("/forget older 30d").filter.before.is_some());
        let text = |line| filter(line).filter.containing.unwrap();
        assert_eq!(text("/forget my dog"), "my dog");
        assert_eq!(text("/forget \"12\""), "12");
        assert!(Command::read("/forget").unwrap().is_err());
        assert!(Command::read("/forget \" \"").unwrap().is_err());
        assert!(Command::read("/forget older brother").unwrap().is_err());
    }

    #[test]
    fn a_slip_is_told_from_nonsense() {
        let told = |line| {
            Command::read(line)
                .unwrap()
                .unwrap_err()
                .help_text()
                .unwrap()
                .to_owned()
        };
        assert_eq!(told("/memmory dog"), "did you mean /memory?");
        assert!(told("/xyz").starts_with("/help"));
    }
}
