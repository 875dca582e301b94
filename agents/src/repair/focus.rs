//! Which files a failure is about, and how it is told.

use std::collections::HashSet;

use catena_core::TokenCounter;

use super::{
    Diagnostic, RepairTask, Report, SourceFile,
    diagnose::Fault,
    edit::{is_test, names},
    word,
};

/// The most diagnostics that are told.
const TOLD: usize = 4;

/// The most lines of a statement that are quoted.
const QUOTED: usize = 8;

/// The most files that are shown when none is named.
const SHOWN: usize = 3;

/// The most places of a long file that are shown.
const PLACES: usize = 4;

/// The files that may be changed in this round: those that the diagnostics name, but for lines of tests in
/// them. Where they name tests alone, those that share the most names with what is said; and where none does,
/// all of a task of a few. `wide`, once a round has failed: also those that the diagnostics name besides, and
/// those that share names with what is said.
pub(super) fn files<'a>(
    task: &RepairTask,
    files: &'a [SourceFile],
    report: Option<&Report>,
    wide: bool,
) -> Vec<&'a SourceFile> {
    let Some(report) = report.filter(|_| files.len() > 1) else {
        return files.iter().collect();
    };
    let names = |file: &&SourceFile| {
        let places = report
            .diagnostics
            .iter()
            .flat_map(|told| places(told, wide));
        let own = places.filter(|(named, _)| is_of(named, &file.path));
        // The tests of a file often are of others, which they call.
        let in_test =
            |line: Option<u32>| line.is_some_and(|line| is_test(&task.visible, file, line));
        own.into_iter().any(|(_, line)| !in_test(line))
    };
    let mut named: Vec<_> = files.iter().filter(names).collect();
    if !named.is_empty() && !wide {
        return named;
    }
    let said: String = report
        .diagnostics
        .iter()
        .map(|told| {
            format!(
                "{} {}\n",
                told.message,
                quoted(task, files, told).unwrap_or_default()
            )
        })
        .collect();
    let said = format!("{said}{}", report.text);
    let said: HashSet<&str> = words(&said).collect();
    let mut ranked: Vec<(usize, &SourceFile)> = files
        .iter()
        .map(|file| {
            let defined = definitions(file).into_iter();
            let shared = defined.filter(|name| said.contains(&**name)).count();
            (shared, file)
        })
        .collect();
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    ranked.truncate(SHOWN);
    let best = ranked.iter().filter(|(shared, _)| *shared > 0);
    for (_, file) in best {
        if !named.contains(file) && named.len() < SHOWN {
            named.push(file);
        }
    }
    match named.is_empty() {
        true => ranked.iter().map(|(_, file)| *file).collect(),
        false => named,
    }
}

/// The files and lines that a diagnostic names; `wide`, those besides, too.
fn places(told: &Diagnostic, wide: bool) -> impl Iterator<Item = (&str, Option<u32>)> {
    let first = told.file.as_deref().map(|file| (file, told.line));
    let others = told.others.iter().filter(move |_| wide);
    let others = others.map(|(file, line)| (file.as_str(), Some(*line)));
    first.into_iter().chain(others)
}

/// Whether a diagnostic's name of a file is that of a path: the same, or the path below the folder in
/// which commands run.
fn is_of(named: &str, path: &str) -> bool {
    let named = named.trim_start_matches("./");
    named == path
        || named
            .strip_suffix(path)
            .is_some_and(|head| head.ends_with('/'))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    word::words(text).filter(|word| word.len() > 2)
}

/// The names that a file defines; of a language that is not parsed those behind `def`, `struct`, `class` and the like.
fn definitions(file: &SourceFile) -> Vec<String> {
    const STARTS: [&str; 8] = [
        "fn", "def", "struct", "enum", "trait", "class", "const", "static",
    ];
    names(&file.path, &file.text).unwrap_or_else(|| {
        let (first, second) = (word::words(&file.text), word::words(&file.text).skip(1));
        let pairs = first.zip(second);
        let named = pairs.filter(|(word, _)| STARTS.contains(word));
        named.map(|(_, name)| name.to_owned()).collect()
    })
}

/// The line that a diagnostic names with what belongs to it, from whichever file holds it.
fn quoted(task: &RepairTask, files: &[SourceFile], told: &Diagnostic) -> Option<String> {
    let (named, line) = (told.file.as_deref()?, told.line?);
    let mut all = files.iter().chain(&task.fixed).chain(&task.visible.files);
    let file = all.find(|file| is_of(named, &file.path))?;
    let from = usize::try_from(line).ok()?.checked_sub(1)?;
    let mut open = 0i64;
    let mut statement = String::new();
    for line in file.text.lines().skip(from).take(QUOTED) {
        statement += line.trim();
        statement.push('\n');
        for c in line.chars() {
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open -= 1,
                _ => {}
            }
        }
        if open <= 0 {
            break;
        }
    }
    Some(statement.trim_end().to_owned()).filter(|statement| !statement.is_empty())
}

