//! The file that says what the points are of. Without it they are not to be used.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};

use catena_core::{Error, Result};
use catena_memory::IndexStamp;
use serde::{Deserialize, Serialize};

use crate::failure::failed;

pub(crate) const FILE: &str = "stamp.json";
/// Where it is written before it gets its name.
pub(crate) const FRESH: &str = "stamp.json.new";

/// How points are written: this one says their kind, the first did not.
const LAYOUT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default)]
    layout: u32,
    #[serde(flatten)]
    stamp: IndexStamp,
}

/// The stamp in `folder`; `None` where there is none, or one of points in another layout.
pub(crate) fn read(folder: &Path) -> Result<Option<IndexStamp>> {
    let text = match fs::read(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(folder, "read its stamp", error)),
    };
    let written: Written =
        serde_json::from_slice(&text).map_err(|error| failed(folder, "read its stamp", error))?;
    Ok((written.layout == LAYOUT).then_some(written.stamp))
}

/// Writes the stamp of `folder`, wholly or not at all.
pub(crate) fn write(folder: &Path, stamp: &IndexStamp) -> Result<()> {
    let written = Written {
        layout: LAYOUT,
        stamp: stamp.clone(),
    };
    let text = serde_json::to_vec_pretty(&written)
        .map_err(|error| Error::invalid("a stamp that is no JSON").with_source(error))?;
    let fresh = folder.join(FRESH);
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&fresh, folder.join(FILE))
    });
    written.map_err(|error| failed(folder, "write its stamp", error))
}

/// Removes the stamp of `folder`, if there is one.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed(folder, "remove its stamp", error))
        }
        _ => Ok(()),
    }
}
