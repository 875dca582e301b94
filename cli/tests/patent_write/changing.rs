//! A finished patent of which something is written anew.

use super::*;

#[test]
fn one_section_is_written_anew_and_the_others_stay() {
    let (home, _) = finished();
    let before = everything(&home, "cup.json");
    let server = Server::start(|request: &Request| match is_for(request, WRITE) {
        true => Reply::text("The rim is round and polished."),
        false => author(request),
    });
    let mut redo = home.with(
        &server,
        ["patent", "redo", "cup.json", "1.2", "-o", "new.docx"],
    );
    run(&mut redo).exits(0);
    // As short as the patent that it belongs to, in one portion; at medium length in two.
    assert_eq!(written(&server), ["Rim"]);
    assert_eq!(everything(&home, "new.json")["length"], before["length"]);
    let longer = [
        "patent", "redo", "cup.json", "1.2", "--length", "medium", "-o",
    ];
    run(home.with(&server, longer).arg("longer.docx")).exits(0);
    assert_eq!(written(&server), ["Rim", "Rim", "Rim"]);
    let after = everything(&home, "new.json");
    let (old, new) = (
        &before["work"]["subsections"],
        &after["work"]["subsections"],
    );
    assert_ne!(old["1.2"]["text"], new["1.2"]["text"]);
    for id in ["1.1", "2.1", "2.2"] {
        assert_eq!(old[id]["text"], new[id]["text"]);
    }
    // The first patent is as it was.
    assert_eq!(before, everything(&home, "cup.json"));
    run(&mut home.with(
        &server,
        ["patent", "redo", "cup.json", "7.7", "-o", "x.docx"],
    ))
    .exits(2)
    .says("the plan has no section 7.7")
    .says("it has 1.1, 1.2, 2.1, 2.2");
}

#[test]
fn what_must_change_with_the_claims_is_named_and_written() {
    let (home, _) = finished();
    let server = Server::start(author);
    let all = everything(&home, "cup.json");
    let claims: Vec<(u64, String)> = all["patent"]["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| {
            (
                claim["number"].as_u64().unwrap(),
                claim["text"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let listed = |change: &dyn Fn(&str) -> String| -> String {
        let lines = claims
            .iter()
            .map(|(number, text)| format!("{number}. {}\n\n", change(text)));
        lines.collect()
    };
    home.write("same.md", listed(&str::to_owned));
    let same = run(&mut home.catena(["patent", "claims", "cup.json", "same.md"]));
    same.exits(0);
    assert!(
        same.stdout.contains("the claims say what they said"),
        "{same:#?}"
    );

    home.write("new.md", listed(&|text| text.replace("weight", "magnet")));
    let told = run(&mut home.catena(["patent", "claims", "cup.json", "new.md"]));
    told.exits(0).says("with --out FILE");
    assert!(
        told.stdout.contains("new, gone or different: claim 1"),
        "{told:#?}"
    );
    assert!(told.stdout.contains("1.1 must change: "), "{told:#?}");
    assert!(!told.stdout.contains("title must change"), "{told:#?}");
    assert_eq!(server.seen(), 0);

    let mut change = home.with(
        &server,
        [
            "patent",
            "claims",
            "cup.json",
            "new.md",
            "-o",
            "magnet.docx",
        ],
    );
    run(&mut change).exits(0);
    let after = everything(&home, "magnet.json");
    let claim = after["patent"]["claims"][0]["text"].as_str().unwrap();
    assert!(claim.contains("magnet"), "{claim}");
    let mut again = written(&server);
    // Each in one portion or two.
    again.dedup();
    assert!(
        again.contains(&"Foot".to_owned()) && again.len() < 4,
        "{again:?}"
    );
    home.write("none.md", "Once upon a time.\n");
    run(&mut home.catena(["patent", "claims", "cup.json", "none.md"])).exits(1);
}
