//! Rule 8: whatever came from outside comes from the journal when a run is resumed, as it was.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use catena::{
    ChatModel, ChatRequest, ChatStream, Context, Delta, Embedder, EmbedderProfile, Embedding,
    FinishReason, ModelProfile, Result, Score, Scorer, TokenCounter, TokenLogprob, Usage,
    WordCounter, agent, models::ScriptedModel,
};
use futures::{StreamExt, stream};

use crate::support::{echo, entries, on_every_journal, resumed, say, then_fails_once};

#[derive(Debug)]
struct Numbers(EmbedderProfile, AtomicUsize);

#[async_trait]
impl Embedder for Numbers {
    fn profile(&self) -> &EmbedderProfile {
        &self.0
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let nth = self.1.fetch_add(1, Ordering::SeqCst) as f32;
        Ok(texts
            .iter()
            .map(|text| vec![text.len() as f32 / 3.0, nth])
            .collect())
    }
}

#[tokio::test]
async fn every_kind_of_effect_is_taken_from_the_journal() {
    type All = (
        String,
        Vec<f32>,
        Vec<Embedding>,
        u32,
        std::time::SystemTime,
        u64,
    );
    on_every_journal(async |journal| {
        let model = echo();
        let profile = EmbedderProfile {
            name: "numbers".to_owned(),
            dimensions: 2,
            max_tokens: 100,
        };
        let embedder = Arc::new(Numbers(profile, AtomicUsize::new(0)));
        let uses = Arc::new(AtomicUsize::new(0));
        let seen = Arc::new(std::sync::Mutex::new(Vec::<All>::new()));
        let work = {
            let (model, embedder) = (model.clone(), Arc::clone(&embedder));
            let (uses, seen) = (Arc::clone(&uses), Arc::clone(&seen));
            agent(move |(): (), cx: Context| {
                let (model, embedder) = (model.clone(), Arc::clone(&embedder));
                let (uses, seen) = (Arc::clone(&uses), Arc::clone(&seen));
                async move {
                    let choices = ["yes".to_owned(), "no".to_owned()];
                    let all = (
                        cx.chat(&model, say("hi")).await?.text,
                        cx.score(&model, say("yes or no"), &choices).await?.logprobs,
                        cx.embed(&*embedder, &choices).await?,
                        cx.tool("use", &7, async {
                            Ok(u32::try_from(uses.fetch_add(1, Ordering::SeqCst)).unwrap())
                        })
                        .await?,
                        cx.now().await?,
                        cx.random().await?,
                    );
                    seen.lock().unwrap().push(all);
                    Ok(())
                }
            })
        };
        let (id, output) = resumed(then_fails_once(work), (), &journal).await;
        output.unwrap();
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0], seen[1], "the resumed run sees what the first saw");
        assert_eq!(model.calls(), 2);
        assert_eq!(embedder.1.load(Ordering::SeqCst), 1);
        assert_eq!(uses.load(Ordering::SeqCst), 1);
        let kinds: Vec<_> = entries(&*journal, &id).await;
        let kinds: Vec<_> = kinds.iter().map(|entry| entry.effect.kind()).collect();
        assert_eq!(kinds, ["chat", "score", "embed", "tool", "time", "random"]);
    })
    .await;
}

#[derive(Debug)]
struct Certain(ScriptedModel);

#[async_trait]
impl Scorer for Certain {
    fn profile(&self) -> &ModelProfile {
        self.0.profile()
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        self.0.prompt_tokens(request)
    }

    async fn score(&self, _: ChatRequest, choices: &[String]) -> Result<Score> {
        let mut logprobs = vec![f32::NEG_INFINITY; choices.len()];
        logprobs[0] = 0.0;
        let usage = Usage::call(1, 1);
        Ok(Score { logprobs, usage })
    }
}

