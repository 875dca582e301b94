//! What a scripted model answers, and to what.

use std::{collections::VecDeque, fmt, sync::Arc};

use catena_core::{ChatRequest, Error, Result, ToolCall};

/// Says whether a rule of a [`ScriptedModel`](crate::ScriptedModel) applies to a request.
///
/// A text applies when any message of the request contains it; a closure decides for itself.
pub trait Matcher: Send + Sync + 'static {
    /// Whether the rule applies.
    fn matches(&self, request: &ChatRequest) -> bool;
}

impl<F: Fn(&ChatRequest) -> bool + Send + Sync + 'static> Matcher for F {
    fn matches(&self, request: &ChatRequest) -> bool {
        self(request)
    }
}

impl Matcher for &'static str {
    fn matches(&self, request: &ChatRequest) -> bool {
        any_message_contains(request, self)
    }
}

impl Matcher for String {
    fn matches(&self, request: &ChatRequest) -> bool {
        any_message_contains(request, self)
    }
}

fn any_message_contains(request: &ChatRequest, text: &str) -> bool {
    request
        .messages
        .iter()
        .any(|message| message.content.contains(text))
}

/// What a rule of a [`ScriptedModel`](crate::ScriptedModel) gives: a text, tool calls, or an error.
///
/// # Example: a tool call, and the answer once its result is there
///
/// ```
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Role, ToolCall};
/// use catena_models::{Reply, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let call = ToolCall::new("1", "weather", r#"{"city": "Oslo"}"#);
/// let model = ScriptedModel::new()
///     .replies([Reply::calling("Let me see.", [call]), Reply::from("Yes, it snows.")]);
///
/// let mut request = ChatRequest::new([ChatMessage::user("Do I need a coat in Oslo?")]);
/// let answer = model.chat(request.clone()).await?;
/// assert_eq!(answer.tool_calls[0].name, "weather");
/// request.messages.extend([answer.message(), ChatMessage::tool("1", "snow")]);
/// assert_eq!(model.chat(request).await?.text, "Yes, it snows.");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Reply(Result<Said>);

/// A text, and the tools that are called after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
}

impl Reply {
    /// A text, mostly empty, and then tool calls. Where the text is cut, they are not made.
    pub fn calling(text: impl Into<String>, calls: impl IntoIterator<Item = ToolCall>) -> Self {
        Self(Ok(Said {
            text: text.into(),
            calls: calls.into_iter().collect(),
        }))
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self {
            text,
            calls: Vec::new(),
        }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self(Ok(text.into()))
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        Self(Err(error))
    }
}

impl From<Result<String>> for Reply {
    fn from(reply: Result<String>) -> Self {
        Self(reply.map(Said::from))
    }
}

type Responder = Arc<dyn Fn(&ChatRequest) -> Result<String> + Send + Sync>;

/// Rules first, then the queue, then the fallback.
#[derive(Clone, Default)]
pub(super) struct Script {
    rules: Vec<(Arc<dyn Matcher>, Reply)>,
    fallback: Option<Responder>,
}

impl Script {
    pub(super) fn add_rule(&mut self, matcher: impl Matcher, reply: Reply) {
        self.rules.push((Arc::new(matcher), reply));
    }

    pub(super) fn set_fallback(
        &mut self,
        responder: impl Fn(&ChatRequest) -> Result<String> + Send + Sync + 'static,
    ) {
        self.fallback = Some(Arc::new(responder));
    }

    /// The reply to `request`. `next` takes a reply from the queue.
    pub(super) fn reply(
        &self,
        request: &ChatRequest,
        next: impl FnOnce() -> Option<Reply>,
    ) -> Result<Said> {
        let rule = self.rules.iter().find(|(rule, _)| rule.matches(request));
        if let Some((_, reply)) = rule {
            return reply.0.clone();
        }
        if let Some(reply) = next() {
            return reply.0;
        }
        match &self.fallback {
            Some(responder) => responder(request).map(Said::from),
            None => Err(unanswered(request)),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("rules", &self.rules.len())
            .field("fallback", &self.fallback.is_some())
            .finish()
    }
}

/// Replies that are given once each, in order.
pub(super) type Queue = VecDeque<Reply>;

/// How much of a message is quoted, in characters.
const HEAD: usize = 80;

fn unanswered(request: &ChatRequest) -> Error {
    let last = request.messages.last().map_or("", |last| &last.content);
    let head: String = last.chars().take(HEAD).collect();
    let more = if head.len() < last.len() { "…" } else { "" };
    Error::invalid(format!(
        "the scripted model has no reply to a request whose last message is {head:?}{more}"
    ))
    .with_help("add a rule with reply_to(), more replies(), or otherwise() for all the rest")
}

#[cfg(test)]
mod tests {
    use catena_core::ChatMessage;

    use super::*;

    fn ask(content: &str) -> ChatRequest {
        ChatRequest::new([ChatMessage::system("Be brief."), ChatMessage::user(content)])
    }

    #[test]
    fn rules_come_before_the_queue_and_the_queue_before_the_fallback() {
        let mut script = Script::default();
        script.add_rule("moon", "rule 1".into());
        script.add_rule(
            |request: &ChatRequest| request.seed.is_some(),
            "rule 2".into(),
        );
        script.set_fallback(|_| Ok("fallback".to_owned()));
        let queued = || Some(Reply::from("queued"));

        assert_eq!(
            script.reply(&ask("the moon"), queued).unwrap().text,
            "rule 1"
        );
        assert_eq!(
            script.reply(&ask("the moon").seed(1), queued).unwrap().text,
            "rule 1"
        );
        assert_eq!(
            script.reply(&ask("the sun").seed(1), queued).unwrap().text,
            "rule 2"
        );
        assert_eq!(
            script.reply(&ask("the sun"), queued).unwrap().text,
            "queued"
        );
        assert_eq!(
            script.reply(&ask("the sun"), || None).unwrap().text,
            "fallback"
        );
    }

    #[test]
    fn a_text_matches_any_message() {
        let mut script = Script::default();
        script.add_rule("brief", "yes".into());
        assert_eq!(script.reply(&ask("?"), || None).unwrap().text, "yes");
    }

    #[test]
    fn an_unanswered_request_is_named() {
        let error = Script::default()
            .reply(&ask(&"why? ".repeat(100)), || None)
            .unwrap_err();
        assert!(error.is_invalid());
        let message = error.to_string();
        assert!(message.contains("\"why? why?"), "{message}");
        assert!(message.ends_with('…') && message.len() < 200, "{message}");
        assert!(error.help().unwrap().contains("otherwise"));
    }
}
