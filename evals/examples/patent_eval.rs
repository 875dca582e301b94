//! Writes a patent from the draft that is derived from a real one, and measures it.
//!
//! `CATENA_BASE_URL=http://localhost:8080/v1 cargo run -p catena-evals --example patent_eval -- \
//!      MODEL WINDOW RECORDS.jsonl INDEX planned|paper|zero-shot brief|short|medium|full FOLDER [PARALLEL [SECONDS]]`
//!
//! With `CATENA_SCHEMA=no` in the environment, answers in JSON are only asked for. Into FOLDER go the draft, the patent as Markdown and as JSON with everything, its figures, what was noted
//! on the way, and every call. Where the SECONDS do not suffice, the patent is what there is, marked.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use catena_agents::{
    AutoPatent, Finding, Jurisdiction, Patent, PatentFlow, PatentLength, PatentTask, PatentWork,
    Rule, check_patent, examine_draft,
};
use catena_core::{
    Budget, ChatModel, ChatRequest, ChatStream, Delta, Error, EventKind, ModelProfile, Result, Run,
    RunOptions, TokenCounter, Usage,
};
use catena_evals::{PatentScores, derive_draft, score_patent};
use catena_models::OpenAiCompatible;
use futures::StreamExt;
use serde::Serialize;

/// Where what comes of a run goes.
struct Folder(PathBuf);

impl Folder {
    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.0.join(name), text)
            .map_err(|error| Error::invalid(format!("{name} cannot be written: {error}")))
    }
}

/// Writes down what is asked of a model.
#[derive(Debug)]
struct Transcript<M> {
    model: M,
    profile: ModelProfile,
    file: PathBuf,
}

#[async_trait::async_trait]
impl<M: ChatModel> ChatModel for Transcript<M> {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.model.counter()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let mut text = String::new();
        for message in &request.messages {
            let _ = writeln!(text, "[{:?}]\n{}", message.role, message.content);
        }
        let answer = self.model.chat(request).await?;
        let _ = writeln!(text, "[answer]\n{}\n\n{}\n", answer.text, "=".repeat(80));
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file);
        if let Ok(mut file) = file {
            let _ = std::io::Write::write_all(&mut file, text.as_bytes());
        }
        let deltas = [
            Ok(Delta::Text(answer.text)),
            Ok(Delta::End {
                finish: answer.finish,
                usage: answer.usage,
            }),
        ];
        Ok(futures::stream::iter(deltas).boxed())
    }
}

