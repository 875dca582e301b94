//! Title, abstract, sections and wording.

use super::{
    super::{
        Guide, Patent, PatentPart, SectionKind, WordingRule,
        gaps::{GAP_WORDS, opening},
    },
    Finding, PatentPlace, Rule, Severity, finding,
    words::words,
};

pub(super) fn check(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    title(patent, guide, findings);
    summary(patent, guide, findings);
    sections(patent, guide, findings);
    headings(patent, guide, findings);
    for (place, part, text) in texts(patent) {
        for rule in &guide.wording {
            wording(rule, part, &place, text, findings);
        }
        placeholders(&place, text, findings);
    }
}

fn title(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    let mut report = |severity, message: String, advice: String| {
        findings.push(finding(
            Rule::Title,
            severity,
            PatentPlace::Title,
            message,
            advice,
        ));
    };
    let title = patent.title();
    let characters = title.chars().count();
    let count = title.split_whitespace().count();
    if title.is_empty() {
        report(
            Severity::Error,
            "there is no title".into(),
            "name what is claimed, briefly".into(),
        );
    }
    if characters > guide.title_characters {
        report(
            Severity::Error,
            format!("the title has {characters} characters"),
            format!("{} are allowed", guide.title_characters),
        );
    }
    if count > guide.title_words {
        report(
            Severity::Advice,
            format!("the title has {count} words"),
            format!("{} should do", guide.title_words),
        );
    }
}

fn summary(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    let mut error = |message: String, advice: String| {
        findings.push(finding(
            Rule::Abstract,
            Severity::Error,
            PatentPlace::Abstract,
            message,
            advice,
        ));
    };
    let text = patent.abstract_text();
    let count = text.split_whitespace().count();
    let paragraphs = text.split("\n\n").count();
    if text.is_empty() {
        error(
            "there is no abstract".into(),
            format!("write one of at most {} words", guide.abstract_words),
        );
    }
    if count > guide.abstract_words {
        error(
            format!("the abstract has {count} words"),
            format!("{} are allowed", guide.abstract_words),
        );
    }
    if paragraphs > 1 {
        error(
            format!("the abstract has {paragraphs} paragraphs"),
            "make it one".into(),
        );
    }
}

fn sections(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    let rank = |kind| guide.sections.iter().position(|rule| rule.kind == kind);
    for rule in &guide.sections {
        let drawn = rule.kind == SectionKind::Drawings && mentions_figure(patent);
        match patent.section(rule.kind) {
            None if rule.required || drawn => findings.push(finding(
                Rule::Sections,
                Severity::Error,
                PatentPlace::Document,
                format!("the section '{}' is missing", rule.kind),
                match rule.headings.first() {
                    Some(heading) => format!("add it under the heading '{heading}'"),
                    None => "add it".into(),
                },
            )),
            Some(section) if section.paragraphs().next().is_none() => findings.push(finding(
                Rule::Sections,
                Severity::Error,
                PatentPlace::Section(section.heading().into()),
                "the section is empty",
                "write it or delete it",
            )),
            _ => {}
        }
    }
    let mut highest: Option<(usize, &str)> = None;
    for section in &patent.sections {
        let Some(rank) = rank(section.kind()) else {
            continue;
        };
        match highest {
            Some((before, heading)) if rank < before => findings.push(finding(
                Rule::Sections,
                Severity::Warning,
                PatentPlace::Section(section.heading().into()),
                format!("the section comes after '{heading}'"),
                "put it before",
            )),
            _ => highest = Some((rank, section.heading())),
        }
    }
}

fn mentions_figure(patent: &Patent) -> bool {
    patent.numbered().any(|(_, section, text)| {
        let own = !matches!(
            section.kind(),
            SectionKind::Background | SectionKind::CrossReference
        );
        own && words(text).windows(2).any(|pair| {
            matches!(pair, [word, number] if word.is(&["fig", "figs", "figure", "figures"])
                && number.text.starts_with(|c: char| c.is_ascii_digit()))
        })
    })
}

fn headings(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    for section in &patent.sections {
        let Some(rule) = guide
            .sections
            .iter()
            .find(|rule| rule.kind == section.kind())
        else {
            continue;
        };
        let usual = rule
            .headings
            .iter()
            .any(|heading| heading.eq_ignore_ascii_case(section.heading()));
        if let (false, Some(advised)) = (usual, rule.headings.first()) {
            findings.push(finding(
                Rule::Headings,
                Severity::Advice,
                PatentPlace::Section(section.heading().into()),
                "the heading is not one of the usual",
                format!("head it '{advised}'"),
            ));
        }
    }
}

/// Everything that is written, with its place.
fn texts(patent: &Patent) -> impl Iterator<Item = (PatentPlace, PatentPart, &str)> {
    let description = patent.numbered().map(|(number, _, text)| {
        (
            PatentPlace::Paragraph(number),
            PatentPart::Description,
            text,
        )
    });
    let claims = patent.claims.iter().map(|claim| {
        (
            PatentPlace::Claim(claim.number()),
            PatentPart::Claims,
            claim.text(),
        )
    });
    [(PatentPlace::Title, PatentPart::Title, patent.title())]
        .into_iter()
        .chain(description)
        .chain(claims)
        .chain([(
            PatentPlace::Abstract,
            PatentPart::Abstract,
            patent.abstract_text(),
        )])
}

fn wording(
    rule: &WordingRule,
    part: PatentPart,
    place: &PatentPlace,
    text: &str,
    findings: &mut Vec<Finding>,
) {
    if !rule.parts.contains(&part) {
        return;
    }
    let wanted = words(&rule.phrase);
    let found = words(text);
    let stands = !wanted.is_empty()
        && found.windows(wanted.len()).any(|window| {
            window
                .iter()
                .zip(&wanted)
                .enumerate()
                .all(|(index, (found, wanted))| {
                    found.lower == wanted.lower && (index == 0 || !found.after_punctuation)
                })
        });
    if stands {
        findings.push(finding(
            Rule::Wording,
            rule.severity,
            place.clone(),
            format!("it says '{}'", rule.phrase),
            rule.advice.clone(),
        ));
    }
}

/// What is left to be filled in: `[insert …]`, `TODO`, `XXX`, `<…>`.
fn placeholders(place: &PatentPlace, text: &str, findings: &mut Vec<Finding>) {
    let word = words(text)
        .into_iter()
        .find(|word| GAP_WORDS.contains(&word.text))
        .map(|word| word.text);
    if let Some(found) = word.or(opening(text)) {
        findings.push(finding(
            Rule::Placeholders,
            Severity::Error,
            place.clone(),
            format!("'{}' is left to be filled in", found),
            "write what belongs there",
        ));
    }
}
