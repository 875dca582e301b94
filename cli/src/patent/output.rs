//! A patent as files.

use std::{
    fs,
    io::Write,
    path::{self, Path, PathBuf},
};

use catena_agents::{Jurisdiction, Patent};
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, output_file::OutputFile};

/// The forms of a patent, by the ending of a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    Docx,
    Markdown,
    Text,
    Json,
}

impl Form {
    fn of(path: &Path) -> Result<Self, Failure> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("docx") => Ok(Self::Docx),
            Some("md" | "markdown") => Ok(Self::Markdown),
            Some("txt" | "text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            _ => Err(Failure::usage(format!(
                "{} does not say what form the patent is to have",
                path.display()
            ))
            .help("let its name end in .docx, .md, .txt or .json")),
        }
    }
}

/// Where a patent goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    /// From the root: a run may be resumed from another folder.
    pub(super) path: PathBuf,
    pub(super) form: Form,
    /// Whether a file that is there is written over.
    pub(super) force: bool,
}

impl Target {
    /// The files that a person named, of which each can be written: told before anything is paid for.
    pub(super) fn all(paths: &[PathBuf], force: bool) -> Result<Vec<Self>, Failure> {
        let mut targets: Vec<Self> = Vec::new();
        for named in paths {
            let target = Self {
                form: Form::of(named)?,
                path: path::absolute(named).unwrap_or_else(|_| named.clone()),
                force,
            };
            if targets.iter().any(|other| other.path == target.path) {
                return Err(Failure::usage(format!(
                    "{} is named twice",
                    named.display()
                )));
            }
            target.check()?;
            targets.push(target);
        }
        Ok(targets)
    }

    /// The same file in another form: `cup.docx`, and `cup.json` beside it.
    pub(super) fn beside(&self, form: Form) -> Self {
        let ending = match form {
            Form::Docx => "docx",
            Form::Markdown => "md",
            Form::Text => "txt",
            Form::Json => "json",
        };
        Self {
            path: self.path.with_extension(ending),
            form,
            force: self.force,
        }
    }

    /// The file for what is not complete: `cup.partial.docx`. It is written over.
    pub(super) fn partial(&self) -> Self {
        Self {
            path: self.marked("partial"),
            form: self.form,
            force: true,
        }
    }

    /// Refuses a run that might later write over a file beside this one: its `notes`, and what is left
    /// where it does not end. None of them may be one of the `others` that the patent goes to.
    pub(super) fn check_beside(&self, notes: &[&str], others: &[Self]) -> Result<(), Failure> {
        let notes = notes.iter().map(|what| self.note(what));
        for path in notes.chain([self.partial().path]) {
            if others.iter().any(|other| other.path == path) {
                return Err(Failure::usage(format!(
                    "{} is where this run may put something else beside {}",
                    shown(&path),
                    shown(&self.path)
                ))
                .help("name another file with --out"));
            }
            if !self.force && path.symlink_metadata().is_ok() {
                return Err(Failure::usage(format!(
                    "{} exists, and this run might write over it",
                    shown(&path)
                ))
                .help(
                    "if a run left it that did not end, `catena runs list` shows what to go on with; \
                     else move it, name another file with --out, or write over it with --force",
                ));
            }
        }
        Ok(())
    }

    /// Whether it is there already and may not be written over, or cannot be written at all.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let there = self.path.symlink_metadata().ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(Failure::usage(format!(
                "{} is a folder",
                self.path.display()
            )));
        }
        if there.is_some() && !self.force {
            return Err(Failure::usage(format!("{} exists", self.path.display()))
                .help("name another file, or write over it with --force"));
        }
        // A temporary file goes as soon as it is dropped.
        OutputFile::replacing(&self.path).map(drop)
    }

    /// `cup.docx` as `cup.plan.md`, for instance.
    pub(super) fn note(&self, what: &str) -> PathBuf {
        self.marked(what).with_extension("md")
    }

    fn marked(&self, what: &str) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let ending = self.path.extension().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!("{stem}.{what}.{ending}"))
    }

    /// Writes bytes whole or not at all.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self.force {
            true => write_over(&self.path, bytes),
            false => filled(OutputFile::create(&self.path)?, &self.path, bytes),
        }
    }
}

/// A path as a person names it who stands in this folder.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let near = here.and_then(|here| path.strip_prefix(here).ok());
    near.unwrap_or(path).display().to_string()
}

/// Writes a file whole or not at all, whether it is there or not.
pub(super) fn write_over(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    filled(OutputFile::replacing(path)?, path, bytes)
}

fn filled(mut file: OutputFile, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    file.write_all(bytes)
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
    file.finish()
}

/// A patent in a form other than JSON; `notice` is for pages, and marks the title where there are none.
pub(super) fn rendered(
    patent: &Patent,
    form: Form,
    jurisdiction: Jurisdiction,
    notice: Option<&str>,
) -> Result<Vec<u8>, Failure> {
    let patent = patent.clone().arranged(&jurisdiction.guide());
    let bytes = match form {
        Form::Docx => patent.to_docx(jurisdiction, notice)?,
        Form::Markdown => patent.to_markdown().into_bytes(),
        Form::Text => patent.to_text().into_bytes(),
        Form::Json => format!("{}\n", patent.to_json()).into_bytes(),
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_the_form() {
        for (name, form) in [
            ("a.docx", Some(Form::Docx)),
            ("a.MD", Some(Form::Markdown)),
            ("a.b.txt", Some(Form::Text)),
            ("a.json", Some(Form::Json)),
            ("a.doc", None),
            ("docx", None),
        ] {
            assert_eq!(Form::of(Path::new(name)).ok(), form, "{name}");
        }
    }

    #[test]
    fn names_beside_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let targets = Target::all(&[folder.path().join("my.cup.docx")], false).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name(&targets[0].partial().path), "my.cup.partial.docx");
        assert_eq!(name(&targets[0].note("plan")), "my.cup.plan.md");
        assert_eq!(name(&targets[0].beside(Form::Json).path), "my.cup.json");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_there_is_written_over_only_if_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        fs::write(&path, "mine").unwrap();
        let refused = Target::all(std::slice::from_ref(&path), false).unwrap_err();
        assert!(refused.is_usage());
        let targets = Target::all(std::slice::from_ref(&path), true).unwrap();
        targets[0].write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(Target::all(&[folder.path().into()], true).is_err());
        assert!(Target::all(&[folder.path().join("no/a.md")], true).is_err());
        let twice = [path.clone(), path];
        assert!(Target::all(&twice, true).unwrap_err().is_usage());
    }
}
