//! The plan and the claims, as a person approves or changes them.

use super::*;

#[test]
fn claims_and_plan_wait_for_a_person_and_go_on_with_what_the_person_changed() {
    let (home, server) = (drafted(), Server::start(author));
    let done = run(&mut write(&home, &server, &["--approve", "plan,claims"]));
    done.exits(1)
        .prints_nothing()
        .says("it waits for approval of the claims")
        .says("cup.claims.md")
        .says("catena runs resume");
    let claims = text(&home, "cup.claims.md");
    let (mark, asked) = claims.split_once('\n').unwrap();
    assert!(mark.starts_with("<!-- catena run "), "{claims}");
    assert!(asked.starts_with("1. A cup"), "{claims}");
    home.write(
        "cup.claims.md",
        claims.replace("a weight in the foot", "a heavy weight in the foot"),
    );

    let json = resume(&home, &server, &["--json"]).exits(1).json();
    assert_eq!(json["status"], "waiting");
    assert_eq!(json["waits"][0]["name"], "plan");
    let plan = text(&home, "cup.plan.md");

    // What is no plan is refused, and the file stays as it is.
    home.write("cup.plan.md", "Once upon a time.\n");
    let refused = resume(&home, &server, &[]);
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    assert_eq!(text(&home, "cup.plan.md"), "Once upon a time.\n");
    fs::remove_file(home.path("cup.plan.md")).unwrap();
    resume(&home, &server, &[])
        .exits(1)
        .says("--answer plan=true");

    home.write("cup.plan.md", plan.replace("Washing", "Cleaning"));
    resume(&home, &server, &[]).exits(0);
    assert_eq!(written(&server), ["Cleaning", "Foot", "Pouring", "Rim"]);
    let all = everything(&home, "cup.json");
    let claim = all["patent"]["claims"][0]["text"].as_str().unwrap();
    assert!(claim.contains("a heavy weight"), "{claim}");
    assert_eq!(
        all["work"]["plan"]["sections"][1]["subsections"][1]["heading"],
        "Cleaning"
    );
}

#[test]
fn a_run_takes_no_file_of_another() {
    let (home, server) = (drafted(), Server::start(author));
    let waits = |more: &[&str]| {
        let options = [&["--approve", "plan", "--json"], more].concat();
        let json = run(&mut write(&home, &server, &options)).exits(1).json();
        json["run"].as_str().unwrap().to_owned()
    };
    let first = waits(&[]);
    // It is told to write over what the first left for its person.
    let second = waits(&["--force"]);
    let goes_on = |id: &str| run(&mut home.with(&server, ["runs", "resume", id]));
    goes_on(&first)
        .exits(1)
        .says("cup.plan.md belongs to another run by now")
        .says("--answer plan=true");
    goes_on(&second).exits(0);
    // Without the line that says whose it is, it is whose that takes it.
    let plan = text(&home, "cup.plan.md");
    let (_, plan) = plan.split_once('\n').unwrap();
    home.write("cup.plan.md", plan.replace("Washing", "Cleaning"));
    fs::remove_file(home.path("cup.docx")).unwrap();
    fs::remove_file(home.path("cup.json")).unwrap();
    goes_on(&first).exits(0);
    assert!(
        fs::read_to_string(home.path("cup.json"))
            .unwrap()
            .contains("Cleaning")
    );
}

#[test]
fn an_answer_on_the_command_line_needs_no_file() {
    let (home, server) = (drafted(), Server::start(author));
    run(&mut write(&home, &server, &["--approve", "plan"])).exits(1);
    fs::remove_file(home.path("cup.plan.md")).unwrap();
    resume(&home, &server, &["--answer", "plan=true"]).exits(0);
}
