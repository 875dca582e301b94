//! The main job on a real text with a real model: `make weights` fetches it.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

const MODEL: &str = "qwen2.5-coder-0.5b";
const FACT: &str = "The clockmaker Benno Achterberg painted his door turquoise.";

/// Runs `catena` with the user's cache folder, where the weights are; no setting of the user's
/// counts, and no run is recorded among the user's.
fn catena(window: &str, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_catena"))
        .args(args)
        .args(["--model", MODEL, "--window", window, "--json"])
        .arg("--no-journal")
        .env("CATENA_CONFIG", "")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "is the model here? `make weights` fetches it\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The opening of a novel, with a made-up fact near its end.
fn text() -> String {
    let book =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/pride_and_prejudice.txt");
    let book = fs::read_to_string(book).unwrap();
    let opening: Vec<&str> = book.split("\n\n").take(28).collect();
    let (before, after) = opening.split_at(24);
    format!(
        "{}\n\n{FACT}\n\n{}\n",
        before.join("\n\n"),
        after.join("\n\n")
    )
}

#[test]
fn a_made_up_fact_in_a_novel_is_found_and_cited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("novel.txt");
    let text = text();
    fs::write(&file, &text).unwrap();
    let question = "What colour did the clockmaker Benno Achterberg paint his door?";
    let report = report(&catena(
        "1024",
        &["ask", file.to_str().unwrap(), "-q", question],
    ));

    let answer = report["answer"].as_str().unwrap();
    assert!(answer.to_lowercase().contains("turquoise"), "{report:#}");
    let passage = &report["passages"][0];
    assert_eq!(passage["quote"], FACT);
    let bytes = &passage["place"]["bytes"];
    let range = bytes["start"].as_u64().unwrap() as usize..bytes["end"].as_u64().unwrap() as usize;
    assert_eq!(&text[range], FACT);

    // l chunks, l + 1 calls, and the chunks are the text.
    let units = report["units"].as_array().unwrap();
    assert!(units.len() >= 2, "{} chunks", units.len());
    assert_eq!(report["usage"]["calls"], units.len() as u64 + 1);
    assert_eq!(units.last().unwrap()["range"]["end"], text.len() as u64);
}

/// As `make demo` asks it: the same bytes, the same window.
#[test]
fn the_question_of_the_demo_is_answered_right() {
    let book =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/pride_and_prejudice.txt");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("opening.txt");
    fs::write(&file, &fs::read(book).unwrap()[..14_000]).unwrap();
    let question = "What is the name of the estate that Mr. Bingley has taken?";
    let report = report(&catena(
        "768",
        &["ask", file.to_str().unwrap(), "-q", question],
    ));
    let answer = report["answer"].as_str().unwrap();
    assert!(answer.contains("Netherfield"), "{report:#}");
    let quote = report["passages"][0]["quote"].as_str().unwrap();
    assert!(quote.contains("Netherfield is taken"), "{quote}");
    assert!(report["units"].as_array().unwrap().len() >= 5);
}

#[test]
fn a_short_text_is_summarised() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferry.txt");
    let text = "The ferry to Skarholm broke down in March. The islanders built a bridge of boats. \
        In May a new ferry came, and the bridge was taken apart.\n";
    fs::write(&file, text).unwrap();
    let report = report(&catena("1024", &["summarize", file.to_str().unwrap()]));
    let summary = report["answer"].as_str().unwrap().to_lowercase();
    assert!(summary.contains("ferry"), "{report:#}");
    assert_eq!(report["usage"]["calls"], 2);
}

/// `catena` with a memory and a journal in `folder`, and no setting of the user's.
fn remembering(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
    command
        .args(args)
        .args(["--index", "embedded", "--embedder", "minilm"])
        .arg("--memory")
        .arg(folder.join("memory.db"))
        .env("CATENA_JOURNAL", folder.join("runs.db"))
        .env("CATENA_CONFIG", "")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("HF_HUB_OFFLINE", "1");
    command
}

