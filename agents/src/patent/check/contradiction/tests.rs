use std::{fs, path::Path};

use catena_core::sentences;

use super::{
    super::super::{PatentClaim, PatentSection},
    *,
};

/// What is found in a description of these paragraphs.
fn found_with(claims: &[&str], paragraphs: &[&str]) -> Vec<String> {
    let mut patent = Patent::new("Float");
    let mut section = PatentSection::new("Detailed description").unwrap();
    for text in paragraphs {
        section.push_paragraph(text);
    }
    patent.sections.push(section);
    patent.claims = (1..)
        .zip(claims)
        .map(|(number, text)| PatentClaim::new(number, text))
        .collect();
    contradictions(&patent)
        .iter()
        .map(|one| format!("{}: {}", one.here.place, one.here.against(&one.there)))
        .collect()
}

fn found(paragraphs: &[&str]) -> Vec<String> {
    found_with(&["A valve comprising a float and a weight."], paragraphs)
}

#[test]
fn what_cannot_both_hold_is_found() {
    for [one, two] in [
        [
            "The float 12 is made of cork.",
            "The float is formed of iron and is round.",
        ],
        ["A float of cork swims.", "The float is made from iron."],
        [
            "The float consists of cork.",
            "The valve has a float made of steel.",
        ],
        ["The lid is rigid.", "The lid is flexible."],
        ["The lid is rigid.", "The lid is round and is flexible."],
        [
            "The pipe is open at its end.",
            "The pipe is closed at its end.",
        ],
        [
            "The spring is arranged above the float 12.",
            "The spring lies below the float.",
        ],
        [
            "The ring is electrically conductive.",
            "The ring is electrically insulating.",
        ],
        [
            "The lid is removably attached to the body.",
            "The lid is permanently attached to the body.",
        ],
        [
            "The cup is dried before the washing.",
            "The cup is dried after the washing.",
        ],
        ["The valve is heated.", "The valve is not heated."],
        ["The valve leaks.", "The valve does not leak."],
        ["The pot has a lid.", "The pot has no lid."],
        [
            "The rotor has three blades.",
            "The rotor comprises 4 blades.",
        ],
        [
            "The wall is 2.5 mm thick.",
            "As shown in FIG. 1, the wall 7 is 3.5 mm thick.",
        ],
        ["The diode (7) is rigid.", "The diode (LED) is flexible."],
        // Spellings are one.
        [
            "The light emitting diode is rigid.",
            "The light-emitting diodes are flexible.",
        ],
    ] {
        let found = found(&[one, two]);
        assert_eq!(found.len(), 1, "{one} {two} {found:?}");
        assert!(found[0].starts_with("paragraph [0002]: '"), "{found:?}");
    }
    assert_eq!(
        found(&[
            "The float 12 is made of cork. It is light.",
            "The float is formed of iron, as is the pin."
        ]),
        [
            "paragraph [0002]: 'The float is formed of iron' contradicts 'The float 12 is made of cork' in \
          paragraph [0001]"
        ]
    );
}

