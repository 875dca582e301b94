//! Memories as a person reads them.

use std::io::stdout;

use anstyle::{AnsiColor, Style};
use catena_memory::{Kind, MemoryItem, Moment, Repaired};

use crate::terminal::{harmless, headline, styled};

/// The most letters of a memory in a list.
const WIDTH: usize = 90;

/// A memory in one line: `#12  turn 5    2026-11-25  My dog is called Rex. — Nice name!`
pub(crate) fn line(item: &MemoryItem) -> String {
    let what = match item.kind {
        Kind::Turn => format!("turn {}", item.turn()),
        Kind::Fact => "fact".to_owned(),
    };
    let text = match item.kind {
        Kind::Turn if item.response.is_empty() => one_line(&item.observation),
        Kind::Turn => format!(
            "{} — {}",
            one_line(&item.observation),
            one_line(&item.response)
        ),
        Kind::Fact => fact(item),
    };
    format!(
        "{}  {what:<9}  {}  {}\n",
        number(item),
        day(item.at()),
        headline(&text, WIDTH)
    )
}

/// A memory with all its words.
pub(crate) fn whole(item: &MemoryItem) -> String {
    if item.kind == Kind::Fact {
        return format!("{}  {}\n", number(item), fact(item));
    }
    let dim = Style::new().dimmed();
    let said: Vec<_> = item
        .sources
        .iter()
        .map(|source| format!("turn {}, {}", source.turn, day(source.at)))
        .collect();
    let mut text = format!(
        "{}  {}\n",
        number(item),
        styled(&said.join("; "), dim, &stdout())
    );
    let parts = [
        ("said", &item.observation),
        ("answered", &item.response),
        ("in short", &item.summary),
    ];
    for (name, part) in parts {
        if !part.is_empty() {
            let part = harmless(part.trim_end()).replace('\n', "\n           ");
            text += &format!(
                "  {} {part}\n",
                styled(&format!("{name:<8}"), dim, &stdout())
            );
        }
    }
    text
}

/// What a fact says, and for how long it held.
fn fact(item: &MemoryItem) -> String {
    let about = one_line(item.key.as_deref().unwrap_or_default());
    let from = day(item.validity.from);
    let when = match item.validity.until {
        None => format!("since {from}"),
        Some(until) => format!("from {from} until {}", day(until)),
    };
    format!("{about}: {} ({when})", one_line(&item.observation))
}

fn number(item: &MemoryItem) -> String {
    let number = format!("{:>5}", format!("#{}", item.id));
    styled(&number, AnsiColor::Cyan.on_default(), &stdout())
}

/// Words of a memory in one line.
pub(crate) fn one_line(text: &str) -> String {
    harmless(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The day of a moment, as `2026-11-25`.
pub(crate) fn day(moment: Moment) -> String {
    let mut text = moment.to_string();
    text.truncate("2026-11-25".len());
    text
}

/// `1 memory`, `2 memories`.
pub(crate) fn memories(count: u64) -> String {
    match count {
        1 => "1 memory".to_owned(),
        count => format!("{count} memories"),
    }
}

/// What was wrong with an index, if anything was: `lacked 2 and had 1 too many`.
pub(super) fn wrong(found: &Repaired) -> Option<String> {
    let mut wrong = Vec::new();
    if found.added > 0 || found.removed > 0 {
        let (added, removed) = (found.added, found.removed);
        wrong.push(format!("lacked {added} and had {removed} too many"));
    }
    if found.damaged > 0 {
        let s = if found.damaged == 1 { "" } else { "s" };
        wrong.push(format!("had {} damaged vector{s}", found.damaged));
    }
    if found.purged {
        wrong.push("may have had vectors of what was forgotten in its files".to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[cfg(test)]
mod tests {
    use catena_memory::{ItemId, Source, Validity};

    use super::*;

    fn item(kind: Kind, observation: &str, response: &str) -> MemoryItem {
        MemoryItem {
            id: ItemId(7),
            kind,
            key: (kind == Kind::Fact).then(|| "name of the dog".to_owned()),
            observation: observation.to_owned(),
            response: response.to_owned(),
            summary: String::new(),
            validity: Validity {
                from: Moment(0),
                until: None,
            },
            replaced_by: None,
            sources: vec![Source {
                turn: 3,
                at: Moment(0),
                run: None,
            }],
        }
    }

    #[test]
    fn no_memory_commands_the_terminal_or_breaks_its_line() {
        let hostile = item(Kind::Turn, "\u{1b}[2Jone\r\ntwo", "\u{9b}31mthree");
        assert_eq!(
            line(&hostile),
            "   #7  turn 3     1970-01-01  [2Jone two — 31mthree\n"
        );
        assert!(!whole(&hostile).contains(['\u{1b}', '\u{9b}', '\r']));
    }

    #[test]
    fn a_fact_says_for_how_long_it_held() {
        let mut fact = item(Kind::Fact, "Rex", "");
        assert!(line(&fact).ends_with("name of the dog: Rex (since 1970-01-01)\n"));
        fact.validity.until = Some(Moment(86_400_000_000));
        assert!(whole(&fact).ends_with("(from 1970-01-01 until 1970-01-02)\n"));
    }
}
