//! What a message says about the one who writes.

use std::sync::Arc;

use catena_core::{ChatModel, ChatRequest, Context, Prompt, Result, sentences};
use catena_memory::stands_apart;
use serde::Serialize;
use serde_json::json;

use super::spare::short_of;
use crate::whole::{is_cut, tell_cut};

/// Learns facts from messages.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) prompt: Prompt,
    /// The most tokens of a prompt and its answer.
    pub(super) window: u64,
}

/// The most tokens of an answer.
const ANSWER_TOKENS: u32 = 64;

/// The most facts of one message.
const MOST: usize = 5;

#[derive(Serialize)]
struct Variables<'a> {
    known: &'a [String],
    message: &'a str,
}

/// A line of an answer that is no fact.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Refused<'a> {
    line: &'a str,
    reason: Refusal,
}

/// Why a line is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    /// It has no colon.
    NoColon,
    /// It does not say what it is about.
    NoName,
    /// It has no value that stands in the message.
    NotSaid,
    /// A line before it is about the same.
    Twice,
    /// There are [`MOST`] facts already.
    TooMany,
}

impl Facts {
    /// The facts in a message, as what they are about and what holds. A message that only asks is
    /// not looked through, nor one that does not fit the window. A note tells either, and each line of
    /// the answer that is no fact.
    pub(super) async fn learn(
        &self,
        cx: &Context,
        message: &str,
        known: Vec<String>,
    ) -> Result<Vec<(String, String)>> {
        if only_asks(message) {
            cx.note("memory.not_learned", &json!({ "reason": "only_asks" }));
            return Ok(Vec::new());
        }
        let messages = self.prompt.render(&Variables {
            known: &known,
            message,
        })?;
        let request = ChatRequest::new(messages).max_tokens(ANSWER_TOKENS);
        if self.model.prompt_tokens(&request) + u64::from(ANSWER_TOKENS) > self.window {
            let why = "the message is too long for the question that asks for them";
            short_of(cx, "the facts in the message", why);
            return Ok(Vec::new());
        }
        let answer = cx.chat(&*self.model, request).await?;
        tell_cut(cx, "the list of facts", answer.finish);
        let lines = match is_cut(answer.finish) {
            // The last one may say half of what holds.
            true => answer.text.rsplit_once('\n').map_or("", |(whole, _)| whole),
            false => &answer.text,
        };
        let (facts, refused) = read(lines, message);
        for refused in &refused {
            cx.note("memory.fact_refused", refused);
        }
        Ok(facts)
    }
}

fn only_asks(message: &str) -> bool {
    let mut all = sentences(message).map(|range| message[range].trim());
    all.all(|sentence| sentence.is_empty() || sentence.ends_with('?'))
}

/// The lines of an answer that are facts, and those that are not, but for those that say that there are none.
fn read<'a>(answer: &'a str, message: &str) -> (Vec<(String, String)>, Vec<Refused<'a>>) {
    let said = words(message);
    let mut facts = Vec::new();
    let mut refused = Vec::new();
    for line in answer.lines() {
        let line = line.trim().trim_start_matches(['-', '*', ' ']);
        if is_none(line) {
            continue;
        }
        match fact(line, &said, &facts) {
            Ok(fact) => facts.push(fact),
            Err(reason) => refused.push(Refused { line, reason }),
        }
    }
    (facts, refused)
}

/// Whether a line says that there is no fact.
fn is_none(line: &str) -> bool {
    let line = line.trim_end_matches('.').to_lowercase();
    ["", "none", "nothing"].contains(&line.as_str())
}

/// The fact of a line, beside those of the lines before it. A value has to stand in the message, word for
/// word but for case, or letter for letter in scripts without spaces: small models fill in what they were shown in
/// the examples.
fn fact(
    line: &str,
    said: &[String],
    before: &[(String, String)],
) -> Result<(String, String), Refusal> {
    let (about, value) = line.split_once([':', '：']).ok_or(Refusal::NoColon)?;
    let value = value.trim().trim_end_matches(['.', '。']).trim();
    let about = about_of(about);
    let needed = words(value);
    let stands = !needed.is_empty() && said.windows(needed.len()).any(|window| window == needed);
    match () {
        () if about.is_empty() => Err(Refusal::NoName),
        () if !stands => Err(Refusal::NotSaid),
        () if before.iter().any(|(known, _)| *known == about) => Err(Refusal::Twice),
        () if before.len() >= MOST => Err(Refusal::TooMany),
        () => Ok((about, value.to_owned())),
    }
}

