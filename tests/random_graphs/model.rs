//! A scripted model that takes its time, tells that it was reached, and can break off.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use catena::{
    ChatMessage, ChatModel, ChatRequest, ChatStream, Context, Cost, Error, ModelProfile, Price,
    Result, TokenCounter, models::ScriptedModel,
};
use futures::{StreamExt, stream};

use crate::{
    outside::Outside,
    rng::mix,
    spec::{Call, CallSpec, Key, Pace},
    worlds::PRICES,
};

/// The model of one call.
#[derive(Debug)]
pub(crate) struct Model {
    script: ScriptedModel,
    outside: Arc<Outside>,
    key: Key,
    /// Whether what it was scripted to fail with comes behind the first word.
    midway: Option<Error>,
}

/// A request and the model to ask: the request says what is `asked`, and where. The calls before
/// the index `behind` are known when it is made.
pub(crate) fn ask(
    call: &Call,
    asked: u64,
    key: &Key,
    behind: u32,
    cx: &Context,
    outside: &Arc<Outside>,
) -> (Model, ChatRequest) {
    let CallSpec::Chat {
        asked: words,
        said,
        limit,
        midway,
    } = call.kind
    else {
        unreachable!("it is no chat")
    };
    let place = ChatMessage::system(format!("{} {}", key.0, key.1));
    let padding = " please".repeat(words as usize);
    let question = ChatMessage::user(format!("{} {asked}{padding}", call.salt));
    let request = ChatRequest::new([place, question]).max_tokens(limit);

    let (world, here, watched, script) = (outside.clone(), key.clone(), cx.clone(), call.clone());
    let respond = move |request: &ChatRequest| {
        world.check(&watched);
        let new = world.called(&here);
        world.goes_on(watched.path(), behind);
        if script.fails(&here) && (new || !script.passing) {
            if script.passing {
                world.outage(&here);
            }
            if !midway {
                return Err(script.fails.1.error());
            }
        }
        // Of the request alone, as a model does.
        let question = &request.messages[1].content;
        let mut words = question.split(' ').map(|word| word.parse::<u64>());
        let (Some(Ok(salt)), Some(Ok(asked))) = (words.next(), words.next()) else {
            return Err(Error::invalid(format!("asked {question:?}")));
        };
        let more = " well".repeat(said as usize - 1);
        Ok(format!("{}{more}", mix(salt, asked)))
    };
    let breaks = midway && call.fails(key) && !(call.passing && outside.was_called(key));
    let pace = match outside.pace() {
        Pace::Paused => Duration::from_millis(mix(call.salt, 31) % 2),
        Pace::Threads => Duration::ZERO,
    };
    let price = Price {
        input: Cost(PRICES.0),
        cached: Cost(PRICES.0),
        output: Cost(PRICES.1),
    };
    let model = Model {
        script: ScriptedModel::from_fn(respond)
            .configure(|profile| profile.price = price)
            .token_latency(pace),
        outside: outside.clone(),
        key: key.clone(),
        midway: breaks.then(|| call.fails.1.error()),
    };
    (model, request)
}

#[async_trait]
impl ChatModel for Model {
    fn profile(&self) -> &ModelProfile {
        self.script.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        ChatModel::counter(&self.script)
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let _under_way = self.outside.enter();
        let place = &self.key.0;
        let point = 100 + u64::from(self.key.1);
        // Asked first: what it costs, it costs from here on.
        let answer = ChatModel::stream(&self.script, request).await;
        self.outside.pause(place, point).await;
        let answer = answer?;
        Ok(match &self.midway {
            None => answer,
            Some(error) => {
                let error = error.clone();
                Box::pin(answer.take(1).chain(stream::once(async { Err(error) })))
            }
        })
    }
}
