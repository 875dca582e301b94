use proptest::prelude::*;

use super::*;

fn patents() -> impl Strategy<Value = Patent> {
    let text = || {
        let piece = prop_oneof![
            "\\PC{0,10}",
            Just("\n".to_owned()),
            Just("\r\n\n".to_owned()),
            Just("\n# x".to_owned()),
            Just("\n\\## Claims".to_owned()),
            Just("\\".to_owned()),
            Just("\n[0007] x".to_owned()),
            Just("[x]".to_owned()),
            Just("\n3. The cup".to_owned()),
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    };
    let section = (
        "[A-Za-z#\\[ ]{1,12}",
        prop::collection::vec((any::<bool>(), text()), 0..4),
    );
    (
        text(),
        text(),
        prop::collection::vec(section, 0..4),
        prop::collection::vec((0_u32..40, text()), 0..4),
    )
        .prop_map(|(title, summary, sections, claims)| {
            let mut patent = Patent::new(title);
            patent.set_abstract(summary);
            for (heading, blocks) in sections {
                let Ok(mut section) = PatentSection::new(heading) else {
                    continue;
                };
                for (heading, text) in blocks {
                    if heading {
                        section.push_heading(1 + (text.len() % 2) as u8, text);
                    } else {
                        section.push_paragraph(text);
                    }
                }
                patent.sections.push(section);
            }
            patent.claims.extend(
                claims
                    .into_iter()
                    .map(|(number, text)| PatentClaim::new(number, text)),
            );
            patent
        })
}

proptest! {
    #[test]
    fn markdown_and_json_are_read_back(patent in patents()) {
        let markdown = patent.to_markdown();
        prop_assert_eq!(&Patent::from_markdown(&markdown).unwrap(), &patent, "{}", markdown);
        prop_assert_eq!(&Patent::from_json(&patent.to_json()).unwrap(), &patent);
        let _ = patent.to_text();
    }

    #[test]
    fn no_text_panics(text in "(\\PC|\n|# |## |### |## Claims\n|1\\. |\\[0001\\]|\\\\|\\.sub\\.){0,40}") {
        let _ = Patent::from_markdown(&text);
        let _ = Patent::from_json(&text);
        let _ = Patent::from_record(&text);
        let record = serde_json::json!({
            "title": text, "abstract": text, "description": text,
            "sections": [{"heading": text, "text": text}], "claims": [text],
        });
        Patent::from_record(&record.to_string()).unwrap();
    }
}

#[test]
fn what_people_edit_is_read() {
    let patent = Patent::from_markdown(
        "# A cup\r\n\n## Background\nCups\ntip over.\n\nOften.\n[0009] Always.\n### Feet\n\n\
         #### Wide feet\n\n\
         ## What is claimed is:\n\n1) A cup, comprising:\n  a foot; and\n\n  a rim 1.5 mm thick.\n\
         2. The cup of claim 1.\n## Abstract of the disclosure\nA cup.\n",
    )
    .unwrap();
    let blocks = patent.section(SectionKind::Background).unwrap().blocks();
    assert_eq!(
        blocks,
        [
            PatentBlock::Paragraph("Cups\ntip over.".into()),
            PatentBlock::Paragraph("Often.".into()),
            PatentBlock::Paragraph("Always.".into()),
            PatentBlock::Heading {
                level: 1,
                text: "Feet".into()
            },
            PatentBlock::Heading {
                level: 2,
                text: "Wide feet".into()
            },
        ]
    );
    assert_eq!(patent.claims.len(), 2);
    assert_eq!(
        patent.claim(1).unwrap().text(),
        "A cup, comprising:\na foot; and\na rim 1.5 mm thick."
    );
    assert_eq!(patent.abstract_text(), "A cup.");
}

#[test]
fn nothing_in_it_controls_a_terminal() {
    let mut patent = Patent::new("Cup\u{1b}[31m");
    let mut section = PatentSection::new("Background\0").unwrap();
    section.push_heading(1, "Fe\u{7}et");
    section.push_paragraph("Cups\u{1b}]0;x\u{7} tip\tover.\0");
    patent.sections.push(section);
    patent.set_abstract("A\u{8} cup.");
    patent.claims.push(PatentClaim::new(1, "A\u{9b} cup."));
    let text = patent.to_markdown();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(text.contains("Cups]0;x tip over."), "{text}");
    assert_eq!(Patent::from_markdown(&text).unwrap(), patent);
}

#[test]
fn errors_name_the_line() {
    let error = |text: &str| Patent::from_markdown(text).unwrap_err().to_string();
    assert!(error("# A\nhello").starts_with("line 2:"));
    assert!(error("# A\n## Background\n# B").starts_with("line 3:"));
    assert!(error("## Claims\nA cup.").starts_with("line 2:"));
    assert!(error("## Claims\n### Feet").starts_with("line 2:"));
    assert!(error("##").starts_with("line 1:"));
}

#[test]
fn claims_and_abstract_are_no_sections() {
    for heading in ["Claims", "What is claimed is:", "ABSTRACT", " "] {
        assert!(PatentSection::new(heading).unwrap_err().is_invalid());
    }
    assert!(Patent::from_json(
        r#"{"title":"","abstract":"","claims":[],"sections":[{"heading":"Claims","blocks":[]}]}"#
    )
    .is_err());
}

#[test]
fn usual_headings_are_understood() {
    use SectionKind::*;
    for (heading, kind) in [
        ("CROSS-REFERENCE TO RELATED APPLICATION(S)", CrossReference),
        ("TECHNICAL FIELD", Field),
        ("FIELD OF THE INVENTION", Field),
        ("BACKGROUND ART", Background),
        ("SUMMARY OF THE INVENTION", Summary),
        ("BRIEF DESCRIPTION OF THE DRAWINGS", Drawings),
        ("REFERENCE SIGNS", Signs),
        ("DETAILED DESCRIPTION OF THE EMBODIMENTS", Description),
        ("Description of the preferred embodiments", Description),
        ("DETAILED DESCRIPTION", Description),
        ("Claims", Claims),
        ("Industrial applicability", Other),
    ] {
        assert_eq!(SectionKind::of(heading), kind, "{heading}");
    }
}

#[test]
fn a_record_of_the_search_service() {
    let patent = Patent::from_record(
        r#"{"guid": "x", "title": "Trap for CO.sub.2", "abstract": "A trap.", "background": null,
            "brief_summary": "TECHNICAL FIELD\n\n(1) Traps at 10.sup.3 Pa.\n\nSUMMARY\n\n(2) f.sub.max is\nlow.",
            "description": "DETAILED DESCRIPTION\n\n(1) The trap 1 holds CO.sub.2.",
            "claims": [{"number": 1, "limitations": ["A trap comprising:", "a box."], "depends_on": []}]}"#,
    )
    .unwrap();
    assert_eq!(patent.title(), "Trap for CO₂");
    let numbered: Vec<_> = patent
        .numbered()
        .map(|(number, section, text)| (number, section.kind(), text))
        .collect();
    assert_eq!(
        numbered,
        [
            (1, SectionKind::Field, "Traps at 10³ Pa."),
            (2, SectionKind::Summary, "f_max is\nlow."),
            (3, SectionKind::Description, "The trap 1 holds CO₂."),
        ]
    );
    assert_eq!(
        patent.claims,
        [PatentClaim::new(1, "A trap comprising:\na box.")]
    );
}

#[test]
fn a_record_of_the_bulk_texts() {
    let patent = Patent::from_record(
        r#"{"doc": "x", "title": "T", "abstract": "", "sections": [{"heading": "BACKGROUND",
            "text": "One.\nTwo."}], "claims": ["1. A cup.", "3. The cup of claim 1."]}"#,
    )
    .unwrap();
    assert_eq!(patent.numbered().count(), 2);
    assert_eq!(patent.claims[1], PatentClaim::new(3, "The cup of claim 1."));
    assert!(Patent::from_record(r#"{"title": "T", "abstract": ""}"#).is_err());
}
