//! The tool that runs code: allowed, approved, contained.

use std::time::{Duration, Instant};

use catena::{
    RunOptions, ToolCall,
    models::Reply,
    tools::{RunCode, Sandbox, ToolOutcome, Toolbox},
};
use serde_json::{Value, json};

use crate::support::{Done, agent, calls, finish, memory, native, noting, options, told};

fn tools() -> Toolbox {
    let sandbox = Sandbox::new().unwrap();
    Toolbox::new().with(RunCode::new(sandbox)).unwrap()
}

fn running(arguments: Value) -> ToolCall {
    ToolCall::new("1", "run_code", arguments.to_string())
}

/// What the model is told of one call.
async fn said(arguments: Value) -> (ToolOutcome, String) {
    let model = native([calls([running(arguments)]), Reply::from("Done.")]);
    let graph = agent(&model, &tools()).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    let outcome = result.unwrap().used[0].outcome;
    (outcome, told(&model.requests()[1]).remove(0))
}

#[tokio::test]
async fn python_runs_and_its_output_is_told() {
    let code = "n = int(input())\nprint(sum(i * i for i in range(n)))";
    let (outcome, said) =
        said(json!({"language": "python", "code": code, "input": "1000\n"})).await;
    assert_eq!((outcome, said.trim()), (ToolOutcome::Done, "332833500"));
}

#[tokio::test]
async fn rust_is_compiled_and_runs() {
    let code = "fn main() { println!(\"{}\", (1..=20u64).product::<u64>()); }";
    let (outcome, said) = said(json!({"language": "rust", "code": code})).await;
    assert_eq!(
        (outcome, said.trim()),
        (ToolOutcome::Done, "2432902008176640000")
    );
}

#[tokio::test]
async fn a_program_that_fails_is_told_as_a_result() {
    let (outcome, said) =
        said(json!({"language": "python", "code": "print('so far')\nprint(1 / 0)"})).await;
    assert_eq!(outcome, ToolOutcome::Done);
    assert!(said.starts_with("exited with status 1"), "{said}");
    assert!(said.contains("It printed:\nso far"), "{said}");
    assert!(said.contains("ZeroDivisionError"), "{said}");
}

#[tokio::test]
async fn a_program_that_does_not_compile_is_told_with_its_errors() {
    let code = "fn main() { let x: u8 = \"a\"; }";
    let (_, said) = said(json!({"language": "rust", "code": code})).await;
    assert!(said.starts_with("It does not compile."), "{said}");
    assert!(said.contains("E0308"), "{said}");
}

#[tokio::test]
async fn another_language_and_no_program_are_refused() {
    let (outcome, said_of_perl) = said(json!({"language": "perl", "code": "print 1"})).await;
    assert_eq!(outcome, ToolOutcome::Refused, "{said_of_perl}");
    let (outcome, said) = said(json!({"language": "python", "code": " "})).await;
    assert_eq!(outcome, ToolOutcome::Failed, "{said}");
    assert!(said.contains("there is no program"), "{said}");
}

/// A secret of the home folder, the network and what an earlier call left: none can be had.
#[tokio::test]
async fn a_program_reaches_neither_files_nor_the_network_nor_what_was_before() {
    let home = std::env::var("HOME").unwrap();
    let secret = tempfile::NamedTempFile::new_in(&home).unwrap();
    std::fs::write(secret.path(), "the secret").unwrap();
    let path = secret.path().display();
    let code = format!(
        "import os, socket\n\
         try:\n    print(open('{path}').read())\n\
         except OSError as e:\n    print('no file', type(e).__name__)\n\
         try:\n    socket.create_connection(('1.1.1.1', 53), 2)\n    print('connected')\n\
         except OSError as e:\n    print('no network')\n\
         print(sorted(os.listdir('.')))\nopen('left.txt', 'w').write('x')"
    );
    for _ in 0..2 {
        let (_, said) = said(json!({"language": "python", "code": code})).await;
        assert!(said.contains("no file"), "{said}");
        assert!(said.contains("no network"), "{said}");
        assert!(said.contains("['main.py']"), "{said}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_allowed_is_not_reached() {
    let code = json!({"language": "python", "code": "print(1)"});
    let model = native([calls([running(code)]), Reply::from("Done.")]);
    let other = noting("say", &Done::default());
    let tools = tools().with(other).unwrap().only(["say"]).unwrap();
    let graph = agent(&model, &tools).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert_eq!(result.unwrap().used[0].outcome, ToolOutcome::Refused);
}

#[tokio::test]
async fn a_person_sees_a_program_before_it_runs() {
    let code = json!({"language": "python", "code": "print(6 * 7)"});
    let model = native([calls([running(code.clone())]), Reply::from("42.")]);
    let journal = memory();
    let tools = tools().approve(["run_code"]).unwrap();
    let graph = || agent(&model, &tools).build().unwrap();
    let (id, result) = finish(graph(), options(&journal)).await;
    let waits = result.unwrap_err();
    let question = &waits.interrupts()[0];
    assert_eq!(
        question.question,
        json!({"tool": "run_code", "arguments": code})
    );
    let answer = options(&journal)
        .resume(id)
        .answer(&*question.id, "approve");
    let (_, result) = finish(graph(), answer).await;
    assert_eq!(result.unwrap().used[0].outcome, ToolOutcome::Done);
    assert_eq!(told(&model.requests()[1])[0].trim(), "42");
}

/// Processes of the host that have this text in their command line.
fn running_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|it| std::fs::read_to_string(it.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(text)).collect()
}

#[tokio::test]
async fn nothing_that_a_program_started_is_left_running() {
    let seconds = format!("99{}", std::process::id());
    let code = format!(
        "import subprocess\n\
         subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)\nprint('begun')"
    );
    let (_, said) = said(json!({"language": "python", "code": code})).await;
    assert_eq!(said.trim(), "begun");
    assert_eq!(running_with(&seconds), [""; 0]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_leaves_nothing_running() {
    let seconds = format!("98{}", std::process::id());
    let code = format!("import subprocess\nsubprocess.run(['sleep', '{seconds}'])");
    let call = running(json!({"language": "python", "code": code}));
    let model = native([calls([call]), Reply::from("Done.")]);
    let tools = tools().timeout(Duration::from_secs(3));
    let graph = agent(&model, &tools).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert_eq!(result.unwrap().used[0].outcome, ToolOutcome::Failed);
    let until = Instant::now() + Duration::from_secs(20);
    // It is ended by another thread.
    while !running_with(&seconds).is_empty() {
        assert!(Instant::now() < until, "{:?}", running_with(&seconds));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
