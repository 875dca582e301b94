//! The user's data folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where it is, whether it is there or not; `None` for a user without a home.
pub(crate) fn folder() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))?;
    Some(data.join("catena"))
}

/// Where it is, made if need be; or why it cannot be.
pub(crate) fn private_folder() -> Result<PathBuf, String> {
    let folder = folder().ok_or_else(|| "the user has no home folder".to_owned())?;
    make_private(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Makes a folder, if it is not there, that only the user may see: what was read and said is in it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
