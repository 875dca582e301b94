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
