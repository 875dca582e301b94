//! The contract of [`ChatModel`], as a test for models of your own.

use std::sync::Arc;

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, ChatStream, Delta, FinishReason, ToolChoice,
    ToolSpec,
};
use futures::{StreamExt, future::join};
use serde_json::{Value, json};

/// What a check found to be wrong.
type Checked<T = ()> = Result<T, String>;

/// Asserts that `model` keeps the contract of [`ChatModel`].
///
/// It asks the model a dozen times to count in words, greedily, so the model must answer that with
/// at least four words, and the same ones each time. What the profile says the model can do
/// (JSON schemas, log-probabilities, tools) is checked too; the tool is called `submit`. Not checked, because it cannot be seen from
/// outside: that dropping a stream stops the work. It is dropped here, and must leave the model
/// able to answer.
///
/// # Panics
///
/// With one line for each part of the contract that is broken.
///
/// # Example: a model that keeps it
///
/// ```
/// use std::sync::Arc;
///
/// use catena_models::{ScriptedModel, testing::assert_chat_model_conforms};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let model = ScriptedModel::new().otherwise("one two three four five");
/// assert_chat_model_conforms(Arc::new(model)).await;
/// # }
/// ```
pub async fn assert_chat_model_conforms(model: Arc<dyn ChatModel>) {
    let model = &*model;
    let checks = [
        ("streaming", streaming(model).await),
        ("stop sequences", stop_sequences(model).await),
        ("max_tokens", max_tokens(model).await),
        ("dropping a stream", dropping(model).await),
        ("concurrent requests", concurrent_requests(model).await),
        ("counting", counting(model)),
        ("JSON schema", json_schema(model).await),
        ("log-probabilities", logprobs(model).await),
        ("tools", tools(model).await),
    ];
    let broken: Vec<String> = checks
        .into_iter()
        .filter_map(|(name, checked)| Some(format!("{name}: {}", checked.err()?)))
        .collect();
    assert!(
        broken.is_empty(),
        "the model '{}' breaks the contract of ChatModel:\n{}",
        model.profile().name,
        broken.join("\n")
    );
}

