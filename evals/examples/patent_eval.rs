//! Writes a patent from the draft that is derived from a real one, and measures it.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run -p catena-evals --example patent_eval -- \
//!      MODEL WINDOW RECORDS.jsonl INDEX [planned|paper|zero-shot] [short|medium|full] [FOLDER]`
//!
//! Into FOLDER go the draft, the patent, the findings, what each paragraph rests on, and every call.

use std::{
    env, fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_agents::{
    AutoPatent, Jurisdiction, Patent, PatentFlow, PatentLength, PatentTask, check_patent,
    examine_draft,
};
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Error, EventKind, ModelProfile, Result, Run, RunOptions,
    TokenCounter,
};
use catena_evals::{derive_draft, score_patent};
use catena_models::OpenAiCompatible;
use futures::StreamExt;

/// Writes down what is asked of a model.
#[derive(Debug)]
struct Transcript<M> {
    model: M,
    file: Option<PathBuf>,
}

#[async_trait::async_trait]
impl<M: ChatModel> ChatModel for Transcript<M> {
    fn profile(&self) -> &ModelProfile {
        self.model.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.model.counter()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let asked: Vec<String> = request
            .messages
            .iter()
            .map(|message| format!("[{:?}]\n{}\n", message.role, message.content))
            .collect();
        let answer = self.model.chat(request.clone()).await?;
        if let Some(file) = &self.file {
            let text = format!(
                "{}[answer]\n{}\n\n{}\n\n",
                asked.concat(),
                answer.text,
                "=".repeat(80)
            );
            let before = fs::read_to_string(file).unwrap_or_default();
            let _ = fs::write(file, before + &text);
        }
        let deltas = [
            Ok(catena_core::Delta::Text(answer.text)),
            Ok(catena_core::Delta::End {
                finish: answer.finish,
                usage: answer.usage,
            }),
        ];
        Ok(futures::stream::iter(deltas).boxed())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, window, records, index, rest @ ..] = arguments.as_slice() else {
        return Err(Error::invalid(
            "usage: patent MODEL WINDOW RECORDS.jsonl INDEX [FLOW] [LENGTH] [FOLDER]",
        ));
    };
    let number = |text: &str| {
        text.parse::<u32>()
            .map_err(|_| Error::invalid(format!("'{text}' is no number")))
    };
    let flow = match rest.first().map(String::as_str) {
        Some("paper") => PatentFlow::Paper,
        Some("zero-shot") => PatentFlow::ZeroShot,
        _ => PatentFlow::Planned,
    };
    let length = match rest.get(1).map(String::as_str) {
        Some("medium") => PatentLength::MEDIUM,
        Some("full") => PatentLength::FULL,
        _ => PatentLength::SHORT,
    };
    let folder = rest.get(2).map(PathBuf::from);
    let write = |name: &str, text: String| {
        if let Some(folder) = &folder {
            let _ = fs::create_dir_all(folder);
            let _ = fs::write(folder.join(name), text);
        }
    };
    let text = fs::read_to_string(records)
        .map_err(|error| Error::invalid(format!("{records} cannot be read: {error}")))?;
    let record = text
        .lines()
        .nth(number(index)? as usize)
        .ok_or_else(|| Error::invalid("there is no such record"))?;
    let truth = Patent::from_record(record)?;
    let draft = derive_draft(&truth)?;
    write("draft.md", draft.to_markdown());
    for finding in examine_draft(&draft) {
        eprintln!("draft: {finding}");
    }

    let remote = OpenAiCompatible::from_env(model)?
        .context_window(number(window)?)
        // A server on a busy processor may read a prompt for minutes.
        .timeout(Duration::from_secs(1_800))
        .build()?;
    let model: Arc<dyn ChatModel> = Arc::new(Transcript {
        model: remote,
        file: folder.as_ref().map(|folder| folder.join("calls.txt")),
    });
    let graph = AutoPatent::new(Arc::clone(&model))
        .flow(flow)
        .length(length)
        .build()?;
    let began = Instant::now();
    let mut run = Run::start(graph, PatentTask::new(draft), RunOptions::new("patent"));
    while let Some(event) = run.next().await {
        if let EventKind::Note { name, data } = &event.kind
            && name != "patent.written"
        {
            eprintln!(
                "{} {}: {name} {data}",
                began.elapsed().as_secs(),
                event.path
            );
        }
    }
    let written = run.outcome().await?.output;
    write("patent.md", written.patent.to_markdown());
    write(
        "basis.json",
        serde_json::to_string_pretty(&written.basis).unwrap_or_default(),
    );
    let guide = Jurisdiction::Us.guide();
    for finding in &written.findings {
        println!("{finding}");
    }
    let (text, true_text) = (written.patent.to_text(), truth.to_text());
    let counter = model.counter();
    let scores = score_patent(&text, Some(&true_text), &written.findings, counter);
    println!(
        "{}",
        serde_json::to_string_pretty(&scores).unwrap_or_default()
    );
    let real = score_patent(&true_text, None, &check_patent(&truth, &guide), counter);
    println!(
        "the patent itself: IRR {:?}, {} tokens",
        real.irr, real.tokens
    );
    println!(
        "{} calls, {} tokens read, {} written, {} s",
        written.usage.calls,
        written.usage.input_tokens,
        written.usage.output_tokens,
        began.elapsed().as_secs()
    );
    Ok(())
}