/// What a fact is about, so that the same thing has the same name.
fn about_of(about: &str) -> String {
    let about = about.trim().to_lowercase().replace(char::is_control, " ");
    let mut words: Vec<_> = about.split_whitespace().collect();
    while let Some(first) = words.first()
        && ["my", "the", "user's", "writer's", "a", "an"].contains(first)
    {
        words.remove(0);
    }
    words.join(" ")
}

/// The words of a text in lower case. A letter of a script without spaces counts as one: what such letters say may
/// stand anywhere among others.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if stands_apart(c) => spaced.extend([' ', c, ' ']),
            c if c.is_alphanumeric() => spaced.push(c),
            _ => spaced.push(' '),
        }
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_to_stand_in_the_message() {
        let message = "I sold the car. My dog Rex is five now!";
        let answer = "name of the dog: rex\n- The age of the dog: five\njob: nurse\nnone\nname of the dog: Rex";
        let (facts, refused) = read(answer, message);
        let expected = [("name of the dog", "rex"), ("age of the dog", "five")];
        assert_eq!(facts, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let expected = [
            ("job: nurse", Refusal::NotSaid),
            ("name of the dog: Rex", Refusal::Twice),
        ];
        assert_eq!(
            refused,
            expected.map(|(line, reason)| Refused { line, reason })
        );
    }

    #[test]
    fn what_is_no_fact_has_a_reason() {
        let reasons = |answer| -> Vec<_> {
            let (_, refused) = read(answer, "one two three four five six");
            refused.into_iter().map(|refused| refused.reason).collect()
        };
        assert_eq!(reasons("None.\n\n- nothing\np: one"), []);
        assert_eq!(reasons("I see"), [Refusal::NoColon]);
        assert_eq!(reasons("the: one"), [Refusal::NoName]);
        assert_eq!(reasons("p:\nq: seven\nr: two one"), [Refusal::NotSaid; 3]);
        let many = "x: one\ny: two\nz: three\nv: four\nw: five\nu: six";
        assert_eq!(reasons(many), [Refusal::TooMany]);
    }

    #[test]
    fn scripts_without_spaces_are_compared_letter_by_letter() {
        for (message, line, fact) in [
            (
                "我的狗叫小黑，今年五岁。",
                "狗的名字：小黑。",
                "狗的名字=小黑",
            ),
            ("オスロに住んでいます。", "住所: オスロ", "住所=オスロ"),
            ("หมาชื่อข้าวปั้นนะ", "ชื่อหมา: ข้าวปั้น", "ชื่อหมา=ข้าวปั้น"),
            ("我用iPhone手机。", "手机：iPhone 手机", "手机=iPhone 手机"),
            ("我住在Oslo。", "家：oslo", "家=oslo"),
        ] {
            let (facts, refused) = read(line, message);
            assert_eq!(refused, []);
            let (about, value) = &facts[0];
            assert_eq!(format!("{about}={value}"), fact);
        }
        // Half of a number was not said, nor what stands in another order.
        for (message, line) in [
            ("我今年15岁。", "年龄：5岁"),
            ("我的狗叫小黑。", "狗的名字：黑小"),
            ("I live in Oslo.", "家：Osl"),
        ] {
            let (facts, refused) = read(line, message);
            assert!(facts.is_empty(), "{facts:?}");
            let reason = Refusal::NotSaid;
            assert_eq!(refused, [Refused { line, reason }]);
        }
    }

    #[test]
    fn questions_alone_tell_nothing() {
        assert!(only_asks("What is my dog called? And the cat?"));
        assert!(!only_asks("My dog is called Rex. What is yours called?"));
    }
}
