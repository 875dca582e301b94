//! A chat request as it goes over the wire.

use catena_core::{
    ChatMessage, ChatRequest, Error, Format, Result, Role, ToolCall, ToolChoice, ToolSpec,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::schema;

/// The tool whose arguments are the answer, where that has to be JSON and the model is too old for
/// [`Habits::output_format`].
pub(super) const ANSWER: &str = "answer";

/// How a model is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// What stays the same is marked for the provider's cache.
    pub(super) prompt_caching: bool,
    /// Temperature and `top_p` are sent.
    pub(super) sampling: bool,
    /// The form of an answer is asked for as such, and not by way of a tool.
    pub(super) output_format: bool,
    /// How much it thinks.
    pub(super) effort: Option<Effort>,
}

/// How much a model thinks before it answers, and how long its answers are. What it thinks is charged like
/// its answer and counts towards the same limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Effort {
    /// As little as it can.
    Low,
    /// A balance.
    Medium,
    /// The default of most models.
    High,
    /// More; not with every model.
    XHigh,
    /// As much as it takes; not with every model.
    Max,
}

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    stream: bool,
}

#[derive(Debug, Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Effort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutputFormat>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OutputFormat {
    JsonSchema { schema: Value },
}

#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Debug, Serialize)]
struct Block<'a> {
    #[serde(flatten)]
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
    },
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

/// The prompt up to here is kept for a few minutes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename = "ephemeral")]
struct CacheControl {}

impl<'a> Body<'a> {
    pub(super) fn new(
        model: &'a str,
        max_tokens: u32,
        request: &'a ChatRequest,
        habits: Habits,
    ) -> Result<Self> {
        let by_tool = answers_by_tool(request, habits);
        let (tools, tool_choice) = match by_tool {
            Some(schema) => answer_tool(request, schema)?,
            None => (
                request.tools.iter().map(Tool::from).collect(),
                choice(request),
            ),
        };
        let (system, turns): (Vec<_>, Vec<_>) = request
            .messages
            .iter()
            .partition(|message| message.role == Role::System);
        // The API refuses those of white space alone.
        let stops = request.stop.iter().filter(|stop| !stop.trim().is_empty());
        let mut body = Self {
            model,
            max_tokens,
            system: system
                .iter()
                .filter_map(|message| Block::text(&message.content))
                .collect(),
            messages: joined(&turns),
            // Newer models refuse the two together, so what changes nothing is left out.
            temperature: (habits.sampling && request.temperature != 1.0)
                .then_some(request.temperature),
            top_p: (habits.sampling && request.top_p < 1.0 && request.temperature > 0.0)
                .then_some(request.top_p),
            stop_sequences: stops.map(String::as_str).collect(),
            tools,
            tool_choice,
            output_config: output_config(request, habits)?,
            stream: true,
        };
        if body.messages.is_empty() {
            return Err(Error::invalid("a request needs at least one turn"));
        }
        if habits.prompt_caching {
            body.mark_prefix();
        }
        Ok(body)
    }

    /// Marks what stays the same: tools and system messages, and all turns but the last.
    fn mark_prefix(&mut self) {
        let mark = Some(CacheControl {});
        match (self.system.last_mut(), self.tools.last_mut()) {
            // Tools come before the system messages and are covered by the mark on them.
            (Some(last), _) => last.cache_control = mark,
            (None, Some(last)) => last.cache_control = mark,
            (None, None) => {}
        }
        let before_last = self.messages.iter_mut().rev().nth(1);
        if let Some(block) = before_last.and_then(|turn| turn.content.last_mut()) {
            block.cache_control = mark;
        }
    }
}

/// The turns, neighbours of the same role as one: the results of all calls belong together.
fn joined<'a>(messages: &[&'a ChatMessage]) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = match message.role {
            Role::Assistant => "assistant",
            _ => "user",
        };
        let mut blocks = blocks(message);
        if index + 1 == messages.len()
            && let (Role::Assistant, Some(Block { content, .. })) =
                (message.role, blocks.last_mut())
            && let Content::Text { text } = content
        {
            // The beginning of an answer may not end with white space.
            *text = text.trim_end();
        }
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.append(&mut blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push(Turn {
                role,
                content: blocks,
            }),
        }
    }
    turns
}

