//! A whole patent by a real model on two cores: `make weights` fetches it.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;

const MODEL: &str = "qwen2.5-coder-0.5b";

/// What an inventor who is no attorney writes.
const DRAFT: &str = "# Draft

## 1. Technical problem

Flower pots on balconies dry out on hot days, and when it rains the roots stand in water.

## 2. Background

Saucers below pots hold water, but the roots rot in it. Pots with a tank and a wick water evenly, but they cannot \
lose rain water and overflow onto the floor.

## 3. Technical solution

The flower pot has an inner vessel for the soil and an outer vessel that holds water. A wick of felt leads water from \
the outer vessel into the soil. A float in the outer vessel is joined to a valve by a lever. When the water rises to \
the float, the lever opens the valve and rain water flows off through a spout. When the water falls, the valve closes \
by its own weight. The lever has a counterweight that can be moved, so that the level at which the valve opens can be \
set.

## 4. Key points

- a float joined to a valve by a lever
- a counterweight on the lever that can be moved
- a wick of felt between the vessels

## 5. Drawings

FIG. 1 shows the flower pot in section.
FIG. 2 shows the lever with the float and the valve.
";

/// Words of the prompts' examples.
const EXAMPLES: [&str; 7] = [
    "pump", "fruit", "cylinder", "hose", "bicycle", "slicing", "clip",
];

/// The setting of docs/patent-command.md for tests: ten calls or so, three minutes on two cores.
#[test]
fn a_small_model_writes_a_whole_patent() {
    let folder = tempfile::tempdir().unwrap();
    let (draft, patent) = (
        folder.path().join("draft.md"),
        folder.path().join("pot.json"),
    );
    fs::write(&draft, DRAFT).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_catena"))
        .args([
            "patent",
            "write",
            draft.to_str().unwrap(),
            "-o",
            patent.to_str().unwrap(),
        ])
        .args(["--length", "brief", "--rounds", "0", "--window", "1024"])
        .args(["--model", MODEL, "--json", "--no-journal"])
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
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "complete", "{report:#}");
    assert_eq!(report["missing"], serde_json::json!([]));
    assert!(
        report["usage"]["calls"].as_u64().unwrap() <= 16,
        "{report:#}"
    );

    let all: Value = serde_json::from_slice(&fs::read(&patent).unwrap()).unwrap();
    let findings = all["findings"].as_array().unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding["rule"].as_str().unwrap()).or_default() += 1;
    }
    println!("{counts:?}, {} s", report["elapsed_seconds"]);
    // What an office would send back; style and support may be lacking, and are listed.
    for rule in [
        "claim-numbers",
        "claim-references",
        "claim-sentence",
        "abstract",
        "title",
        "sections",
        "placeholders",
    ] {
        assert!(!counts.contains_key(rule), "{findings:#?}");
    }
    let text = serde_json::to_string(&all["patent"])
        .unwrap()
        .to_lowercase();
    for word in EXAMPLES {
        assert!(!text.contains(word), "'{word}' is from a prompt: {text}");
    }
    let claims = all["patent"]["claims"].as_array().unwrap();
    assert!(claims.len() >= 2, "{claims:#?}");
    let claimed = serde_json::to_string(claims).unwrap();
    assert!(
        claimed.contains("float") || claimed.contains("valve"),
        "{claimed}"
    );

    // The writer's own tokenizer finds fewer tokens than the estimate, which must never be too low.
    let tokens = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_catena"))
            .args(["patent", "score", patent.to_str().unwrap(), "--json"])
            .args(more)
            .env("CATENA_CONFIG", "")
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .output()
            .unwrap();
        let score: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(score["tokens_are_exact"], !more.is_empty(), "{score:#}");
        score["patents"][0]["scores"]["tokens"].as_u64().unwrap()
    };
    let (estimated, exact) = (tokens(&[]), tokens(&["--tokens-of", MODEL]));
    println!("{exact} tokens, estimated {estimated}");
    assert!(exact < estimated && exact > estimated / 3);
}