/// What is told of a failure, in at most so many tokens.
pub(super) fn failure(
    task: &RepairTask,
    files: &[SourceFile],
    report: &Report,
    counter: &dyn TokenCounter,
    tokens: usize,
) -> String {
    let mut text = String::new();
    if report.passed + report.failed > 1 {
        let all = report.passed + report.failed;
        text += &format!("{} of {all} tests passed.\n", report.passed);
    }
    let fits = |text: &str| counter.count(text) <= tokens;
    for told in report.diagnostics.iter().take(TOLD) {
        let told = one(task, files, told);
        if !fits(&format!("{text}{told}")) && !text.is_empty() {
            break;
        }
        text += &told;
    }
    if report.diagnostics.is_empty() {
        let lines: Vec<&str> = report.text.lines().collect();
        // The end of an output says most.
        let mut from = 0;
        let rest = |from: usize| lines.get(from..).unwrap_or_default().join("\n");
        while from < lines.len() && !fits(&rest(from)) {
            from += 1;
        }
        text += &rest(from);
        if text.trim().is_empty() {
            text += "it fails and says nothing";
        }
    }
    text.trim_end().to_owned()
}

fn one(task: &RepairTask, files: &[SourceFile], told: &Diagnostic) -> String {
    let code = match &told.fault {
        Fault::Compiler(Some(code)) => format!("error[{code}]: "),
        Fault::Compiler(None) => "error: ".to_owned(),
        Fault::Panic => "panic: ".to_owned(),
        _ => String::new(),
    };
    let mut text = format!("{code}{}\n", told.message.trim_end());
    let quoted = quoted(task, files, told).or_else(|| told.source.clone());
    let place = told.file.as_deref().zip(told.line).map(|(file, line)| {
        let mut all = files.iter().chain(&task.fixed).chain(&task.visible.files);
        let known = all.find(|known| is_of(file, &known.path));
        format!("{}, line {line}", known.map_or(file, |known| &known.path))
    });
    match (place, quoted) {
        (Some(place), Some(quoted)) => text += &format!("  in {place}: {quoted}\n"),
        (Some(place), None) => text += &format!("  in {place}\n"),
        // The message quotes it.
        _ => {}
    }
    text
}

