//! What was asked, in a few bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ChatRequest, digest::sha256};

/// What a call asked, in a few bytes that do not grow with the request: named sections, each a name
/// or a digest. Two requests with the same fingerprint ask the same; of two that do not, it can
/// say which section is the first that differs.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of something with a `name` (a model, a tool) that is asked for `sections`: what they are,
    /// and their bytes.
    pub fn new(name: &str, sections: &[(&str, &[u8])]) -> Self {
        let mut text = name.replace(['|', '\n'], "_");
        for (section, bytes) in sections {
            let digest = sha256(&[bytes]);
            text += &format!("|{section}:{}", digest.get(..32).unwrap_or_default());
        }
        Self(text)
    }

    /// Of a request to a chat model.
    pub(crate) fn chat(model: &str, request: &ChatRequest) -> Self {
        Self::new(model, &chat_sections(request).each())
    }

    /// Of a request to a scorer.
    pub(crate) fn score(model: &str, request: &ChatRequest, choices: &[String]) -> Self {
        let choices = listed(choices);
        let sections = chat_sections(request);
        let [settings, instructions, rest] = sections.each();
        Self::new(
            model,
            &[
                settings,
                instructions,
                rest,
                ("the choices", choices.as_bytes()),
            ],
        )
    }

    /// Of texts to embed.
    pub(crate) fn embed(model: &str, texts: &[String]) -> Self {
        Self::new(model, &[("the texts", listed(texts).as_bytes())])
    }

    /// What differs first between this, recorded, and `now`; `None` if they are equal.
    pub fn difference(&self, now: &Self) -> Option<String> {
        if self == now {
            return None;
        }
        let (mut before, mut after) = (self.0.split('|'), now.0.split('|'));
        let (old, new) = (before.next()?, after.next()?);
        if old != new {
            return Some(format!("it asked '{old}', and now asks '{new}'"));
        }
        let name = |section: &str| section.split(':').next().unwrap_or_default().to_owned();
        loop {
            match (before.next(), after.next()) {
                (Some(old), Some(new)) if old == new => {}
                (Some(old), Some(new)) if name(old) == name(new) => {
                    return Some(format!("{} differ", name(old)));
                }
                _ => return Some("it asked for another kind of thing".to_owned()),
            }
        }
    }
}

/// As JSON, so that no text looks like two.
fn listed(texts: &[String]) -> String {
    serde_json::json!(texts).to_string()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0)
    }
}

struct ChatSections {
    settings: Vec<u8>,
    instructions: Vec<u8>,
    rest: Vec<u8>,
}

impl ChatSections {
    fn each(&self) -> [(&'static str, &[u8]); 3] {
        [
            ("the settings", &self.settings),
            ("the instructions (the first message)", &self.instructions),
            ("the messages after the first", &self.rest),
        ]
    }
}

fn chat_sections(request: &ChatRequest) -> ChatSections {
    // A request holds strings, numbers and JSON: serialising it cannot fail.
    let bytes = |value: serde_json::Result<Vec<u8>>| value.unwrap_or_default();
    let (first, rest) = match request.messages.split_first() {
        Some((first, rest)) => (Some(first), rest),
        None => (None, request.messages.as_slice()),
    };
    let settings = ChatRequest {
        messages: Vec::new(),
        stop: request.stop.clone(),
        format: request.format.clone(),
        tools: request.tools.clone(),
        tool_choice: request.tool_choice.clone(),
        ..*request
    };
    ChatSections {
        settings: bytes(serde_json::to_vec(&settings)),
        instructions: bytes(serde_json::to_vec(&first)),
        rest: bytes(serde_json::to_vec(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChatMessage;

    fn request(system: &str, user: &str) -> ChatRequest {
        ChatRequest::new([ChatMessage::system(system), ChatMessage::user(user)])
    }

    #[test]
    fn it_names_the_first_section_that_differs() {
        let of = |model, request| Fingerprint::chat(model, &request);
        let before = of("m", request("be brief", "hello"));
        let difference = |now: Fingerprint| before.difference(&now).unwrap();
        assert_eq!(before.difference(&before), None);
        assert_eq!(
            difference(of("n", request("be brief", "hello"))),
            "it asked 'm', and now asks 'n'"
        );
        assert_eq!(
            difference(of("m", request("be brief", "hello").max_tokens(7))),
            "the settings differ"
        );
        assert_eq!(
            difference(of("m", request("be long", "bye"))),
            "the instructions (the first message) differ"
        );
        assert_eq!(
            difference(of("m", request("be brief", "bye"))),
            "the messages after the first differ"
        );
        assert_eq!(
            difference(Fingerprint::new("m", &[("the arguments", b"")])),
            "it asked for another kind of thing"
        );
    }

    #[test]
    fn no_text_looks_like_two() {
        let of = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            let score = Fingerprint::score("m", &request("a", "b"), &texts);
            (Fingerprint::embed("m", &texts), score)
        };
        let (one, two) = (of(&["a\0b"]), of(&["a", "b"]));
        assert!(one.0 != two.0 && one.1 != two.1);
        assert_eq!(of(&["a", "b"]), two);
    }

    #[test]
    fn it_does_not_grow_with_the_request() {
        let short = Fingerprint::chat("m", &request("a", "b"));
        let long = Fingerprint::chat("m", &request("a", &"b".repeat(10_000)));
        assert_eq!(short.to_string().len(), long.to_string().len());
    }
}
