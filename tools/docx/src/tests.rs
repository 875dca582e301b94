use std::io::{Cursor, Read};

use super::*;

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The texts of a document, in their order, each after `after`.
#[track_caller]
fn in_order(xml: &str, expected: &[&str]) {
    let mut rest = xml;
    for one in expected {
        let at = rest
            .find(one)
            .unwrap_or_else(|| panic!("{one} is not behind the one before it in {xml}"));
        rest = &rest[at + one.len()..];
    }
}

fn blocks() -> Vec<DocxBlock> {
    vec![
        DocxBlock::Title("Cup & <saucer>".into()),
        DocxBlock::Heading {
            level: 1,
            text: "Background".into(),
        },
        DocxBlock::Numbered {
            number: 1,
            text: "Cups\u{b}\u{1b}[31m tip \"over\".".into(),
        },
        DocxBlock::PageBreak,
        DocxBlock::Heading {
            level: 9,
            text: "Claims".into(),
        },
        DocxBlock::Item {
            number: 12,
            text: "A cup having\na foot\twide.".into(),
        },
        DocxBlock::Paragraph("One.\nTwo.".into()),
        DocxBlock::PageBreak,
    ]
}

#[test]
fn the_document_has_its_parts_in_order() {
    let bytes = docx(&blocks(), &DocxLayout::a4()).unwrap();
    let xml = part(&bytes, "word/document.xml");
    in_order(
        &xml,
        &[
            "w:pStyle w:val=\"Title\"",
            "Cup &amp; &lt;saucer&gt;",
            "w:pStyle w:val=\"Heading1\"",
            "Background",
            "w:pStyle w:val=\"NumberedParagraph\"",
            "<w:b ",
            "[0001]",
            "<w:tab />",
            "Cups[31m tip &quot;over&quot;.",
            "w:pStyle w:val=\"Heading3\"",
            "<w:pageBreakBefore",
            "Claims",
            "w:pStyle w:val=\"ListItem\"",
            "12.",
            "A cup having",
            "w:pStyle w:val=\"ListItemPart\"",
            "a foot",
            "<w:tab />",
            "wide.",
            "One.",
            "<w:br",
            "Two.",
        ],
    );
    assert_eq!(xml.matches("<w:pageBreakBefore").count(), 1);
    assert!(!xml.contains('\u{1b}'));
}

#[test]
fn layouts_differ_in_paper_numbers_and_capitals() {
    let letter = docx(&blocks(), &DocxLayout::letter()).unwrap();
    let xml = part(&letter, "word/document.xml");
    in_order(
        &xml,
        &[
            "BACKGROUND",
            "Claims",
            "w:w=\"12240\" w:h=\"15840\"",
            "<w:footerReference",
        ],
    );
    assert!(part(&letter, "word/footer1.xml").contains("PAGE"));
    assert!(!xml.contains("headerReference"));

    let a4 = docx(&blocks(), &DocxLayout::a4()).unwrap();
    let xml = part(&a4, "word/document.xml");
    in_order(
        &xml,
        &[
            "Background",
            "Claims",
            "w:w=\"11906\" w:h=\"16838\"",
            "<w:headerReference",
        ],
    );
    assert!(part(&a4, "word/header1.xml").contains("PAGE"));
    assert!(!xml.contains("footerReference"));
}

#[test]
fn a_notice_stands_on_every_page() {
    for layout in [DocxLayout::letter(), DocxLayout::a4()] {
        let bytes = docx(&blocks(), &layout.notice("Not\nfinished & \u{7}<bold>")).unwrap();
        let header = part(&bytes, "word/header1.xml");
        assert!(
            header.contains("Not finished &amp; &lt;bold&gt;"),
            "{header}"
        );
    }
}

#[test]
fn the_same_blocks_give_the_same_bytes() {
    let make = || docx(&blocks(), &DocxLayout::letter()).unwrap();
    assert_eq!(make(), make());
    assert!(docx(&[], &DocxLayout::a4()).unwrap().starts_with(b"PK"));
}