/// What is shown of a file: all of it, or so many lines around those that are named, in at most so many
/// tokens; and what is left out, in words. `wide`, also around those that are named besides.
pub(super) fn shown(
    file: &SourceFile,
    report: Option<&Report>,
    counter: &dyn TokenCounter,
    tokens: usize,
    wide: bool,
) -> Option<(String, String)> {
    if counter.count(&file.text) <= tokens {
        return Some((file.text.trim_end().to_owned(), String::new()));
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let told = report
        .map(|report| &*report.diagnostics)
        .unwrap_or_default();
    let named = told
        .iter()
        .flat_map(|told| places(told, wide))
        .filter(|(named, _)| is_of(named, &file.path))
        .filter_map(|(_, line)| usize::try_from(line?).ok());
    let mut middles: Vec<usize> = named.take(if wide { PLACES } else { 1 }).collect();
    if middles.is_empty() {
        middles.push(1);
    }
    middles.sort_unstable();
    middles.dedup();
    let mut around = lines.len();
    while around > 2 {
        around /= 2;
        let mut parts: Vec<(usize, usize)> = Vec::new();
        for middle in &middles {
            let from = middle.saturating_sub(around + 1);
            let to = (middle + around).min(lines.len());
            match parts.last_mut() {
                Some((_, end)) if from <= *end => *end = to,
                _ => parts.push((from, to)),
            }
        }
        let texts = parts.iter().map(|(from, to)| {
            let part = lines.get(*from..*to).unwrap_or_default();
            part.join("\n")
        });
        let text = texts.collect::<Vec<_>>().join("\n\n[…]\n\n");
        if counter.count(&text) <= tokens {
            let spans = parts
                .iter()
                .map(|(from, to)| format!("{} to {to}", from + 1));
            let spans = spans.collect::<Vec<_>>().join(" and ");
            return Some((text, format!("lines {spans} of {}", lines.len())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use catena_core::WordCounter;

    use super::*;
    use crate::repair::{Check, CheckStep, Stage};

    fn task() -> RepairTask {
        let check = Check::new([CheckStep::new(Stage::Test, ["cargo", "test"])]).file(
            "tests/sums.rs",
            "#[test]\nfn t() {\n    assert_eq!(\n        total(&[1]),\n        1\n    );\n}\n",
        );
        RepairTask {
            files: vec![
                SourceFile::new("src/lib.rs", "pub mod sums;\npub mod other;\n"),
                SourceFile::new("src/other.rs", "pub fn helper() {}\n"),
                SourceFile::new("src/sums.rs", "pub fn total(x: &[i32]) -> i32 { 0 }\n"),
            ],
            ..RepairTask::new("x", "", check)
        }
    }

    fn report(fault: Fault, file: &str, line: u32) -> Report {
        Report {
            diagnostics: vec![Diagnostic::new(fault, "it failed").at(file, line)],
            ..Report::default()
        }
    }

    fn paths(report: &Report) -> Vec<String> {
        let task = task();
        let files = files(&task, &task.files, Some(report), false);
        files.into_iter().map(|file| file.path.clone()).collect()
    }

    #[test]
    fn files_that_are_named_come_and_no_others() {
        let named = report(Fault::Panic, "/a/copy/src/other.rs", 1);
        assert_eq!(paths(&named), ["src/other.rs"]);
    }

    #[test]
    fn a_test_leads_to_what_it_calls() {
        assert_eq!(
            paths(&report(Fault::Assertion, "tests/sums.rs", 3)),
            ["src/sums.rs"]
        );
    }

    #[test]
    fn a_test_in_a_source_file_leads_to_what_it_calls_too() {
        let mut task = task();
        task.files[1].text += "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        assert_eq!(total(&[1]), 1);\n    }\n}\n";
        let paths = |line: u32| -> Vec<String> {
            let report = report(Fault::Assertion, "src/other.rs", line);
            let files = files(&task, &task.files, Some(&report), false);
            files.into_iter().map(|file| file.path.clone()).collect()
        };
        assert_eq!(paths(6), ["src/sums.rs"]);
        assert_eq!(paths(1), ["src/other.rs"]);
    }

    #[test]
    fn what_a_file_only_speaks_of_it_does_not_define() {
        let of = |path: &str, text: &str| definitions(&SourceFile::new(path, text));
        let text =
            "\"\"\"The class Sums and def total.\"\"\"\n\nclass Mean:\n    def of(self): pass\n";
        assert_eq!(of("a.py", text), ["Mean", "of"]);
        assert_eq!(
            of("a.js", "class Mean { }\nconst all = 1;\n"),
            ["Mean", "all"]
        );
    }

    #[test]
    fn the_statement_that_failed_is_quoted_whole() {
        let task = task();
        let failed = report(Fault::Assertion, "tests/sums.rs", 3);
        let text = failure(&task, &task.files, &failed, &WordCounter, 100);
        let expected = "it failed\n  in tests/sums.rs, line 3: assert_eq!(\ntotal(&[1]),\n1\n);";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_file_is_shown_around_the_place() {
        let text: String = (1..=100).map(|n| format!("line {n}\n")).collect();
        let file = SourceFile::new("src/sums.rs", text);
        let report = report(Fault::Panic, "src/sums.rs", 50);
        let (text, note) = shown(&file, Some(&report), &WordCounter, 30, false).unwrap();
        assert!(
            text.contains("line 50") && text.split_whitespace().count() <= 30,
            "{text}"
        );
        assert!(note.ends_with("of 100"), "{note}");
    }

    #[test]
    fn a_round_that_failed_widens_what_may_be_changed() {
        let task = task();
        let mut report = report(Fault::Panic, "src/other.rs", 1);
        let paths = |report: &Report, wide: bool| -> Vec<String> {
            let files = files(&task, &task.files, Some(report), wide);
            files.into_iter().map(|file| file.path.clone()).collect()
        };
        report.diagnostics[0].others = vec![("src/lib.rs".to_owned(), 2)];
        assert_eq!(paths(&report, false), ["src/other.rs"]);
        assert_eq!(paths(&report, true), ["src/lib.rs", "src/other.rs"]);
        report.diagnostics[0].message = "total is wrong".to_owned();
        let all = ["src/lib.rs", "src/other.rs", "src/sums.rs"];
        assert_eq!(paths(&report, true), all);
    }

    #[test]
    fn a_long_file_is_shown_around_all_places_once_a_round_has_failed() {
        let text: String = (1..=200).map(|n| format!("line {n}\n")).collect();
        let file = SourceFile::new("src/sums.rs", text);
        let mut report = report(Fault::Panic, "src/sums.rs", 150);
        report.diagnostics[0].others = vec![("src/sums.rs".to_owned(), 20)];
        let shown = |wide| shown(&file, Some(&report), &WordCounter, 60, wide).unwrap();
        assert!(!shown(false).0.contains("line 20\n"));
        let (text, note) = shown(true);
        assert!(
            text.contains("line 20\n") && text.contains("line 150\n"),
            "{text}"
        );
        assert!(note.contains(" and "), "{note}");
    }
}
