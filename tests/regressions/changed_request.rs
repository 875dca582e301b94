//! A changed prompt, model or setting does not resume an old run.

use std::sync::Arc;

use catena::{
    ChatRequest, Context, Journal, Prompt, Result, RunOptions, RunStatus, agent,
    models::ScriptedModel,
};
use serde_json::json;

use crate::support::{alone, asker, entries, finish, on_every_journal, oracle, record};

/// What a program asks with.
#[derive(Clone)]
struct Program {
    template: &'static str,
    model: ScriptedModel,
    settings: fn(ChatRequest) -> ChatRequest,
    tool: &'static str,
    argument: u32,
    choices: [&'static str; 2],
}

const TEMPLATE: &str =
    "{# Answers briefly. #}\n[system]\nBe brief.\n[user]\nAbout {{ topic }}: why?";

impl Program {
    fn original() -> Self {
        Self {
            template: TEMPLATE,
            model: oracle(),
            settings: |request| request,
            tool: "look up",
            argument: 7,
            choices: ["yes", "no"],
        }
    }

    async fn run(&self, topic: String, cx: Context) -> Result<String> {
        let prompt = Prompt::new("why", self.template)?;
        let messages = prompt.render(&json!({ "topic": topic }))?;
        let request = (self.settings)(ChatRequest::new(messages).max_tokens(9));
        let answer = cx.chat(&self.model, request.clone()).await?.text;
        let found: u32 = cx.tool(self.tool, &self.argument, async { Ok(3) }).await?;
        let choices = self.choices.map(str::to_owned);
        let score = cx.score(&self.model, request, &choices).await?;
        Ok(format!("{answer} {found} {}", score.best()))
    }

    async fn start(&self, options: RunOptions) -> (catena::RunId, Result<String>) {
        let program = self.clone();
        let node = agent(move |topic: String, cx: Context| {
            let program = program.clone();
            async move { program.run(topic, cx).await }
        });
        finish(alone("ask", node), "whales".to_owned(), options).await
    }
}

#[tokio::test]
async fn a_changed_request_does_not_resume_an_old_run() {
    let original = Program::original;
    let renamed = |name: &str| {
        let name = name.to_owned();
        oracle().configure(|profile| profile.name = name)
    };
    let changes: Vec<(Program, &str)> = vec![
        (
            Program {
                template: "[system]\nBe long.\n[user]\nAbout {{ topic }}: why?",
                ..original()
            },
            "call 0 is not the one that was recorded: the instructions (the first message) differ",
        ),
        (
            Program {
                template: "[system]\nBe brief.\n[user]\nOn {{ topic }}: why?",
                ..original()
            },
            "call 0 is not the one that was recorded: the messages after the first differ",
        ),
        (
            Program {
                template: "[user]\nAbout {{ topic }}: why?",
                ..original()
            },
            "call 0 is not the one that was recorded: the instructions (the first message) differ",
        ),
        (
            Program {
                model: renamed("newer"),
                ..original()
            },
            "call 0 is not the one that was recorded: it asked 'scripted', and now asks 'newer'",
        ),
        (
            Program {
                settings: |request| request.temperature(0.5),
                ..original()
            },
            "call 0 is not the one that was recorded: the settings differ",
        ),
        (
            Program {
                settings: |request| request.seed(1),
                ..original()
            },
            "call 0 is not the one that was recorded: the settings differ",
        ),
        (
            Program {
                settings: |request| request.max_tokens(10),
                ..original()
            },
            "call 0 is not the one that was recorded: the settings differ",
        ),
        (
            Program {
                settings: |request| request.stop(["\n"]),
                ..original()
            },
            "call 0 is not the one that was recorded: the settings differ",
        ),
        (
            Program {
                settings: |request| request.json_schema(json!({})),
                ..original()
            },
            "call 0 is not the one that was recorded: the settings differ",
        ),
        (
            Program {
                tool: "search",
                ..original()
            },
            "call 1 is not the one that was recorded: it asked 'look up', and now asks 'search'",
        ),
        (
            Program {
                argument: 8,
                ..original()
            },
            "call 1 is not the one that was recorded: the arguments differ",
        ),
        (
            Program {
                choices: ["yes", "never"],
                ..original()
            },
            "call 2 is not the one that was recorded: the choices differ",
        ),
    ];
    on_every_journal(async |journal| {
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        for (program, difference) in &changes {
            let (id, output) = original().start(options()).await;
            output.unwrap();
            let asked = program.model.calls();
            let (_, refused) = program.start(options().resume(id.clone())).await;
            let error = refused.unwrap_err();
            assert!(error.is_divergence(), "{error:?}");
            assert_eq!(error.to_string(), format!("run/ask: {difference}"));
            assert!(error.help().unwrap().contains("fork it before this call"));
            assert_eq!(program.model.calls(), asked, "nothing was asked");
            assert_eq!(entries(&*journal, &id).await.len(), 3);
        }
    })
    .await;
}

#[tokio::test]
async fn another_input_or_name_does_not_resume_an_old_run() {
    on_every_journal(async |journal| {
        let options = |name| RunOptions::new(name).journal(Arc::clone(&journal));
        let model = oracle();
        let start =
            |input: &str, options| finish(alone("ask", asker(&model)), input.to_owned(), options);
        let (id, output) = start("x", options("run")).await;
        output.unwrap();
        for (input, name, difference) in [
            ("y", "run", format!("run {id} began with another input")),
            (
                "x",
                "other",
                format!("run {id} is one of 'run', not of 'other'"),
            ),
        ] {
            let (_, refused) = start(input, options(name).resume(id.clone())).await;
            let error = refused.unwrap_err();
            assert!(error.is_divergence());
            assert_eq!(error.to_string(), difference);
        }
        assert_eq!(model.calls(), 1);
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Finished);
    })
    .await;
}

#[tokio::test]
async fn what_changes_nothing_for_the_model_resumes() {
    on_every_journal(async |journal| {
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, output) = Program::original().start(options()).await;
        // Another head comment, another model object of the same name.
        let template = "{# Reworded. #}\n[system]\nBe brief.\n[user]\nAbout {{ topic }}: why?\n\n";
        let program = Program {
            template,
            model: oracle(),
            ..Program::original()
        };
        let (_, same) = program.start(options().resume(id)).await;
        assert_eq!(same.unwrap(), output.unwrap());
        assert_eq!(program.model.calls(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_refused_change_can_be_taken_back() {
    on_every_journal(async |journal| {
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, output) = Program::original().start(options()).await;
        let changed = Program {
            argument: 8,
            ..Program::original()
        };
        let (_, refused) = changed.start(options().resume(id.clone())).await;
        refused.unwrap_err();
        let (_, same) = Program::original()
            .start(options().resume(id.clone()))
            .await;
        assert_eq!(same.unwrap(), output.unwrap());
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Finished);
    })
    .await;
}

#[tokio::test]
async fn a_refused_change_does_not_take_a_finished_runs_result() {
    on_every_journal(async |journal| {
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, output) = Program::original().start(options()).await;
        let before = of(&*journal, &id).await;
        assert_eq!(before.1, Some(json!(output.unwrap())));
        let changed = Program {
            argument: 8,
            ..Program::original()
        };
        changed
            .start(options().resume(id.clone()))
            .await
            .1
            .unwrap_err();
        assert_eq!(of(&*journal, &id).await, before);
    })
    .await;
}

async fn of(journal: &dyn Journal, id: &catena::RunId) -> (RunStatus, Option<serde_json::Value>) {
    let record = record(journal, id).await;
    (record.status, record.output)
}
