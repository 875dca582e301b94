//! What many requests of very different lengths cost at a time, and what a prompt costs that begins
//! like an earlier one.
//!
//! ```text
//! cargo run --release -p catena-local --features cuda --example crowd -- MODEL.gguf
//! ```
//!
//! It asks the same 32 questions 1, 8 and 32 at a time, of which the prompts have 40 to 2,000 tokens
//! and the answers 8 to 64, and then four questions about one document.

use std::time::{Duration, Instant};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Delta, Error, Result, Usage};
use catena_local::{Device, LocalModel, LocalOptions};
use futures::{StreamExt, TryStreamExt, stream};

const REQUESTS: usize = 32;
const WIDTHS: [usize; 3] = [1, 8, 32];
/// The tokens of the document that is asked about.
const DOCUMENT: usize = 4000;

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1);
    let path = path.ok_or_else(|| Error::invalid("usage: crowd MODEL.gguf"))?;
    let begun = Instant::now();
    let model = LocalModel::load(path, LocalOptions::new().device(Device::best())).await?;
    println!("loaded in {:.1} s", begun.elapsed().as_secs_f64());
    // The first request pays for what is set up once.
    ask(&model, question(&model, 0, 0)).await?;

    for (round, width) in WIDTHS.into_iter().enumerate() {
        let begun = Instant::now();
        let asked = (0..REQUESTS).map(|number| ask(&model, question(&model, round + 1, number)));
        let answers: Vec<Asked> = stream::iter(asked)
            .buffer_unordered(width)
            .try_collect()
            .await?;
        let seconds = begun.elapsed().as_secs_f64();
        let used: Usage = answers.iter().map(|asked| asked.usage).sum();
        let slowest = answers
            .iter()
            .map(|asked| asked.all)
            .max()
            .unwrap_or_default();
        println!(
            "{width:2} at a time: {} of {REQUESTS} answered in {seconds:.1} s; {:.0} tokens/s read and \
             {:.0} written, together; the slowest took {:.1} s",
            answers.len(),
            used.input_tokens as f64 / seconds,
            used.output_tokens as f64 / seconds,
            slowest.as_secs_f64(),
        );
    }

    let document = story(&model, usize::MAX, DOCUMENT);
    for number in 0..4 {
        let question = format!(
            "{document}\nHow many ships were there on day {}?",
            number * 9 + 4
        );
        let request = ChatRequest::new([ChatMessage::user(question)]).max_tokens(16);
        let asked = ask(&model, request).await?;
        println!(
            "question {} on a document: first token of the answer after {:.3} s, of {} tokens read {} \
             came from the cache",
            number + 1,
            asked.first.as_secs_f64(),
            asked.usage.input_tokens,
            asked.usage.cached_tokens,
        );
    }
    Ok(())
}

struct Asked {
    first: Duration,
    all: Duration,
    usage: Usage,
}

async fn ask(model: &LocalModel, request: ChatRequest) -> Result<Asked> {
    let begun = Instant::now();
    let mut stream = model.stream(request).await?;
    let mut first = None;
    while let Some(delta) = stream.next().await {
        match delta? {
            Delta::Text(_) => {
                first.get_or_insert_with(|| begun.elapsed());
            }
            Delta::End { usage, .. } => {
                let all = begun.elapsed();
                let first = first.unwrap_or(all);
                return Ok(Asked { first, all, usage });
            }
            _ => {}
        }
    }
    Err(Error::malformed_output("the stream broke off"))
}

/// A question whose lengths follow from its number. The round stands first, so that no prefix of an
/// earlier round is of use.
fn question(model: &LocalModel, round: usize, number: usize) -> ChatRequest {
    // Without order: neighbours are not of like length.
    let mixed = number * 13 % REQUESTS;
    let prompt = story(model, round * REQUESTS + number, 40 + mixed * 63);
    let answer = 8 + (number * 7 % REQUESTS) as u32 * 56 / (REQUESTS as u32 - 1);
    ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(answer)
}

/// Story `name`, of about `length` tokens, that a model likes to go on with.
fn story(model: &LocalModel, name: usize, length: usize) -> String {
    let mut text = format!("Continue story {name} at great length.\n");
    let mut day = 0;
    while ChatModel::counter(model).count(&text) + 40 < length {
        day += 1;
        text += &format!(
            "On day {day} the keeper of the lighthouse counted {} ships. ",
            day * 7
        );
    }
    text
}
