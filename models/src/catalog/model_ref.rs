//! What a user may write where a model is asked for.

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};
use serde::Deserialize;

use super::{Catalog, entry::is_plain, gguf};
use crate::Vendor;

/// A model argument, understood.
///
/// | written | meaning |
/// | --- | --- |
/// | `qwen2.5-coder-0.5b` | a name of the catalogue |
/// | `./weights/model.gguf` | a file (anything with a `/`, or that ends in `.gguf`) |
/// | `hf:owner/repo/file.gguf` | a file on the Hugging Face hub, `@revision` may follow the repository |
/// | `openai:gpt-4o-mini`, `ollama:qwen2.5:7b` | a model that a server has, behind the prefix of a [`Vendor`] |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelRef {
    /// A name that the catalogue has.
    Catalog(String),
    /// A GGUF file that exists; its first bytes were checked.
    File(PathBuf),
    /// A GGUF file on the hub; not looked for yet.
    Hub(HubFile),
    /// The name of a model that a server has; not looked for yet.
    Server(Vendor, String),
}

impl ModelRef {
    /// Understands `text` with the [built-in catalogue](Catalog::builtin).
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn parse(text: &str) -> Result<Self> {
        Self::resolve(text, &Catalog::builtin())
    }

    /// Understands `text` with the names of `catalog`.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if it is no known name (the message names the nearest one), no
    /// readable GGUF file, a malformed `hf:` reference, a prefix without a model, or a prefix that is none
    /// (the help names them).
    pub fn resolve(text: &str, catalog: &Catalog) -> Result<Self> {
        let text = text.trim();
        if let Some(hub) = text.strip_prefix("hf:") {
            return HubFile::parse(hub).map(Self::Hub);
        }
        if let Some((prefix, model)) = prefixed(text) {
            return match Vendor::from_prefix(prefix) {
                Some(_) if model.is_empty() => {
                    Err(Error::invalid(format!("`{prefix}:` names no model"))
                        .with_help(format!("write `{prefix}:MODEL`")))
                }
                Some(vendor) => Ok(Self::Server(vendor, model.to_owned())),
                None => Err(Error::invalid(format!(
                    "`{prefix}:` in `{text}` is no prefix of a model"
                ))
                .with_help(format!(
                    "prefixes: hf:, {}; what has none is a name of the catalogue, or a path",
                    Vendor::ALL.map(|vendor| format!("{vendor}:")).join(", ")
                ))),
            };
        }
        let is_path = text.contains(['/', '\\']) || text.to_ascii_lowercase().ends_with(".gguf");
        if is_path {
            check_file(Path::new(text))?;
            return Ok(Self::File(PathBuf::from(text)));
        }
        catalog
            .entry(text)
            .map(|entry| Self::Catalog(entry.name.clone()))
    }
}

/// What stands before the first colon, if that could be a prefix, and behind it.
fn prefixed(text: &str) -> Option<(&str, &str)> {
    let (prefix, model) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // A single letter is a drive, and a file may have any name.
    let is_prefix = prefix.len() > 1 && prefix.chars().all(plain) && !Path::new(text).exists();
    is_prefix.then_some((prefix, model))
}

/// Parses with the built-in catalogue, as [`ModelRef::parse`].
impl std::str::FromStr for ModelRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// Whether `path` is a file that begins as a GGUF does; each way it may not be has its own message.
fn check_file(path: &Path) -> Result<()> {
    let refuse = |what: &str| Error::invalid(format!("{} {what}", path.display()));
    let unreadable = |error: std::io::Error| {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "does not exist",
            std::io::ErrorKind::PermissionDenied => "may not be read",
            _ => "could not be read",
        };
        refuse(what)
            .with_help("give the path of a .gguf file, or a name from `catena models list`")
            .with_source(error)
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(refuse("is a folder, not a .gguf file").with_help("name the file in it"));
    }
    if metadata.len() == 0 {
        return Err(refuse("is empty").with_help("download it again"));
    }
    let mut start = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(512).read_to_end(&mut start).map_err(unreadable)?;
    if start.starts_with(gguf::MAGIC) {
        return Ok(());
    }
    let what = if start.starts_with(b"version https://git-lfs") {
        "is a Git LFS pointer, not the model's file"
    } else if std::str::from_utf8(&start).is_ok_and(|text| !text.contains('\0')) {
        "is a text file, not a GGUF model"
    } else {
        "is not a GGUF model: it does not begin with `GGUF`"
    };
    Err(refuse(what).with_help("models in other formats must be converted to GGUF first"))
}

/// A GGUF file on the Hugging Face hub.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HubFile {
    /// The repository, as `owner/name`.
    pub repo: String,
    /// The path inside the repository; ends in `.gguf`.
    pub file: String,
    /// A branch, tag or commit. Default: `main`.
    #[serde(default = "main")]
    pub revision: String,
}

