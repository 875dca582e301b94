//! `catena fix`: code that passes its tests, from code that does not.

mod check;
mod job;
mod named;
mod place;
mod project;
mod save;
mod show;
mod tested;
#[cfg(test)]
mod testing;
mod tree;
mod words;

pub(crate) use job::{Job, RUN, Setting, resume};

use std::io::{Read, stdin};

use catena_agents::{Language, RepairTask};

use self::project::Project;
use crate::{
    args::Fix, config::Config, failure::Failure, journal, reading::Begin, terminal::print,
};

pub(crate) async fn fix(args: Fix, config: &Config) -> Result<(), Failure> {
    // What is wrong with the command or a file shows before a model is fetched or loaded.
    let language = args.language.map(Language::from);
    let command = args.test.as_deref().map(words::split).transpose()?;
    let project = match &args.path {
        Some(path) => Project::read(path, language, command, args.timeout)?,
        None => snippet(language, command, args.timeout)?,
    };
    let Project {
        root,
        is_copied,
        mut readable,
        beside,
        own,
        mut task,
    } = project;
    let root_of = root.as_ref().filter(|_| !args.dry_run);
    if let Some(path) = root_of.and_then(|root| save::read_only(root, &task.files)) {
        return Err(Failure::usage(format!("{path} is read-only"))
            .help("make it writable, or see what would be changed with --dry-run"));
    }
    if !args.output.quiet && !args.output.json && args.path.is_some() {
        if !beside.is_empty() {
            let names = beside.join(" and ");
            print(&format!("tested by {names}, beside it\n"));
        }
        if !own.is_empty() {
            let commands = own.join(" and ");
            print(&format!("tested by what it holds itself: {commands}\n"));
        }
    }
    readable.extend(args.how.boxed.readable.iter().cloned());
    task.instruction = args.instruction.unwrap_or_default();
    task.reported = args.error.or(task.reported);
    let journal = match args.no_journal {
        true => None,
        false => Some(journal::open(&args.journal)?),
    };
    let setting = Setting {
        is_copied,
        readable,
        ..Setting::new(&args.how, root, args.keep_best, args.dry_run, config)?
    };
    Job {
        task,
        how: args.how,
        setting,
        limits: args.limits,
        journal,
        begin: Begin::Scratch,
        output: args.output,
    }
    .run(config)
    .await
}

/// A snippet and, behind its last line `---`, an error.
fn snippet(
    language: Option<Language>,
    command: Option<Vec<String>>,
    timeout: Option<std::time::Duration>,
) -> Result<Project, Failure> {
    let mut text = String::new();
    stdin()
        .take(tree::LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format!("standard input cannot be read as text: {error}"))
        })?;
    if text.len() as u64 > tree::LARGEST {
        return Err(Failure::usage("the snippet is too large").help("name a file instead"));
    }
    let (code, error) = parted(&text);
    if code.trim().is_empty() {
        return Err(Failure::usage("standard input has no snippet"));
    }
    let language = match language.unwrap_or_else(|| guessed(code, error)) {
        Language::Other => {
            return Err(Failure::usage("it is not clear which language that is")
                .help("say it: --language python or --language rust"));
        }
        language => language,
    };
    let name = check::snippet_name(language);
    let check = check::check_of_file(name, code, language, command, timeout)?;
    let task = RepairTask {
        language,
        reported: error.map(str::to_owned),
        ..RepairTask::new(name, code, check)
    };
    Ok(Project {
        task,
        ..Project::default()
    })
}

/// A snippet, and the error behind its last line `---`: a snippet may hold such lines itself.
fn parted(text: &str) -> (&str, Option<&str>) {
    let mut end = text.len();
    for line in text.split_inclusive('\n').rev() {
        let begin = end - line.len();
        if line.trim_end() == "---" {
            let error = text.get(end..).unwrap_or_default().trim();
            let code = text.get(..begin).unwrap_or_default();
            return (code, Some(error).filter(|error| !error.is_empty()));
        }
        end = begin;
    }
    (text, None)
}

/// The language of a snippet, by words that the other does not have.
fn guessed(code: &str, error: Option<&str>) -> Language {
    let has = |words: &[&str]| {
        let mut texts = code.lines().chain(error.unwrap_or_default().lines());
        texts.any(|line| words.iter().any(|word| line.trim_start().starts_with(word)))
    };
    match (
        has(&["fn ", "pub ", "let ", "use ", "impl ", "struct ", "error[E"]),
        has(&["def ", "import ", "from ", "print(", "elif ", "Traceback"]),
    ) {
        (true, false) => Language::Rust,
        (false, true) => Language::Python,
        _ => Language::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_stands_behind_the_last_mark() {
        for (text, code, error) in [
            ("a\n---\nE\n", "a\n", Some("E")),
            ("a\n---\nb\n---\nE\nF\n", "a\n---\nb\n", Some("E\nF")),
            ("a\r\n---\r\nE\r\n", "a\r\n", Some("E")),
            // A snippet that holds the mark, and no error.
            ("a\n---\nb\n---", "a\n---\nb\n", None),
            ("a\n ---\nb ---\n", "a\n ---\nb ---\n", None),
        ] {
            assert_eq!(parted(text), (code, error), "{text:?}");
        }
    }

    #[test]
    fn languages_are_told_by_their_words() {
        assert_eq!(guessed("fn f() {}\n", None), Language::Rust);
        assert_eq!(guessed("def f():\n    pass\n", None), Language::Python);
        assert_eq!(
            guessed("x = 1\n", Some("Traceback (most recent call last):")),
            Language::Python
        );
        assert_eq!(guessed("x = 1\n", None), Language::Other);
    }
}
