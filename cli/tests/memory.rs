//! `catena memory`: what conversations remember, without a model.

mod support;

use std::fs;

use serde_json::Value;
use support::{
    Finished, Home, Reply, Server, bytes, finish, run, signal,
    talk::{ASKED, DOG, KNOWN, UNKNOWN, bot, chat, memory, said, say},
};

/// A home in which two conversations were had.
fn talked() -> (Home, Server) {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "The roses are white."]).exits(0);
    say(&home, &server, &["garden"], &["Tulips come in April."]).exits(0);
    (home, server)
}

#[track_caller]
fn told(home: &Home, args: &[&str]) -> Finished {
    run(&mut memory(home, args))
}

#[track_caller]
fn json(home: &Home, args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.push("--json");
    told(home, &all).exits(0).json()
}

fn ids(items: &Value) -> Vec<u64> {
    let items = items.as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_u64().unwrap())
        .collect()
}

#[test]
fn nothing_was_remembered_yet() {
    let home = Home::new();
    assert_eq!(
        told(&home, &["list"]).exits(0).stdout,
        "nothing is remembered yet\n"
    );
    assert_eq!(json(&home, &["list"]), Value::Array(Vec::new()));
    assert_eq!(
        told(&home, &["show"]).exits(0).stdout,
        "nothing is remembered\n"
    );
    told(&home, &["export"])
        .exits(2)
        .says("nothing is remembered yet");
    assert!(!home.path("data").exists(), "looking makes no archive");
}

#[test]
fn conversations_are_listed() {
    let (home, _server) = talked();
    let list = told(&home, &["list"]);
    let lines: Vec<&str> = list.exits(0).stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].contains("     2") && lines[1].ends_with("me/catena/default"),
        "{list:#?}"
    );
    assert!(lines[2].ends_with("me/catena/garden"));
    // Two turns, and the fact in one of them.
    assert_eq!(json(&home, &["list"])[0]["items"], 3);
}

#[test]
fn a_conversation_is_shown_and_filtered() {
    let (home, _server) = talked();
    let show = told(&home, &["show"]);
    for part in [
        "said     My dog is called Rex.",
        "answered Noted.",
        "name of the dog: Rex (since ",
    ] {
        assert!(show.exits(0).stdout.contains(part), "{show:#?}");
    }
    assert_eq!(ids(&json(&home, &["show", "--turns"])), [1, 3]);
    assert_eq!(ids(&json(&home, &["show", "--facts", "--current"])), [2]);
    assert_eq!(ids(&json(&home, &["show", "--containing", "ROSES"])), [3]);
    assert_eq!(ids(&json(&home, &["show", "-n", "1"])), [3]);
    assert_eq!(ids(&json(&home, &["show", "--since", "1h"])), [1, 2, 3]);
    assert_eq!(
        ids(&json(&home, &["show", "--before", "2020-01-01"])),
        [0; 0]
    );
    told(&home, &["show", "gone"])
        .exits(2)
        .says("there is no conversation me/catena/gone");
    told(&home, &["show", "--before", "soon"])
        .exits(2)
        .says("'soon' is neither an age");
}

