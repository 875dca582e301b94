use std::{fs, path::Path};

use catena_core::sentences;
use proptest::prelude::*;

use super::{
    super::{Jurisdiction, PatentClaim, PatentSection, draft::is_order},
    *,
};

/// A patent without findings.
fn clean() -> Patent {
    let mut patent = Patent::new("Cup with a wide foot");
    patent.set_abstract("A cup has a foot that is wider than its rim.");
    for (heading, text) in [
        ("Technical field", "Cups."),
        ("Background", "Cups tip over."),
        ("Summary", "A wide foot keeps a cup upright."),
        ("Brief description of the drawings", "FIG. 1 shows a cup."),
        (
            "Detailed description",
            "As FIG. 1 shows, the cup 10 has a foot 12 and a round rim 14, made of clay. The foot \
             12 is heavy.",
        ),
    ] {
        let mut section = PatentSection::new(heading).unwrap();
        section.push_paragraph(text);
        patent.sections.push(section);
    }
    patent.claims = vec![
        PatentClaim::new(
            1,
            "A cup comprising a foot and a rim, wherein the foot is heavy.",
        ),
        PatentClaim::new(2, "The cup of claim 1, wherein the rim is round."),
    ];
    patent
}

fn with_claims(claims: &[&str]) -> Patent {
    let mut patent = clean();
    patent.claims = (1..)
        .zip(claims)
        .map(|(number, text)| PatentClaim::new(number, text))
        .collect();
    patent
}

fn with_description(text: &str) -> Patent {
    let mut patent = clean();
    patent.sections[4].push_paragraph(text);
    patent
}

/// What a rule says about a patent, in the United States.
fn found(patent: &Patent, rule: Rule) -> Vec<String> {
    by(patent, rule, Jurisdiction::Us)
}

fn by(patent: &Patent, rule: Rule, jurisdiction: Jurisdiction) -> Vec<String> {
    check_patent(patent, &jurisdiction.guide())
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect()
}

#[test]
fn a_clean_patent_has_no_findings() {
    assert_eq!(check_patent(&clean(), &Jurisdiction::Us.guide()), []);
}

#[test]
fn claims_are_numbered_from_one() {
    let mut patent = clean();
    patent.claims[1] = PatentClaim::new(3, "The cup of claim 1, wherein the rim is round.");
    assert_eq!(
        found(&patent, Rule::ClaimNumbers),
        ["claim 3: the claim in place 2 has the number 3"]
    );
    patent.claims.clear();
    assert_eq!(
        found(&patent, Rule::ClaimNumbers),
        ["document: there are no claims"]
    );
}

#[test]
fn claims_refer_to_earlier_claims() {
    let patent = with_claims(&[
        "A cup of claim 2.",
        "The cup of claim 2.",
        "The cup of claim 7.",
        "The cup of claim 1.",
        "The cup of any of claims 3 to 4000000000.",
    ]);
    assert_eq!(
        found(&patent, Rule::ClaimReferences),
        [
            "claim 1: it refers to claim 2, which comes later",
            "claim 2: it refers to itself",
            "claim 3: it refers to claim 7, which does not exist",
            "claim 5: it refers to itself",
            "claim 5: it refers to claims 6 to 1003, which do not exist",
        ]
    );
}

#[test]
fn several_claims_are_referred_to_once_and_in_the_alternative() {
    let patent = with_claims(&[
        "A cup.",
        "The cup of claim 1.",
        "The cup of claim 1 or 2.",
        "The cup of any one of claims 1 to 3.",
        "The cup of claims 1 and 2.",
    ]);
    assert_eq!(
        found(&patent, Rule::ClaimReferences),
        [
            "claim 4: it refers to several claims, one of which (3) does so too",
            "claim 5: it refers to several claims together",
        ]
    );
    assert_eq!(
        by(&patent, Rule::ClaimReferences, Jurisdiction::Ep),
        [""; 0]
    );
}

#[test]
fn a_claim_is_one_sentence() {
    let patent = with_claims(&[
        "A cup, as in FIG. 1, fired at 900 °C. to 950 °C., comprising: a. a foot; and b. a rim.",
        "The cup of claim 1. The rim is round.",
        "the cup of claim 1",
        "",
    ]);
    assert_eq!(
        found(&patent, Rule::ClaimSentence),
        [
            "claim 2: the claim is more than one sentence: another begins with 'The'",
            "claim 3: the claim does not end with a period",
            "claim 3: the claim does not begin with a capital letter",
            "claim 4: the claim is empty",
        ]
    );
}