/// Says each line through the pipe, to the memory as users have it: vectors of a sentence model in an
/// embedded index. What was answered.
fn chat(folder: &Path, text: &str) -> Vec<Value> {
    let args = ["chat", "--model", MODEL, "--json", "--window", "1024"];
    let mut command = remembering(folder, &args);
    command
        .args(["--answer-tokens", "32"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "are the models here? `make weights` fetches them\n{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = told.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Two processes, so that the third turn has to be recalled from the disk.
#[test]
fn a_conversation_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let told = chat(
        folder.path(),
        "Hello! My parrot is called Quillfeather.\nWhat is two plus two?\n",
    );
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["recall"]["need"]["reason"], "nothing_there");
    let asked = chat(folder.path(), "What did I tell you about my parrot?\n");
    let answer = asked[0]["answer"].as_str().unwrap();
    assert!(answer.contains("Quillfeather"), "{:#}", asked[0]);
    assert_eq!(asked[0]["turn"], 3);
    // By the probabilities of Yes and No, which a local model gives.
    assert!(asked[0]["recall"]["need"]["probability"].is_number());
    assert_eq!(asked[0]["recall"]["need"]["needed"], true);
    assert!(folder.path().join("memory.db.index").is_dir());
}

/// What `make long-talk` asks after 300 turns, after six.
#[test]
fn a_changed_fact_has_its_new_value_and_in_the_past_its_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let told = chat(
        folder.path(),
        "I live in Lisbon, near the river.\nI have moved: I live in Oslo now.\n\
        Why is the sky blue?\nHow old are the pyramids?\n\
        In which city do I live?\nIn which city did I live before I moved?\n",
    );
    let answer = |turn: usize| told[turn]["answer"].as_str().unwrap();
    // From the facts: the turns before are about something else.
    assert_eq!(told[4]["recall"]["facts"][0]["is"], "Oslo", "{:#}", told[4]);
    assert!(answer(4).contains("Oslo"), "{:#}", told[4]);
    assert!(!answer(4).contains("Lisbon"), "{:#}", told[4]);
    assert!(answer(5).contains("Lisbon"), "{:#}", told[5]);
}

/// Small talk in `turns`, as if somebody had said it.
fn talk(folder: &Path, turns: std::ops::RangeInclusive<u64>) {
    let subjects = [
        "tides",
        "volcanoes",
        "sourdough",
        "comets",
        "penguins",
        "jazz",
        "windmills",
    ];
    let forms = [
        "Tell me something about SUBJECT.",
        "Why do people like SUBJECT?",
        "I saw a film about SUBJECT yesterday.",
        "My neighbour talks about SUBJECT all the time.",
    ];
    let line = |turn: u64| {
        let at = turn as usize;
        let subject = subjects[at % subjects.len()];
        let said = forms[at % forms.len()].replace("SUBJECT", subject);
        json!({
            "user": "me", "bot": "catena", "conversation": "default", "id": turn, "kind": "turn",
            "observation": said, "response": format!("There is a lot to say about {subject}, number {turn}."),
            "validity": { "from": turn }, "sources": [{ "turn": turn, "at": turn }],
        })
        .to_string()
    };
    let lines: Vec<_> = turns.map(line).collect();
    let file = folder.join("talk.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let import = ["memory", "import", file.to_str().unwrap()];
    let output = remembering(folder, &import).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// `make long-talk` says all of them.
#[test]
fn a_fact_told_in_turn_3_is_used_in_turn_300() {
    let folder = tempfile::tempdir().unwrap();
    talk(folder.path(), 1..=2);
    let told = chat(
        folder.path(),
        "By the way, my parrot is called Quillfeather.\n",
    );
    assert_eq!(told[0]["turn"], 3);
    talk(folder.path(), 4..=299);
    let asked = chat(folder.path(), "What is my parrot called?\n");
    assert_eq!(asked[0]["turn"], 300, "{:#}", asked[0]);
    let answer = asked[0]["answer"].as_str().unwrap();
    assert!(answer.contains("Quillfeather"), "{:#}", asked[0]);
    let usage = &asked[0]["usage"]["input_tokens"];
    assert!(usage.as_u64().unwrap() < 3 * 1024, "{usage}");
}
