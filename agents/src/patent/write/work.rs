//! Pieces become a document, and the events of a run become pieces.

use catena_core::{Event, EventKind};
use serde::{Deserialize, Serialize};

use super::{
    super::{Draft, Guide, Patent, PatentClaim, PatentSection, Question, SectionKind},
    figures::figures,
    glossary::Glossary,
    tree::{PgTree, SubsectionId},
    types::{PatentPiece, PatentWork, Subsection},
    wording::inside,
};

/// The name of the notes that tell of each piece as soon as it is written.
pub(super) const NOTE: &str = "patent.written";

/// What a note tells: a piece that is written, or written anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece {
    Title(String),
    Abstract(String),
    Background(String),
    Summary(String),
    Claims(Vec<PatentClaim>),
    Plan(PgTree),
    Glossary(Glossary),
    /// A text that is to be examined.
    Unexamined(SubsectionId, String),
    Subsection(SubsectionId, Subsection),
    /// Everything, as it is handed over at the end.
    Whole(Box<PatentWork>),
}

impl PatentWork {
    /// What a run had written by the last of these events: of a run that failed, was stopped, waits or
    /// was killed. They are the run's stream, or what its journal keeps of it
    /// ([`Journal::events`](catena_core::Journal::events)).
    ///
    /// # Example: what there is when the budget is spent
    ///
    /// ```
    /// use catena_agents::{Draft, Jurisdiction, PatentWork};
    ///
    /// let draft = Draft::new(["Cups tip over.", "", "A wider foot.", "The foot.", ""])?;
    /// // In place of `journal.events(&run).await?`.
    /// let events = Vec::new();
    /// let work = PatentWork::from_events(&events);
    /// assert_eq!(work.missing().len(), 6);
    /// let partial = work.patent(&draft, &Jurisdiction::Us.guide());
    /// assert!(partial.to_markdown().contains("[To be written: background]"));
    /// # Ok::<(), catena_core::Error>(())
    /// ```
    pub fn from_events<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut work = Self::default();
        for event in events {
            work.see(event);
        }
        work
    }

    /// Takes what an event tells; of most events, nothing.
    pub fn see(&mut self, event: &Event) {
        if let EventKind::Note { name, data } = &event.kind
            && name == NOTE
            && let Ok(piece) = serde_json::from_value(data.clone())
        {
            self.take(piece);
        }
    }

    pub(super) fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Title(text) => self.title = text,
            Piece::Abstract(text) => self.abstract_text = text,
            Piece::Background(text) => self.background = text,
            Piece::Summary(text) => self.summary = text,
            Piece::Claims(claims) => self.claims = claims,
            Piece::Plan(plan) => {
                if plan != self.plan {
                    // Places in another plan mean something else.
                    self.subsections.clear();
                    self.unexamined.clear();
                }
                self.plan = plan;
            }
            Piece::Glossary(glossary) => self.glossary = glossary,
            Piece::Unexamined(id, text) => {
                self.unexamined.insert(id, text);
            }
            Piece::Subsection(id, subsection) => {
                self.unexamined.remove(&id);
                self.subsections.insert(id, subsection);
            }
            Piece::Whole(work) => *self = *work,
        }
    }

    /// What is not written yet, in the order of writing. Without a plan it is not known which
    /// subsections will be missing.
    pub fn missing(&self) -> Vec<PatentPiece> {
        let components = PatentPiece::COMPONENTS
            .into_iter()
            .filter(|piece| !self.has(*piece));
        let plan = (!self.has(PatentPiece::Plan)).then_some(PatentPiece::Plan);
        let subsections = self
            .plan
            .subsections()
            .map(|(id, ..)| PatentPiece::Subsection(id))
            .filter(|piece| !self.has(*piece));
        components.chain(plan).chain(subsections).collect()
    }

    /// Whether a piece is written.
    pub fn has(&self, piece: PatentPiece) -> bool {
        match piece {
            PatentPiece::Title => !self.title.is_empty(),
            PatentPiece::Abstract => !self.abstract_text.is_empty(),
            PatentPiece::Background => !self.background.is_empty(),
            PatentPiece::Summary => !self.summary.is_empty(),
            PatentPiece::Claims => !self.claims.is_empty(),
            PatentPiece::Plan => !self.plan.sections.is_empty(),
            PatentPiece::Subsection(id) => self
                .subsections
                .get(&id)
                .is_some_and(|subsection| !subsection.text.is_empty()),
        }
    }

    /// Forgets a piece; with the plan, all subsections.
    pub fn forget(&mut self, piece: PatentPiece) {
        match piece {
            PatentPiece::Title => self.title.clear(),
            PatentPiece::Abstract => self.abstract_text.clear(),
            PatentPiece::Background => self.background.clear(),
            PatentPiece::Summary => self.summary.clear(),
            PatentPiece::Claims => self.claims.clear(),
            PatentPiece::Plan => {
                self.plan = PgTree::default();
                self.subsections.clear();
                self.unexamined.clear();
            }
            PatentPiece::Subsection(id) => {
                self.subsections.remove(&id);
                self.unexamined.remove(&id);
            }
        }
    }

    /// The document, with the sections that `guide` wants in its order.
    ///
    /// What is missing is marked with `[To be written: …]`, what was written and not examined with
    /// `[To be examined: …]` behind it; [`check_patent`](crate::check_patent) reports both as placeholders. Technical field, description of the
    /// drawings and list of reference signs are put together from title, draft and glossary; related
    /// applications are not known here and left out.
    pub fn patent(&self, draft: &Draft, guide: &Guide) -> Patent {
        self.document(draft, guide, true)
    }

    /// With or without marks for what is missing.
    pub(super) fn document(&self, draft: &Draft, guide: &Guide, marks: bool) -> Patent {
        let filled = |text: &str, what: &str| match (text.is_empty(), marks) {
            (false, _) => text.to_owned(),
            (true, true) => mark(what),
            (true, false) => String::new(),
        };
        let mut patent = Patent::new(filled(&self.title, "title"));
        patent.set_abstract(filled(&self.abstract_text, "abstract"));
        for rule in &guide.sections {
            let heading = rule
                .headings
                .first()
                .map_or_else(|| usual_heading(rule.kind), String::as_str);
            let Ok(mut section) = PatentSection::new(heading) else {
                continue;
            };
            match rule.kind {
                SectionKind::Field => section.push_paragraph(self.field()),
                SectionKind::Background => {
                    section.push_paragraph(filled(&self.background, "background"));
                }
                SectionKind::Summary => section.push_paragraph(filled(&self.summary, "summary")),
                SectionKind::Drawings => {
                    for figure in figures(draft.answer(Question::Drawings)) {
                        section.push_paragraph(figure);
                    }
                }
                SectionKind::Description => self.describe(&mut section, marks),
                // In Europe they are listed; in the United States they are not.
                SectionKind::Signs if guide.signs_in_claims => self.signs(&mut section),
                _ => {}
            }
            if section.paragraphs().next().is_some() {
                patent.sections.push(section);
            }
        }
        patent.claims = self.claims.clone();
        if guide.signs_in_claims {
            for claim in &mut patent.claims {
                *claim = PatentClaim::new(claim.number(), self.glossary.mark_claim(claim.text()));
            }
        }
        if patent.claims.is_empty() && marks {
            patent.claims.push(PatentClaim::new(1, mark("claims")));
        }
        patent
    }

    fn field(&self) -> String {
        match self.title.is_empty() {
            true => String::new(),
            false => format!("The present disclosure relates to {}.", inside(&self.title)),
        }
    }

    fn describe(&self, section: &mut PatentSection, marks: bool) {
        if self.plan.sections.is_empty() && marks {
            section.push_paragraph(mark("plan and detailed description"));
        }
        let mut last = None;
        for (id, above, child) in self.plan.subsections() {
            let text = self
                .subsections
                .get(&id)
                .map_or("", |subsection| subsection.text.as_str());
            if text.is_empty() && !marks {
                continue;
            }
            if last != Some(id.section) {
                section.push_heading(1, &above.heading);
                last = Some(id.section);
            }
            if !child.heading.eq_ignore_ascii_case(&above.heading) {
                section.push_heading(2, &child.heading);
            }
            let place = format!("{id} {}", child.heading);
            match (text.is_empty(), self.unexamined.get(&id)) {
                (false, _) => section.push_paragraph(text),
                (true, Some(text)) => {
                    section.push_paragraph(text);
                    section.push_paragraph(format!("[To be examined: {place}]"));
                }
                (true, None) => section.push_paragraph(mark(&place)),
            }
        }
    }

    fn signs(&self, section: &mut PatentSection) {
        let mut terms: Vec<(&str, &str)> = self
            .glossary
            .terms
            .iter()
            .filter_map(|term| Some((term.numeral.as_deref()?, term.name.as_str())))
            .collect();
        terms.sort_by_key(|(numeral, _)| {
            let digits: String = numeral.chars().take_while(char::is_ascii_digit).collect();
            (digits.parse::<u32>().unwrap_or(0), (*numeral).to_owned())
        });
        for (numeral, name) in terms {
            section.push_paragraph(format!("{numeral} {name}"));
        }
    }
}

