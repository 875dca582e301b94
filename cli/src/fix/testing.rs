//! What the tests of several modules here share.

use std::{fs, path::Path};

/// Writes a file beneath `root`, with the folders that it is in.
pub(super) fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
