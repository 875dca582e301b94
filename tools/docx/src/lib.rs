//! Documents with headings, numbered paragraphs and numbered items as DOCX.
//!
//! A crate of its own, because the library that writes the files changes often; its types appear in no
//! signature here. What a patent looks like is said in `catena-agents` (feature `docx`).

#![forbid(unsafe_code)]

mod block;
mod layout;
mod style;

use std::io::Cursor;

use catena_core::{Error, Result};
use docx_rs::{Docx, Paragraph};

pub use block::DocxBlock;
pub use layout::{DocxLayout, NumberPlace};

/// The file. Numbers are in it as text; line breaks in a text are kept; characters that XML does not
/// allow are left out. The same blocks and layout give the same bytes.
///
/// # Errors
///
/// The library cannot write the file, which it does to memory.
///
/// # Example
///
/// ```
/// use catena_docx::{DocxBlock, DocxLayout, docx};
///
/// let blocks = [
///     DocxBlock::Title("Cup".into()),
///     DocxBlock::Numbered { number: 1, text: "Cups tip over.".into() },
/// ];
/// let bytes = docx(&blocks, &DocxLayout::letter())?;
/// assert!(bytes.starts_with(b"PK"));
/// # Ok::<(), catena_core::Error>(())
/// ```
pub fn docx(blocks: &[DocxBlock], layout: &DocxLayout) -> Result<Vec<u8>> {
    let mut document = layout.apply(style::add_to(Docx::new(), layout));
    let mut break_before = false;
    for block in blocks {
        if *block == DocxBlock::PageBreak {
            break_before = true;
            continue;
        }
        for paragraph in block.paragraphs(layout.capitals) {
            document = document.add_paragraph(broken(paragraph, break_before));
            break_before = false;
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    document
        .pack(&mut bytes)
        .map_err(|error| Error::other("the DOCX file cannot be written").with_source(error))?;
    Ok(bytes.into_inner())
}

fn broken(paragraph: Paragraph, before: bool) -> Paragraph {
    if before {
        paragraph.page_break_before(true)
    } else {
        paragraph
    }
}

#[cfg(test)]
mod tests;
