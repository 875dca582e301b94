//! PGTree: the plan of the detailed description, two levels deep.

use std::{collections::HashSet, fmt, str::FromStr};

use catena_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A subsection by its place in the [`PgTree`], both numbers from 1; written `2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubsectionId {
    /// Which section.
    pub section: usize,
    /// Which subsection of it.
    pub subsection: usize,
}

impl fmt::Display for SubsectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.subsection)
    }
}

impl FromStr for SubsectionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('.').and_then(|(section, subsection)| {
            Some((section.parse().ok()?, subsection.parse().ok()?))
        });
        match numbers {
            Some((section, subsection)) if section > 0 && subsection > 0 => Ok(Self {
                section,
                subsection,
            }),
            _ => Err(
                Error::invalid(format!("'{text}' is no place in the plan of a patent"))
                    .with_help("a place is two numbers from 1, as in 2.3"),
            ),
        }
    }
}

impl TryFrom<String> for SubsectionId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SubsectionId> for String {
    fn from(id: SubsectionId) -> Self {
        id.to_string()
    }
}

/// The plan of the detailed description: sections, and what each of their subsections is to say.
///
/// # Example
///
/// ```
/// use catena_agents::PgTree;
///
/// let tree = PgTree::from_markdown(
///     "## Structure\nThe parts.\n### The foot\nSay how wide it is.\n### The rim\nSay what it is made of.",
/// )?;
/// assert_eq!(tree.sections[0].subsections[1].heading, "The rim");
/// assert_eq!(PgTree::from_markdown(&tree.to_markdown())?, tree);
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PgTree {
    /// In the order in which they are printed.
    pub sections: Vec<PgSection>,
}

/// A section of a [`PgTree`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PgSection {
    /// Its heading, one line.
    pub heading: String,
    /// What it is for.
    #[serde(default)]
    pub overview: String,
    /// In the order in which they are printed.
    pub subsections: Vec<PgSubsection>,
}

/// A subsection of a [`PgTree`]: a piece of text that is written at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PgSubsection {
    /// Its heading, one line.
    pub heading: String,
    /// What it has to say.
    #[serde(default)]
    pub guide: String,
}

impl PgTree {
    /// The subsections with their places and their sections.
    pub fn subsections(&self) -> impl Iterator<Item = (SubsectionId, &PgSection, &PgSubsection)> {
        self.sections.iter().zip(1..).flat_map(|(section, number)| {
            section
                .subsections
                .iter()
                .zip(1..)
                .map(move |(subsection, index)| {
                    let id = SubsectionId {
                        section: number,
                        subsection: index,
                    };
                    (id, section, subsection)
                })
        })
    }

    /// The tree made usable: white space folded, headings without marks and numbers, what has no
    /// heading, comes twice or exceeds the bounds left out, and an empty guide filled with the heading.
    /// A tree of which nothing is left is empty.
    #[must_use]
    pub fn bounded(&self, sections: usize, subsections: usize) -> Self {
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for section in &self.sections {
            let heading = heading(&section.heading);
            if kept.len() == sections || heading.is_empty() || !seen.insert(heading.to_lowercase())
            {
                continue;
            }
            let mut children = Vec::new();
            for child in &section.subsections {
                let name = self::heading(&child.heading);
                // A child may be named like its section, but not like another child.
                let again = !seen.insert(format!("/{}", name.to_lowercase()));
                if children.len() == subsections || name.is_empty() || again {
                    continue;
                }
                let guide = one_line(&child.guide);
                children.push(PgSubsection {
                    guide: if guide.is_empty() {
                        name.clone()
                    } else {
                        guide
                    },
                    heading: name,
                });
            }
            if !children.is_empty() {
                kept.push(PgSection {
                    heading,
                    overview: one_line(&section.overview),
                    subsections: children,
                });
            }
        }
        Self { sections: kept }
    }