#[test]
fn memories_are_found_by_both_ways_and_by_words_alone() {
    let (home, _server) = talked();
    let found = json(&home, &["search", "colour of my roses"]);
    assert_eq!(found[0]["item"]["observation"], "The roses are white.");
    assert!(found[0]["cosine"].is_number());
    let found = json(&home, &["search", "colour of my roses", "--words"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["relevance"], 1.0);
    let found = told(&home, &["search", "tulips", "--words"]);
    assert_eq!(
        found.exits(0).stdout,
        "nothing was found\n",
        "that is in another conversation"
    );
    told(&home, &["search", " "])
        .exits(2)
        .says("there is nothing to look for");
}

#[test]
fn what_is_forgotten_is_gone_from_the_disk() {
    let (home, server) = talked();
    let dry = told(&home, &["forget", "--containing", "rex", "--dry-run"]);
    assert!(
        dry.exits(0)
            .stdout
            .ends_with("2 memories would be forgotten\n"),
        "{dry:#?}"
    );
    told(&home, &["forget", "--containing", "rex"])
        .exits(2)
        .says("nobody is there to be asked");
    assert_eq!(json(&home, &["list"])[0]["items"], 3);

    let gone = told(&home, &["forget", "--containing", "rex", "--yes"]);
    assert!(
        gone.exits(0).stdout.ends_with("2 memories forgotten\n"),
        "{gone:#?}"
    );
    assert_eq!(ids(&json(&home, &["show"])), [3]);
    let runs = run(&mut home.catena(["runs", "list", "--json"]))
        .exits(0)
        .json();
    let about: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["about"])
        .collect();
    assert_eq!(
        about,
        ["Tulips come in April."],
        "the other conversation's runs stay"
    );
    for entry in fs::read_dir(home.path("data/catena")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file()
            && path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("memory")
        {
            let found = bytes(&path).windows(3).any(|three| three == b"Rex");
            assert!(!found, "{}", path.display());
        }
    }
    let done = say(&home, &server, &[], &[ASKED]);
    assert_eq!(done.exits(0).stdout, format!("{UNKNOWN}\n"));
}

#[test]
fn forgetting_is_by_number_and_age_too_and_never_by_nothing() {
    let (home, _server) = talked();
    told(&home, &["forget", "--yes"])
        .exits(2)
        .says("nothing says which memories to forget");
    told(&home, &["forget", "one"])
        .exits(2)
        .says("'one' is no number of a memory");
    told(&home, &["forget", "--all", "3"]).exits(2);
    told(&home, &["forget", "99", "3", "--yes"])
        .exits(2)
        .says("no memory 99");
    let gone = json(&home, &["forget", "#3", "--yes"]);
    assert_eq!(gone["forgotten"], serde_json::json!([3]));
    let gone = json(&home, &["forget", "--before", "1d", "--yes"]);
    assert_eq!(gone["forgotten"], serde_json::json!([]));
    let gone = json(&home, &["forget", "--all", "--yes"]);
    assert_eq!(gone["forgotten"], serde_json::json!([1, 2]));
    let left = json(&home, &["list"]);
    let left = left.as_array().unwrap();
    assert_eq!(
        (left.len(), &left[0]["items"]),
        (1, &1.into()),
        "the garden is as it was"
    );
}

#[test]
fn an_export_is_taken_over_whole_or_not_at_all() {
    let (home, server) = talked();
    let lines = told(&home, &["export"]).exits(0).stdout.clone();
    assert_eq!(lines.lines().count(), 4);
    told(&home, &["export", "-o", "all.jsonl"]).exits(0);
    assert_eq!(fs::read_to_string(home.path("all.jsonl")).unwrap(), lines);
    told(&home, &["export", "-o", "all.jsonl"])
        .exits(2)
        .says("all.jsonl exists");
    told(&home, &["export", "-c", "garden", "-o", "garden.jsonl"]).exits(0);
    assert_eq!(
        bytes(&home.path("garden.jsonl"))
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        1
    );

    let other = Home::new();
    other.write("all.jsonl", &lines);
    let done = json(&other, &["import", "all.jsonl"]);
    assert_eq!((&done["added"], &done["merged"]), (&4.into(), &0.into()));
    let done = json(&other, &["import", "all.jsonl"]);
    assert_eq!((&done["added"], &done["merged"]), (&0.into(), &4.into()));
    let done = say(&other, &server, &[], &[ASKED]);
    assert_eq!(done.exits(0).stdout, format!("{KNOWN}\n"));

    other.write(
        "bad.jsonl",
        format!("{}\nnot an item\n", lines.lines().next().unwrap()),
    );
    told(&other, &["import", "bad.jsonl", "-c", "new"])
        .exits(1)
        .says("bad.jsonl, line 2,");
    told(&other, &["show", "new"])
        .exits(2)
        .says("there is no conversation");
    told(&other, &["import", "gone.jsonl"])
        .exits(2)
        .says("there is no file gone.jsonl");
}