/// What is measured of a run.
#[derive(Serialize)]
struct Figures {
    title: String,
    flow: String,
    length: String,
    /// Why it is not complete.
    failure: Option<String>,
    /// The pieces that are not written.
    missing: Vec<String>,
    sections: Vec<String>,
    claims: usize,
    independent_claims: usize,
    placeholders: usize,
    findings: Vec<String>,
    words: usize,
    characters: usize,
    scores: PatentScores,
    usage: Usage,
    seconds: u64,
    /// How often what was noted: fallbacks, repairs, revisions.
    notes: BTreeMap<String, usize>,
    /// The granted patent, by the same measures.
    truth: PatentScores,
    truth_words: usize,
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::invalid(format!("'{text}' is no number")))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [
        model,
        window,
        records,
        index,
        flow,
        length,
        folder,
        rest @ ..,
    ] = arguments.as_slice()
    else {
        return Err(Error::invalid(
            "usage: patent_eval MODEL WINDOW RECORDS.jsonl INDEX FLOW LENGTH FOLDER [PARALLEL [SECONDS]]",
        ));
    };
    let parallel = rest.first().map_or(Ok(1), |text| number(text))?;
    let seconds = rest.get(1).map_or(Ok(86_400), |text| number(text))?;
    let folder = Folder(PathBuf::from(folder));
    fs::create_dir_all(&folder.0).map_err(|error| Error::invalid(error.to_string()))?;
    let text = fs::read_to_string(records)
        .map_err(|error| Error::invalid(format!("{records} cannot be read: {error}")))?;
    let record = text
        .lines()
        .nth(number(index)?)
        .ok_or_else(|| Error::invalid("there is no such record"))?;
    let truth = Patent::from_record(record)?;
    let draft = derive_draft(&truth)?;
    folder.write("draft.md", &draft.to_markdown())?;
    let mut told = String::new();
    for finding in examine_draft(&draft) {
        let _ = writeln!(told, "draft: {finding}");
    }

    let remote = OpenAiCompatible::from_env(model)?
        .context_window(number(window)?)
        .parallel(parallel)
        // A server on a busy processor may read a prompt for minutes.
        .timeout(Duration::from_secs(1_800))
        .build()?;
    let mut profile = remote.profile().clone();
    // For a server that cannot hold an answer to these schemas.
    profile.json_schema &= env::var("CATENA_SCHEMA").as_deref() != Ok("no");
    let model: Arc<dyn ChatModel> = Arc::new(Transcript {
        model: remote,
        profile,
        file: folder.0.join("calls.txt"),
    });
    let graph = AutoPatent::new(Arc::clone(&model))
        .flow(match flow.as_str() {
            "planned" => PatentFlow::Planned,
            "paper" => PatentFlow::Paper,
            "zero-shot" => PatentFlow::ZeroShot,
            _ => return Err(Error::invalid(format!("there is no flow '{flow}'"))),
        })
        .length(match length.as_str() {
            "brief" => PatentLength::BRIEF,
            "short" => PatentLength::SHORT,
            "medium" => PatentLength::MEDIUM,
            "full" => PatentLength::FULL,
            _ => return Err(Error::invalid(format!("there is no length '{length}'"))),
        })
        .build()?;
    let began = Instant::now();
    let options =
        RunOptions::new("patent").budget(Budget::new().time(Duration::from_secs(seconds)));
    let mut run = Run::start(graph, PatentTask::new(draft.clone()), options);
    let mut work = PatentWork::default();
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    let mut usage = Usage::default();
    while let Some(event) = run.next().await {
        work.see(&event);
        match &event.kind {
            EventKind::Note { name, data } if name != "patent.written" => {
                *notes.entry(name.clone()).or_default() += 1;
                let _ = writeln!(
                    told,
                    "{} {}: {name} {data}",
                    began.elapsed().as_secs(),
                    event.path
                );
            }
            EventKind::CallFinished { usage: one, .. } => usage += *one,
            _ => {}
        }
    }
    let guide = Jurisdiction::Us.guide();
    let (patent, findings, failure) = match run.outcome().await {
        Ok(outcome) => {
            let written = outcome.output;
            let json = serde_json::to_string(&written).unwrap_or_default();
            folder.write("patent.json", &json)?;
            work = written.work;
            (written.patent, written.findings, None)
        }
        Err(error) => {
            let patent = work.patent(&draft, &guide);
            let findings = check_patent(&patent, &guide);
            let json = serde_json::to_string(&work).unwrap_or_default();
            folder.write("partial.json", &json)?;
            (patent, findings, Some(error.to_string()))
        }
    };
    folder.write("patent.md", &patent.to_markdown())?;
    folder.write("notes.txt", &told)?;
    let (text, true_text) = (patent.to_text(), truth.to_text());
    let counter = model.counter();
    let figures = Figures {
        title: truth.title().to_owned(),
        flow: flow.clone(),
        length: length.clone(),
        failure,
        missing: work.missing().iter().map(ToString::to_string).collect(),
        sections: patent
            .sections
            .iter()
            .map(|section| section.heading().to_owned())
            .collect(),
        claims: patent.claims.len(),
        independent_claims: patent
            .claims
            .iter()
            .filter(|claim| !claim.text().contains(" claim "))
            .count(),
        placeholders: findings
            .iter()
            .filter(|finding| finding.rule == Rule::Placeholders)
            .count(),
        findings: findings.iter().map(Finding::to_string).collect(),
        words: text.split_whitespace().count(),
        characters: text.chars().count(),
        scores: score_patent(&text, Some(&true_text), &findings, counter),
        usage,
        seconds: began.elapsed().as_secs(),
        notes,
        truth: score_patent(&true_text, None, &check_patent(&truth, &guide), counter),
        truth_words: true_text.split_whitespace().count(),
    };
    let figures = serde_json::to_string_pretty(&figures).unwrap_or_default();
    folder.write("figures.json", &figures)?;
    println!("{figures}");
    Ok(())
}
