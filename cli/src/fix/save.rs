//! Writing what was repaired.

use std::{
    fs, io,
    io::{Seek, Write},
    path::{Component, Path},
};

use catena_agents::SourceFile;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The first of these files that could not be written because it is read-only.
pub(super) fn read_only<'a>(root: &Path, files: &'a [SourceFile]) -> Option<&'a str> {
    let is_read_only = |file: &&SourceFile| {
        fs::metadata(root.join(&file.path)).is_ok_and(|about| about.permissions().readonly())
    };
    files.iter().find(is_read_only).map(|file| &*file.path)
}

/// Writes the files of `after` that differ from `before` into `root`, each under a temporary name first;
/// gives their paths. Nothing is written when one of them is no longer as it was read.
pub(super) fn save(
    root: &Path,
    before: &[SourceFile],
    after: &[SourceFile],
) -> Result<Vec<String>, Failure> {
    let mut ready = Vec::new();
    for file in after {
        let Some(old) = before.iter().find(|old| old.path == file.path) else {
            continue;
        };
        if old.text == file.text {
            continue;
        }
        let path = root.join(&file.path);
        let refused = |why: &str| {
            Failure::new(format!("{} is not written: {why}", path.display()))
                .help("what would have been changed is shown above")
        };
        let hidden = |part: Component<'_>| match part {
            Component::Normal(name) => name == ".git",
            _ => true,
        };
        if Path::new(&file.path).components().any(hidden) {
            return Err(refused("it is outside of the project"));
        }
        // A folder that became a link leads elsewhere.
        let real = path
            .canonicalize()
            .map_err(|error| refused(&error.to_string()))?;
        let root = root
            .canonicalize()
            .map_err(|error| refused(&error.to_string()))?;
        let about = fs::symlink_metadata(&path).map_err(|error| refused(&error.to_string()))?;
        if !about.is_file() || real != root.join(&file.path) {
            return Err(refused("a link leads to it"));
        }
        if about.permissions().readonly() {
            return Err(refused("it is read-only"));
        }
        match fs::read_to_string(&path) {
            Ok(text) if text == old.text => {}
            _ => return Err(refused("it was changed meanwhile")),
        }
        let new =
            New::of(&path, &file.text, &about).map_err(|error| refused(&error.to_string()))?;
        ready.push((path, new, file.path.clone()));
    }
    let mut written = Vec::new();
    for (path, new, name) in ready {
        new.put(&path).map_err(|error| {
            let done = match written.is_empty() {
                true => String::new(),
                false => format!("; written before: {}", written.join(", ")),
            };
            Failure::new(format!(
                "{} cannot be written: {}{done}",
                path.display(),
                error
            ))
        })?;
        written.push(name);
    }
    Ok(written)
}

/// What takes the place of a file.
enum New {
    /// Another file, which takes its name at once.
    File(NamedTempFile),
    /// A text that is written into it, for a file with other names or another owner, which a new file would
    /// not have.
    Text(String),
}

impl New {
    fn of(path: &Path, text: &str, about: &fs::Metadata) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        if !is_ours(about, &file.as_file().metadata()?) {
            return Ok(Self::Text(text.to_owned()));
        }
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(about.permissions())?;
        file.as_file().sync_all()?;
        Ok(Self::File(file))
    }

    fn put(self, path: &Path) -> io::Result<()> {
        match self {
            Self::File(file) => file.persist(path).map(drop).map_err(|error| error.error),
            Self::Text(text) => in_place(path, text.as_bytes()),
        }
    }
}

/// Writes a file that cannot be another one, so that its room is had before anything of it is written over: a
/// full disk leaves it as it was.
fn in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let before = file.metadata()?.len();
    let kept = usize::try_from(before).map_or(bytes.len(), |before| before.min(bytes.len()));
    let (over, behind) = bytes.split_at_checked(kept).unwrap_or((bytes, &[]));
    file.seek(io::SeekFrom::Start(before))?;
    if let Err(error) = file.write_all(behind).and_then(|()| file.sync_all()) {
        file.set_len(before)?;
        return Err(error);
    }
    file.seek(io::SeekFrom::Start(0))?;
    file.write_all(over)?;
    file.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    file.sync_all()
}

/// Whether a file has one name, and the owner and group that a new one gets.
#[cfg(unix)]
fn is_ours(file: &fs::Metadata, new: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.nlink() == 1 && (file.uid(), file.gid()) == (new.uid(), new.gid())
}

#[cfg(not(unix))]
fn is_ours(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<SourceFile> {
        vec![
            SourceFile::new("src/a.py", text),
            SourceFile::new("b.py", "same"),
        ]
    }

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/a.py"), "old").unwrap();
        folder
    }

    #[test]
    fn what_changed_is_written_and_nothing_is_left_beside_it() {
        let folder = project();
        let written = save(folder.path(), &files("old"), &files("new")).unwrap();
        assert_eq!(written, ["src/a.py"]);
        assert_eq!(
            fs::read_to_string(folder.path().join("src/a.py")).unwrap(),
            "new"
        );
        assert_eq!(fs::read_dir(folder.path().join("src")).unwrap().count(), 1);
        assert!(!folder.path().join("b.py").exists());
    }

    #[test]
    fn what_somebody_changed_stays() {
        let folder = project();
        fs::write(folder.path().join("src/a.py"), "mine").unwrap();
        let refused = save(folder.path(), &files("old"), &files("new")).unwrap_err();
        assert!(
            refused.to_string().contains("changed meanwhile"),
            "{refused}"
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("src/a.py")).unwrap(),
            "mine"
        );
        assert_eq!(fs::read_dir(folder.path().join("src")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn names_and_modes_stay_and_what_is_read_only_too() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let folder = project();
        let (file, other) = (
            folder.path().join("src/a.py"),
            folder.path().join("other.py"),
        );
        fs::hard_link(&file, &other).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
        let inode = fs::metadata(&file).unwrap().ino();
        save(folder.path(), &files("old"), &files("new")).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "new");
        let about = fs::metadata(&file).unwrap();
        assert_eq!((about.ino(), about.mode() & 0o777), (inode, 0o750));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        let refused = save(folder.path(), &files("new"), &files("newer")).unwrap_err();
        assert!(refused.to_string().contains("read-only"), "{refused}");
        assert_eq!(fs::read_to_string(&other).unwrap(), "new");
    }

    #[test]
    fn a_file_that_cannot_be_another_one_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        for (old, new) in [
            ("short", "much longer"),
            ("much longer", "short"),
            ("", "x"),
            ("x", ""),
        ] {
            fs::write(&path, old).unwrap();
            in_place(&path, new.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), new);
        }
        assert!(in_place(&folder.path().join("no.py"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let (folder, elsewhere) = (project(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("a.py"), "old").unwrap();
        fs::remove_dir_all(folder.path().join("src")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("src")).unwrap();
        let refused = save(folder.path(), &files("old"), &files("new")).unwrap_err();
        assert!(refused.to_string().contains("link"), "{refused}");
        assert_eq!(
            fs::read_to_string(elsewhere.path().join("a.py")).unwrap(),
            "old"
        );
    }
}
