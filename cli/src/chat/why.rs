//! What was recalled for an answer, and why, as a person reads it.

use std::io::stdout;

use anstyle::{AnsiColor, Style};
use catena_agents::{Activated, Need, NeedReason, Recall, RecalledFact};
use catena_memory::{Form, Reason};

use crate::{
    memory::{day, one_line},
    terminal::{headline, styled},
};

/// All of it.
pub(super) fn why(recall: &Recall) -> String {
    let mut text = format!("{}\n", need(&recall.need));
    if let Some(flash) = &recall.flash {
        text += &heading("the turn before, which is there as long as there is room");
        text += &format!("  {}\n", activated(flash));
    }
    if !recall.facts.is_empty() {
        text += &heading("facts");
        text.extend(recall.facts.iter().map(fact));
    }
    if !recall.activated.is_empty() {
        text += &heading("memories, the highest rank first");
        for memory in &recall.activated {
            text += &format!(
                "  {}\n{:10}relevance {:.2}, with recency {:.2}\n",
                activated(memory),
                "",
                memory.relevance,
                memory.rank,
            );
        }
    }
    text += &format!(
        "{} of {} tokens that memories may take\n",
        recall.tokens, recall.limit
    );
    text
}

fn heading(text: &str) -> String {
    format!("{}\n", styled(text, Style::new().bold(), &stdout()))
}

fn need(need: &Need) -> String {
    let probability = need
        .probability
        .map(|yes| format!(" (probability {yes:.2})"))
        .unwrap_or_default();
    match (need.reason, need.needed) {
        (NeedReason::NothingThere, _) => "there was no turn to recall yet".to_owned(),
        (NeedReason::Asked, true) => {
            format!("the model was asked whether it takes memory to answer, and said yes{probability}")
        }
        (NeedReason::Asked, false) => {
            format!("the model was asked whether it takes memory to answer, and said no{probability}")
        }
        (NeedReason::Unclear, _) => {
            "the model was asked whether it takes memory to answer, and said neither yes nor no: memory was searched".to_owned()
        }
        (NeedReason::NoRoom, _) => {
            "the question whether it takes memory does not fit the window: memory was searched".to_owned()
        }
        (_, true) => "memory was searched without asking".to_owned(),
        (_, false) => "memory was not searched".to_owned(),
    }
}

fn activated(memory: &Activated) -> String {
    let number = styled(
        &format!("{:>5}", format!("#{}", memory.id)),
        AnsiColor::Cyan.on_default(),
        &stdout(),
    );
    let turn = format!("turn {}", memory.turn);
    let how = format!("{}: {}", form(memory.form), reason(memory.reason));
    format!(
        "{number}  {turn:<9}  {}  {}\n{:10}{how}",
        day(memory.at),
        headline(&memory.begins, 80),
        ""
    )
}

fn fact(fact: &RecalledFact) -> String {
    let before: String = fact
        .before
        .iter()
        .map(|past| format!("; before that {} (until {})", past.is, past.until))
        .collect();
    let now = match (&fact.is, &fact.since) {
        (Some(is), Some(since)) => format!("{is} (since {since})"),
        _ => "nothing any more".to_owned(),
    };
    let why = match fact.near {
        true => "it has to do with the message",
        false => "the nearest that there is",
    };
    let text = one_line(&format!("{}: {now}{before}", fact.about));
    let number = format!("#{}", fact.id);
    format!("  {number:>5}  {text}\n{:9}{why}\n", "")
}

fn form(form: Form) -> String {
    match form {
        Form::Raw => "every word of it".to_owned(),
        Form::Summary => "its summary".to_owned(),
        Form::Cut(tokens) => format!("its first {tokens} tokens"),
        Form::Dropped => "left out".to_owned(),
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Room => "there was room",
        Reason::NotNeeded => "the model said that it does not help",
        Reason::SummaryEnough => "the model said that the summary is enough",
        Reason::NoRoom => "there was no room for more",
    }
}

#[cfg(test)]
mod tests {
    use catena_agents::PastFact;
    use catena_memory::{ItemId, Moment, Verdict};

    use super::*;

    #[test]
    fn every_decision_is_told_with_its_reason() {
        let memory = Activated {
            id: ItemId(3),
            turn: 2,
            at: Moment(0),
            begins: "My dog \u{1b}[31mis called Rex.".to_owned(),
            relevance: 0.8,
            rank: 0.84,
            verdict: Verdict::NotNeeded,
            form: Form::Dropped,
            reason: Reason::NotNeeded,
        };
        let recall = Recall {
            need: Need {
                needed: true,
                reason: NeedReason::Asked,
                probability: Some(0.9),
            },
            flash: Some(Activated {
                form: Form::Cut(9),
                reason: Reason::NoRoom,
                ..memory.clone()
            }),
            activated: vec![memory],
            facts: vec![RecalledFact {
                id: ItemId(4),
                about: "name of the dog".to_owned(),
                is: Some("Rex".to_owned()),
                since: Some("2026-11-25".to_owned()),
                before: Vec::new(),
                near: true,
            }],
            tokens: 40,
            limit: 900,
        };
        insta::assert_snapshot!(why(&recall), @r"
        the model was asked whether it takes memory to answer, and said yes (probability 0.90)
        the turn before, which is there as long as there is room
             #3  turn 2     1970-01-01  My dog [31mis called Rex.
                  its first 9 tokens: there was no room for more
        facts
             #4  name of the dog: Rex (since 2026-11-25)
                 it has to do with the message
        memories, the highest rank first
             #3  turn 2     1970-01-01  My dog [31mis called Rex.
                  left out: the model said that it does not help
                  relevance 0.80, with recency 0.84
        40 of 900 tokens that memories may take
        ");
    }

    #[test]
    fn a_fact_is_one_line_and_may_come_up_before_the_first_turn() {
        let recall = Recall {
            facts: vec![RecalledFact {
                id: ItemId(1),
                about: "name of\nthe dog".to_owned(),
                is: Some("Rex\r\n   #2  home: \u{1b}[31mOslo".to_owned()),
                since: Some("2026-11-25".to_owned()),
                before: vec![PastFact {
                    is: "Tom\u{2028}cat".to_owned(),
                    until: "2026-11-25".to_owned(),
                }],
                near: true,
            }],
            ..Recall::default()
        };
        insta::assert_snapshot!(why(&recall), @r"
        there was no turn to recall yet
        facts
             #1  name of the dog: Rex #2 home: [31mOslo (since 2026-11-25); before that Tom cat (until 2026-11-25)
                 it has to do with the message
        0 of 0 tokens that memories may take
        ");
    }
}