    /// Markdown for a person to edit: `##` a section, `###` a subsection, below each what is said of it.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        let mut push = |mark: &str, heading: &str, text: &str| {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&format!("{mark} {heading}\n"));
            if !text.is_empty() {
                out.push_str(&format!("{text}\n"));
            }
        };
        for section in &self.sections {
            push("##", &section.heading, &section.overview);
            for child in &section.subsections {
                push("###", &child.heading, &child.guide);
            }
        }
        out
    }

    /// Reads what [`to_markdown`](Self::to_markdown) wrote and a person changed. A section without
    /// subsections gets one of its own name.
    ///
    /// # Errors
    ///
    /// A text without a `##` heading, text before the first, `###` before the first `##`, and an empty
    /// heading; with the line.
    pub fn from_markdown(text: &str) -> Result<Self> {
        let mut tree = Self::default();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            let wrong = |problem: &str| Error::invalid(format!("line {number}: {problem}"));
            let level = line.bytes().take_while(|byte| *byte == b'#').count();
            let name = line.get(level..).map(one_line).unwrap_or_default();
            match (level, tree.sections.last_mut()) {
                (1.., _) if name.is_empty() => return Err(wrong("the heading is empty")),
                (2, _) => tree.sections.push(PgSection {
                    heading: name,
                    ..PgSection::default()
                }),
                (3, Some(section)) => section.subsections.push(PgSubsection {
                    heading: name,
                    guide: String::new(),
                }),
                (0, _) if line.is_empty() => {}
                (0, Some(section)) => match section.subsections.last_mut() {
                    Some(child) => append(&mut child.guide, line),
                    None => append(&mut section.overview, line),
                },
                (1, None) => {}
                (_, None) => return Err(wrong("this stands before the first '##' heading")),
                _ => return Err(wrong("headings are '##' and '###'")),
            }
        }
        if tree.sections.is_empty() {
            return Err(
                Error::invalid("the plan has no section").with_help("a section begins with '## '")
            );
        }
        for section in &mut tree.sections {
            if section.subsections.is_empty() {
                section.subsections.push(PgSubsection {
                    heading: section.heading.clone(),
                    guide: section.overview.clone(),
                });
            }
        }
        Ok(tree)
    }
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A heading without Markdown, a number before it and punctuation behind it.
fn heading(text: &str) -> String {
    let bare = |text: &str| -> String {
        text.trim_matches(|c: char| c.is_whitespace() || "#*_`\"'<>.:;,".contains(c))
            .to_owned()
    };
    let text = bare(&one_line(text));
    let numbered = text.trim_start_matches(|c: char| c.is_ascii_digit() || ".)".contains(c));
    // "3D printing" begins with a number that belongs to it.
    match numbered.starts_with(' ') {
        true => bare(numbered),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(heading: &str, children: &[&str]) -> PgSection {
        let child = |heading: &&str| PgSubsection {
            heading: (*heading).into(),
            guide: String::new(),
        };
        PgSection {
            heading: heading.into(),
            overview: String::new(),
            subsections: children.iter().map(child).collect(),
        }
    }

    #[test]
    fn a_place_is_written_and_read() {
        let id: SubsectionId = "2.13".parse().unwrap();
        assert_eq!((id.section, id.subsection), (2, 13));
        assert_eq!(id.to_string(), "2.13");
        for wrong in ["", "2", "0.1", "1.0", "a.b", "1.2.3"] {
            assert!(wrong.parse::<SubsectionId>().is_err(), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"2.13\"");
    }

    #[test]
    fn a_tree_is_bounded_and_without_repetition() {
        let tree = PgTree {
            sections: vec![
                section("1. **Structure**:", &["Foot", "foot", " ", "Rim", "Hand"]),
                section("structure", &["Other"]),
                section("Empty", &[]),
                section("3D view", &["Foot", "Top"]),
                section("Third", &["A"]),
            ],
        };
        let bounded = tree.bounded(2, 2);
        let names: Vec<_> = bounded
            .subsections()
            .map(|(id, section, child)| format!("{id} {} / {}", section.heading, child.heading))
            .collect();
        assert_eq!(
            names,
            [
                "1.1 Structure / Foot",
                "1.2 Structure / Rim",
                "2.1 3D view / Top"
            ]
        );
        assert_eq!(bounded.sections[0].subsections[0].guide, "Foot");
        assert_eq!(bounded.bounded(2, 2), bounded);
        assert_eq!(PgTree::default().bounded(3, 3), PgTree::default());
    }

    #[test]
    fn what_cannot_be_read_has_a_line() {
        let problem = |text: &str| PgTree::from_markdown(text).unwrap_err().to_string();
        assert!(problem("# Plan\n\ntext").starts_with("line 3:"));
        assert!(problem("### A").starts_with("line 1:"));
        assert!(problem("## A\n#### B").starts_with("line 2:"));
        assert!(problem("## A\n###").starts_with("line 2:"));
        assert!(problem("").contains("no section"));
        let alone = PgTree::from_markdown("## A\nwhy\nand how").unwrap();
        assert_eq!(alone.sections[0].subsections[0].guide, "why and how");
    }
}
