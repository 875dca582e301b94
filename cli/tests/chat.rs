//! `catena chat` from a pipe: messages, commands, several conversations, and what is kept.

mod support;

use std::fs;

use serde_json::Value;
use support::{
    Finished, Home, Server, run,
    talk::{ASKED, DOG, For, KNOWN, UNKNOWN, bot, chat, memory, purpose, say},
};

/// The lines of a command whose output is a JSON object a line.
fn objects(done: &Finished) -> Vec<Value> {
    let lines = done.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn recorded(home: &Home) -> Vec<Value> {
    let list = run(&mut home.catena(["runs", "list", "--json", "-n", "100"]));
    list.exits(0).json().as_array().unwrap().clone()
}

#[test]
fn each_line_is_answered_and_nothing_else_is_printed() {
    let (home, server) = (Home::new(), Server::start(bot));
    let done = say(&home, &server, &[], &[DOG, "", "It rains.", ASKED]);
    done.exits(0);
    assert_eq!(done.stdout, format!("Noted.\nNoted.\n{KNOWN}\n"));
    assert_eq!(done.stderr, "");
}

#[test]
fn a_later_process_remembers() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "It rains."]).exits(0);
    let done = run(&mut chat(&home, &server, &["--once", ASKED]));
    assert_eq!(done.exits(0).stdout, format!("{KNOWN}\n"));
}

#[test]
fn conversations_users_and_bots_do_not_hear_each_other() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &["garden"], &[DOG]).exits(0);
    for other in [
        &["home"][..],
        &["garden", "--user", "eve"],
        &["garden", "--bot", "b"],
    ] {
        let done = say(&home, &server, other, &[ASKED]);
        assert_eq!(done.exits(0).stdout, format!("{UNKNOWN}\n"), "{other:?}");
    }
    let done = say(&home, &server, &["garden"], &[ASKED]);
    assert_eq!(done.stdout, format!("{KNOWN}\n"));
}

#[test]
fn several_lines_are_one_message() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = ["\"\"\"", "one", "", "two", "\"\"\"", "three\\", "four"];
    let done = say(&home, &server, &["--no-facts"], &lines);
    assert_eq!(done.exits(0).stdout, "Noted.\nNoted.\n");
    let requests = server.requests();
    let said: Vec<_> = requests
        .iter()
        .filter(|request| purpose(request) == For::Answer)
        .map(|request| request.user())
        .collect();
    assert_eq!(said, ["one\n\ntwo", "three\nfour"]);
}

#[test]
fn json_is_an_object_a_line_and_knows_no_commands() {
    let (home, server) = (Home::new(), Server::start(bot));
    let done = say(&home, &server, &["--json"], &[DOG, "/quit", ASKED]);
    let turns = objects(done.exits(0));
    assert_eq!(turns.len(), 3);
    assert_eq!(turns[0]["status"], "finished");
    assert_eq!(turns[0]["learned"][0], "name of the dog: Rex");
    assert_eq!(turns[1]["message"], "/quit");
    assert_eq!(turns[2]["answer"], KNOWN);
    assert_eq!(turns[2]["turn"], 3);
    assert_eq!(turns[2]["recall"]["need"]["needed"], true);
    assert_eq!(turns[2]["recall"]["facts"][0]["is"], "Rex");
    assert_eq!(turns[2]["conversation"], "default");
    assert!(turns[2]["usage"]["calls"].as_u64().unwrap() >= 2);
}

#[test]
fn the_last_answer_can_be_asked_for_its_reasons_after_a_restart() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "It rains.", ASKED]).exits(0);
    let calls = server.seen();
    let done = say(&home, &server, &[], &["/why"]);
    done.exits(0);
    for part in [
        "said yes",
        "turn 2",
        "every word of it: there was room",
        "name of the dog: Rex (since ",
        "turn 1",
        "relevance ",
        " tokens that memories may take",
    ] {
        assert!(done.stdout.contains(part), "no {part:?} in {done:#?}");
    }
    assert_eq!(server.seen(), calls, "no model was asked");
}