#[test]
fn what_is_pointed_at_was_introduced() {
    for claim in [
        "A cup comprising a heavy foot, wherein the foot is round.",
        "A cup comprising at least one foot, wherein the at least one foot is round.",
        "A cup comprising a plurality of feet, wherein each of the plurality of feet is round.",
        "A cup comprising a foot, wherein the weight of the foot is small.",
        "A method comprising storing values and reading the stored values.",
        "A cup comprising a batteries box, wherein the battery is charged.",
        "A cup for one of the following: tea; milk.",
        "A cup (mug) having a foot, wherein the mug stores tea.",
        "A cup comprising a first foot and a second foot, said first foot touching said second foot.",
    ] {
        assert_eq!(
            found(&with_claims(&[claim]), Rule::AntecedentBasis),
            [""; 0],
            "{claim}"
        );
    }
    for (claim, phrase) in [
        ("A cup having a foot, wherein the rim is round.", "the rim"),
        (
            "A cup having a foot, wherein said handle is round.",
            "said handle",
        ),
        (
            "A cup having a first foot, wherein the second foot is round.",
            "the second foot",
        ),
        (
            "A cup having a foot, wherein the lid causes noise.",
            "the lid",
        ),
        (
            "A cup having a foot, wherein said weight of the foot is 2 g.",
            "said weight",
        ),
    ] {
        assert_eq!(
            found(&with_claims(&[claim]), Rule::AntecedentBasis),
            [format!("claim 1: '{phrase}' was not introduced before")],
            "{claim}"
        );
    }
}

#[test]
fn a_plural_points_at_several() {
    for (claim, phrase) in [
        (
            "A pump with a valve, wherein the valves are closed.",
            "the valves",
        ),
        (
            "A pump comprising a float valve; and a lever, wherein said float valves are closed.",
            "said float valves",
        ),
        (
            "A pump with a valve and a lever, wherein the two valves are closed.",
            "the valves",
        ),
    ] {
        assert_eq!(
            found(&with_claims(&[claim]), Rule::AntecedentBasis),
            [format!(
                "claim 1: '{phrase}' points at several, and one was introduced"
            )],
            "{claim}"
        );
    }
    for claim in [
        "A pump with an outer vessel and an inner vessel, wherein the vessels are round.",
        "A pump with an outer and an inner vessel, wherein the vessels are round.",
        "A pump with a first and second valve, wherein the valves are closed.",
        "A pump with at least one valve, wherein the valves are closed.",
        "A pump with one or more valves, wherein the valves are closed.",
        "A pump with a plurality of valves, wherein the valves are closed.",
        "A pump with an arm on each side, each arm having a hinge, the hinges being of brass.",
        "A pump with arms having a hinge, wherein the hinges are of brass.",
        "A pump with a plurality of arms, each arm having an upper end connected to the hub of the pump and a lower \
         end carrying a wheel, wherein the wheels are made of rubber.",
        "A pump with a water flow, wherein the water flows through the pump.",
        "A pump with a voltage change, wherein, when the voltage changes, the pump stops.",
        "A method comprising repeatedly measuring a temperature; and averaging the temperatures.",
        "A pump with a lens, wherein the lens is round.",
        "A pump with a valve and a lever, wherein the valve closes the pump.",
        "A pump with a float valve, wherein the valves of the float are closed.",
    ] {
        assert_eq!(
            found(&with_claims(&[claim]), Rule::AntecedentBasis),
            [""; 0],
            "{claim}"
        );
    }
    // It is said once, where it is first.
    let patent = with_claims(&[
        "A pump having a valve.",
        "The pump of claim 1, wherein the valves are closed and the valves are red.",
        "The pump of claim 2, wherein the valves are round.",
        "The pump of claim 1, having another valve, wherein the valves are red.",
    ]);
    assert_eq!(
        found(&patent, Rule::AntecedentBasis),
        ["claim 2: 'the valves' points at several, and one was introduced"]
    );
}

#[test]
fn what_another_claim_introduced_counts_only_if_referred_to() {
    let patent = with_claims(&[
        "A cup having a foot.",
        "The cup of claim 1, having a rim.",
        "The cup of claim 2, wherein the rim is round.",
        "The cup of claim 1, wherein the rim is round and the rim is red.",
    ]);
    assert_eq!(
        found(&patent, Rule::AntecedentBasis),
        ["claim 4: 'the rim' was not introduced before"]
    );
}

#[test]
fn words_of_claims_are_in_the_description() {
    let patent = with_claims(&[
        "A cup comprising an unround, heavier foot and a magnet, wherein the magnet is round.",
        "The cup of claim 1, wherein the magnets are made of clay.",
    ]);
    assert_eq!(
        found(&patent, Rule::ClaimSupport),
        ["claim 1: 'magnet' does not occur in the description"]
    );
}

