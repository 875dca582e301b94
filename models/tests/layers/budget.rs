//! Rule 10 under layers: however often a stack asks, what it may use is set aside first, and what it
//! did use is charged, to the token.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use catena_core::{
    Budget, ChatModel, ChatRequest, ChatStream, Context, Delta, Error, EventKind, FinishReason,
    ModelProfile, Result, Run, RunOptions, TokenCounter, Usage, WordCounter, agent,
};
use catena_models::layer::{
    Cache, ConcurrencyLimit, Fallback, RateLimit, Record, Retry, StructuredOutput,
};
use futures::{StreamExt, future::join_all, stream};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{ask, down};

/// What happens to one call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Down,
    Refused,
    Malformed,
    Cut,
    NoJson,
    Answered,
}

/// A provider that keeps the bill.
#[derive(Debug)]
struct Provider {
    profile: ModelProfile,
    fates: Vec<Fate>,
    calls: AtomicU64,
    bill: Mutex<Usage>,
}

impl Provider {
    fn new(fates: Vec<Fate>) -> Arc<Self> {
        let mut profile = ModelProfile::new("provider", 100_000);
        profile.max_output_tokens = 8;
        Arc::new(Self {
            profile,
            fates,
            calls: AtomicU64::new(0),
            bill: Mutex::default(),
        })
    }

    fn bill(&self) -> Usage {
        *self.bill.lock().unwrap()
    }
}

#[async_trait]
impl ChatModel for Provider {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) as usize;
        // Somebody else gets to run, so that calls overlap.
        tokio::task::yield_now().await;
        let fate = self.fates[call % self.fates.len()];
        let pieces = match fate {
            Fate::Down | Fate::Refused | Fate::Malformed => vec![],
            Fate::Cut => vec!["one ", "two "],
            Fate::NoJson => vec!["no ", "answer ", "of ", "that ", "form"],
            Fate::Answered => vec!["{} "],
        };
        let usage = match pieces.len() as u64 {
            0 => Usage::call(0, 0),
            output => Usage::call(self.prompt_tokens(&request), output),
        };
        *self.bill.lock().unwrap() += usage;
        let end = match fate {
            Fate::Down | Fate::Cut => Err(down()),
            Fate::Refused => Err(Error::refused("no")),
            Fate::Malformed => Err(Error::malformed_output("what?")),
            Fate::NoJson | Fate::Answered => Ok(Delta::End {
                finish: FinishReason::Stop,
                usage,
            }),
        };
        let pieces = pieces.into_iter().map(|text| Ok(Delta::Text(text.into())));
        let deltas: Vec<_> = pieces.chain([end]).collect();
        Ok(stream::iter(deltas).boxed())
    }
}

#[derive(Clone, Copy, Debug)]
enum Layer {
    Retry { attempts: u32, resend: bool },
    Repair(u32),
    Fallback,
    Concurrency,
    Rate,
    Cache,
    Record,
}

fn wrapped(model: Arc<dyn ChatModel>, layer: Layer, folder: &TempDir) -> Arc<dyn ChatModel> {
    match layer {
        Layer::Retry { attempts, resend } => Arc::new(
            Retry::new(model)
                .max_attempts(attempts)
                .resend_started(resend),
        ),
        Layer::Repair(repairs) => Arc::new(StructuredOutput::new(model).max_repairs(repairs)),
        Layer::Fallback => Arc::new(Fallback::new(model.clone()).or(model)),
        Layer::Concurrency => Arc::new(ConcurrencyLimit::new(model, 2)),
        Layer::Rate => Arc::new(RateLimit::new(model).requests_per_minute(60)),
        Layer::Cache => Arc::new(Cache::new(model, folder.path().join("cache"))),
        Layer::Record => Arc::new(Record::new(model, folder.path().join("tape.json"))),
    }
}

fn layer() -> impl Strategy<Value = Layer> {
    let retry = (1..4_u32, any::<bool>());
    prop_oneof![
        3 => retry.prop_map(|(attempts, resend)| Layer::Retry { attempts, resend }),
        3 => (0..3_u32).prop_map(Layer::Repair),
        3 => Just(Layer::Fallback),
        1 => Just(Layer::Concurrency),
        1 => Just(Layer::Rate),
        1 => Just(Layer::Cache),
        1 => Just(Layer::Record),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Down),
        Just(Fate::Refused),
        Just(Fate::Malformed),
        Just(Fate::Cut),
        Just(Fate::NoJson),
        Just(Fate::Answered),
    ]
}