fn blocks(message: &ChatMessage) -> Vec<Block<'_>> {
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        return vec![Block::of(Content::ToolResult {
            tool_use_id: id,
            content: &message.content,
        })];
    }
    let calls = message.tool_calls.iter().map(|call| {
        Block::of(Content::ToolUse {
            id: &call.id,
            name: &call.name,
            input: input(call),
        })
    });
    Block::text(&message.content)
        .into_iter()
        .chain(calls)
        .collect()
}

/// The arguments as an object, which the API insists on, even where the model wrote none.
fn input(call: &ToolCall) -> Value {
    match serde_json::from_str(&call.arguments) {
        Ok(input @ Value::Object(_)) => input,
        _ => json!({"not_an_object": call.arguments}),
    }
}

fn choice(request: &ChatRequest) -> Option<Value> {
    match &request.tool_choice {
        // The API refuses to be told anything of tools where there are none.
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(json!({"type": "none"})),
        ToolChoice::Required => Some(json!({"type": "any"})),
        ToolChoice::Tool(name) => Some(json!({"type": "tool", "name": name})),
        _ => None,
    }
}

fn output_config(request: &ChatRequest, habits: Habits) -> Result<Option<OutputConfig>> {
    let format = match &request.format {
        Format::JsonSchema(schema) if habits.output_format => Some(OutputFormat::JsonSchema {
            schema: schema::accepted(schema)?,
        }),
        _ => None,
    };
    let effort = habits.effort;
    let said = format.is_some() || effort.is_some();
    Ok(said.then_some(OutputConfig { effort, format }))
}

/// The schema of an answer that comes by way of a tool.
pub(super) fn answers_by_tool(request: &ChatRequest, habits: Habits) -> Option<&Value> {
    match &request.format {
        Format::JsonSchema(schema) if !habits.output_format => Some(schema),
        _ => None,
    }
}

/// The one tool, whose arguments are the answer, and the order to call it.
fn answer_tool<'a>(
    request: &ChatRequest,
    schema: &'a Value,
) -> Result<(Vec<Tool<'a>>, Option<Value>)> {
    if !request.tools.is_empty() {
        return Err(Error::invalid(
            "an answer that must be JSON comes from this model by way of a tool: the request cannot \
             have tools of its own",
        )
        .with_help("wrap the model in StructuredOutput, with json_schema off in its profile"));
    }
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(Error::invalid(
            "this model gives answers of type object alone",
        ));
    }
    let answer = Tool {
        name: ANSWER,
        description: "Gives the answer.",
        input_schema: schema,
        cache_control: None,
    };
    let choice = json!({"type": "tool", "name": ANSWER, "disable_parallel_tool_use": true});
    Ok((vec![answer], Some(choice)))
}

impl<'a> Block<'a> {
    fn of(content: Content<'a>) -> Self {
        Self {
            content,
            cache_control: None,
        }
    }

    /// The API refuses texts that are empty or white space.
    fn text(text: &'a str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self::of(Content::Text { text }))
    }
}