#[test]
fn commands_show_what_is_remembered() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "It rains."]).exits(0);
    let shown = |command: &str| say(&home, &server, &[], &[command]).exits(0).stdout.clone();
    let all = shown("/memory");
    assert!(
        all.contains("turn 1") && all.contains("My dog is called Rex. — Noted."),
        "{all}"
    );
    let found = shown("/memory my dog");
    assert!(found.lines().next().unwrap().contains("dog"), "{found}");
    assert!(
        shown("/memory #1").contains("answered Noted."),
        "{}",
        shown("/memory #1")
    );
    assert!(shown("/facts").contains("name of the dog: Rex (since "));
    assert!(shown("/conversations").contains("* "));
    assert!(shown("/help").contains("/forget"));
}

#[test]
fn a_command_that_is_none_is_a_slip_and_a_message_may_begin_with_two_slashes() {
    let (home, server) = (Home::new(), Server::start(bot));
    let done = say(&home, &server, &[], &["/memmory", "//etc/hosts is a file"]);
    done.exits(1)
        .says("there is no command /memmory")
        .says("did you mean /memory?");
    assert_eq!(done.stdout, "Noted.\n");
    let requests = server.requests();
    let asked = requests.iter().find(|one| purpose(one) == For::Answer);
    assert_eq!(asked.unwrap().user(), "/etc/hosts is a file");
}

#[test]
fn conversations_can_be_changed_in_between() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = [
        DOG,
        "/new garden",
        ASKED,
        "/switch default",
        ASKED,
        "/switch gone",
    ];
    let done = say(&home, &server, &[], &lines);
    done.exits(1).says("there is no conversation 'gone'");
    assert_eq!(done.stdout, format!("Noted.\n{UNKNOWN}\n{KNOWN}\n"));
    let done = say(&home, &server, &[], &["/new garden"]);
    done.exits(1)
        .says("there is a conversation 'garden' already");
}

#[test]
fn a_conversation_is_exported_and_taken_over_by_another() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "/export dog.jsonl"]).exits(0);
    let done = say(&home, &server, &["other"], &["/import dog.jsonl", ASKED]);
    assert!(done.exits(0).stdout.ends_with(&format!("{KNOWN}\n")));
    let done = say(&home, &server, &[], &["/export dog.jsonl"]);
    done.exits(1).says("dog.jsonl exists");
}

#[test]
fn a_path_is_as_a_shell_would_have_it() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = [
        DOG,
        "/export ~/dog.jsonl",
        "/export \"my dog.jsonl\"",
        "/export none/dog.jsonl",
    ];
    let done = say(&home, &server, &[], &lines);
    done.exits(1)
        .says("none/dog.jsonl cannot be written: No such file")
        .says("name a file in a folder that is there");
    assert!(!done.stderr.contains(".tmp"), "{done:#?}");
    let written = fs::read(home.path("dog.jsonl")).unwrap();
    assert_eq!(fs::read(home.path("my dog.jsonl")).unwrap(), written);
    let lines = ["/import ~/dog.jsonl", "/import \"~/my dog.jsonl\""];
    let done = say(&home, &server, &["other"], &lines);
    assert_eq!(
        done.exits(0).stdout,
        "2 memories added, 0 were there\n0 memories added, 2 were there\n"
    );
}

#[test]
fn code_within_a_line_is_no_block() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = ["```ls -la``` does what?", "It rains.", "```", "ls", "```"];
    let done = say(&home, &server, &["--no-facts"], &lines);
    assert_eq!(done.exits(0).stdout, "Noted.\n".repeat(3));
}

/// As `catena memory forget` does.
#[test]
fn numbers_of_which_one_is_not_there_are_refused_as_a_whole() {
    let (home, server) = (Home::new(), Server::start(bot));
    let done = say(&home, &server, &[], &[DOG, "/forget 2 99"]);
    done.exits(1)
        .says("the conversation has no memory 99")
        .says("nothing was forgotten");
    assert!(!done.stderr.contains("to be asked"), "{done:#?}");
}

#[test]
fn nobody_is_asked_whether_to_forget_where_nobody_is() {
    let (home, server) = (Home::new(), Server::start(bot));
    let done = say(&home, &server, &[], &[DOG, "/forget Rex"]);
    done.exits(1).says("nobody is there to be asked");
    assert!(done.stdout.contains(DOG), "it is shown: {done:#?}");
    let done = say(&home, &server, &[], &[ASKED]);
    assert_eq!(done.exits(0).stdout, format!("{KNOWN}\n"));
}

