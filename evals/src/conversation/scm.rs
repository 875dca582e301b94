//! The dialogues of the SCM authors, and their questions in a file of their own.

use std::path::Path;

use catena_core::{Error, Result};
use serde::Deserialize;

use super::{Conversation, Question, Turn, beside, evidence};
use crate::jsonl::{self, parse};

pub(super) const QUESTIONS: &str = "_questions";

#[derive(Deserialize)]
struct Dialogue {
    id: String,
    /// What the person and the bot said, in turn.
    dialogue: Vec<String>,
}

#[derive(Deserialize)]
struct Asked {
    question_id: String,
    /// The dialogue.
    id: String,
    mode: String,
    question: String,
    answer: String,
}

pub(super) fn load(path: &Path) -> Result<Vec<Conversation>> {
    let mut conversations = jsonl::lines(path, "dialogues of SCM as published", |record, _| {
        parse(record).map(conversation)
    })?;
    let questions = beside(path, QUESTIONS);
    jsonl::lines(&questions, "questions of SCM as published", |record, _| {
        let asked: Asked = parse(record)?;
        let conversation = conversations
            .iter_mut()
            .find(|conversation| conversation.id == asked.id)
            .ok_or_else(|| format!("{} has no dialogue {:?}", path.display(), asked.id))?;
        let question = question(asked, &conversation.turns);
        conversation.questions.push(question);
        Ok(())
    })
    .map_err(|error| match questions.exists() {
        true => error,
        false => Error::invalid(format!(
            "the questions about {} are missing: {}",
            path.display(),
            questions.display()
        ))
        .with_help("put the file with the questions beside the one with the dialogues"),
    })?;
    Ok(conversations)
}

fn conversation(dialogue: Dialogue) -> Conversation {
    let turns = dialogue.dialogue.chunks(2).map(|said| {
        let mut said = said.iter().map(|text| text.trim().to_owned());
        Turn {
            observation: said.next().unwrap_or_default(),
            response: said.next().unwrap_or_default(),
            ..Turn::default()
        }
    });
    Conversation {
        id: dialogue.id,
        turns: turns.collect(),
        questions: Vec::new(),
    }
}

fn question(asked: Asked, turns: &[Turn]) -> Question {
    let evidence = match asked.mode.as_str() {
        "single-turn" => evidence::best_turn(&asked.answer, turns)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    Question {
        id: asked.question_id,
        text: asked.question,
        answers: vec![asked.answer],
        evidence,
        category: asked.mode,
    }
}
