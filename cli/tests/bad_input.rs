//! Texts and questions that cannot be used: said before a model is asked.

mod support;

use std::process::Stdio;

use support::{FACT, Home, QUESTION, Reply, Server, book, reader, run, run_with_input};

/// Asks about `file`, which has to fail with `code` and `reason`, and without a request.
#[track_caller]
fn refused(home: &Home, file: &str, code: i32, reason: &str) {
    let server = Server::start(reader);
    run(&mut home.ask(&server, file, &[]))
        .exits(code)
        .prints_nothing()
        .says(reason);
    assert_eq!(server.seen(), 0, "a model was asked");
}

#[test]
fn a_file_that_is_not_there() {
    refused(
        &Home::new(),
        "no.txt",
        1,
        "no.txt cannot be read: No such file",
    );
}

#[test]
fn nobody_listens_to_what_is_said() {
    let (home, (listener, writer)) = (Home::new(), std::io::pipe().unwrap());
    drop(listener);
    let mut ask = home.catena(["ask", "no.txt", "-q", QUESTION]);
    let status = ask.stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn one_of_several_files_that_is_not_there() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let done = run(&mut home.ask(&server, "book.txt", &["no.txt"]));
    done.exits(1).says("no.txt cannot be read");
    let told = done.stderr.matches("No such file").count();
    assert_eq!(told, 1, "the cause is told once: {}", done.stderr);
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_folder() {
    let home = Home::new();
    home.write("books/book.txt", book());
    refused(&home, "books", 1, "books is a folder");
}

#[test]
#[cfg(unix)]
fn a_file_that_may_not_be_read() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let home = Home::new();
    let path = home.write("secret.txt", book());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        return; // Nothing is forbidden to root.
    }
    refused(
        &home,
        "secret.txt",
        1,
        "secret.txt cannot be read: Permission denied",
    );
}

#[test]
fn an_empty_file() {
    let home = Home::new();
    home.write("empty.txt", "");
    refused(&home, "empty.txt", 1, "empty.txt is empty");
}

#[test]
fn a_file_of_blanks() {
    let home = Home::new();
    home.write("blank.txt", " \n\t\r\n\u{a0}");
    refused(&home, "blank.txt", 1, "blank.txt is empty");
}

#[test]
fn a_file_of_nothing_but_a_byte_order_mark() {
    let home = Home::new();
    home.write("mark.txt", "\u{feff}\n");
    refused(&home, "mark.txt", 1, "mark.txt is empty");
}

#[test]
fn a_binary_file() {
    let home = Home::new();
    home.write("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    refused(
        &home,
        "image.png",
        1,
        "image.png is no text: byte 8 is zero",
    );
}

/// Some are text in UTF-8 as far as their bytes go.
#[test]
fn a_pdf() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("text.pdf", "%PDF-1.4\n1 0 obj\n<< >>\nendobj\n");
    home.write("bytes.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
    for file in ["text.pdf", "bytes.pdf"] {
        refused(&home, file, 1, &format!("{file} is no text: it is a PDF"));
        run(&mut home.with(&server, ["memory", "read", file]))
            .exits(1)
            .says("is no text: it is a PDF")
            .says("convert other formats first");
    }
    run_with_input(&mut home.with(&server, ["ask", "-q", "Who?"]), "%PDF-1.4\n")
        .exits(1)
        .says("stdin is no text: it is a PDF");
    assert_eq!(server.seen(), 0);
}

#[test]
fn text_in_utf_16() {
    let home = Home::new();
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend("Oda Brandt".encode_utf16().flat_map(u16::to_le_bytes));
    home.write("wide.txt", bytes);
    refused(&home, "wide.txt", 1, "wide.txt is text in UTF-16");
}

#[test]
fn text_in_latin_1() {
    let home = Home::new();
    home.write("latin.txt", b"The caf\xe9 is closed.");
    refused(
        &home,
        "latin.txt",
        1,
        "latin.txt is not in UTF-8: byte 7 does not fit",
    );
}

#[test]
fn standard_input_that_is_empty() {
    let (home, server) = (Home::new(), Server::start(reader));
    for args in [&["ask", "-q", "Who?"][..], &["ask", "-", "-q", "Who?"]] {
        run_with_input(&mut home.with(&server, args), "")
            .exits(1)
            .prints_nothing()
            .says("stdin is empty");
    }
    assert_eq!(server.seen(), 0);
}

