//! Reading texts from files and from standard input.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use catena_core::{Error, Result, lines, sentences};
use serde::{Deserialize, Serialize};

/// The most bytes that a document may have: 256 MiB, some 60 million tokens.
pub const MAX_DOCUMENT_BYTES: u64 = 256 << 20;

/// A text, with the name under which it is cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The file's path as it was given, or `stdin`.
    pub name: String,
    /// The text, exactly as it was read: byte ranges refer to the file.
    pub text: String,
    /// What kind of text it is.
    pub kind: DocumentKind,
}

/// What kind of text a document is, which decides where it may be divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// Sentences and paragraphs, Markdown included.
    #[default]
    Prose,
    /// Lines.
    Code,
}

impl DocumentKind {
    /// By a file name's ending; what is not known is prose.
    pub fn of(path: &Path) -> Self {
        const CODE: &[&str] = &[
            "c", "cc", "cpp", "cs", "css", "go", "h", "hpp", "java", "jl", "js", "json", "jsx",
            "kt", "lua", "php", "pl", "py", "r", "rb", "rs", "scala", "sh", "sql", "swift", "toml",
            "ts", "tsx", "xml", "yaml", "yml",
        ];
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .map(str::to_ascii_lowercase);
        match ending {
            Some(ending) if CODE.contains(&ending.as_str()) => Self::Code,
            _ => Self::Prose,
        }
    }

    /// The byte ranges of what a text of this kind is made of: the sentences of prose, the lines of
    /// code. They concatenate to the text.
    pub fn pieces(self, text: &str) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
        match self {
            Self::Prose => Box::new(sentences(text)),
            Self::Code => Box::new(lines(text)),
        }
    }
}

impl Document {
    /// A document of prose.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            kind: DocumentKind::Prose,
        }
    }

    /// Reads a text file in UTF-8; blocks.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there is no such file, it cannot be read, is a
    /// folder, is empty, is larger than [`MAX_DOCUMENT_BYTES`], or is no text in UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error: io::Error| {
            let help = match error.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "check the file's permissions",
                _ => "check that it is a file that can be read",
            };
            Error::invalid(format!("{name} cannot be read: {error}"))
                .with_help(help)
                .with_source(error)
        };
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(
                Error::invalid(format!("{name} is a folder")).with_help("name the files in it")
            );
        }
        let text = Self::decode(&name, file)?;
        Ok(Self {
            text,
            kind: DocumentKind::of(path),
            name,
        })
    }

    /// Reads a text in UTF-8 from `reader`, such as standard input, to its end; blocks.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn from_reader(name: impl Into<String>, reader: impl Read) -> Result<Self> {
        let name = name.into();
        let text = Self::decode(&name, reader)?;
        Ok(Self::new(name, text))
    }

    fn decode(name: &str, reader: impl Read) -> Result<String> {
        let mut bytes = Vec::new();
        reader
            .take(MAX_DOCUMENT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                Error::invalid(format!("{name} cannot be read to its end: {error}"))
                    .with_source(error)
            })?;
        if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
            let limit = MAX_DOCUMENT_BYTES >> 20;
            return Err(Error::invalid(format!("{name} is larger than {limit} MiB"))
                .with_help("divide it into smaller files"));
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Error::invalid(format!("{name} is text in UTF-16"))
                .with_help("convert it to UTF-8, for instance with iconv"));
        }
        if bytes.starts_with(b"%PDF-") {
            // Its bytes may all be UTF-8, and are no text all the same.
            return Err(Error::invalid(format!("{name} is no text: it is a PDF"))
                .with_help("give a text or Markdown file; convert other formats first"));
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(
                Error::invalid(format!("{name} is no text: byte {at} is zero"))
                    .with_help("give a text or Markdown file; convert other formats first"),
            );
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Error::invalid(format!("{name} is not in UTF-8: byte {at} does not fit"))
                .with_help("convert it to UTF-8, for instance with iconv")
        })?;
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(
                Error::invalid(format!("{name} is empty")).with_help("give a file with text in it")
            );
        }
        Ok(text)
    }

    /// The line, from 1, in which byte `at` lies.
    pub fn line_of(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let before = bytes.get(..at).unwrap_or(bytes);
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let error = Document::from_reader("x", bytes).unwrap_err();
        assert!(error.is_invalid() && error.help().is_some());
        error.to_string()
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_reason() {
        assert_eq!(refused(b""), "x is empty");
        assert_eq!(refused(b" \n\t"), "x is empty");
        assert_eq!(refused("\u{feff}\n".as_bytes()), "x is empty");
        assert_eq!(refused(b"ELF\0\x01"), "x is no text: byte 3 is zero");
        assert_eq!(refused(b"%PDF-1.7\n%\xe2"), "x is no text: it is a PDF");
        assert_eq!(
            refused(b"caf\xe9"),
            "x is not in UTF-8: byte 3 does not fit"
        );
        assert_eq!(refused(b"\xff\xfea\0"), "x is text in UTF-16");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Document::read(&folder.path().join("none.txt")).unwrap_err();
        assert!(missing.to_string().contains("cannot be read"));
        assert_eq!(missing.help(), Some("check the path"));
        let error = Document::read(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("is a folder"), "{error}");
    }

    #[test]
    fn a_text_larger_than_the_limit_is_refused_without_reading_it_all() {
        let endless = io::repeat(b'a');
        let error = Document::from_reader("x", endless).unwrap_err();
        assert_eq!(error.to_string(), "x is larger than 256 MiB");
    }

    #[test]
    fn the_text_is_kept_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rs");
        std::fs::write(&path, "\u{feff}fn a() {}\r\n\r\nfn b() {}\n").unwrap();
        let document = Document::read(&path).unwrap();
        assert_eq!(document.text.as_bytes(), std::fs::read(&path).unwrap());
        assert_eq!(document.kind, DocumentKind::Code);
        assert_eq!(document.line_of(document.text.find("fn b").unwrap()), 3);
    }
}
