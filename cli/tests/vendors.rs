//! Models of servers that are known by a prefix: where they are asked, by which key, and how.

mod support;

use std::process::Command;

use support::{ANSWER, FACT, Home, QUESTION, Reply, Request, Server, reader, run};

/// What Ollama 0.12 streams.
const OLLAMA: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"qwen2.5:7b","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"Oda Brandt"},"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"qwen2.5:7b","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":" keeps it."},"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"qwen2.5:7b","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"qwen2.5:7b","system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":6,"total_tokens":46}}

data: [DONE]

"#;

/// What OpenRouter streams: comments that keep the connection, the provider, and the cost.
const OPENROUTER: &str = r#": OPENROUTER PROCESSING

: OPENROUTER PROCESSING

data: {"id":"gen-1","provider":"Together","model":"qwen/qwen-2.5-7b-instruct","object":"chat.completion.chunk","created":1760000000,"choices":[{"index":0,"delta":{"role":"assistant","content":"Oda Brandt keeps it."},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}

data: {"id":"gen-1","provider":"Together","model":"qwen/qwen-2.5-7b-instruct","object":"chat.completion.chunk","created":1760000000,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"stop","logprobs":null}]}

data: {"id":"gen-1","provider":"Together","model":"qwen/qwen-2.5-7b-instruct","object":"chat.completion.chunk","created":1760000000,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null,"logprobs":null}],"usage":{"prompt_tokens":40,"completion_tokens":6,"total_tokens":46,"cost":0.0000042}}

data: [DONE]

"#;

/// What the Messages API streams.
const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Oda Brandt keeps it."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":6}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// `catena ask` about a note with a model of that name.
fn ask(home: &Home, model: &str) -> Command {
    home.write("note.txt", FACT);
    home.catena(["ask", "note.txt", "-q", QUESTION, "-m", model])
}

/// The root of a server, as its own variable wants it.
fn root(server: &Server) -> String {
    server.url().trim_end_matches("/v1").to_owned()
}

/// Asks, and checks that every request went where it should; gives the last.
#[track_caller]
fn asked(server: &Server, command: &mut Command, path: &str, model: &str) -> Request {
    let done = run(command);
    assert!(done.exits(0).stdout.starts_with(ANSWER), "{done:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "a worker and the manager");
    for request in &requests {
        assert!(request.is_for(path), "{:?}", request.headers[0]);
        assert_eq!(request.body["model"], model);
        assert_eq!(request.body["stream"], true);
    }
    requests.last().unwrap().clone()
}

#[test]
fn servers_of_ones_own_are_asked_without_a_key() {
    for (prefix, variable) in [
        ("ollama", "OLLAMA_BASE_URL"),
        ("vllm", "VLLM_BASE_URL"),
        ("llamacpp", "LLAMACPP_BASE_URL"),
        ("mistralrs", "MISTRALRS_BASE_URL"),
    ] {
        let (home, server) = (Home::new(), Server::start(|_| Reply::Recorded(OLLAMA)));
        let mut ask = ask(&home, &format!("{prefix}:qwen2.5:7b"));
        ask.env(variable, server.url())
            // Of other servers, and not theirs to see.
            .env("CATENA_BASE_URL", "http://127.0.0.1:1/v1")
            .env("CATENA_API_KEY", "sk-other")
            .env("OPENAI_API_KEY", "sk-other");
        let request = asked(&server, &mut ask, "/v1/chat/completions", "qwen2.5:7b");
        assert_eq!(request.header("authorization"), None, "{prefix}");
    }
}

#[test]
fn a_key_of_a_server_of_ones_own_is_sent_where_there_is_one() {
    for (prefix, url, key) in [
        ("ollama", "OLLAMA_BASE_URL", "OLLAMA_API_KEY"),
        ("vllm", "VLLM_BASE_URL", "VLLM_API_KEY"),
        ("llamacpp", "LLAMACPP_BASE_URL", "LLAMA_API_KEY"),
    ] {
        let (home, server) = (Home::new(), Server::start(reader));
        let mut ask = ask(&home, &format!("{prefix}:m"));
        ask.env(url, server.url()).env(key, "sk-ours");
        let request = asked(&server, &mut ask, "/v1/chat/completions", "m");
        assert_eq!(request.header("authorization"), Some("Bearer sk-ours"));
    }
}

#[test]
fn openrouter() {
    let (home, server) = (Home::new(), Server::start(|_| Reply::Recorded(OPENROUTER)));
    home.configure("[openrouter]\nheaders = { X-Title = 'catena' }\ncontext_window = 16384");
    let mut ask = ask(&home, "openrouter:qwen/qwen-2.5-7b-instruct");
    ask.env("OPENROUTER_BASE_URL", server.url())
        .env("OPENROUTER_API_KEY", "sk-or");
    let model = "qwen/qwen-2.5-7b-instruct";
    let request = asked(&server, &mut ask, "/v1/chat/completions", model);
    assert_eq!(request.header("authorization"), Some("Bearer sk-or"));
    assert_eq!(request.header("x-title"), Some("catena"));
}

#[test]
fn anthropic_by_its_own_protocol() {
    let (home, server) = (Home::new(), Server::start(|_| Reply::Recorded(ANTHROPIC)));
    let mut ask = ask(&home, "anthropic:claude-haiku-4-5");
    ask.env("ANTHROPIC_BASE_URL", root(&server))
        .env("ANTHROPIC_API_KEY", "sk-ant");
    let request = asked(&server, &mut ask, "/v1/messages", "claude-haiku-4-5");
    assert_eq!(request.header("x-api-key"), Some("sk-ant"));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.header("authorization"), None);
    assert!(request.body["max_tokens"].is_u64());
    assert!(request.body["messages"].to_string().contains(QUESTION));
}

