//! Where the lines that were typed in a conversation are kept.

use std::{fs, io, path::PathBuf};

use catena_memory::{Archive, Namespace};
use sha2::{Digest, Sha256};

use crate::{data, failure::Failure};

/// The most lines that are kept of a conversation.
pub(super) const LINES: usize = 1000;

/// The most bytes of a file's name that is made of names; file systems take 255.
const LONGEST: usize = 200;

/// The file of a conversation of an archive, in the user's data folder, whether it is there or not; `None`
/// for a user without one.
pub(crate) fn file(archive: &Archive, namespace: &Namespace) -> Option<PathBuf> {
    let name = name(archive.id(), namespace);
    Some(data::folder()?.join("typed").join(name))
}

/// Forgets the lines typed in a conversation.
pub(crate) fn forget(archive: &Archive, namespace: &Namespace) -> Result<(), Failure> {
    let Some(typed) = file(archive, namespace) else {
        return Ok(());
    };
    match fs::remove_file(&typed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::new(format!(
            "the typed lines in {} cannot be forgotten: {error}",
            typed.display()
        ))),
        _ => Ok(()),
    }
}

/// Whether a text stands in the lines typed in a conversation, in either case.
pub(crate) fn holds(archive: &Archive, namespace: &Namespace, text: &str) -> bool {
    let typed = file(archive, namespace).and_then(|typed| fs::read(typed).ok());
    let typed = typed.map(|typed| String::from_utf8_lossy(&typed).to_lowercase());
    typed.is_some_and(|typed| typed.contains(&text.to_lowercase()))
}

/// Conversations of the same names in two archives are not the same.
fn name(archive: &str, namespace: &Namespace) -> String {
    let Namespace {
        user,
        bot,
        conversation,
    } = namespace;
    let name = [archive, user, bot, conversation].map(plain).join(".");
    match name.len() > LONGEST {
        true => {
            let digest = Sha256::digest(&name);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        false => name,
    }
}

/// A name as a part of a file's name: all but plain letters and digits are written as numbers, so
/// that different names stay different.
fn plain(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder_or_to_the_file_of_another() {
        assert_eq!(plain("../a b"), "%2e%2e%2fa%20b");
        let of = |archive, user, bot| name(archive, &Namespace::new(user, bot, "c"));
        assert_ne!(of("1", "a.b", "c"), of("1", "a", "b.c"));
        assert_ne!(of("1", "a", "b"), of("2", "a", "b"));
        let many = "中".repeat(80);
        let long = |end| of("1", &many, end);
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() <= LONGEST);
    }
}
