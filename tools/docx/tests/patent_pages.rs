//! Real patents as DOCX: what was written is read back from the file.

use std::{
    fs,
    io::{Cursor, Read},
    path::Path,
};

use catena_agents::{Jurisdiction, Patent, PatentBlock, PatentClaim, PatentSection};

/// A paragraph of a document: its style and its text, with `\t` for tabs and `\n` for breaks.
type Styled = (String, String);

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    let mut file = archive.by_name(name).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// The paragraphs of a document, by the few elements that this crate writes.
fn paragraphs(bytes: &[u8]) -> Vec<Styled> {
    let xml = part(bytes, "word/document.xml");
    let mut found = Vec::new();
    for paragraph in xml.split("<w:p ").skip(1) {
        let style = between(paragraph, "<w:pStyle w:val=\"", "\"").unwrap_or_default();
        let mut text = String::new();
        // Tab stops stand in the properties, tabs behind them.
        let runs = paragraph.split_once("</w:pPr>").unwrap().1;
        for element in runs.split('<').skip(1) {
            let (tag, after) = element.split_once('>').unwrap();
            match tag.split([' ', '/']).next().unwrap() {
                "w:t" => text += &unescaped(after),
                "w:tab" => text.push('\t'),
                "w:br" => text.push('\n'),
                _ => {}
            }
        }
        found.push((style, text));
    }
    found
}

fn between(text: &str, from: &str, to: &str) -> Option<String> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0.to_owned())
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// What a document says, put together again.
fn read_back(bytes: &[u8]) -> Patent {
    let mut patent = Patent::default();
    let mut claims: Vec<(u32, String)> = Vec::new();
    let mut summary = Vec::new();
    let mut part = "";
    for (style, text) in paragraphs(bytes) {
        match (style.as_str(), part) {
            ("Title", _) => patent = Patent::new(text),
            ("Heading1", _) => match text.to_lowercase().as_str() {
                "claims" => part = "claims",
                "abstract" => part = "abstract",
                _ => {
                    part = "section";
                    patent.sections.push(PatentSection::new(text).unwrap());
                }
            },
            ("Heading2", _) => patent.sections.last_mut().unwrap().push_heading(1, text),
            ("Heading3", _) => patent.sections.last_mut().unwrap().push_heading(2, text),
            ("NumberedParagraph", _) => {
                let (number, text) = text.split_once('\t').unwrap();
                let expected = patent.numbered().count() + 1;
                assert_eq!(number, format!("[{expected:04}]"));
                patent.sections.last_mut().unwrap().push_paragraph(text);
            }
            ("ListItem", "claims") => {
                let (number, text) = text.split_once('\t').unwrap();
                let number = number.strip_suffix('.').unwrap().parse().unwrap();
                claims.push((number, text.to_owned()));
            }
            ("ListItemPart", "claims") => {
                let claim = &mut claims.last_mut().unwrap().1;
                claim.push('\n');
                claim.push_str(&text);
            }
            ("BodyText", "claims") => assert_eq!(text, "What is claimed is:"),
            ("BodyText", "abstract") => summary.push(text),
            other => panic!("{other:?}: {text}"),
        }
    }
    patent.set_abstract(summary.join("\n\n"));
    let claims = claims.into_iter();
    patent.claims = claims
        .map(|(number, text)| PatentClaim::new(number, text))
        .collect();
    patent
}

/// Its sections' headings in capitals, as they are printed for the United States.
fn in_capitals(patent: &Patent) -> Patent {
    let mut copy = patent.clone();
    copy.sections = patent
        .sections
        .iter()
        .map(|section| {
            let mut capitals = PatentSection::new(section.heading().to_uppercase()).unwrap();
            for block in section.blocks() {
                match block {
                    PatentBlock::Heading { level, text } => capitals.push_heading(*level, text),
                    PatentBlock::Paragraph(text) => capitals.push_paragraph(text),
                }
            }
            capitals
        })
        .collect();
    copy
}

fn cup() -> Patent {
    let mut patent = Patent::new("Cup & \"saucer\"");
    patent.set_abstract("A cup has a foot < its rim.\n\nIt stands.");
    for (heading, text) in [
        ("List of reference signs", "10 cup\n12 foot"),
        ("Technical field", "The invention relates to cups."),
        (
            "Detailed description",
            "The cup 10 has a foot 12.\n\nIt is <heavy> & it's red.",
        ),
    ] {
        let mut section = PatentSection::new(heading).unwrap();
        section.push_heading(1, "In general");
        section.push_heading(2, "The foot");
        section.push_paragraph(text);
        patent.sections.push(section);
    }
    patent.claims.push(PatentClaim::new(
        1,
        "A cup comprising:\na foot; and\na rim.",
    ));
    patent.claims.push(PatentClaim::new(
        2,
        "The cup of claim 1, wherein the rim is round.",
    ));
    patent
}

#[test]
fn what_was_written_is_read_back() {
    let cup = cup();
    for jurisdiction in [Jurisdiction::Us, Jurisdiction::Ep] {
        let ordered = cup.clone().arranged(&jurisdiction.guide());
        assert_ne!(ordered, cup);
        let back = read_back(&cup.to_docx(jurisdiction, None).unwrap());
        match jurisdiction {
            Jurisdiction::Us => assert_eq!(back, in_capitals(&ordered)),
            _ => assert_eq!(back, ordered),
        }
    }
}

#[test]
fn claims_and_abstract_begin_pages() {
    for jurisdiction in [Jurisdiction::Us, Jurisdiction::Ep] {
        let file = cup().to_docx(jurisdiction, None).unwrap();
        let xml = part(&file, "word/document.xml");
        let breaks: Vec<_> = xml
            .split("<w:p ")
            .filter(|paragraph| paragraph.contains("<w:pageBreakBefore"))
            .map(|paragraph| {
                let text = paragraph.rsplit_once("</w:t>").unwrap().0;
                text.rsplit_once('>').unwrap().1.to_lowercase()
            })
            .collect();
        assert_eq!(breaks, ["claims", "abstract"]);
    }
    let mut bare = cup();
    bare.claims.clear();
    bare.set_abstract("");
    let file = bare.to_docx(Jurisdiction::Ep, None).unwrap();
    assert!(!part(&file, "word/document.xml").contains("pageBreakBefore"));
}

#[test]
fn an_unfinished_document_says_so_on_every_page() {
    let file = cup().to_docx(Jurisdiction::Us, Some("INCOMPLETE")).unwrap();
    assert!(part(&file, "word/header1.xml").contains("INCOMPLETE"));
    assert!(part(&file, "word/document.xml").contains("<w:headerReference"));
}

/// The real patents of the data set, if they are there. With CATENA_DOCX_OUT, the files are kept there.
#[test]
fn real_patents_are_read_back() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    for (record, index) in records.lines().zip(0..) {
        let patent = Patent::from_record(record).unwrap();
        for (jurisdiction, name) in [(Jurisdiction::Us, "us"), (Jurisdiction::Ep, "ep")] {
            let ordered = patent.clone().arranged(&jurisdiction.guide());
            let file = patent.to_docx(jurisdiction, None).unwrap();
            let back = read_back(&file);
            match jurisdiction {
                Jurisdiction::Us => assert_eq!(back, in_capitals(&ordered)),
                _ => assert_eq!(back, ordered),
            }
            if let Ok(folder) = std::env::var("CATENA_DOCX_OUT") {
                fs::write(
                    Path::new(&folder).join(format!("{index}-{name}.docx")),
                    file,
                )
                .unwrap();
            }
        }
    }
}