impl<'a> From<&'a ToolSpec> for Tool<'a> {
    fn from(tool: &'a ToolSpec) -> Self {
        Self {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.parameters,
            cache_control: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Habits = Habits {
        prompt_caching: false,
        sampling: true,
        output_format: true,
        effort: None,
    };

    /// As models before version 4.5 are asked.
    const OLD: Habits = Habits {
        output_format: false,
        ..PLAIN
    };

    fn wire(request: &ChatRequest, prompt_caching: bool) -> Value {
        let habits = Habits {
            prompt_caching,
            ..PLAIN
        };
        wire_as(request, habits)
    }

    fn wire_as(request: &ChatRequest, habits: Habits) -> Value {
        // By way of text: a number must be written as it was given.
        let body = Body::new("m", 64, request, habits).unwrap();
        serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap()
    }

    #[test]
    fn a_plain_request_says_no_more_than_it_must() {
        let request = ChatRequest::new([ChatMessage::system("s"), ChatMessage::user("u")]);
        let expected = json!({
            "model": "m",
            "max_tokens": 64,
            "system": [{"type": "text", "text": "s"}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "u"}]}],
            "temperature": 0.0,
            "stream": true,
        });
        assert_eq!(wire(&request, false), expected);
    }

    #[test]
    fn what_can_be_asked_for_is_sent() {
        let request =
            ChatRequest::new([ChatMessage::user("u"), ChatMessage::assistant("It is \n")])
                .temperature(0.7)
                .top_p(0.9)
                .seed(7)
                .logprobs(1)
                .stop(["a", "\n\n", ""]);
        let wire = wire(&request, false);
        assert_eq!(
            (&wire["temperature"], &wire["top_p"]),
            (&json!(0.7), &json!(0.9))
        );
        assert_eq!(wire["stop_sequences"], json!(["a"]));
        assert_eq!(wire["messages"][1]["content"][0]["text"], "It is");
        assert!(wire.get("seed").is_none() && wire.get("logprobs").is_none());
    }

    #[test]
    fn tools_their_calls_and_results_are_sent() {
        let schema = json!({"type": "object"});
        let calls = [
            ToolCall::new("1", "t", "{\"a\": 1}"),
            ToolCall::new("2", "t", "oops"),
        ];
        let request = ChatRequest::new([
            ChatMessage::user("u"),
            ChatMessage::assistant_calling("Let me see.", calls),
            ChatMessage::tool("1", "one"),
            ChatMessage::tool("2", ""),
        ])
        .tools([ToolSpec::new("t", "d", schema.clone())]);
        let body = wire(&request, false);
        let tool = json!({"name": "t", "description": "d", "input_schema": schema});
        assert_eq!(body["tools"], json!([tool]));
        assert!(body.get("tool_choice").is_none());
        let called = json!([
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "1", "name": "t", "input": {"a": 1}},
            {"type": "tool_use", "id": "2", "name": "t", "input": {"not_an_object": "oops"}},
        ]);
        assert_eq!(
            body["messages"][1],
            json!({"role": "assistant", "content": called})
        );
        let results = json!([
            {"type": "tool_result", "tool_use_id": "1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "2", "content": ""},
        ]);
        assert_eq!(
            body["messages"][2],
            json!({"role": "user", "content": results})
        );
        for (choice, sent) in [
            (ToolChoice::None, json!({"type": "none"})),
            (ToolChoice::Required, json!({"type": "any"})),
            (
                ToolChoice::Tool("t".into()),
                json!({"type": "tool", "name": "t"}),
            ),
        ] {
            let request = request.clone().tool_choice(choice);
            assert_eq!(wire(&request, false)["tool_choice"], sent);
        }
    }

    #[test]
    fn what_a_model_refuses_is_not_sent() {
        let sent = |temperature, top_p, sampling| {
            let request = ChatRequest::new([ChatMessage::user("u")]);
            let request = request.temperature(temperature).top_p(top_p);
            let body = wire_as(&request, Habits { sampling, ..PLAIN });
            (body.get("temperature").cloned(), body.get("top_p").cloned())
        };
        assert_eq!(sent(0.0, 0.5, true), (Some(json!(0.0)), None));
        assert_eq!(sent(1.0, 0.5, true), (None, Some(json!(0.5))));
        assert_eq!(sent(0.7, 1.0, true), (Some(json!(0.7)), None));
        // Both mean something: the model says whether it takes them.
        assert_eq!(sent(0.7, 0.5, true), (Some(json!(0.7)), Some(json!(0.5))));
        assert_eq!(sent(0.7, 0.5, false), (None, None));
    }

    #[test]
    fn texts_of_white_space_and_a_choice_without_tools_are_not_sent() {
        let request = ChatRequest::new([
            ChatMessage::system("\n"),
            ChatMessage::user("u"),
            ChatMessage::assistant("  "),
        ])
        .tool_choice(ToolChoice::None);
        let body = wire(&request, false);
        assert!(body.get("system").is_none() && body.get("tool_choice").is_none());
        assert_eq!(body["messages"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn the_form_of_an_answer_goes_beside_the_request_and_its_tools() {
        let schema =
            json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
        let tool = ToolSpec::new("t", "d", json!({"type": "object"}));
        let request = ChatRequest::new([ChatMessage::user("u")]).tools([tool]);
        let body = wire(&request.json_schema(schema), false);
        let n = json!({"type": "integer", "description": "{\"minimum\":1}"});
        let schema =
            json!({"type": "object", "properties": {"n": n}, "additionalProperties": false});
        assert_eq!(
            body["output_config"],
            json!({"format": {"type": "json_schema", "schema": schema}})
        );
        assert_eq!(body["tools"][0]["name"], "t");
        assert!(body.get("tool_choice").is_none());

        let any = ChatRequest::new([ChatMessage::user("u")]).json_schema(json!({}));
        assert!(Body::new("m", 1, &any, PLAIN).unwrap_err().is_invalid());
    }

    #[test]
    fn an_effort_is_sent_where_it_is_set() {
        let request = ChatRequest::new([ChatMessage::user("u")]);
        assert!(wire(&request, false).get("output_config").is_none());
        for (effort, sent) in [(Effort::Low, "low"), (Effort::XHigh, "xhigh")] {
            let effort = Some(effort);
            let body = wire_as(&request, Habits { effort, ..PLAIN });
            assert_eq!(body["output_config"], json!({"effort": sent}));
        }
    }

    #[test]
    fn json_of_an_older_model_comes_by_way_of_a_tool() {
        let schema = json!({"type": "object", "properties": {}});
        let request = ChatRequest::new([ChatMessage::user("u")]).json_schema(schema.clone());
        let body = wire_as(&request, OLD);
        assert_eq!(body["tools"][0]["input_schema"], schema);
        assert_eq!(body["tools"][0]["name"], body["tool_choice"]["name"]);
        assert!(body.get("output_config").is_none());

        let with_tools = request.clone().tools([ToolSpec::new("t", "d", schema)]);
        let list = request.json_schema(json!({"type": "array"}));
        for refused in [with_tools, list] {
            assert!(Body::new("m", 1, &refused, OLD).unwrap_err().is_invalid());
        }
    }

    #[test]
    fn the_stable_prefix_is_marked_for_the_cache() {
        let mark = json!({"type": "ephemeral"});
        let request = ChatRequest::new([
            ChatMessage::system("s"),
            ChatMessage::system("t"),
            ChatMessage::user("chunk"),
            ChatMessage::assistant("read"),
            ChatMessage::user("question"),
        ]);
        let body = wire(&request, true);
        assert!(body["system"][0].get("cache_control").is_none());
        assert_eq!(body["system"][1]["cache_control"], mark);
        assert!(
            body["messages"][0]["content"][0]
                .get("cache_control")
                .is_none()
        );
        assert_eq!(body["messages"][1]["content"][0]["cache_control"], mark);
        assert!(
            body["messages"][2]["content"][0]
                .get("cache_control")
                .is_none()
        );

        let schema = json!({"type": "object"});
        let alone = ChatRequest::new([ChatMessage::user("u")]);
        let tools = alone.clone().tools([ToolSpec::new("t", "d", schema)]);
        assert_eq!(wire(&tools, true)["tools"][0]["cache_control"], mark);
        assert!(!wire(&alone, true).to_string().contains("cache_control"));
    }

    #[test]
    fn a_request_without_a_turn_is_refused() {
        for messages in [
            vec![],
            vec![ChatMessage::system("s")],
            vec![ChatMessage::user("")],
            vec![ChatMessage::user(" \n")],
        ] {
            let request = ChatRequest::new(messages);
            assert!(Body::new("m", 1, &request, PLAIN).unwrap_err().is_invalid());
        }
    }
}
