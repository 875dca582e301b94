//! What models are asked, word for word.

use std::{collections::BTreeMap, fmt::Write};

use catena::{
    ChatRequest,
    agents::{Form, Method, RepairTask},
};

use crate::support::{block, check, model, purpose, repair, repairer, shown, task};

/// A request as text.
fn text(request: &ChatRequest) -> String {
    let mut text = String::new();
    for message in &request.messages {
        writeln!(text, "[{:?}]\n{}", message.role, message.content).unwrap();
    }
    text
}

#[tokio::test]
async fn the_prompts_are_as_they_were_measured() {
    let mut prompts = BTreeMap::new();
    for (method, form) in [
        (Method::Explain, Form::Auto),
        (Method::Explain, Form::Blocks),
        (Method::Critique, Form::Auto),
        (Method::Paper, Form::Blocks),
        (Method::Resample, Form::Auto),
    ] {
        let asked = model(|_, before| match before {
            0 => "no code".to_owned(),
            n => block(&format!("def add(a, b):\n    return {n}\n")),
        });
        repair(repairer(&asked).method(method).form(form).rounds(1), task())
            .await
            .unwrap();
        for request in asked.requests() {
            let name = format!("{:?} of {method:?}, {form:?}", purpose(&request));
            prompts.entry(name).or_insert_with(|| text(&request));
        }
    }
    let all: String = prompts
        .iter()
        .map(|(name, text)| format!("== {name}\n{text}\n"))
        .collect();
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn the_prompts_of_a_round_begin_alike() {
    let model = model(|_, _| block("def add(a, b):\n    return 1\n"));
    repair(repairer(&model).rounds(1), task()).await.unwrap();
    let requests = model.requests();
    let program =
        "add.py:\n```python\ndef add(a, b):\n    return a - b\n```\n\nWhen it is run:\n```\n";
    let beginning = |request: &ChatRequest| {
        assert_eq!(request.messages[0].content, "You repair programs.");
        let (begins, rest) = request.messages[1].content.split_once(program).unwrap();
        let (failure, _) = rest.split_once("```").unwrap();
        format!("{begins}{failure}")
    };
    let first = beginning(&requests[0]);
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| beginning(request) == first));
}

#[tokio::test]
async fn a_file_that_holds_a_fence_is_asked_for_between_longer_ones() {
    let text =
        "def add(a, b):\n    \"\"\"Adds.\n\n```\nadd(1, 2)\n```\n    \"\"\"\n    return a - b\n";
    let fixed = text.replace("a - b", "a + b");
    let model = model({
        let fixed = fixed.clone();
        move |_, _| block(&fixed)
    });
    let task = RepairTask::new("add.py", text, check());
    let repaired = repair(repairer(&model).method(Method::Explain), task)
        .await
        .unwrap();
    // It is read whole all the same.
    assert_eq!(repaired.files[0].text, fixed);
    let asked = shown(model.requests().last().unwrap());
    assert!(
        asked.contains("in one code block between two lines ````."),
        "{asked}"
    );
}
