//! `catena patent score`: patents measured, beside a true one if it is named.

use std::sync::Arc;

use catena_agents::{Jurisdiction, Patent, Rule, check_patent};
use catena_core::{ApproximateCounter, ChatModel, TokenCounter};
use catena_evals::{IRR_THRESHOLDS, Likeness, PatentScores, SKIPPED_ABOVE, score_patent};
use serde_json::json;

use super::{blocking, input};
use crate::{
    args::{Office, PatentScore, With},
    config::Config,
    failure::Failure,
    grid,
    model::{self, Mostly},
    terminal::{harmless, print},
};

/// A file and what was measured of it.
struct Scored {
    name: String,
    scores: PatentScores,
}

pub(super) async fn score(args: PatentScore, config: &Config) -> Result<(), Failure> {
    // What cannot be read shows before what takes long.
    let truth = match &args.reference {
        Some(path) => Some(input::patent(path)?.0.to_text()),
        None => None,
    };
    let mut patents: Vec<(String, Patent, Office)> = Vec::new();
    for path in &args.files {
        let (patent, office) = input::patent(path)?;
        // As `check` has it: by whose rules it was written, if it says so.
        let office = args.jurisdiction.or(office).unwrap_or_default();
        patents.push((path.display().to_string(), patent, office));
    }
    let model = match &args.tokens_of {
        Some(name) => Some(tokenizer(name, args.json, config).await?),
        None => None,
    };
    blocking(move || {
        let counter: &dyn TokenCounter = match &model {
            Some(model) => model.counter(),
            None => &ApproximateCounter,
        };
        let scored: Vec<Scored> = patents
            .into_iter()
            .map(|(name, patent, office)| {
                let guide = Jurisdiction::from(office).guide();
                let findings = check_patent(&patent, &guide);
                let text = patent.to_text();
                let scores = score_patent(&text, truth.as_deref(), &findings, counter);
                Scored { name, scores }
            })
            .collect();
        tell(&args, &scored);
        Ok(())
    })
    .await
}

/// The model whose tokenizer counts.
async fn tokenizer(
    name: &str,
    quiet: bool,
    config: &Config,
) -> Result<Arc<dyn ChatModel>, Failure> {
    let with = With {
        model: Some(name.to_owned()),
        // Nothing is asked of it.
        device: Some("cpu".to_owned()),
        ..With::default()
    };
    model::check(&with, config)?;
    let model = model::load(&with, Mostly::Counts, config, quiet)
        .await?
        .chat;
    match model.counter().is_exact() {
        true => Ok(model),
        false => Err(
            Failure::usage(format!("the tokenizer of {name} is not at hand"))
                .help("name a model of the catalogue, or a GGUF file"),
        ),
    }
}

fn tell(args: &PatentScore, scored: &[Scored]) {
    let exact = args.tokens_of.is_some();
    if args.json {
        let files: Vec<_> = scored
            .iter()
            .map(|one| json!({ "file": one.name, "scores": one.scores }))
            .collect();
        let object = json!({
            "reference": args.reference,
            "tokens_are_exact": exact,
            "irr_thresholds": IRR_THRESHOLDS,
            "patents": files,
        });
        print(&format!("{object:#}\n"));
        return;
    }
    print(&table(scored, exact));
    let tokens = match &args.tokens_of {
        Some(name) => format!("tokens are those of {}", harmless(name)),
        None => "tokens are estimated, half as many again as a tokenizer finds: --tokens-of counts"
            .into(),
    };
    sayln!(
        "IRR from 0 (all sentences alike) to 100; likeness in percent; {tokens}. The paper's figures are \
         those marked so."
    );
    if args.reference.is_some() && scored.iter().any(|one| one.scores.tokens > SKIPPED_ABOVE) {
        let applied = match exact {
            true => "",
            false => ", which an estimate cannot tell: it is computed here",
        };
        sayln!("above {SKIPPED_ABOVE} tokens the paper's ROUGE counts as 0{applied}");
    }
}

type Figure = (&'static str, fn(&Likeness) -> f64);

const LIKENESS: [Figure; 8] = [
    ("character BLEU (paper)", |likeness| likeness.char_bleu),
    ("ROUGE-1 (paper)", |likeness| likeness.autopatent.rouge_1),
    ("ROUGE-2 (paper)", |likeness| likeness.autopatent.rouge_2),
    ("ROUGE-L (paper)", |likeness| likeness.autopatent.rouge_l),
    ("word BLEU", |likeness| likeness.word_bleu),
    ("ROUGE-1", |likeness| likeness.rouge_1),
    ("ROUGE-2", |likeness| likeness.rouge_2),
    ("ROUGE-L", |likeness| likeness.rouge_l),
];

/// A column for each patent.
fn table(scored: &[Scored], exact_tokens: bool) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: String, cell: &dyn Fn(&PatentScores) -> String| {
        let cells = scored.iter().map(|one| cell(&one.scores));
        rows.push(std::iter::once(name).chain(cells).collect());
    };
    for (index, threshold) in IRR_THRESHOLDS.into_iter().enumerate() {
        row(format!("IRR({threshold}) (paper)"), &|scores| {
            scores
                .irr
                .get(index)
                .map_or_else(String::new, |irr| format!("{irr:.2}"))
        });
    }
    if scored.iter().any(|one| one.scores.likeness.is_some()) {
        for (name, figure) in LIKENESS {
            row(name.to_owned(), &|scores| {
                let likeness = scores.likeness.as_ref();
                likeness.map_or_else(String::new, |likeness| {
                    format!("{:.2}", 100.0 * figure(likeness))
                })
            });
        }
    }
    let tokens = match exact_tokens {
        true => "tokens",
        false => "tokens (about)",
    };
    row(tokens.to_owned(), &|scores| scores.tokens.to_string());
    let broken = Rule::ALL.into_iter().filter(|rule| {
        scored
            .iter()
            .any(|one| one.scores.findings.contains_key(rule))
    });
    for rule in broken {
        row(format!("finding: {rule}"), &|scores| {
            scores.findings.get(&rule).copied().unwrap_or(0).to_string()
        });
    }
    let head = std::iter::once(String::new())
        .chain(
            scored
                .iter()
                .map(|one| harmless(&one.name).replace('\n', " ")),
        )
        .collect();
    rows.insert(0, head);
    grid::aligned(&rows)
}