/// Eight questions at once on `budget`; what the run says that it spent.
async fn spent(model: Arc<dyn ChatModel>, provider: Arc<Provider>, budget: Budget) -> Usage {
    let within = move |usage: Usage| {
        let tokens = usage.tokens();
        budget.calls.is_none_or(|calls| usage.calls <= calls)
            && budget.tokens.is_none_or(|limit| tokens <= limit)
    };
    let node = agent(move |(): (), cx: Context| {
        let (model, provider) = (model.clone(), provider.clone());
        async move {
            let chats = (0..8).map(async |number| {
                let question = ask(&format!("question {number}"));
                let question = match number % 2 {
                    0 => question.json_schema(json!({"type": "object"})),
                    _ => question,
                };
                // Whatever comes of it: this is about what it costs.
                let _ = cx.chat(&*model, question).await;
                let (committed, bill) = (cx.committed(), provider.bill());
                assert!(within(committed), "{committed:?} is committed");
                assert!(within(bill), "{bill:?} is billed");
            });
            join_all(chats).await;
            Ok(cx.spent())
        }
    });
    let run = Run::start(node, (), RunOptions::new("run").budget(budget));
    run.outcome().await.unwrap().output
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(100)
    })]

    #[test]
    fn no_stack_of_layers_exceeds_a_budget_and_each_is_charged_what_it_used(
        layers in prop::collection::vec(layer(), 0..4),
        fates in prop::collection::vec(fate(), 1..12),
        calls in 0..60_u64,
        tokens in 0..4000_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
        for budget in [Budget::new(), Budget::new().calls(calls).tokens(tokens)] {
            let folder = tempfile::tempdir().unwrap();
            let provider = Provider::new(fates.clone());
            let stack = layers.iter().fold(provider.clone() as Arc<dyn ChatModel>, |model, layer| {
                wrapped(model, *layer, &folder)
            });
            let charged = runtime.block_on(spent(stack, provider.clone(), budget));
            let mut bill = provider.bill();
            if layers.iter().any(|layer| matches!(layer, Layer::Cache)) {
                // What fails counts as a call, also where it fails on an answer from the cache.
                bill.calls = bill.calls.max(charged.calls);
            }
            prop_assert_eq!(charged, bill, "on {:?}", budget);
        }
    }
}

/// Eight questions that are answered at once need eight calls, and each failure one more.
#[tokio::test(start_paused = true)]
async fn another_attempt_is_set_aside_when_it_is_due() {
    let charged = async |fates: Vec<Fate>, calls| {
        let provider = Provider::new(fates);
        let model = Arc::new(Retry::new(provider.clone()).max_attempts(3));
        let charged = spent(model, provider.clone(), Budget::new().calls(calls)).await;
        assert_eq!(charged, provider.bill());
        (charged.calls, charged.output_tokens)
    };
    assert_eq!(charged(vec![Fate::Answered], 8).await, (8, 8));
    assert_eq!(
        charged([vec![Fate::Down], vec![Fate::Answered; 9]].concat(), 9).await,
        (9, 8)
    );
    assert_eq!(charged(vec![Fate::Down], 2).await, (2, 0));
    assert_eq!(charged(vec![Fate::Down], 60).await, (24, 0));
}

/// An attempt that the budget or the time does not allow is neither made nor waited for, and the call
/// fails as its last attempt did.
#[tokio::test(start_paused = true)]
async fn what_fails_for_want_of_budget_says_how_it_had_failed() {
    let second = std::time::Duration::from_secs(1);
    for budget in [Budget::new().calls(1), Budget::new().time(20 * second)] {
        let slow = Error::rate_limited(Some(30 * second), "slow down");
        let scripted = catena_models::ScriptedModel::from_fn(move |_| Err(slow.clone()));
        let model = Arc::new(Retry::new(Arc::new(scripted.clone())));
        let node = agent(move |(): (), cx: Context| {
            let model = model.clone();
            async move { cx.chat(&*model, ask("?")).await }
        });
        let begun = tokio::time::Instant::now();
        let run = Run::start(node, (), RunOptions::new("run").budget(budget));
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_rate_limited(), "{error:?}");
        assert!(
            error
                .help()
                .unwrap()
                .contains("the budget allows no further attempt")
        );
        assert!(begun.elapsed() < second);
        assert_eq!(scripted.calls(), 1);
    }
}

/// Whoever watches a run sees why it waits, and for how long.
#[tokio::test(start_paused = true)]
async fn a_wait_is_told_before_it_begins() {
    let wait = std::time::Duration::from_secs(30);
    let slow = Error::rate_limited(Some(wait), "slow down");
    let replies = [catena_models::Reply::from(slow.clone()), "yes".into()];
    let scripted = catena_models::ScriptedModel::new().replies(replies);
    let model = Arc::new(StructuredOutput::new(Arc::new(Retry::new(Arc::new(
        scripted,
    )))));
    let node = agent(move |(): (), cx: Context| {
        let model = model.clone();
        async move { cx.chat(&*model, ask("?")).await }
    });
    let mut run = Run::start(node, (), RunOptions::new("run"));
    let begun = tokio::time::Instant::now();
    let told = loop {
        let event = run.next().await.unwrap();
        if let EventKind::CallRetried { error, wait, .. } = event.kind {
            break (error, wait);
        }
    };
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    assert!(told.0.is_rate_limited() && told.1 >= wait, "{told:?}");
    assert_eq!(run.outcome().await.unwrap().output.usage.calls, 2);
}

/// Between two attempts as well, what was made is charged.
#[tokio::test(start_paused = true)]
async fn a_chat_that_is_given_up_is_charged_the_attempts_that_it_made() {
    let provider = Provider::new([vec![Fate::NoJson], vec![Fate::Down; 9]].concat());
    let model = Retry::new(provider.clone()).max_attempts(9);
    let model = Arc::new(StructuredOutput::new(Arc::new(model)));
    let node = agent(move |(): (), cx: Context| {
        let model = model.clone();
        async move {
            let question = ask("?").json_schema(json!({"type": "object"}));
            let chat = cx.chat(&*model, question);
            let limit = std::time::Duration::from_secs(1);
            assert!(tokio::time::timeout(limit, chat).await.is_err());
            Ok(cx.spent())
        }
    });
    let run = Run::start(node, (), RunOptions::new("run"));
    let charged = run.outcome().await.unwrap().output;
    let bill = provider.bill();
    assert!(bill.calls >= 2 && bill.output_tokens == 5, "{bill:?}");
    assert_eq!(charged, bill);
}
