//! The sections of a patent in the order of an office.

use super::{Patent, SectionKind};
use crate::Guide;

impl Patent {
    /// The patent with its sections in the order of `guide`. Sections of the same kind stay as they are,
    /// and one that the guide does not know stays behind the one before it. Paragraphs are numbered as
    /// they come to stand.
    ///
    /// # Example
    ///
    /// ```
    /// use catena_agents::{Jurisdiction, Patent, PatentSection};
    ///
    /// let mut patent = Patent::new("Cup");
    /// for heading in ["Reference signs", "Summary", "Background"] {
    ///     patent.sections.push(PatentSection::new(heading)?);
    /// }
    /// let headings = |patent: &Patent| -> Vec<String> {
    ///     patent.sections.iter().map(|section| section.heading().to_owned()).collect()
    /// };
    /// let us = patent.clone().arranged(&Jurisdiction::Us.guide());
    /// assert_eq!(headings(&us), ["Background", "Summary", "Reference signs"]);
    /// # Ok::<(), catena_core::Error>(())
    /// ```
    #[must_use]
    pub fn arranged(mut self, guide: &Guide) -> Self {
        let place = |kind: SectionKind| guide.sections.iter().position(|rule| rule.kind == kind);
        let mut last = 0;
        let mut placed = Vec::with_capacity(self.sections.len());
        for section in self.sections {
            last = place(section.kind()).unwrap_or(last);
            placed.push((last, section));
        }
        // Stable: what has the same place stays in its order.
        placed.sort_by_key(|(place, _)| *place);
        self.sections = placed.into_iter().map(|(_, section)| section).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::PatentSection;
    use super::*;
    use crate::Jurisdiction;

    fn headings(headings: &[&str], jurisdiction: Jurisdiction) -> Vec<String> {
        let mut patent = Patent::new("Cup");
        for heading in headings {
            let section = PatentSection::new(heading).unwrap();
            patent.sections.push(section);
        }
        let arranged = patent.arranged(&jurisdiction.guide());
        let heading = |section: &PatentSection| section.heading().to_owned();
        arranged.sections.iter().map(heading).collect()
    }

    #[test]
    fn offices_differ_in_where_reference_signs_stand() {
        let given = ["Detailed description", "Reference signs", "Field"];
        assert_eq!(
            headings(&given, Jurisdiction::Us),
            ["Field", "Reference signs", "Detailed description"]
        );
        assert_eq!(
            headings(&given, Jurisdiction::Ep),
            ["Field", "Detailed description", "Reference signs"]
        );
    }

    #[test]
    fn an_unknown_section_stays_behind_the_one_before_it() {
        let given = [
            "Preface",
            "Detailed description",
            "Example 1",
            "Summary",
            "Detailed description",
        ];
        assert_eq!(
            headings(&given, Jurisdiction::Us),
            [
                "Preface",
                "Summary",
                "Detailed description",
                "Example 1",
                "Detailed description"
            ]
        );
    }
}
