//! The folder of a run, and what a build leaves for the next one.

use std::{fs, io, path::Path, sync::Arc};

use catena_core::{Error, Result};
use catena_tools::Workspace;

use super::{Check, SourceFile, types::Files};

/// A new folder with the files of a run.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) workspace: Arc<Workspace>,
    /// Those that a program may not change.
    fixed: Arc<Files>,
}

impl Folder {
    /// Writes the files, over a copy of what lies at `beside`. Those of a check come last: no correction
    /// writes over a test.
    pub(super) async fn filled(
        beside: Option<&Path>,
        files: &[SourceFile],
        fixed: &[SourceFile],
        check: &Check,
    ) -> Result<Self> {
        let listed = |files: &mut dyn Iterator<Item = &SourceFile>| -> Files {
            files
                .map(|file| (file.path.clone(), file.text.clone()))
                .collect()
        };
        let mut all = listed(&mut files.iter());
        let fixed = listed(&mut fixed.iter().chain(&check.files));
        all.extend(fixed.clone());
        let beside = beside.map(Path::to_owned);
        let workspace = blocking(move || {
            let workspace = match &beside {
                Some(root) => Workspace::copy_of(root)?,
                None => Workspace::new()?,
            };
            for (path, text) in &all {
                let is_there =
                    beside.is_some() && workspace.read(path).is_ok_and(|there| there == *text);
                if !is_there {
                    workspace.write(path, text)?;
                }
            }
            Ok(workspace)
        });
        Ok(Self {
            workspace: Arc::new(workspace.await?),
            fixed: Arc::new(fixed),
        })
    }

    /// Writes the files back that a program may not change and did; gives their paths.
    ///
    /// # Errors
    ///
    /// With the paths when one cannot be: it is a folder now, or a link leads to it.
    pub(super) async fn restore(&self) -> Result<std::result::Result<Vec<String>, Vec<String>>> {
        let (workspace, fixed) = (Arc::clone(&self.workspace), Arc::clone(&self.fixed));
        blocking(move || {
            let (mut changed, mut is_whole) = (Vec::new(), true);
            for (path, text) in &*fixed {
                if !workspace.read(path).is_ok_and(|there| there == *text) {
                    is_whole &= workspace.write(path, text).is_ok();
                    changed.push(path.clone());
                }
            }
            Ok(if is_whole { Ok(changed) } else { Err(changed) })
        })
        .await
    }
}

/// What the last build left in `target`.
#[derive(Debug, Default)]
pub(super) struct Built {
    kept: Option<Workspace>,
}

/// Where cargo builds.
const TARGET: &str = "target";

/// The most bytes that are kept.
const MOST: u64 = 1 << 30;

impl Built {
    /// Moves what is kept into a new folder.
    pub(super) fn give(&mut self, workspace: &Workspace) -> Result<()> {
        let Some(kept) = self.kept.take() else {
            return Ok(());
        };
        fs::rename(kept.path().join(TARGET), workspace.path().join(TARGET)).map_err(|error| {
            Error::other("what the last build left cannot be moved").with_source(error)
        })
    }

    /// Keeps a copy of what is there now, before anything that was built runs. Nothing is kept where that
    /// is very much.
    pub(super) async fn keep(&mut self, workspace: &Arc<Workspace>) -> Result<()> {
        self.kept = None;
        let from = workspace.path().join(TARGET);
        self.kept = blocking(move || {
            let kept = Workspace::new()?;
            let mut left = MOST;
            let copied = copy(&from, &kept.path().join(TARGET), &mut left);
            Ok(copied.is_ok().then_some(kept))
        })
        .await?;
        Ok(())
    }
}

/// Copies plain files and folders, with their times: by these cargo knows what is new.
fn copy(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to, left)?;
        } else if kind.is_file() {
            let about = entry.metadata()?;
            *left = left
                .checked_sub(about.len())
                .ok_or_else(|| io::Error::other("too much"))?;
            fs::copy(entry.path(), &to)?;
            let times = fs::FileTimes::new().set_modified(about.modified()?);
            fs::File::open(&to)?.set_times(times)?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            Err(Error::other("the files of a check cannot be written").with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_may_not_change_is_written_back() {
        let files = [
            SourceFile::new("a.py", "x"),
            SourceFile::new("t/b.py", "mine"),
        ];
        let fixed = [
            SourceFile::new("t/b.py", "theirs"),
            SourceFile::new("c.py", "z"),
        ];
        let folder = Folder::filled(None, &files, &fixed, &Check::default())
            .await
            .unwrap();
        assert_eq!(folder.workspace.read("t/b.py").unwrap(), "theirs");
        assert_eq!(folder.restore().await.unwrap(), Ok(vec![]));
        folder.workspace.write("a.py", "y").unwrap();
        folder.workspace.write("t/b.py", "changed").unwrap();
        let path = folder.workspace.path().join("c.py");
        fs::remove_file(&path).unwrap();
        let both = vec!["c.py".to_owned(), "t/b.py".to_owned()];
        assert_eq!(folder.restore().await.unwrap(), Ok(both));
        assert_eq!(folder.workspace.read("c.py").unwrap(), "z");
        assert_eq!(folder.workspace.read("a.py").unwrap(), "y");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let lost = Err(vec!["c.py".to_owned()]);
        assert_eq!(folder.restore().await.unwrap(), lost);
    }

    #[tokio::test]
    async fn what_lies_beside_is_copied_and_written_over() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("data.bin"), [0xff, 0]).unwrap();
        fs::write(root.path().join("a.py"), "old").unwrap();
        let files = [SourceFile::new("a.py", "new")];
        let check = Check::default();
        let folder = Folder::filled(Some(root.path()), &files, &[], &check);
        let folder = folder.await.unwrap();
        assert_eq!(folder.workspace.read("a.py").unwrap(), "new");
        let data = fs::read(folder.workspace.path().join("data.bin")).unwrap();
        assert_eq!(data, [0xff, 0]);
        assert_eq!(fs::read_to_string(root.path().join("a.py")).unwrap(), "old");
    }

    #[tokio::test]
    async fn what_was_built_goes_into_the_next_folder_as_it_was_then() {
        let folder = async || {
            Folder::filled(None, &[], &[], &Check::default())
                .await
                .unwrap()
        };
        let first = folder().await;
        let mut built = Built::default();
        built.give(&first.workspace).unwrap();
        first.workspace.write("target/debug/a", "built").unwrap();
        first.workspace.write(".cargo/config.toml", "x").unwrap();
        let time = |folder: &Folder| {
            let file = folder.workspace.path().join("target/debug/a");
            fs::metadata(file).unwrap().modified().unwrap()
        };
        let before = time(&first);
        built.keep(&first.workspace).await.unwrap();
        first.workspace.write("target/debug/a", "forged").unwrap();
        let second = folder().await;
        built.give(&second.workspace).unwrap();
        assert_eq!(second.workspace.read("target/debug/a").unwrap(), "built");
        assert_eq!(time(&second), before);
        assert!(!second.workspace.path().join(".cargo").exists());
    }
}