fn main() -> String {
    "main".to_owned()
}

impl HubFile {
    /// Parses `owner/repo/path/to/file.gguf` or `owner/repo@revision/path/to/file.gguf`.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if it has another form.
    pub fn parse(text: &str) -> Result<Self> {
        let mut pieces = text.splitn(3, '/');
        let (Some(owner), Some(repo), Some(file)) = (pieces.next(), pieces.next(), pieces.next())
        else {
            return Err(Self::malformed(text));
        };
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
        let hub = Self {
            repo: format!("{owner}/{repo}"),
            file: file.to_owned(),
            revision: revision.to_owned(),
        };
        hub.check()?;
        Ok(hub)
    }

    /// Refuses whatever could change the meaning of an address or of a path in the cache.
    pub(super) fn check(&self) -> Result<()> {
        let repo_is_plain = self.repo.split('/').count() == 2 && self.repo.split('/').all(is_plain);
        let file_is_plain = self.file.ends_with(".gguf") && self.file.split('/').all(is_plain);
        if repo_is_plain && file_is_plain && is_plain(&self.revision) {
            return Ok(());
        }
        Err(Self::malformed(&self.to_string()))
    }

    fn malformed(text: &str) -> Error {
        Error::invalid(format!("`{text}` does not name a GGUF file on the hub"))
            .with_help("write `hf:owner/repository/file.gguf`")
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if self.revision != "main" {
            write!(f, "@{}", self.revision)?;
        }
        write!(f, "/{}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Error {
        let error = ModelRef::parse(text).unwrap_err();
        assert!(error.is_invalid() && error.help().is_some(), "{error:?}");
        error
    }

    #[test]
    fn each_form_is_understood() {
        assert_eq!(
            ModelRef::parse(" smollm2-135m ").unwrap(),
            ModelRef::Catalog("smollm2-135m".into())
        );
        assert_eq!(
            ModelRef::parse("openai:a/b:c").unwrap(),
            ModelRef::Server(Vendor::OpenAi, "a/b:c".into())
        );
        assert_eq!(
            ModelRef::parse("ollama:qwen2.5:7b").unwrap(),
            ModelRef::Server(Vendor::Ollama, "qwen2.5:7b".into())
        );
        let ModelRef::Hub(hub) = ModelRef::parse("hf:owner/repo@v1/q4/file.gguf").unwrap() else {
            panic!("not a hub file");
        };
        assert_eq!(
            (hub.repo.as_str(), hub.file.as_str(), hub.revision.as_str()),
            ("owner/repo", "q4/file.gguf", "v1")
        );
        assert_eq!(hub.to_string(), "owner/repo@v1/q4/file.gguf");
    }

    #[test]
    fn an_unknown_prefix_is_answered_with_those_there_are() {
        for text in ["groq:meta/llama", "qwen2.5:7b"] {
            let error = refused(text);
            let help = error.help().unwrap();
            for vendor in Vendor::ALL {
                assert!(help.contains(&format!("{vendor}:")), "{error:?}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = refused("qwen2.5-coder-0.5");
        assert!(
            error
                .help()
                .unwrap()
                .contains("did you mean `qwen2.5-coder-0.5b`"),
            "{error:?}"
        );
        assert!(error.help().unwrap().contains("smollm2-135m"));
    }

    #[test]
    fn a_reference_that_leads_elsewhere_is_refused() {
        for text in [
            "hf:owner/file.gguf",
            "hf:owner/repo/file.safetensors",
            "hf:owner/repo/../x.gguf",
            "hf:../repo/x.gguf",
            "hf:owner/repo//x.gguf",
            "hf:owner/repo/x?y.gguf",
            "hf:owner/repo@../x.gguf",
            "openai:",
        ] {
            refused(text);
        }
    }

    #[test]
    fn each_wrong_file_has_its_own_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, bytes: &[u8]| {
            fs::write(path(name), bytes).unwrap();
            path(name)
        };
        assert!(
            refused(&path("none.gguf"))
                .to_string()
                .ends_with("does not exist")
        );
        assert!(refused(&path("")).to_string().contains("is a folder"));
        assert!(
            refused(&write("empty.gguf", b""))
                .to_string()
                .ends_with("is empty")
        );
        assert!(
            refused(&write("text.gguf", b"hello"))
                .to_string()
                .contains("is a text file")
        );
        assert!(
            refused(&write("zip.gguf", b"PK\x03\x04\0\0"))
                .to_string()
                .contains("does not begin")
        );
        let pointer = write("lfs.gguf", b"version https://git-lfs.github.com/spec/v1\n");
        assert!(refused(&pointer).to_string().contains("Git LFS pointer"));
        let good = write("good.gguf", b"GGUF\x03\0\0\0");
        assert_eq!(ModelRef::parse(&good).unwrap(), ModelRef::File(good.into()));
    }
}