#[tokio::test]
async fn a_probability_of_nothing_can_be_written_down() {
    on_every_journal(async |journal| {
        let judge = agent(|(): (), cx: Context| async move {
            let scorer = Certain(echo());
            let choices = ["yes".to_owned(), "no".to_owned()];
            let score = cx.score(&scorer, say("sure?"), &choices).await?;
            Ok((
                score.best(),
                score.logprobs.iter().map(|logprob| logprob.exp()).sum(),
            ))
        });
        let (_, output) = resumed(then_fails_once(judge), (), &journal).await;
        assert_eq!(output.unwrap(), (0, 1.0_f32));
    })
    .await;
}

#[derive(Debug)]
struct Broken(EmbedderProfile);

#[async_trait]
impl Embedder for Broken {
    fn profile(&self) -> &EmbedderProfile {
        &self.0
    }

    async fn embed(&self, _: &[String]) -> Result<Vec<Embedding>> {
        Ok(vec![vec![0.0, f32::NAN]])
    }
}

#[tokio::test]
async fn a_vector_that_is_none_does_not_make_the_journal_unreadable() {
    on_every_journal(async |journal| {
        let embed = agent(|(): (), cx: Context| async move {
            let embedder = Broken(EmbedderProfile {
                name: "broken".to_owned(),
                dimensions: 2,
                max_tokens: 100,
            });
            // Whether it is refused or given is the runtime's choice, and the same each time.
            Ok(cx.embed(&embedder, &["x".to_owned()]).await.is_ok())
        });
        let (_, output) = resumed(then_fails_once(embed), (), &journal).await;
        output.unwrap();
    })
    .await;
}

/// Answers with a token that it finds impossible.
#[derive(Debug)]
struct Surprised(ScriptedModel);

#[async_trait]
impl ChatModel for Surprised {
    fn profile(&self) -> &ModelProfile {
        self.0.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream> {
        let token = TokenLogprob {
            token: "oh".to_owned(),
            logprob: f32::NEG_INFINITY,
            top: vec![("ah".to_owned(), f32::NEG_INFINITY)],
        };
        let deltas = [
            Delta::Text("oh".to_owned()),
            Delta::Logprobs(vec![token]),
            Delta::End {
                finish: FinishReason::Stop,
                usage: Usage::call(1, 1),
            },
        ];
        Ok(stream::iter(deltas.map(Ok)).boxed())
    }
}

#[tokio::test]
async fn an_impossible_token_does_not_make_the_journal_unreadable() {
    on_every_journal(async |journal| {
        let ask = agent(|text: String, cx: Context| async move {
            let answer = cx.chat(&Surprised(echo()), say(text)).await?;
            let token = &answer.logprobs[0];
            Ok(token.logprob.exp() + token.top[0].1.exp())
        });
        let (_, output) = resumed(then_fails_once(ask), "x".to_owned(), &journal).await;
        assert_eq!(output.unwrap(), 0.0);
    })
    .await;
}

#[tokio::test]
async fn a_number_comes_back_to_its_last_digit() {
    on_every_journal(async |journal| {
        // Each is one that a parser which does not round correctly gets wrong.
        let numbers = [
            31.245_270_191_439_438,
            5.708_990_770_823_839e45,
            1e23,
            0.1 + 0.2,
        ];
        let measure = agent(|numbers: Vec<f64>, cx: Context| async move {
            let mut said = String::new();
            for number in numbers {
                let measured = cx.tool("measure", &number, async { Ok(number) }).await?;
                said += &format!("{measured:?} ");
            }
            Ok(said)
        });
        let (_, output) = resumed(then_fails_once(measure), numbers.to_vec(), &journal).await;
        let expected: String = numbers
            .iter()
            .map(|number| format!("{number:?} "))
            .collect();
        assert_eq!(output.unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_request_without_an_order_of_its_own_is_the_same_request() {
    on_every_journal(async |journal| {
        let look_up = agent(|(): (), cx: Context| async move {
            // In another order each time.
            let request: HashMap<u32, u32> = (0..32).map(|x| (x, x)).collect();
            cx.tool("look up", &request, async { Ok(7) }).await
        });
        let (_, output) = resumed(then_fails_once(look_up), (), &journal).await;
        assert_eq!(output.unwrap(), 7);
    })
    .await;
}
