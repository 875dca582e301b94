//! The metrics against values of independent implementations; see `golden/README.md`.

use catena_evals::{exact_match, normalize_answer, rouge_l, rouge_n, token_f1};
use serde::Deserialize;

#[derive(Deserialize)]
struct Squad {
    prediction: String,
    golds: Vec<String>,
    normalized: String,
    exact_match: f64,
    f1: f64,
}

#[derive(Deserialize)]
struct Rouge {
    prediction: String,
    golds: Vec<String>,
    rouge1: f64,
    rouge2: f64,
    #[serde(rename = "rougeL")]
    rouge_l: f64,
}

#[track_caller]
fn assert_close(found: f64, expected: f64, case: &str) {
    assert!(
        (found - expected).abs() < 1e-9,
        "{case}: {found}, not {expected}"
    );
}

#[test]
fn squad() {
    let cases: Vec<Squad> = serde_json::from_str(include_str!("golden/squad.json")).unwrap();
    assert!(cases.len() >= 30);
    for case in cases {
        let Squad {
            prediction, golds, ..
        } = &case;
        assert_eq!(
            normalize_answer(prediction),
            case.normalized,
            "{prediction:?}"
        );
        assert_close(exact_match(prediction, golds), case.exact_match, prediction);
        assert_close(token_f1(prediction, golds), case.f1, prediction);
    }
}

#[test]
fn rouge() {
    let cases: Vec<Rouge> = serde_json::from_str(include_str!("golden/rouge.json")).unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let Rouge {
            prediction, golds, ..
        } = &case;
        assert_close(rouge_n(prediction, golds, 1), case.rouge1, prediction);
        assert_close(rouge_n(prediction, golds, 2), case.rouge2, prediction);
        assert_close(rouge_l(prediction, golds), case.rouge_l, prediction);
    }
}
