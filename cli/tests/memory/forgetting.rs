//! What is forgotten, and where it may no longer be.

use super::*;

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
fn with_a_turn_goes_the_fact_that_was_learned_from_it() {
    let (home, server) = talked();
    let dry = told(&home, &["forget", "1", "--dry-run"]);
    assert!(
        dry.exits(0)
            .stdout
            .ends_with("2 memories would be forgotten\n"),
        "{dry:#?}"
    );
    let gone = json(&home, &["forget", "1", "--yes"]);
    assert_eq!(gone["forgotten"], serde_json::json!([1, 2]));
    let done = say(&home, &server, &[], &[ASKED]);
    assert_eq!(done.exits(0).stdout, format!("{UNKNOWN}\n"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_at_the_question_forgets_nothing() {
    let (home, _server) = talked();
    let before = json(&home, &["show"]);
    let mut forget = memory(&home, &["forget", "--all"]);
    let mut person = support::terminal::Person::at(forget.env("TERM", "xterm"));
    person.reads("for good? [y/N] ");
    person.types("\u{3}");
    person.reads("without a yes nothing was forgotten");
    person.leaves().exits(130);
    assert_eq!(json(&home, &["show"]), before);
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