/// With vectors that nobody gives it is no success, and what an import took over is told.
#[test]
fn an_index_that_cannot_be_made_is_a_failure() {
    let (home, _server) = talked();
    let nobody = |args: &[&str]| {
        let mut command = memory(&home, args);
        command
            .env("CATENA_EMBEDDER", "openai:none:8")
            .env("CATENA_BASE_URL", "http://127.0.0.1:1/v1");
        run(&mut command)
    };
    nobody(&["reindex"]).exits(1).says("could not be reached");
    let all = told(&home, &["export"]);
    home.write("all.jsonl", &all.exits(0).stdout);
    nobody(&["import", "all.jsonl", "--memory", "new.db"])
        .exits(1)
        .says("4 memories added, 0 were there in the archive");
    told(&home, &["import", "/dev/zero"])
        .exits(2)
        .says("there is no file /dev/zero");
}

#[test]
fn an_index_is_checked_and_made_anew() {
    let (home, _server) = talked();
    let checked = json(&home, &["check"]);
    assert_eq!(checked["memories"], 4);
    assert_eq!(
        (&checked["added"], &checked["removed"]),
        (&0.into(), &0.into())
    );
    assert!(
        told(&home, &["check"])
            .exits(0)
            .stdout
            .ends_with(" has all of 4 memories\n")
    );
    let anew = json(&home, &["reindex"]);
    assert_eq!(anew["memories"], 4);
    assert_eq!(anew["embedder"], "hashing-256");
    told(&home, &["move", "--to", "exact"])
        .exits(2)
        .says("is made anew each time");
    let server = "qdrant:http://localhost:1";
    told(&home, &["move", "--to", server, "--index", server])
        .exits(2)
        .says("the index is qdrant:http://localhost:1 already");
    told(&home, &["check", "--index", server])
        .exits(1)
        .says("see whether a Qdrant server runs at http://localhost:1");
}

#[test]
fn what_says_the_same_becomes_one() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(
        &home,
        &server,
        &[],
        &["The roses are white.", "the ROSES are white!"],
    )
    .exits(0);
    let plan = json(&home, &["consolidate", "--dry-run"]);
    assert_eq!(
        plan["plan"]["proposals"][0]["items"],
        serde_json::json!([1, 2])
    );
    assert_eq!(
        ids(&json(&home, &["show"])),
        [1, 2],
        "a dry run changes nothing"
    );
    let done = told(&home, &["consolidate"]);
    assert!(
        done.exits(0).stdout.contains("#1, #2 become one: "),
        "{done:#?}"
    );
    let left = json(&home, &["show"]);
    assert_eq!(ids(&left), [1]);
    assert_eq!(
        left[0]["sources"].as_array().unwrap().len(),
        2,
        "both turns are told of"
    );
    let again = told(&home, &["consolidate"]);
    assert_eq!(again.exits(0).stdout, "there is nothing to consolidate\n");
}

#[test]
fn a_mistyped_archive_is_not_made() {
    let home = Home::new();
    for command in ["check", "reindex"] {
        let typo = home.path("typo.db");
        told(&home, &[command, "--memory", typo.to_str().unwrap()])
            .exits(2)
            .says("there is no archive");
        assert!(!typo.exists());
    }
}

/// As a script says it whose variable is empty.
#[test]
fn an_empty_text_forgets_nothing() {
    let (home, _server) = talked();
    told(&home, &["forget", "--containing", "", "--yes"])
        .exits(2)
        .says("an empty text is in every memory");
    assert_eq!(json(&home, &["check"])["memories"], 4);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let (home, _server) = talked();
    let check = ["check", "--index", "embedded"];
    assert_eq!(json(&home, &check)["memories"], 4);
    let stamp = home.path("data/catena/memory.db.index/stamp.json");
    assert!(stamp.exists());
    fs::write(stamp, "no JSON").unwrap();
    told(&home, &check)
        .exits(0)
        .says("it is made anew from the archive");
    assert_eq!(json(&home, &check)["memories"], 4);
}