/// A server that is overloaded says so with 529, which passes.
#[test]
fn what_a_vendor_fails_with_for_a_while_is_asked_again() {
    let (home, server) = (
        Home::new(),
        Server::start(|request| match request.number {
            0 => Reply::Status(
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ),
            _ => Reply::Recorded(ANTHROPIC),
        }),
    );
    let mut ask = ask(&home, "anthropic:claude-haiku-4-5");
    ask.env("ANTHROPIC_BASE_URL", root(&server))
        .env("ANTHROPIC_API_KEY", "sk-ant")
        .env("CATENA_RETRIES", "1");
    run(&mut ask).exits(0).says("trying again in");
    assert_eq!(server.seen(), 3);
}

#[test]
fn a_key_that_is_missing_is_named() {
    let home = Home::new();
    for (model, variable) in [
        ("openrouter:a/b", "OPENROUTER_API_KEY"),
        ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY"),
    ] {
        run(&mut ask(&home, model))
            .exits(1)
            .prints_nothing()
            .says("there is no key for the model")
            .says(&format!("set {variable}"));
    }
    run(&mut ask(&home, "openai:gpt-4o-mini"))
        .exits(1)
        .says("no server is configured")
        .says("OPENAI_API_KEY");
}

#[test]
fn a_prefix_that_is_none_is_answered_with_those_there_are() {
    let home = Home::new();
    for args in [
        &["ask", "note.txt", "-q", "?", "-m", "gemini:pro"][..],
        &["models", "info", "gemini:pro"],
        &["models", "rm", "gemini:pro"],
    ] {
        home.write("note.txt", FACT);
        run(&mut home.catena(args))
            .exits(2)
            .prints_nothing()
            .says("`gemini:`")
            .says("openai:, openrouter:, anthropic:, ollama:, vllm:, llamacpp:, mistralrs:");
    }
    run(&mut ask(&home, "ollama:"))
        .exits(2)
        .says("`ollama:` names no model");
}