fn request() -> ChatRequest {
    let system = ChatMessage::system("You answer in plain words, without numerals.");
    let user = ChatMessage::user("Count from one to twelve, in words, separated by spaces.");
    ChatRequest::new([system, user]).max_tokens(48)
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

async fn chat(model: &dyn ChatModel, request: ChatRequest) -> Checked<ChatResponse> {
    let answer = model.chat(request).await;
    answer.map_err(|error| format!("chat() failed: {error}"))
}

async fn stream(model: &dyn ChatModel, request: ChatRequest) -> Checked<ChatStream> {
    let stream = model.stream(request).await;
    stream.map_err(|error| format!("stream() failed: {error}"))
}

/// One `End`, at the end; and the same answer as `chat()` gives.
async fn streaming(model: &dyn ChatModel) -> Checked {
    let mut stream = stream(model, request()).await?;
    let mut streamed = ChatResponse::default();
    let mut ended = false;
    while let Some(delta) = stream.next().await {
        let delta = delta.map_err(|error| format!("the stream failed: {error}"))?;
        check(!ended, || format!("{delta:?} came after the end"))?;
        ended = streamed.push(delta);
    }
    check(ended, || "the stream had no end".into())?;
    check(streamed.text.split_whitespace().count() >= 4, || {
        format!(
            "the answer {:?} is too short to check anything with",
            streamed.text
        )
    })?;
    let usage = streamed.usage;
    check(usage.calls == 1, || {
        format!("{} calls were counted for one", usage.calls)
    })?;
    let worst = model.worst_case(&request()).answered;
    // A server's tokenizer may count a few tokens that ours does not see.
    let exact = model.counter().is_exact();
    check(
        usage.calls <= worst.calls && (!exact || usage.max(worst) == worst),
        || format!("{usage:?} is more than {worst:?}, which is the most that a budget sets aside"),
    )?;
    check(usage.input_tokens > 0 && usage.output_tokens > 0, || {
        format!("{usage:?} is incomplete")
    })?;
    check(usage.cached_tokens <= usage.input_tokens, || {
        format!("more tokens were cached than read: {usage:?}")
    })?;

    let whole = chat(model, request()).await?;
    check(
        whole.text == streamed.text && whole.finish == streamed.finish,
        || format!("chat() gave {whole:?}, but the stream {streamed:?}"),
    )
}

/// The answer ends before the stop sequence, with [`FinishReason::Stop`].
async fn stop_sequences(model: &dyn ChatModel) -> Checked {
    let whole = chat(model, request()).await?.text;
    let stop = crossing(&whole).unwrap_or_default();
    let answer = chat(model, request().stop(["never said", stop.as_str()])).await?;
    check(!answer.text.contains(&stop), || {
        format!("{:?} contains the stop sequence {stop:?}", answer.text)
    })?;
    check(
        whole.starts_with(&answer.text) && !answer.text.is_empty(),
        || format!("{:?} is not the beginning of {whole:?}", answer.text),
    )?;
    check(answer.finish == FinishReason::Stop, || {
        format!(
            "an answer that came to a stop sequence finished with {:?}",
            answer.finish
        )
    })
}

/// The end of the second word and the third: not a token by itself, and seldom one piece.
fn crossing(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().skip(1);
    let (second, third) = (words.next()?, words.next()?);
    let crossing = format!("{} {third}", second.chars().next_back()?);
    Some(if text.contains(&crossing) {
        crossing
    } else {
        third.to_owned()
    })
}

/// The answer has no more tokens than it may, and says that it was cut.
async fn max_tokens(model: &dyn ChatModel) -> Checked {
    const LIMIT: u32 = 3;
    let whole = chat(model, request()).await?.text;
    let answer = chat(model, request().max_tokens(LIMIT)).await?;
    check(answer.usage.output_tokens <= u64::from(LIMIT), || {
        format!(
            "{} tokens were generated, {LIMIT} allowed",
            answer.usage.output_tokens
        )
    })?;
    let counted = model.counter().count(&answer.text);
    check(
        !model.counter().is_exact() || counted <= LIMIT as usize,
        || {
            format!(
                "{:?} has {counted} tokens, {LIMIT} were allowed",
                answer.text
            )
        },
    )?;
    check(whole.starts_with(&answer.text), || {
        format!("{:?} is not the beginning of {whole:?}", answer.text)
    })?;
    check(answer.finish == FinishReason::Length, || {
        format!("a cut answer finished with {:?}", answer.finish)
    })
}

/// A dropped stream leaves the model able to answer.
async fn dropping(model: &dyn ChatModel) -> Checked {
    let before = chat(model, request()).await?.text;
    let mut dropped = stream(model, request()).await?;
    let first = dropped.next().await;
    check(
        matches!(first, Some(Ok(Delta::Text(_) | Delta::Logprobs(_)))),
        || format!("the stream began with {first:?}"),
    )?;
    drop(dropped);
    // Neither a stream that was never polled nor a future that was polled once does harm.
    drop(stream(model, request()).await?);
    let mut future = Box::pin(model.stream(request()));
    let _ = futures::poll!(future.as_mut());
    drop(future);
    let after = chat(model, request()).await?.text;
    check(after == before, || {
        format!("the answer changed from {before:?} to {after:?}")
    })
}

/// Requests at the same time do not mix.
async fn concurrent_requests(model: &dyn ChatModel) -> Checked {
    let long = chat(model, request()).await?.text;
    let short = chat(model, request().max_tokens(3)).await?.text;
    let both = join(chat(model, request()), chat(model, request().max_tokens(3))).await;
    let both = (both.0?.text, both.1?.text);
    check(both == (long, short), || {
        format!("at the same time the answers were {both:?}")
    })
}

/// A longer prompt has more tokens, and a prompt has at least those of its messages.
fn counting(model: &dyn ChatModel) -> Checked {
    let mut longer = request();
    let before = model.prompt_tokens(&longer);
    longer
        .messages
        .push(ChatMessage::user("Begin with the word one."));
    let after = model.prompt_tokens(&longer);
    check(after > before, || {
        format!("the longer prompt has {after} tokens, the shorter {before}")
    })?;
    let content = longer
        .messages
        .iter()
        .map(|message| model.counter().count(&message.content));
    let content = content.sum::<usize>() as u64;
    check(after >= content, || {
        format!("a prompt with {content} tokens of text has {after}")
    })
}

/// An answer that must be JSON is JSON, and nothing else.
async fn json_schema(model: &dyn ChatModel) -> Checked {
    if !model.profile().json_schema {
        return Ok(());
    }
    let schema = json!({
        "type": "object",
        "properties": {"count": {"type": "integer"}},
        "required": ["count"],
        "additionalProperties": false,
    });
    let answer = chat(model, request().json_schema(schema)).await?;
    let json: Value = serde_json::from_str(&answer.text)
        .map_err(|error| format!("{:?} is not JSON: {error}", answer.text))?;
    let count = json.get("count").and_then(Value::as_i64);
    let fields = json.as_object().map_or(0, serde_json::Map::len);
    check(count.is_some() && fields == 1, || {
        format!("{json} does not satisfy the schema")
    })
}

/// Every log-probability is one, and no more alternatives come than were asked for.
async fn logprobs(model: &dyn ChatModel) -> Checked {
    if !model.profile().logprobs {
        return Ok(());
    }
    const ALTERNATIVES: u8 = 2;
    let answer = chat(model, request().logprobs(ALTERNATIVES)).await?;
    check(!answer.logprobs.is_empty(), || "none came".into())?;
    for token in &answer.logprobs {
        check(token.logprob <= 1e-3, || {
            format!("{token:?} has a probability above 1")
        })?;
        check(token.top.len() <= usize::from(ALTERNATIVES), || {
            format!("{token:?} has too many")
        })?;
        check(token.top.is_sorted_by(|(_, a), (_, b)| a >= b), || {
            format!("the alternatives of {token:?} are not sorted")
        })?;
    }
    let plain = chat(model, request()).await?;
    check(plain.logprobs.is_empty(), || {
        "they came without being asked for".into()
    })
}

/// A required tool is called, and its result answered.
async fn tools(model: &dyn ChatModel) -> Checked {
    if !model.profile().tools {
        return Ok(());
    }
    const NAME: &str = "submit";
    let parameters = json!({
        "type": "object",
        "properties": {"count": {"type": "integer"}},
        "required": ["count"],
    });
    let tool = ToolSpec::new(NAME, "Takes the number that was counted to.", parameters);
    let plain = request().max_tokens(256);
    let mut asked = plain.clone().tools([tool]);
    check(
        model.prompt_tokens(&asked) > model.prompt_tokens(&plain),
        || "the tools are not counted with the prompt".into(),
    )?;

    asked.tool_choice = ToolChoice::Required;
    let answer = chat(model, asked.clone()).await?;
    check(!answer.tool_calls.is_empty(), || "none was called".into())?;
    check(answer.finish == FinishReason::ToolCalls, || {
        format!(
            "a tool was called, and the answer finished with {:?}",
            answer.finish
        )
    })?;
    for (index, call) in answer.tool_calls.iter().enumerate() {
        let arguments: Option<Value> = serde_json::from_str(&call.arguments).ok();
        check(call.name == NAME, || {
            format!("{call:?} is none of the request's tools")
        })?;
        check(
            arguments.is_some_and(|arguments| arguments.is_object()),
            || format!("the arguments of {call:?} are no object"),
        )?;
        let earlier = answer.tool_calls.iter().take(index);
        let ids = earlier.map(|call| &call.id).collect::<Vec<_>>();
        check(!call.id.is_empty() && !ids.contains(&&call.id), || {
            format!("the id of {call:?} does not tell it from the others")
        })?;
    }

    asked.tool_choice = ToolChoice::None;
    asked.messages.push(answer.message());
    for call in &answer.tool_calls {
        asked.messages.push(ChatMessage::tool(&call.id, "accepted"));
    }
    let after = chat(model, asked).await?;
    check(after.tool_calls.is_empty(), || {
        "one was called though none may be".into()
    })?;
    let plain = chat(model, request()).await?;
    check(plain.tool_calls.is_empty(), || {
        "one was called though there was none".into()
    })
}