/// It is in the files of the embedded index until that is opened next, which says so.
#[test]
fn an_index_that_was_not_in_use_is_rid_of_what_was_forgotten() {
    let (home, _server) = talked();
    let check = ["check", "--index", "embedded"];
    assert_eq!(json(&home, &check)["purged"], false);
    told(&home, &["forget", "--containing", "Rex", "--yes"]).exits(0);
    assert_eq!(json(&home, &["check"])["purged"], false, "it keeps no file");
    let rid = told(&home, &check);
    rid.exits(0)
        .says("what was forgotten may still be in embedded Qdrant");
    let stdout = &rid.stdout;
    assert!(
        stdout.contains("may have had vectors of what was forgotten in its files"),
        "{rid:#?}"
    );
    let again = json(&home, &check);
    assert_eq!(
        (&again["purged"], &again["memories"]),
        (&false.into(), &2.into())
    );
}

/// Not even its name stays, in no file; and what was read into it goes too.
#[test]
fn a_conversation_is_forgotten_as_a_whole() {
    let (home, server) = (Home::new(), Server::start(bot));
    let name = "zebrafish";
    say(&home, &server, &[name], &[DOG]).exits(0);
    say(&home, &server, &["garden"], &["Tulips come in April."]).exits(0);
    home.write("book.txt", "Rex lives in a house. ".repeat(20));
    let read = ["memory", "read", "book.txt", "-c", name];
    let index = ["--index", "exact", "--embedder", "hashing"];
    run(home.with(&server, read).args(index)).exits(0);
    let typed = home.path("data/catena/typed");
    fs::create_dir_all(&typed).unwrap();
    let id = id_of_the_archive(&home);
    let of_the_garden = self::typed(&home, &id, "garden");
    for file in [&self::typed(&home, &id, name), &of_the_garden] {
        fs::write(file, "My dog is called Rex.\n").unwrap();
    }

    let of = ["forget", "--all", "-c", name];
    let dry = json(&home, &[&of[..], &["--dry-run"]].concat());
    assert_eq!(dry["conversation"], true);
    assert_eq!(json(&home, &["list"]).as_array().unwrap().len(), 2);
    let gone = told(&home, &[&of[..], &["--yes"]].concat());
    assert!(
        gone.exits(0).stdout.ends_with(
            " memories and the conversation me/catena/zebrafish itself, its recorded runs and the \
             lines typed in it forgotten\n"
        ),
        "{gone:#?}"
    );
    let left = json(&home, &["list"]);
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["namespace"]["conversation"], "garden");
    told(&home, &of).exits(2).says("there is no conversation");
    let runs = run(&mut home.catena(["runs", "list", "--json"]))
        .exits(0)
        .json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    let kept = |path: &std::path::Path| {
        let bytes = bytes(path);
        let has = |word: &str| {
            bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        };
        (has("Rex") && path != of_the_garden) || has(name)
    };
    for folder in [home.path("data/catena"), typed.clone()] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_string_lossy().contains(name), "{}", path.display());
            assert!(!path.is_file() || !kept(&path), "{}", path.display());
        }
    }
    assert!(of_the_garden.exists());
}