#[test]
fn what_can_both_hold_is_not() {
    for [one, two] in [
        // Choices, conditions, moments.
        [
            "The float is made of cork.",
            "The float may be made of iron.",
        ],
        [
            "The float is made of cork or iron.",
            "The float is made of brass.",
        ],
        [
            "In another embodiment, the float is made of iron.",
            "The float is made of cork.",
        ],
        [
            "The valve is open.",
            "When the pump stops, the valve is closed.",
        ],
        ["The valve is open.", "In winter, the valve is closed."],
        ["First the valve is opened.", "Then the valve is closed."],
        [
            "The valve is closed.",
            "The pump stops, so that the lid turns and the valve is open.",
        ],
        [
            "The valve is open in the first position.",
            "The valve is closed.",
        ],
        // A kind, a part, a list.
        ["The float is made of steel.", "The float is made of metal."],
        [
            "The float is made of cork and iron.",
            "The float is made of iron.",
        ],
        [
            "The end of the float is made of iron.",
            "The float is made of cork.",
        ],
        ["A layer of gold covers it.", "A layer of tin covers it."],
        // Other things.
        ["The upper lid is round.", "The lower lid is round."],
        [
            "The first lid is rigid. The second lid is rigid.",
            "The lid is flexible.",
        ],
        ["The lid is rigid.", "The ring is flexible."],
        [
            "The pipe is open to the tank.",
            "The pipe is closed to the air.",
        ],
        ["The cup is shown in FIG. 1.", "The cup is shown in FIG. 2."],
        ["The data is sent to port 1.", "The data is sent to port 2."],
        ["The lid 12 is rigid.", "The lid 14 is rigid."],
        ["It is rigid.", "It is flexible."],
        [
            "Ports are joined by line 31 and 32.",
            "Ports are joined by line 41 and 42.",
        ],
        ["The valve is not only heated.", "The valve is heated."],
        ["The valve, which is hot, is rigid.", "The lid is flexible."],
        // What a thing has, does or is joined to has its opposite beside it.
        [
            "The housing has an inner wall.",
            "The housing has an outer wall.",
        ],
        ["The valve has an open end.", "The valve has a closed end."],
        [
            "The motor rotates clockwise.",
            "The motor rotates counterclockwise.",
        ],
        [
            "The pump increases the pressure.",
            "The pump decreases the pressure.",
        ],
        [
            "The arm is connected to an inner wall.",
            "The arm is connected to an outer wall.",
        ],
    ] {
        assert_eq!(found(&[one, two]), [""; 0], "{one} {two}");
    }
}

#[test]
fn one_sentence_is_not_held_against_itself() {
    assert_eq!(
        found(&["The pipe is open, and the pipe is closed."]),
        [""; 0]
    );
}

#[test]
fn the_description_agrees_with_some_claim() {
    let claims = [
        "A valve comprising a float, wherein the float is hollow.",
        "The valve of claim 1, wherein the float is made of cork.",
        "The valve of claim 1, wherein the float is made of brass.",
    ];
    let found = |text: &str| found_with(&claims, &[text]);
    assert_eq!(found("The float is made of cork."), [""; 0]);
    assert_eq!(
        found("The float is made of wood."),
        [
            "paragraph [0001]: 'The float is made of wood' contradicts 'the float is made of cork' in claim 2"
        ]
    );
    assert_eq!(
        found("The float 3 is solid."),
        ["paragraph [0001]: 'The float 3 is solid' contradicts 'the float is hollow' in claim 1"]
    );
}

#[test]
fn the_abstract_is_read_and_the_background_is_not() {
    let mut patent = Patent::new("Float");
    for (heading, text) in [
        ("Background", "The float is made of iron."),
        ("Summary", "The float is made of cork."),
    ] {
        let mut section = PatentSection::new(heading).unwrap();
        section.push_paragraph(text);
        patent.sections.push(section);
    }
    assert_eq!(contradictions(&patent), []);
    patent.set_abstract("The float is made of brass.");
    let found = contradictions(&patent);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].here.place, PatentPlace::Abstract);
    assert_eq!(found[0].there.place, PatentPlace::Paragraph(2));
}

#[test]
fn many_sentences_take_no_long() {
    let text: String = (0..20_000)
        .map(|at| format!("The lid is {at} mm thick. "))
        .collect();
    assert_eq!(found(&[&text]).len(), 19_999);
}

/// That nothing is found in real patents must not be because nothing is read.
#[test]
fn granted_patents_make_plain_statements() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut all = 0;
    for record in records.lines() {
        let patent = Patent::from_record(record).unwrap();
        let known = Known::of(&patent);
        let texts = || patent.numbered().map(|(_, _, text)| text);
        let sentences: usize = texts().map(|text| sentences(text).count()).sum();
        let read: usize = texts().map(|text| known.read(text).len()).sum();
        println!(
            "{}: {read} statements, {sentences} sentences",
            patent.title()
        );
        all += read;
        assert_eq!(contradictions(&patent), []);
    }
    assert!(all > 80, "{all} statements");
}