#[test]
fn a_numeral_has_one_name() {
    for text in [
        "The heavy foot 12 stands. A foot ring 13 and the ring 13 are one.",
        "Lines 21 and 22 lead to ports 31, 32 and 33. Line 21 is red.",
        "They are joined by line 21 and 22 to a port 31, 32.",
        "A device under test (DUT) 40 is held. The DUT 40 is small.",
        "It weighs 12 g at 14 °C. FIG. 12 shows it. See claim 14 and step 12.",
        "In 1998 about 12 cups of 14.5 mm were made, a share of 12% and 12-14 more.",
    ] {
        assert_eq!(
            found(&with_description(text), Rule::ReferenceNumerals),
            [""; 0],
            "{text}"
        );
    }
    assert_eq!(
        found(
            &with_description("The handle 12 is thin."),
            Rule::ReferenceNumerals
        ),
        ["paragraph [0006]: 12 is 'handle', and 'foot' in paragraph [0005]"]
    );
    assert_eq!(
        found(
            &with_description("The foot 18 is thin."),
            Rule::ReferenceNumerals
        ),
        ["paragraph [0006]: 'foot' has the numerals 12 and 18"]
    );
}

#[test]
fn the_abstract_is_one_short_paragraph() {
    let mut patent = clean();
    patent.set_abstract("word ".repeat(150));
    assert_eq!(found(&patent, Rule::Abstract), [""; 0]);
    patent.set_abstract("word ".repeat(151));
    assert_eq!(
        found(&patent, Rule::Abstract),
        ["abstract: the abstract has 151 words"]
    );
    patent.set_abstract("One.\n\nTwo.");
    assert_eq!(
        found(&patent, Rule::Abstract),
        ["abstract: the abstract has 2 paragraphs"]
    );
    patent.set_abstract(" ");
    assert_eq!(
        found(&patent, Rule::Abstract),
        ["abstract: there is no abstract"]
    );
}

#[test]
fn the_title_is_short() {
    let titled = |title: &str| {
        let mut patent = Patent::new(title);
        patent.sections = clean().sections;
        patent
    };
    assert_eq!(found(&titled(&"x".repeat(500)), Rule::Title), [""; 0]);
    assert_eq!(
        found(&titled(&"x".repeat(501)), Rule::Title),
        ["title: the title has 501 characters"]
    );
    assert_eq!(found(&titled(&"x ".repeat(15)), Rule::Title), [""; 0]);
    assert_eq!(
        found(&titled(&"x ".repeat(16)), Rule::Title),
        ["title: the title has 16 words"]
    );
    assert_eq!(
        found(&titled(""), Rule::Title),
        ["title: there is no title"]
    );
}

#[test]
fn sections_are_complete_and_in_order() {
    let mut patent = clean();
    patent.sections.swap(1, 2);
    assert_eq!(
        found(&patent, Rule::Sections),
        ["section 'Background': the section comes after 'Summary'"]
    );
    let mut patent = clean();
    patent.sections.remove(3);
    patent.sections[1] = PatentSection::new("Background").unwrap();
    assert_eq!(
        found(&patent, Rule::Sections),
        [
            "section 'Background': the section is empty",
            "document: the section 'brief description of the drawings' is missing",
        ]
    );
    patent.sections.clear();
    assert_eq!(
        found(&patent, Rule::Sections).len(),
        3,
        "background, summary, description"
    );
    assert_eq!(
        by(&patent, Rule::Sections, Jurisdiction::Ep).len(),
        4,
        "and the field"
    );
}

#[test]
fn unusual_headings_are_advised_against() {
    let mut patent = clean();
    let mut section = PatentSection::new("Background of cups").unwrap();
    section.push_paragraph("Cups tip over.");
    patent.sections[1] = section;
    assert_eq!(
        found(&patent, Rule::Headings),
        ["section 'Background of cups': the heading is not one of the usual"]
    );
    assert_eq!(by(&patent, Rule::Headings, Jurisdiction::Ep), [""; 0]);
}

#[test]
fn forbidden_words_are_found_where_they_are_forbidden() {
    let patent =
        with_description("The invention is now shown. Obviously, pots etc. exist, such as cups.");
    assert_eq!(
        found(&patent, Rule::Wording),
        ["paragraph [0006]: it says 'obviously'"]
    );
    let patent = with_claims(&["A cup, preferably round, etc."]);
    assert_eq!(
        found(&patent, Rule::Wording),
        ["claim 1: it says 'etc'", "claim 1: it says 'preferably'"]
    );
    let mut guide = Jurisdiction::Us.guide();
    guide.wording.retain(|rule| rule.phrase == "etc");
    let findings = check_patent(&patent, &guide);
    assert_eq!(
        findings
            .iter()
            .filter(|finding| finding.rule == Rule::Wording)
            .count(),
        1
    );
}

