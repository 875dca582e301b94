//! LoCoMo: conversations of two people, in sessions.

use std::{collections::BTreeMap, path::Path};

use catena_core::Result;
use catena_memory::Moment;
use serde::Deserialize;
use serde_json::Value;

use super::{Conversation, Question, Turn};
use crate::jsonl::{self, parse};

#[derive(Deserialize)]
struct Sample {
    sample_id: String,
    /// `session_1`, `session_1_date_time` and so on, and the names of the speakers.
    conversation: BTreeMap<String, Value>,
    qa: Vec<Asked>,
}

#[derive(Deserialize)]
struct Utterance {
    speaker: String,
    dia_id: String,
    #[serde(default)]
    text: String,
    /// What is seen in a photo.
    blip_caption: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    /// A text or a number; none where the conversation gives no answer.
    answer: Option<Value>,
    #[serde(default)]
    evidence: Vec<String>,
    category: u8,
}

pub(super) fn load(path: &Path) -> Result<Vec<Conversation>> {
    jsonl::lines(path, "LoCoMo's conversations as published", |record, _| {
        conversation(parse(record)?)
    })
}

fn conversation(sample: Sample) -> Result<Conversation, String> {
    let mut sessions: Vec<(u32, &Value)> = sample
        .conversation
        .iter()
        .filter_map(|(key, session)| Some((key.strip_prefix("session_")?.parse().ok()?, session)))
        .collect();
    sessions.sort_by_key(|(number, _)| *number);
    let mut turns = Vec::new();
    for (number, session) in sessions {
        let date = format!("session_{number}_date_time");
        let date = sample.conversation.get(&date).and_then(Value::as_str);
        let date = date.ok_or_else(|| format!("session {number} has no date"))?;
        let at = moment(date).ok_or_else(|| format!("{date:?} is no date of LoCoMo"))?;
        let session = Vec::<Utterance>::deserialize(session)
            .map_err(|error| format!("session {number}: {error}"))?;
        turns.extend(session.into_iter().map(|utterance| turn(utterance, at)));
    }
    let questions = (1..)
        .zip(sample.qa)
        .map(|(number, asked)| {
            let id = format!("{}-{number}", sample.sample_id);
            question(id, asked, &turns)
        })
        .collect::<Result<_, String>>()?;
    Ok(Conversation {
        id: sample.sample_id,
        turns,
        questions,
    })
}

fn turn(utterance: Utterance, at: Moment) -> Turn {
    let mut observation = format!("{}: {}", utterance.speaker.trim(), utterance.text.trim());
    if let Some(photo) = utterance.blip_caption {
        observation += &format!(" [{}]", photo.trim());
    }
    Turn {
        observation,
        response: String::new(),
        at: Some(at),
        name: utterance.dia_id,
    }
}

fn question(id: String, asked: Asked, turns: &[Turn]) -> Result<Question, String> {
    let category = match asked.category {
        1 => "multi-hop",
        2 => "temporal",
        3 => "open-domain",
        4 => "single-hop",
        5 => "adversarial",
        other => return Err(format!("question {id} has the unknown category {other}")),
    };
    let answer = match (asked.answer, category) {
        (_, "adversarial") | (None, _) => None,
        (Some(Value::String(answer)), _) => Some(answer),
        (Some(other), _) => Some(other.to_string()),
    };
    // Some records hold several names in one text.
    let names = asked
        .evidence
        .iter()
        .flat_map(|names| names.split([' ', ';', ',']));
    let mut evidence: Vec<u64> = names
        .filter_map(|name| (1..).zip(turns).find(|(_, turn)| turn.name == name))
        .map(|(number, _)| number)
        .collect();
    evidence.sort_unstable();
    evidence.dedup();
    Ok(Question {
        id,
        text: asked.question,
        answers: answer.into_iter().collect(),
        evidence,
        category: category.to_owned(),
    })
}

/// `1:56 pm on 8 May, 2023`, taken as UTC.
fn moment(text: &str) -> Option<Moment> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (time, date) = text.split_once(" on ")?;
    let (clock, half) = time.trim().split_once(' ')?;
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = hour % 12
        + if half.eq_ignore_ascii_case("pm") {
            12
        } else {
            0
        };
    let mut date = date
        .trim()
        .split([' ', ','])
        .filter(|part| !part.is_empty());
    let day: u64 = date.next()?.parse().ok()?;
    let name = date.next()?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let year: u64 = date.next()?.parse().ok()?;
    let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60;
    Some(Moment(seconds * 1_000_000))
}

/// The days from the beginning of 1970 to a day of the Gregorian calendar, from 1970 on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // Years that begin in March have their leap day at the end.
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month + 9),
        _ => (year, month - 3),
    };
    let of_years = 365 * year + year / 4 - year / 100 + year / 400;
    let of_months = (153 * month + 2) / 5;
    (of_years + of_months + day).checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let read = |text| moment(text).map(|moment| moment.to_string());
        for (text, expected) in [
            ("1:56 pm on 8 May, 2023", "2023-05-08T13:56:00Z"),
            ("12:09 am on 13 September, 2023", "2023-09-13T00:09:00Z"),
            ("12:30 pm on 29 February, 2024", "2024-02-29T12:30:00Z"),
            ("11:59 pm on 31 December, 1999", "1999-12-31T23:59:00Z"),
            ("12:00 am on 1 January, 1970", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected));
        }
        assert_eq!(read("8 May, 2023"), None);
        assert_eq!(read("1:56 pm on 8 Mai, 2023"), None);
    }
}
