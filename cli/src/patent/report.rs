//! `catena patent report`: what each paragraph rests on.

use std::io::stdout;

use anstyle::{AnsiColor, Style};
use catena_agents::{ParagraphBasis, patent_basis};
use serde_json::json;

use super::input;
use crate::{
    args::PatentReport,
    failure::Failure,
    terminal::{harmless, headline, print, styled},
};

/// How much of a paragraph is shown.
const WIDTH: usize = 96;

pub(super) fn report(args: &PatentReport) -> Result<(), Failure> {
    let all = input::everything(&args.file)?;
    // Of the patent as it stands in the file: somebody may have changed it.
    let basis = patent_basis(&all.patent, &all.draft, &all.references);
    let shown: Vec<&ParagraphBasis> = basis
        .iter()
        .filter(|one| !args.unsupported || one.sources.is_empty())
        .collect();
    let bare = basis.iter().filter(|one| one.sources.is_empty()).count();
    if args.json {
        let object = json!({
            "paragraphs": basis.len(),
            "unsupported": bare,
            "basis": shown,
        });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    let mut text = String::new();
    for one in shown {
        let paragraph = all
            .patent
            .numbered()
            .find(|(number, ..)| *number == one.paragraph);
        let head = paragraph.map_or_else(String::new, |(_, _, text)| headline(text, WIDTH));
        let number = styled(
            &format!("[{:04}]", one.paragraph),
            Style::new().bold(),
            &stdout(),
        );
        text += &format!("{number} {head}\n");
        for source in &one.sources {
            text += &format!(
                "    {:.0} % of its words: {}\n      {}\n",
                100.0 * source.share,
                harmless(&source.source.to_string()),
                headline(&source.quote, WIDTH)
            );
        }
        if one.sources.is_empty() {
            let nothing = "    nothing of draft, claims and references says it: is it true?\n";
            text += &styled(nothing, AnsiColor::Yellow.on_default(), &stdout());
        }
    }
    print(&text);
    sayln!(
        "{} paragraphs; of them rest on nothing: {bare}",
        basis.len()
    );
    Ok(())
}
