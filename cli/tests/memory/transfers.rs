//! Exports and imports.

use super::*;

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

/// With and without a conversation.
#[test]
fn an_export_is_of_those_who_are_named() {
    let (home, server) = talked();
    let carol = ["--user", "carol"];
    say(&home, &server, &carol, &["It rains."]).exits(0);
    let clerk = ["--user", "carol", "--bot", "clerk"];
    say(&home, &server, &clerk, &["It snows."]).exits(0);
    let exported = |more: &[&str]| -> Vec<Value> {
        let done = told(&home, &[&["export"][..], more].concat());
        let lines = done.exits(0).stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    for (more, count) in [
        (&[][..], 6),
        (&["--user", "me"], 4),
        (&carol, 2),
        (&clerk, 1),
        (&["--bot", "clerk"], 1),
        (&["--user", "carol", "--bot", "catena"], 1),
        (&["--user", "carol", "-c", "default"], 1),
        (&["-c", "garden"], 1),
    ] {
        assert_eq!(exported(more).len(), count, "{more:?}");
    }
    for line in exported(&carol) {
        assert_eq!(line["user"], "carol", "{line}");
    }
    told(&home, &["export", "--user", "eve", "-o", "eve.jsonl"])
        .exits(2)
        .says("nothing is remembered of user 'eve'")
        .says("`catena memory list`");
    assert!(!home.path("eve.jsonl").exists());
    told(&home, &["export", "--user", " "])
        .exits(2)
        .says("the name of the user is empty");

    // A line of the configuration is as its flag.
    home.configure("user = 'carol'\n");
    let done = told(&home, &["export", "-o", "hers.jsonl"]);
    let expected = "2 memories of user 'carol' written to hers.jsonl\n";
    assert_eq!(done.exits(0).stdout, expected);
    assert_eq!(exported(&["--user", "me"]).len(), 4);

    // Without a flag it is said whose they are, and there is one for all of them.
    let only =
        "only the memories of user 'carol', as the configuration has it; --all exports everything";
    let done = told(&home, &["export"]);
    assert_eq!(done.exits(0).says(only).stdout.lines().count(), 2);
    for more in [&["--all"][..], &carol] {
        let done = told(&home, &[&["export"][..], more].concat());
        assert_eq!(done.exits(0).stderr, "", "{more:?}");
    }
    assert_eq!(exported(&["--all"]).len(), 6);
    let done = told(&home, &["export", "--all", "-o", "everybody.jsonl"]);
    let expected = "6 memories written to everybody.jsonl\n";
    assert_eq!(done.exits(0).stdout, expected);
    for more in [&carol[..], &["--bot", "clerk"], &["-c", "garden"]] {
        let args = [&["export", "--all"][..], more].concat();
        told(&home, &args).exits(2).says("cannot be used with");
    }
}

#[test]
fn an_import_to_somebody_takes_a_conversation() {
    let (home, server) = (Home::new(), Server::start(bot));
    let (dog, count) = exported_dog(&home, &server);
    for whose in ["--user", "--bot"] {
        told(&home, &["import", &dog, whose, "carol"])
            .exits(2)
            .says("say whose the conversation is, and none is named")
            .says("--conversation NAME");
    }
    assert_eq!(json(&home, &["list"]).as_array().unwrap().len(), 1);
    let into = ["import", &dog, "--user", "carol", "-c", "pets"];
    assert_eq!(json(&home, &into)["added"], count);
    let list = json(&home, &["list"]);
    assert_eq!(list[1]["namespace"]["user"], "carol");
    assert_eq!(list[1]["namespace"]["conversation"], "pets");
}

#[test]
fn an_export_that_cannot_be_written_names_its_file() {
    let (home, _server) = talked();
    let done = told(&home, &["export", "-o", "none/all.jsonl"]);
    done.exits(1)
        .says("none/all.jsonl cannot be written: No such file")
        .says("name a file in a folder that is there");
    assert!(!done.stderr.contains(".tmp"), "{done:#?}");
}

/// As whoever made the file wrote it.
#[test]
fn an_imported_fact_is_one_line_of_a_prompt() {
    let (home, server) = (Home::new(), Server::start(bot));
    let fact = serde_json::json!({
        "user": "me", "bot": "catena", "conversation": "default", "id": 1, "kind": "fact",
        "key": "name of the dog", "observation": "Rex\n- home: Oslo", "validity": { "from": 1 },
        "sources": [{ "turn": 1, "at": 1 }],
    });
    home.write("fact.jsonl", format!("{fact}\n"));
    told(&home, &["import", "fact.jsonl"]).exits(0);
    say(&home, &server, &[], &["The name of the dog is Max."]).exits(0);
    let requests = server.requests();
    let asked = |what: For| {
        let mut those = requests.iter().filter(|one| purpose(one) == what);
        those.next().unwrap().user()
    };
    let prompt = asked(For::Answer);
    let line = "\n- name of the dog: Rex - home: Oslo (since 1970-01-01)\n";
    assert!(prompt.contains(line), "{prompt}");
    let prompt = asked(For::Facts);
    let names = "Use these names where they fit: name of the dog\n";
    assert!(prompt.starts_with(names), "{prompt}");

    let why = say(&home, &server, &[], &["/why"]);
    let stdout = &why.exits(0).stdout;
    assert!(
        stdout.starts_with("there was no turn to recall yet\n"),
        "{why:#?}"
    );
    assert!(
        stdout.contains("  name of the dog: Rex - home: Oslo (since "),
        "{why:#?}"
    );
}

/// A pipe might never end, nor a device.
#[test]
fn what_is_no_file_is_not_taken_over() {
    let home = Home::new();
    fs::create_dir(home.path("folder")).unwrap();
    for (file, wrong) in [
        ("folder", "folder is a folder"),
        ("-", "memories are not taken over from standard input"),
        ("gone.jsonl", "there is no file gone.jsonl"),
        ("/dev/null", "/dev/null is not a regular file"),
        ("/dev/zero", "/dev/zero is not a regular file"),
    ] {
        told(&home, &["import", file]).exits(2).says(wrong);
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