#[test]
fn what_the_invention_is_limits_it() {
    let patent = with_description("The present invention is a cup.");
    assert_eq!(
        found(&patent, Rule::Wording),
        ["paragraph [0006]: it says 'the present invention is a'"]
    );
}

#[test]
fn placeholders_are_found() {
    for text in [
        "TODO: drawings.",
        "The cup is [insert material].",
        "Lorem ipsum dolor.",
    ] {
        assert_eq!(
            found(&with_description(text), Rule::Placeholders).len(),
            1,
            "{text}"
        );
    }
    assert_eq!(
        found(&with_description("A to-do list [1]."), Rule::Placeholders),
        [""; 0]
    );
}

#[test]
fn european_claims_have_two_parts_and_signs() {
    let ep = |claims: &[&str], rule| by(&with_claims(claims), rule, Jurisdiction::Ep);
    let good = [
        "A cup (10) having a foot (12), characterised in that the foot (12) is heavy.",
        "The cup of claim 1, wherein the rim is round.",
    ];
    assert_eq!(ep(&good, Rule::TwoPartForm), [""; 0]);
    assert_eq!(ep(&good, Rule::ReferenceSigns), [""; 0]);
    assert_eq!(found(&with_claims(&["A cup."]), Rule::TwoPartForm), [""; 0]);
    assert_eq!(
        ep(&["A cup having a foot."], Rule::TwoPartForm),
        ["claim 1: the independent claim has one part"]
    );
    assert_eq!(
        ep(&["A cup having a foot."], Rule::ReferenceSigns),
        ["claim 1: no feature is followed by its reference sign"]
    );
    assert_eq!(
        ep(&["A cup having a foot 12."], Rule::ReferenceSigns),
        ["claim 1: the reference sign 12 is not in parentheses"]
    );
}

#[test]
fn a_finding_says_all() {
    let findings = check_patent(&with_claims(&["A cup"]), &Jurisdiction::Us.guide());
    assert_eq!(
        findings[0].to_string(),
        "claim 1: error (claim-sentence): the claim does not end with a period; end it with one"
    );
    let json = serde_json::to_value(&findings[0]).unwrap();
    assert_eq!(json["rule"], "claim-sentence");
    assert_eq!(json["place"], serde_json::json!({"claim": 1}));
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
    }
}

proptest! {
    #[test]
    fn no_patent_panics(
        text in "(\\PC|\n|the |said |claim |claims 1 |to |, |[0-9]|[0-9]{1,6}| foot 12|\\(|\\)|\\. A|-|FIG\\. ){0,60}",
        heading in "[A-Za-z]{1,12}",
    ) {
        let mut patent = with_claims(&[&text, &text]);
        patent.set_abstract(&text);
        let mut section = PatentSection::new(format!("x{heading}")).unwrap();
        section.push_paragraph(&text);
        patent.sections.push(section);
        for jurisdiction in [Jurisdiction::Us, Jurisdiction::Ep] {
            for finding in check_patent(&patent, &jurisdiction.guide()) {
                let _ = finding.to_string();
            }
        }
    }
}

/// The real patents of the data set; docs/patent-validators.md lists and judges every finding.
#[test]
fn granted_patents_raise_few_findings() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    for (record, most) in records.lines().zip(FINDINGS) {
        let patent = Patent::from_record(record).unwrap();
        assert_eq!(
            Patent::from_markdown(&patent.to_markdown()).unwrap(),
            patent
        );
        let findings = check_patent(&patent, &Jurisdiction::Us.guide());
        println!(
            "# {} ({} paragraphs, {} claims)",
            patent.title(),
            patent.numbered().count(),
            patent.claims.len()
        );
        for finding in &findings {
            println!("us {finding}");
        }
        for finding in check_patent(&patent, &Jurisdiction::Ep.guide()) {
            if !findings.contains(&finding) {
                println!("ep {finding}");
            }
        }
        assert_eq!(findings.len(), most, "{findings:#?}");
    }
}

/// No sentence of theirs is taken for an order to a model.
#[test]
fn granted_patents_give_no_orders() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut seen = 0;
    for record in records.lines() {
        let text = Patent::from_record(record).unwrap().to_markdown();
        for sentence in sentences(&text) {
            seen += 1;
            assert!(!is_order(&text[sentence.clone()]), "{}", &text[sentence]);
        }
    }
    assert!(seen > 100, "{seen} sentences");
}

/// How many findings the real patents have, by the rules of the United States.
const FINDINGS: [usize; 4] = [0, 2, 0, 4];
