//! Folders that a program may have left in any state: with links that lead out, with names that
//! are something else now, without permissions, deeper than a path can say.

#[cfg(target_os = "linux")]
pub(super) use self::by_descriptor::{give, read, remove, write};
#[cfg(not(target_os = "linux"))]
pub(super) use self::by_path::{read, remove, write};

#[cfg(target_os = "linux")]
mod by_descriptor {
    use std::{
        ffi::CStr,
        fs::File,
        io::{self, Read as _, Write as _},
        os::fd::OwnedFd,
        path::{Component, Path},
    };

    use catena_core::{Error, Result};
    use rustix::{
        fs::{
            AtFlags, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Uid, chmodat, chownat, mkdirat,
            open, openat, renameat_with, statat, unlinkat,
        },
        io::Errno,
    };

    const FOLDER: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    /// A folder deeper than this is not given away.
    const DEPTH: usize = 64;

    /// Makes everything in `folder` belong to `user`, but files that have other names too, which may
    /// lie elsewhere. Follows no link.
    pub(in crate::sandbox) fn give(folder: &OwnedFd, user: u32) -> Result<()> {
        let failed = |errno: Errno| {
            Error::other("the working folder cannot be given to the user that the program runs as")
                .with_source(errno)
        };
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        rustix::fs::fchown(folder, Some(uid), Some(gid)).map_err(failed)?;
        give_within(folder, user, 0).map_err(failed)
    }

    fn give_within(folder: &OwnedFd, user: u32, depth: usize) -> Result<(), Errno> {
        if depth > DEPTH {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        for entry in Dir::read_from(folder)?.flatten() {
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if stat.st_uid != user && (is_folder || stat.st_nlink == 1) {
                chownat(
                    folder,
                    name,
                    Some(uid),
                    Some(gid),
                    AtFlags::SYMLINK_NOFOLLOW,
                )?;
            }
            if is_folder {
                let inner = openat(folder, name, FOLDER, Mode::empty())?;
                give_within(&inner, user, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Removes a folder with all that is in it. What is nested is moved up rather than descended
    /// into, so that no depth is too deep.
    pub(in crate::sandbox) fn remove(path: &Path) -> io::Result<()> {
        let top = open(path, FOLDER, Mode::empty())?;
        rustix::fs::fchmod(&top, Mode::RWXU)?;
        let mut number = 0_u64;
        loop {
            let mut is_empty = true;
            for entry in Dir::read_from(&top)? {
                let entry = entry?;
                let name = entry.file_name();
                if [c".", c".."].contains(&name) {
                    continue;
                }
                is_empty = false;
                if is_folder(&top, name)? {
                    raise(&top, name, &mut number)?;
                } else {
                    unlinkat(&top, name, AtFlags::empty())?;
                }
            }
            if is_empty {
                break;
            }
        }
        std::fs::remove_dir(path)
    }

    fn is_folder(parent: &OwnedFd, name: &CStr) -> io::Result<bool> {
        let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// Removes a folder of `top`, after moving the folders in it up to `top`.
    fn raise(top: &OwnedFd, name: &CStr, number: &mut u64) -> io::Result<()> {
        chmodat(top, name, Mode::RWXU, AtFlags::empty())?;
        let folder = openat(top, name, FOLDER, Mode::empty())?;
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            if !is_folder(&folder, name)? {
                unlinkat(&folder, name, AtFlags::empty())?;
                continue;
            }
            // Moving a folder changes what its `..` is, which needs leave to write to it.
            chmodat(&folder, name, Mode::RWXU, AtFlags::empty())?;
            loop {
                *number += 1;
                let raised = format!(".removed-{number}");
                match renameat_with(&folder, name, top, &raised, RenameFlags::NOREPLACE) {
                    Ok(()) => break,
                    Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
        unlinkat(top, name, AtFlags::REMOVEDIR)?;
        Ok(())
    }

    /// Opens the folder of `path` within `root`, making what is missing if `make`, and gives it with
    /// the last name. Follows no link.
    fn parent<'a>(
        root: &Path,
        path: &'a Path,
        make: bool,
    ) -> io::Result<(OwnedFd, &'a std::ffi::OsStr)> {
        let mut folder = open(root, FOLDER, Mode::empty())?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        for component in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(name) = component else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            if make {
                match mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            folder = openat(&folder, name, FOLDER, Mode::empty())?;
        }
        Ok((folder, name))
    }

    /// Writes a file, which is a new one: what had its name goes, be it a link or a pipe. Of a plain file
    /// the permissions stay.
    pub(in crate::sandbox) fn write(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
        let (folder, name) = parent(root, path, true)?;
        let before = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let is_plain = |mode: u32| FileType::from_raw_mode(mode) == FileType::RegularFile;
        let kept = before
            .ok()
            .map(|stat| stat.st_mode)
            .filter(|mode| is_plain(*mode));
        match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&folder, name, flags, Mode::from_raw_mode(0o644))?;
        if let Some(mode) = kept {
            // Nobody is to become somebody else by it.
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
        }
        File::from(file).write_all(content)
    }

    /// Reads a plain file of at most `limit` bytes.
    pub(in crate::sandbox) fn read(root: &Path, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let (folder, name) = parent(root, path, false)?;
        // Not waiting: it may be a pipe that no one writes to.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&folder, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        let mut content = Vec::new();
        file.take(limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(io::Error::other(format!("it is longer than {limit} bytes")));
        }
        Ok(content)
    }
}

#[cfg(not(target_os = "linux"))]
mod by_path {
    //! Where no sandbox runs, nothing hostile was in the folder: checked, but not against races.

    use std::{
        fs::{self, File},
        io::{self, Read as _},
        path::Path,
    };

    pub(in crate::sandbox) fn remove(path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn refuse_links(root: &Path, path: &Path) -> io::Result<()> {
        let mut place = root.to_owned();
        for component in path.components() {
            place.push(component);
            if fs::symlink_metadata(&place).is_ok_and(|data| data.is_symlink()) {
                return Err(io::Error::other("a symbolic link leads to it"));
            }
        }
        Ok(())
    }

    pub(in crate::sandbox) fn write(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
        refuse_links(root, path)?;
        let place = root.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(place, content)
    }

    pub(in crate::sandbox) fn read(root: &Path, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        refuse_links(root, path)?;
        let place = root.join(path);
        if !fs::symlink_metadata(&place)?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        let mut content = Vec::new();
        File::open(place)?
            .take(limit + 1)
            .read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(io::Error::other(format!("it is longer than {limit} bytes")));
        }
        Ok(content)
    }
}
