//! QMSum: meetings, with queries for summaries of all or of a part.

use serde::Deserialize;

use super::{Item, Paragraph};

#[derive(Deserialize)]
pub(super) struct Meeting {
    meeting_transcripts: Vec<Turn>,
    general_query_list: Vec<Query>,
    specific_query_list: Vec<Query>,
}

#[derive(Deserialize)]
struct Turn {
    speaker: String,
    content: String,
}

#[derive(Deserialize)]
struct Query {
    query: String,
    answer: String,
}

pub(super) fn items(meeting: Meeting, line: usize) -> Result<Vec<Item>, String> {
    let turns = meeting.meeting_transcripts.iter();
    let turns: Vec<_> = turns
        .map(|turn| format!("{}: {}", turn.speaker.trim(), turn.content.trim()))
        .collect();
    let transcript = turns.join("\n");
    let general = (1..)
        .zip(meeting.general_query_list)
        .map(|(number, query)| ("general", number, query));
    let specific = (1..)
        .zip(meeting.specific_query_list)
        .map(|(number, query)| ("specific", number, query));
    let items: Vec<_> = general
        .chain(specific)
        .map(|(kind, number, query): (_, usize, _)| Item {
            id: format!("{line}-{kind}-{number}"),
            context: vec![Paragraph {
                title: String::new(),
                text: transcript.clone(),
            }],
            question: query.query,
            answers: vec![query.answer],
            ..Item::default()
        })
        .collect();
    if items.is_empty() {
        return Err("the meeting has no queries".to_owned());
    }
    Ok(items)
}