#[test]
fn what_is_known_of_a_servers_model_is_told_without_asking_it() {
    let home = Home::new();
    home.configure("[ollama]\ncontext_window = 32768\nretries = 1\n[anthropic]\ninput_price = 1.0");
    let info = |model: &str| {
        let mut info = home.catena(["models", "info", model, "--json"]);
        info.env("ANTHROPIC_API_KEY", "sk-hidden")
            .env("OPENAI_API_KEY", "sk-hidden");
        info.env_remove("CATENA_RETRIES");
        let done = run(&mut info);
        assert!(!done.stdout.contains("sk-hidden"));
        done.exits(0).json()
    };
    let ollama = info("ollama:qwen2.5:7b");
    assert_eq!(ollama["name"], "ollama:qwen2.5:7b");
    assert_eq!(ollama["server"], "http://localhost:11434/v1");
    assert_eq!(
        (&ollama["key"], &ollama["retries"]),
        (&false.into(), &1.into())
    );
    assert_eq!(
        (&ollama["context_window"], &ollama["parallel"]),
        (&32768.into(), &1.into())
    );
    let claude = info("anthropic:claude-haiku-4-5");
    assert_eq!(claude["server"], "https://api.anthropic.com/v1");
    assert_eq!(
        (&claude["key"], &claude["retries"]),
        (&true.into(), &3.into())
    );
    assert_eq!(
        (&claude["context_window"], &claude["input_price"]),
        (&200_000.into(), &1.0.into())
    );
    let openai = info("openai:gpt-4o-mini");
    assert_eq!(openai["server"], "https://api.openai.com/v1");
    let done = run(&mut home.catena(["models", "info", "vllm:m"]));
    assert!(
        done.exits(0).stdout.contains("http://localhost:8000/v1"),
        "{done:?}"
    );
}

/// What is known needs no key; that it is lacking is known too.
#[test]
fn what_is_known_is_told_without_a_key() {
    let home = Home::new();
    for (model, variable) in [
        ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("openrouter:a/b", "OPENROUTER_API_KEY"),
        ("openai:gpt-4o-mini", "OPENAI_API_KEY"),
    ] {
        let info = run(&mut home.catena(["models", "info", model, "--json"]));
        let info = info.exits(0).json();
        assert_eq!(info["key"], false);
        assert!(
            info["lacking"].as_str().unwrap().contains(variable),
            "{info}"
        );
        let text = run(&mut home.catena(["models", "info", model]));
        assert!(text.exits(0).stdout.contains(variable), "{text:?}");
        let mut known = home.catena(["models", "info", model, "--json"]);
        let info = run(known.env(variable, "sk")).exits(0).json();
        assert_eq!(
            (&info["key"], &info["lacking"]),
            (&true.into(), &serde_json::Value::Null)
        );
    }
}

/// OpenAI's key alone is enough for its embedders, as for its models.
#[test]
fn an_embedder_is_where_its_models_are() {
    let (home, server) = (Home::new(), Server::start(support::talk::bot));
    support::talk::say(&home, &server, &["--no-facts"], &["It rains."]).exits(0);
    let reindex = || {
        let mut reindex = home.catena(["memory", "reindex", "--index", "exact"]);
        reindex.args(["--embedder", "openai:text-embedding-3-small:8"]);
        // Nothing gets out of here.
        reindex.env("HTTPS_PROXY", "http://127.0.0.1:1");
        reindex
    };
    run(&mut reindex())
        .exits(2)
        .says("no server is configured for the embedder 'text-embedding-3-small'")
        .says("OPENAI_API_KEY");
    run(reindex().env("OPENAI_API_KEY", "sk"))
        .exits(1)
        .says("https://api.openai.com/v1");
    let vectors = r#"{"data":[{"embedding":[1,0,0,0,0,0,0,0]}]}"#;
    let server = Server::start(move |_| Reply::Status(200, vectors));
    let mut there = reindex();
    there
        .env("OPENAI_API_KEY", "sk")
        .env("OPENAI_BASE_URL", server.url());
    run(&mut there).exits(0);
    let request = server.requests()[0].clone();
    assert!(request.is_for("/v1/embeddings"), "{:?}", request.headers);
    assert_eq!(request.header("authorization"), Some("Bearer sk"));
}

#[test]
fn nothing_of_a_servers_model_is_here_to_be_removed() {
    let home = Home::new();
    for model in ["openai:gpt-4o-mini", "ollama:qwen2.5:7b"] {
        run(&mut home.catena(["models", "rm", model]))
            .exits(2)
            .prints_nothing()
            .says("nothing of it is here to be removed");
    }
}