/// What holds otherwise is told once, and done when the index is optimised.
#[test]
fn an_embedded_index_may_have_quantised_copies() {
    let (home, _server) = talked();
    let config =
        || fs::read_to_string(home.path("data/catena/memory.db.index/points/edge_config.json"));
    let check = |index: &str| told(&home, &["check", "--index", index]);
    check("embedded").exits(0);
    assert!(!config().unwrap().contains("scalar"));
    let changed = check("embedded:quantized");
    assert!(
        changed.stdout.ends_with(" has all of 4 memories\n"),
        "{changed:#?}"
    );
    changed.exits(0).says("was made without quantised copies");
    assert!(config().unwrap().contains("scalar"));
    assert_eq!(check("embedded:quantized").exits(0).stderr, "");
    check("embedded")
        .exits(0)
        .says("was made with quantised copies");
    told(
        &home,
        &["move", "--index", "embedded", "--to", "embedded:quantized"],
    )
    .exits(2)
    .says("are the same folder");
    told(&home, &["check", "--index", "embedded:small"])
        .exits(2)
        .says("embedded:quantized");
}

#[test]
fn what_is_no_name_is_refused() {
    let (home, _server) = talked();
    let long = "a".repeat(256);
    for (args, wrong) in [
        (&["show", ""][..], "the name of the conversation is empty"),
        (&["show", "--user", " "], "the name of the user is empty"),
        (
            &["search", "dog", "--bot", "a\nb"],
            "the name of the bot has a control character",
        ),
        (
            &["forget", "--all", "-c", &long],
            "the name of the conversation has 256 bytes",
        ),
        (
            &["export", "-c", ""],
            "the name of the conversation is empty",
        ),
        (
            &["import", "all.jsonl", "-c", "\u{1b}[2J"],
            "has a control character",
        ),
        (
            &["consolidate", "--user", &long],
            "the name of the user has 256 bytes",
        ),
    ] {
        told(&home, args)
            .exits(2)
            .says(wrong)
            .says("a name is of 1 to 255 bytes");
    }
}

/// What is no export, and what holds nothing, leaves neither an archive nor a conversation.
#[test]
fn an_import_that_brings_nothing_leaves_nothing() {
    let (home, server) = (Home::new(), Server::start(bot));
    home.write("empty.jsonl", "\n");
    home.write("wrong.jsonl", "{\"observation\": 7}\n");
    let before = home.names();
    for (file, code) in [("empty.jsonl", 0), ("wrong.jsonl", 1)] {
        for more in [&[][..], &["--conversation", "new"]] {
            let args = [&["import", file, "--memory", "mistyped.db"][..], more].concat();
            run(&mut memory(&home, &args)).exits(code);
            assert_eq!(home.names(), before, "{args:?}");
        }
    }
    // Nor where the vectors cannot be had.
    let (dog, _) = exported_dog(&home, &server);
    let before = home.names();
    let mut import = memory(&home, &["import", &dog, "--memory", "mistyped.db"]);
    import.env("CATENA_EMBEDDER", "openai:none:8");
    run(&mut import).exits(2).says("no server is configured");
    assert_eq!(home.names(), before);

    let args = ["import", "wrong.jsonl", "--conversation", "new"];
    run(&mut memory(&home, &args)).exits(1);
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}

/// An export of a conversation about a dog, and how many memories are in it.
fn exported_dog(home: &Home, server: &Server) -> (String, usize) {
    say(home, server, &[], &[DOG, "/export dog.jsonl"]).exits(0);
    let lines = std::fs::read_to_string(home.path("dog.jsonl")).unwrap();
    ("dog.jsonl".to_owned(), lines.lines().count())
}

/// A file with the lines typed in a conversation, as it is named.
fn typed(home: &Home, archive: &str, conversation: &str) -> std::path::PathBuf {
    home.path(&format!(
        "data/catena/typed/{archive}.me.catena.{conversation}"
    ))
}

