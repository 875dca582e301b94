//! An invention, and a model that writes about it.

use std::{fs, io::Read, process::Command};

use serde_json::Value;

use super::{Home, Reply, Request, Server};

const ANSWERS: [&str; 5] = [
    "Cups tip over when they are pushed at the rim.",
    "Known cups have a narrow foot. They are cheap, but they tip over.",
    "The cup has a rim around an opening and a foot below the rim. A weight of iron lies in the foot. A ring of \
     cork below the foot keeps the cup from sliding. The rim is thin. To wash the cup, the ring is taken off. A \
     drink is poured over the rim.",
    "- a weight in the foot\n- a ring of cork below the foot",
    "FIG. 1 shows the cup from the side.\nFIG. 2 shows the foot from below.",
];

/// The draft as `catena patent init` writes it.
pub(crate) fn draft() -> String {
    let titles = [
        "Technical problem",
        "Background",
        "Technical solution",
        "Key points",
        "Drawings",
    ];
    let mut text = "# Draft\n".to_owned();
    for ((title, answer), number) in titles.iter().zip(ANSWERS).zip(1..) {
        text += &format!("\n## {number}. {title}\n\n{answer}\n");
    }
    text
}

/// A home with the draft.
pub(crate) fn drafted() -> Home {
    let home = Home::new();
    home.write("draft.md", draft());
    home
}

/// `catena patent write draft.md -o cup.docx --length short` and more.
pub(crate) fn write(home: &Home, server: &Server, more: &[&str]) -> Command {
    let mut command = home.with(server, ["patent", "write", "draft.md", "-o", "cup.docx"]);
    command.args(["--length", "short"]).args(more);
    command
}

/// What a request is for: a part of the last sentence of its prompt.
pub(crate) fn is_for(request: &Request, mark: &str) -> bool {
    request.user().contains(mark)
}

pub(crate) const WRITE: &str = "words of plain technical prose";

/// The heading of the subsection that a request is about.
pub(crate) fn heading(request: &Request) -> &str {
    let (_, rest) = request.user().rsplit_once("ubsection \"").unwrap();
    rest.split_once('"').unwrap().0
}

/// The headings whose subsections were asked for, in order of the alphabet.
pub(crate) fn written(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let writes = requests.iter().filter(|request| is_for(request, WRITE));
    let mut headings: Vec<String> = writes.map(|request| heading(request).to_owned()).collect();
    headings.sort();
    headings
}

const PLAN: &str = r#"{"sections": [
    {"heading": "Structure", "overview": "The parts.", "subsections": [
        {"heading": "Foot", "topics": "Say how the foot is made."},
        {"heading": "Rim", "topics": "Say how the rim is made."}]},
    {"heading": "Use", "overview": "How it works.", "subsections": [
        {"heading": "Pouring", "topics": "Say how a drink is poured."},
        {"heading": "Washing", "topics": "Say how the cup is washed."}]}]}"#;

const PASS: &str = r#"{"fails": [], "advice": ""}"#;

/// A model that answers each request of a patent as it should.
pub(crate) fn author(request: &Request) -> Reply {
    let subsection = |heading: &str| match heading {
        "Foot" => "The foot is wide. The weight in the foot is made of iron. A ring lies below."
            .to_owned(),
        "Rim" => "The rim surrounds an opening. It is thinner than the wall of the cup.".to_owned(),
        "Pouring" => {
            "A drink is poured over the rim. The weight holds the cup on the table.".to_owned()
        }
        other => format!("{other} is done by hand. Cold water does no harm to cork."),
    };
    let answers: [(&str, &str); 15] = [
        ("Write the title of the patent", "Cup With a Weighted Foot"),
        (
            "Write the abstract of the patent",
            "A cup has a rim and a weighted foot, which keeps it upright.",
        ),
        (
            "Write the background section",
            "Cups tip over easily.\n\nKnown cups have a narrow foot.",
        ),
        (
            "Write the summary section",
            "The foot of a cup is weighted, so that the cup stays upright.",
        ),
        (
            "List the essential parts",
            r#"{"subject": "cup", "known": ["a rim around an opening"], "parts": ["a rim around an opening",
                "a foot below the rim", "a weight in the foot"]}"#,
        ),
        (
            "Find up to",
            r#"{"details": ["the weight is made of iron", "a ring of cork below the foot"]}"#,
        ),
        ("Plan the detailed description", PLAN),
        ("Which of these does it fail?", PASS),
        ("Write one to three edits", r#"{"edits": []}"#),
        (
            "Write the complete patent",
            "# Cup\n## Abstract\nA cup.\n## Background\nCups tip.\n## Summary\nA foot.\n## Detailed Description\n\
             The foot 12 is wide.\n## Claims\n1. A cup having a foot.",
        ),
        (
            "Write the most detailed guide",
            "<Section-1>Structure: parts\n<Subsection-1>Foot: how it is made</Subsection-1></Section-1>",
        ),
        (
            "Copy what is needed",
            "<Reference>The foot holds a weight of iron.</Reference>",
        ),
        (
            "Answer <Result>",
            "<Result>Pass</Result><Advice>Say more.</Advice>",
        ),
        (
            "Write the revised subsection",
            "The foot is wide and heavy.",
        ),
        ("Put it between", "<Title>Cup with a foot</Title>"),
    ];
    if is_for(request, WRITE) || is_for(request, "in detail. It has to say") {
        return Reply::text(&subsection(heading(request)));
    }
    if is_for(request, "Write the claims") {
        return Reply::text(
            "<Claims>1. A cup having a foot.\n2. The cup of claim 1, being red.</Claims>",
        );
    }
    let answer = answers.iter().find(|(mark, _)| is_for(request, mark));
    let (_, text) = answer.unwrap_or_else(|| panic!("what is this for? {}", request.user()));
    Reply::text(text)
}

/// The JSON file beside a patent.
pub(crate) fn everything(home: &Home, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(home.path(name)).unwrap()).unwrap()
}

/// A part of a DOCX file.
pub(crate) fn docx_part(home: &Home, file: &str, name: &str) -> String {
    let file = fs::File::open(home.path(file)).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}