#[test]
#[cfg(unix)]
fn standard_input_that_is_closed() {
    let (home, server) = (Home::new(), Server::start(reader));
    let catena = env!("CARGO_BIN_EXE_catena");
    // The shell closes the descriptor, which this library cannot.
    let mut shell = home.with(&server, [] as [&str; 0]);
    let environment: Vec<_> = shell
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    shell = std::process::Command::new("sh");
    shell
        .env_clear()
        .envs(environment)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .args(["-c", "exec \"$0\" ask -q Who? <&-", catena]);
    let done = run(&mut shell);
    done.exits(1).prints_nothing().says("stdin");
    assert!(!done.stderr.contains("panicked"));
    assert_eq!(server.seen(), 0);
}

#[test]
fn no_question() {
    let home = Home::new();
    home.write("note.txt", FACT);
    run(&mut home.catena(["ask", "note.txt"]))
        .exits(2)
        .prints_nothing()
        .says("--question");
}

#[test]
fn an_empty_question() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    for question in ["", " \n\t"] {
        run(&mut home.with(&server, ["ask", "note.txt", "-q", question]))
            .exits(2)
            .says("the question is empty");
    }
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_question_longer_than_the_window_is_said_before_a_worker_is_paid() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    let question = "And who keeps the lighthouse then? ".repeat(1000);
    run(&mut home.with(&server, ["ask", "note.txt", "-q", &question])).exits(2);
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_window_smaller_than_the_prompt_is_told_how_large_it_has_to_be() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    let with = |window: &str| {
        let args = ["ask", "note.txt", "-q", QUESTION, "--window", window];
        run(&mut home.with(&server, args))
    };
    let done = with("100");
    done.exits(2)
        .prints_nothing()
        .says("a window of 100 tokens leaves no room for the text");
    assert_eq!(server.seen(), 0);

    // What it says is enough.
    let words: Vec<&str> = done.stderr.split_whitespace().collect();
    let named = words.windows(2).rev().find_map(|pair| match pair {
        [number, "tokens"] => Some(*number),
        _ => None,
    });
    with(named.unwrap()).exits(0);
}

#[test]
fn a_window_larger_than_the_models() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.with(&server, ["ask", "note.txt", "-q", QUESTION, "-w", "9000"]))
        .exits(2)
        .prints_nothing()
        .says("a window of 9000 tokens is larger than the 8192 of 'test'");
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_failure_before_the_run_is_json_too() {
    let (home, server) = (Home::new(), Server::start(reader));
    let json = run(&mut home.ask(&server, "no.txt", &["--json"]))
        .exits(1)
        .json();
    assert_eq!(json["status"], "failed");
    assert!(
        json["error"]
            .as_str()
            .unwrap()
            .contains("no.txt cannot be read")
    );
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let home = Home::new();
    home.write("note.txt", FACT);
    let mut ask = home.catena(["ask", "note.txt", "-q", "Who?", "-m", "openai:test"]);
    run(ask.env("CATENA_BASE_URL", "http://127.0.0.1:1/v1"))
        .exits(1)
        .prints_nothing()
        .says("the server could not be reached")
        .says("http://127.0.0.1:1/v1");
}

#[test]
fn a_server_that_fails_is_quoted() {
    let cases = [
        (
            401,
            r#"{"error":{"message":"no such key"}}"#,
            "401: no such key",
        ),
        (404, r#"{"error":"no such model"}"#, "404: no such model"),
        (429, r#"{"error":"slow down"}"#, "429: slow down"),
        (500, "out of memory", "500: out of memory"),
        (200, "<html>welcome</html>", "a web page"),
        (200, "{\"choices\": ", "cut off"),
        (200, "data: {broken\n\n", "is not JSON"),
        (200, "", "cut off"),
    ];
    let home = Home::new();
    home.write("note.txt", FACT);
    for (status, body, reason) in cases {
        let server = Server::start(move |_| Reply::Status(status, body));
        run(&mut home.ask(&server, "note.txt", &[]))
            .exits(1)
            .prints_nothing()
            .says(reason)
            .says(server.url());
    }
}

#[test]
fn an_answer_that_breaks_off_is_a_failure() {
    let (home, server) = (
        Home::new(),
        Server::start(|request| match request.is_manager() {
            true => Reply::Cut("Oda "),
            false => reader(request),
        }),
    );
    home.write("note.txt", FACT);
    run(&mut home.ask(&server, "note.txt", &[]))
        .exits(1)
        .says("the answer was cut off after 4 bytes");
    let json = run(&mut home.ask(&server, "note.txt", &["--json"]))
        .exits(1)
        .json();
    assert_eq!(json["status"], "failed");
    assert_eq!(json["units"][0]["text"], FACT);
}

#[test]
fn a_broken_template_is_named() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    home.write("prompts/chain/worker_query.tera", "[user]\n{{ chunkk }}");
    run(&mut home.ask(&server, "note.txt", &["--prompts", "prompts"]))
        .prints_nothing()
        .says("chunkk");
    assert_eq!(server.seen(), 0);
}
