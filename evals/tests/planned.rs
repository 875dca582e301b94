//! The planned flow from end to end, on drafts derived from real patents: what a model writes that only repeats
//! its notes becomes a whole document.

use std::{fs, path::Path, sync::Arc};

use catena_agents::{
    AutoPatent, Draft, DraftFinding, DraftRule, Jurisdiction, Patent, PatentLength, PatentTask,
    Question, SectionKind, WrittenPatent, examine_draft,
};
use catena_core::{ChatRequest, Run, RunOptions, sentences};
use catena_evals::derive_draft;
use catena_models::ScriptedModel;
use serde_json::json;

/// The granted patents of the data set; nothing where they are not there.
fn granted() -> Vec<Patent> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return Vec::new();
    };
    records
        .lines()
        .map(|record| Patent::from_record(record).unwrap())
        .collect()
}

#[tokio::test]
async fn drafts_of_real_patents_become_whole_documents() {
    for truth in granted() {
        let draft = derive_draft(&truth).unwrap();
        let written = written(&truth, &draft).await;
        let title = truth.title();
        assert_eq!(written.work.missing(), [], "{title}");
        let text = written.patent.to_text();
        assert!(!text.contains("[To be"), "{title}: {text}");
        let kinds: Vec<_> = written
            .patent
            .sections
            .iter()
            .map(|section| section.kind())
            .collect();
        for kind in [
            SectionKind::Background,
            SectionKind::Summary,
            SectionKind::Drawings,
            SectionKind::Description,
        ] {
            assert!(kinds.contains(&kind), "{title}: {kinds:?}");
        }
        for section in &written.patent.sections {
            assert!(section.paragraphs().count() > 0, "{}", section.heading());
        }
        assert!(!written.patent.claims.is_empty(), "{title}");
        assert!(!written.patent.abstract_text().is_empty(), "{title}");
        // What is copied from the notes of a sound patent is sound: a finding is a fault of the flow.
        assert_eq!(written.findings, [], "{title}");
        let words = text.split_whitespace().count();
        assert!(words > 1000, "{title}: {words} words");
        assert_eq!(
            written.basis.len(),
            written.patent.numbered().count(),
            "{title}"
        );
    }
}

/// The problem of a real patent is one, its background names what exists, its claims name parts of the solution, and
/// its drawings are described.
#[test]
fn drafts_of_real_patents_tell_a_problem() {
    for truth in granted() {
        let findings = examine_draft(&derive_draft(&truth).unwrap());
        for finding in &findings {
            println!("{}: {finding}", truth.title());
        }
        assert!(
            findings
                .iter()
                .all(|finding| finding.rule != DraftRule::NoProblem),
            "{findings:?}"
        );
        let names = |finding: &DraftFinding| {
            finding.message.contains("names nothing") || finding.message == "no figure is described"
        };
        assert!(!findings.iter().any(names), "{findings:?}");
    }
}

async fn written(truth: &Patent, draft: &Draft) -> WrittenPatent {
    let (title, points) = (
        truth.title().to_owned(),
        draft.answer(Question::KeyPoints).to_owned(),
    );
    let model = ScriptedModel::from_fn(move |request| Ok(answer(request, &title, &points)));
    let graph = AutoPatent::new(Arc::new(model))
        .guide(Jurisdiction::Us.guide())
        .length(PatentLength::MEDIUM)
        .build()
        .unwrap();
    let task = PatentTask::new(draft.clone());
    let run = Run::start(graph, task, RunOptions::new("patent"));
    run.outcome().await.unwrap().output
}

/// What a model might answer that keeps to its notes: it lists what they list, and copies what they say.
fn answer(request: &ChatRequest, title: &str, points: &str) -> String {
    let prompt = &request.messages.last().unwrap().content;
    let is = |mark: &str| prompt.contains(mark);
    let notes = between(prompt, "Notes:\n");
    let points: Vec<&str> = points
        .lines()
        .map(|line| line.trim_start_matches("- ").trim_end_matches('.'))
        .filter(|line| line.split_whitespace().count() < 30)
        .collect();
    if is("Write the title of the patent") {
        format!("Title: {title}")
    } else if is("Write the abstract of the patent") {
        within(notes, 120)
    } else if is("Write the background section") || is("Write the summary section") {
        within(notes, 150)
    } else if is("List the essential parts") || is("The notes tell of this too") {
        let parts: Vec<&&str> = points.iter().take(4).collect();
        json!({"subject": title.to_lowercase(), "parts": parts}).to_string()
    } else if is("Find up to") {
        let details: Vec<&&str> = points.iter().skip(4).take(8).collect();
        json!({ "details": details }).to_string()
    } else if is("Plan the detailed description") {
        plan(&points)
    } else if is("words of plain technical prose") {
        within(notes, 140)
    } else if is("Which of these does it fail?") {
        // A text of one sentence says too little.
        match sentences(between(prompt, "Text:\n")).count() {
            0 | 1 => {
                json!({"fails": ["comprehensiveness"], "advice": "Say more of it."}).to_string()
            }
            _ => json!({"fails": [], "advice": ""}).to_string(),
        }
    } else if is("Write one to three edits") {
        let text = between(prompt, "Text:\n");
        let find = sentences(text).next().map_or("", |range| &text[range]);
        let replace = format!("{find} {}", within(notes, 30));
        json!({"edits": [{"find": find, "replace": replace}]}).to_string()
    } else {
        panic!("what is this for? {prompt}")
    }
}

/// A plan that goes through the points in their order.
fn plan(points: &[&str]) -> String {
    let subsections = points.iter().map(|point| {
        let words: Vec<&str> = point.split_whitespace().take(6).collect();
        json!({"heading": words.join(" "), "topics": point})
    });
    let subsections: Vec<_> = subsections.collect();
    let sections: Vec<_> = ["Structure", "Operation", "Embodiments", "Variants"]
        .into_iter()
        .zip(subsections.chunks(3))
        .map(|(heading, own)| json!({"heading": heading, "overview": "", "subsections": own}))
        .collect();
    json!({ "sections": sections }).to_string()
}

/// What stands in the marks behind a label.
fn between<'a>(prompt: &'a str, label: &str) -> &'a str {
    let rest = prompt.split_once(&format!("{label}\"\"\"\n"));
    rest.and_then(|(_, rest)| rest.split_once("\n\"\"\""))
        .map_or("", |(inner, _)| inner)
}

/// The first sentences, up to so many words.
fn within(text: &str, words: usize) -> String {
    let mut taken = String::new();
    for sentence in sentences(text).map(|range| &text[range]) {
        let sum = taken.split_whitespace().count() + sentence.split_whitespace().count();
        if sum > words && !taken.is_empty() {
            break;
        }
        taken.push_str(sentence);
    }
    taken.trim().to_owned()
}