fn mark(what: &str) -> String {
    format!("[To be written: {what}]")
}

fn usual_heading(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::CrossReference => "Cross-reference to related applications",
        SectionKind::Field => "Technical field",
        SectionKind::Background => "Background art",
        SectionKind::Summary => "Summary of the invention",
        SectionKind::Drawings => "Brief description of the drawings",
        SectionKind::Signs => "List of reference signs",
        SectionKind::Description => "Description of embodiments",
        SectionKind::Claims | SectionKind::Abstract | SectionKind::Other => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Jurisdiction, PgSection, PgSubsection, Rule, check_patent};

    fn plan() -> PgTree {
        let sub = |heading: &str| PgSubsection {
            heading: heading.into(),
            guide: heading.into(),
        };
        PgTree {
            sections: vec![PgSection {
                heading: "Structure".into(),
                overview: String::new(),
                subsections: vec![sub("Foot"), sub("Rim")],
            }],
        }
    }

    #[test]
    fn what_is_missing_is_named_and_marked() {
        let draft = Draft::new(["", "", "", "", "FIG. 1: the cup"]).unwrap();
        let guide = Jurisdiction::Us.guide();
        let mut work = PatentWork {
            title: "Cup".into(),
            plan: plan(),
            ..PatentWork::default()
        };
        let foot = SubsectionId {
            section: 1,
            subsection: 1,
        };
        let written = Subsection {
            text: "The foot is wide.".into(),
            ..Subsection::default()
        };
        work.subsections.insert(foot, written);
        let missing: Vec<_> = work.missing().iter().map(ToString::to_string).collect();
        assert_eq!(
            missing,
            ["abstract", "background", "summary", "claims", "1.2"]
        );
        let patent = work.patent(&draft, &guide);
        let marks = check_patent(&patent, &guide)
            .into_iter()
            .filter(|finding| finding.rule == Rule::Placeholders)
            .count();
        assert_eq!(marks, missing.len(), "every one is reported");
        assert!(patent.to_text().contains("[To be written: 1.2 Rim]"));
        let without = work.document(&draft, &guide, false).to_markdown();
        assert!(!without.contains("To be written"));
    }

    #[test]
    fn a_document_has_the_sections_of_its_guide() {
        let draft = Draft::new(["", "", "A foot 12.", "", "FIG. 1: the cup"]).unwrap();
        let mut work = PatentWork {
            title: "Cup".into(),
            abstract_text: "A cup.".into(),
            background: "Cups tip.".into(),
            summary: "A cup with a foot.".into(),
            claims: vec![PatentClaim::new(1, "A cup comprising a foot.")],
            plan: plan(),
            ..PatentWork::default()
        };
        work.glossary = Glossary::of(&draft, &work.claims);
        for (id, ..) in plan().subsections() {
            let text = "The foot 12 of the cup is wide.".to_owned();
            let subsection = Subsection {
                text,
                ..Subsection::default()
            };
            work.subsections.insert(id, subsection);
        }
        assert_eq!(work.missing(), []);
        for (jurisdiction, kinds) in [(crate::Jurisdiction::Us, 5), (crate::Jurisdiction::Ep, 6)] {
            let guide = jurisdiction.guide();
            let patent = work.patent(&draft, &guide);
            assert_eq!(patent.sections.len(), kinds, "{:?}", patent.sections);
            let findings = check_patent(&patent, &guide);
            let bad = [Rule::Sections, Rule::Headings, Rule::Placeholders];
            assert!(
                !findings.iter().any(|finding| bad.contains(&finding.rule)),
                "{findings:?}"
            );
        }
        let european = work.patent(&draft, &Jurisdiction::Ep.guide());
        assert_eq!(
            european.claims[0].text(),
            "A cup (100) comprising a foot (12)."
        );
        assert!(european.to_text().contains("12 foot"));
    }

    #[test]
    fn events_become_pieces() {
        let mut work = PatentWork::default();
        work.take(Piece::Title("Cup".into()));
        work.take(Piece::Plan(plan()));
        let id = "1.1".parse().unwrap();
        work.take(Piece::Unexamined(id, "The foot is wide.".into()));
        assert!(!work.has(PatentPiece::Subsection(id)));
        let draft = Draft::new(["", "", "", "", ""]).unwrap();
        let text = work.patent(&draft, &Jurisdiction::Us.guide()).to_text();
        assert!(text.contains("The foot is wide.") && text.contains("[To be examined: 1.1 Foot]"));
        work.take(Piece::Subsection(
            id,
            Subsection {
                text: "x".into(),
                ..Subsection::default()
            },
        ));
        // The same plan again changes nothing; another one makes its places meaningless.
        work.take(Piece::Plan(plan()));
        assert_eq!((work.subsections.len(), work.unexamined.len()), (1, 0));
        work.take(Piece::Plan(PgTree::default()));
        assert_eq!(work.subsections.len(), 0);
        assert_eq!(work.title, "Cup");
    }
}