#[test]
fn the_record_of_a_conversation_is_bounded() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines: Vec<String> = (0..24).map(|n| format!("It is {n} o'clock.")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    say(&home, &server, &["--no-facts"], &lines).exits(0);
    say(&home, &server, &["other", "--no-facts"], &["Hello."]).exits(0);
    let runs = recorded(&home);
    assert_eq!(runs.len(), 20 + 1);
    assert_eq!(runs[20]["about"], "It is 4 o'clock.", "the oldest are gone");
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    assert_eq!(list[0]["turns"], 24, "and what was said is not");
}

#[test]
fn the_configuration_names_what_flags_name() {
    let (home, server) = (Home::new(), Server::start(bot));
    home.configure(&format!(
        "model = 'openai:file'\nmemory = '{}'\nindex = 'exact'\nembedder = 'hashing'\n\
         user = 'ada'\nbot = 'clerk'\ninstructions = 'You are a clerk.'\n\
         [openai]\nbase_url = '{}'\n",
        home.path("here.db").display(),
        server.url()
    ));
    run(&mut home.catena(["chat", "--once", DOG])).exits(0);
    assert!(home.path("here.db").exists());
    let prompt = server
        .requests()
        .iter()
        .map(|one| one.body.to_string())
        .collect::<String>();
    assert!(prompt.contains("You are a clerk."));
    let list = run(&mut home.catena(["memory", "list"]))
        .exits(0)
        .stdout
        .clone();
    assert!(list.contains("ada/clerk/default"), "{list}");
    // The environment beats the file.
    let done = run(home
        .catena(["memory", "list"])
        .env("CATENA_MEMORY", "gone.db"));
    done.exits(2).says("there is no archive gone.db");
}

#[test]
fn what_a_model_says_does_not_command_the_terminal() {
    let server = Server::start(|request| match purpose(request) {
        For::Answer => support::Reply::text("\u{1b}[2J\u{9b}31mred\r"),
        _ => support::Reply::text("none"),
    });
    let home = Home::new();
    let done = say(
        &home,
        &server,
        &[],
        &["\u{1b}]0;title\u{7}", "/memory", "/why"],
    );
    done.exits(0);
    assert!(done.stdout.contains("[2J31mred"), "{done:#?}");
    assert!(
        !done.stdout.contains(['\u{1b}', '\u{9b}', '\u{7}', '\r']),
        "{done:#?}"
    );
    let show = run(&mut memory(&home, &["show"]));
    assert!(
        !show.stdout.contains(['\u{1b}', '\u{9b}', '\u{7}', '\r']),
        "{show:#?}"
    );
}

#[test]
fn a_message_of_the_journal_is_shown_among_the_runs() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG]).exits(0);
    let runs = recorded(&home);
    assert_eq!(runs[0]["name"], "chat");
    assert_eq!(runs[0]["about"], DOG);
    let show = run(&mut home.catena(["runs", "show", "last"]));
    assert!(
        show.exits(0).stdout.contains("answer       Noted."),
        "{show:#?}"
    );
    run(&mut home.catena(["runs", "fork", "last", "--at", "1"]))
        .exits(2)
        .says("is a turn of a conversation");
    assert!(fs::metadata(home.path("data/catena/memory.db")).is_ok());
}

#[test]
fn what_is_no_name_is_refused() {
    let (home, server) = (Home::new(), Server::start(bot));
    let long = "a".repeat(256);
    for name in ["", " ", "two\nlines", "\u{7}", &long] {
        say(&home, &server, &[name], &[DOG])
            .exits(2)
            .says("the name of the conversation")
            .says("a name is of 1 to 255 bytes");
        for whose in ["--user", "--bot"] {
            say(&home, &server, &[whose, name], &[DOG]).exits(2);
        }
    }
    assert!(!home.path("data").exists(), "nothing was made for it");
    say(&home, &server, &[], &[&format!("/new {long}")])
        .exits(1)
        .says("has 256 bytes");
    home.configure("user = ''\n");
    say(&home, &server, &[], &[DOG])
        .exits(2)
        .says("the name of the user is empty");
}

#[test]
fn a_conversation_in_which_nothing_was_said_is_none() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = ["/new one", "/new two", DOG, "/new three"];
    say(&home, &server, &["first"], &lines).exits(0);
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    let names = list.as_array().unwrap();
    assert_eq!(names.len(), 1, "{list}");
    assert_eq!(names[0]["namespace"]["conversation"], "two");
}
