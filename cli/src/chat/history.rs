//! Where the lines that were typed in a conversation are kept.

use std::path::PathBuf;

use catena_memory::Namespace;
use sha2::{Digest, Sha256};

use crate::data;

/// The most lines that are kept of a conversation.
pub(super) const LINES: usize = 1000;

/// The most bytes of a file's name that is made of names; file systems take 255.
const LONGEST: usize = 200;

/// The file of a conversation, in the user's data folder, whether it is there or not; `None` for a
/// user without one.
pub(crate) fn file(namespace: &Namespace) -> Option<PathBuf> {
    let Namespace {
        user,
        bot,
        conversation,
    } = namespace;
    let mut name = [user, bot, conversation].map(|name| plain(name)).join(".");
    if name.len() > LONGEST {
        let digest = Sha256::digest(&name);
        name = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    }
    Some(data::folder()?.join("typed").join(name))
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
        let file = |user, bot| file(&Namespace::new(user, bot, "c"));
        assert_ne!(file("a.b", "c"), file("a", "b.c"));
        let many = "中".repeat(80);
        let long = |end| file(&many, end).unwrap();
        assert_ne!(long("a"), long("b"));
        assert!(long("a").file_name().unwrap().len() <= LONGEST);
    }
}