/// The id of an archive: it is told with each recorded turn.
fn id_of_the_archive(home: &Home) -> String {
    let export = run(&mut home.catena(["runs", "export", "last"]))
        .exits(0)
        .stdout
        .clone();
    let head: Value = serde_json::from_str(export.lines().next().unwrap()).unwrap();
    let told = head.to_string();
    let (_, rest) = told.split_once("\"archive\":\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Lines that were typed belong to a conversation of one archive, and go with it, also where it goes because
/// nothing was said in it.
#[test]
fn typed_lines_belong_to_an_archive_and_go_with_their_conversation() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG]).exits(0);
    let id = id_of_the_archive(&home);
    let (here, elsewhere) = (
        typed(&home, &id, "default"),
        typed(&home, "another", "default"),
    );
    let unused = typed(&home, &id, "unused");
    for file in [&here, &elsewhere, &unused] {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "typed\n").unwrap();
    }
    say(&home, &server, &["unused"], &["/help"]).exits(0);
    assert!(
        !unused.exists(),
        "the conversation was dropped, and its lines with it"
    );
    assert!(here.exists());
    run(&mut memory(&home, &["forget", "--all", "--yes"])).exits(0);
    assert!(!here.exists());
    assert!(elsewhere.exists(), "that is another archive's");
}

fn has(home: &Home, word: &str) -> Vec<std::path::PathBuf> {
    fn look(folder: &std::path::Path, word: &[u8], found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, word, found);
            } else if bytes(&path).windows(word.len()).any(|part| part == word) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    look(&home.path("data"), word.as_bytes(), &mut found);
    found
}

/// A talk in another archive has the same journal open, and goes on.
#[cfg(unix)]
#[test]
fn nothing_of_what_is_forgotten_stays_in_a_journal_that_others_have_open() {
    const SECRET: &str = "zebrafish";
    let server = Server::start(|request| match said(request) {
        "Wait." => Reply::Hang,
        _ => bot(request),
    });
    let home = Home::new();
    say(&home, &server, &["--no-facts"], &["It rains."]).exits(0);
    let mut other = chat(&home, &server, &["--memory", "other.db", "--once", "Wait."]);
    let other = other.spawn().unwrap();
    server.wait_for(2);
    let told = format!("I have a {SECRET}.");
    say(&home, &server, &["--no-facts"], &[&told]).exits(0);
    let before = has(&home, SECRET);
    assert!(
        before.iter().any(|path| path.ends_with("runs.db-wal")),
        "{before:?}"
    );
    self::told(&home, &["forget", "--containing", SECRET, "--yes"]).exits(0);
    assert_eq!(has(&home, SECRET), Vec::<std::path::PathBuf>::new());
    assert!(home.path("data/catena/runs.db-wal").exists(), "it is open");
    signal(other.id(), "INT");
    finish(other).exits(130);
}

/// Nothing is remembered of it, and its words are in the record of the run.
#[test]
fn a_turn_that_failed_is_forgotten_by_its_words() {
    const SECRET: &str = "zebrafish";
    let server = Server::start(|request| match said(request).contains(SECRET) {
        true => Reply::Status(400, "no"),
        false => bot(request),
    });
    let home = Home::new();
    let told = format!("I have a {SECRET}.");
    say(&home, &server, &["--no-facts"], &["It rains.", &told]).exits(1);
    assert!(!has(&home, SECRET).is_empty());
    let forget = ["forget", "--containing", "ZebraFish"];
    let dry = json(&home, &[&forget[..], &["--dry-run"]].concat());
    assert_eq!(
        (&dry["forgotten"], &dry["recorded"]),
        (&serde_json::json!([]), &true.into())
    );
    assert!(!has(&home, SECRET).is_empty());
    let gone = self::told(&home, &[&forget[..], &["--yes"]].concat());
    assert_eq!(
        gone.exits(0).stdout,
        "the recorded runs of the conversation and the lines typed in it forgotten\n"
    );
    assert_eq!(has(&home, SECRET), Vec::<std::path::PathBuf>::new());
    let again = self::told(&home, &[&forget[..], &["--yes"]].concat());
    assert_eq!(again.exits(0).stdout, "0 memories forgotten\n");
    assert_eq!(ids(&json(&home, &["show"])), [1]);
}
