//! The styles of a document, by name, so that a person can change all headings at once.

use docx_rs::{
    AlignmentType, Docx, LineSpacing, RunFonts, SpecialIndentType, Style, StyleType, Tab,
};

use crate::DocxLayout;

pub(crate) const TITLE: &str = "Title";
pub(crate) const BODY: &str = "BodyText";
/// Paragraphs with a number.
pub(crate) const NUMBERED: &str = "NumberedParagraph";
/// The first line of an item.
pub(crate) const ITEM: &str = "ListItem";
/// Its further lines.
pub(crate) const PART: &str = "ListItemPart";
/// What stands at the edge of a page.
pub(crate) const EDGE: &str = "PageEdge";

const FONT: &str = "Times New Roman";
/// In half points.
const SIZE: usize = 24;
/// In twentieths of a point.
const INCH: i32 = 1440;
/// One and a half lines, in 240ths of a line.
const LINE: i32 = 360;

pub(crate) fn heading(level: u8) -> String {
    format!("Heading{}", level.clamp(1, 3))
}

/// Where the text behind a number begins.
pub(crate) fn tabs(style: &str) -> Vec<Tab> {
    let stop = match style {
        // Behind "[0001]" in bold, with a gap of about four blanks (37 CFR 1.52(b)(6)).
        NUMBERED => 1080,
        _ => 720,
    };
    vec![Tab::new().pos(stop)]
}

pub(crate) fn add_to(document: Docx, layout: &DocxLayout) -> Docx {
    let fonts = RunFonts::new()
        .ascii(FONT)
        .hi_ansi(FONT)
        .cs(FONT)
        .east_asia(FONT);
    let title = based(TITLE, "Title")
        .next(BODY)
        .bold()
        .align(AlignmentType::Center)
        .line_spacing(LineSpacing::new().after(360));
    let main = headed(1);
    // Three levels that are told apart.
    let (main, second, third) = match layout.capitals {
        true => (
            main.align(AlignmentType::Center),
            headed(2).bold(),
            headed(3).italic(),
        ),
        false => (
            main.bold(),
            headed(2).italic(),
            headed(3).underline("single"),
        ),
    };
    let spaced = || LineSpacing::new().line(LINE).after(120);
    document
        .default_fonts(fonts)
        .default_size(SIZE)
        .add_style(title)
        .add_style(main)
        .add_style(second)
        .add_style(third)
        .add_style(based(BODY, "Body Text").line_spacing(spaced()))
        .add_style(based(NUMBERED, "Numbered Paragraph").line_spacing(spaced()))
        .add_style(
            based(ITEM, "List Item")
                .next(PART)
                .line_spacing(spaced())
                .indent(
                    Some(INCH / 2),
                    Some(SpecialIndentType::Hanging(INCH / 2)),
                    None,
                    None,
                ),
        )
        .add_style(based(PART, "List Item Part").line_spacing(spaced()).indent(
            Some(INCH),
            None,
            None,
            None,
        ))
        .add_style(based(EDGE, "Page Edge"))
}

fn based(id: &str, name: &str) -> Style {
    Style::new(id, StyleType::Paragraph)
        .name(name)
        .based_on("Normal")
        .q_format(true)
        .size(SIZE)
}

fn headed(level: u8) -> Style {
    based(&heading(level), &format!("heading {level}"))
        .next(BODY)
        .outline_lvl(usize::from(level) - 1)
        .line_spacing(LineSpacing::new().before(240).after(180))
}
