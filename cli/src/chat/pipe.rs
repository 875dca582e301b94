//! Messages from standard input that is no terminal.

use std::{
    io::{self, BufRead, Read},
    thread,
};

use tokio::sync::mpsc;

use super::{block::Block, session::LONG_TEXTS};
use crate::failure::Failure;

/// The most bytes of a message.
const LONGEST: u64 = 1 << 20;

/// Reads messages on a thread of its own, one ahead: a line each, or a block of lines. Blank lines
/// are none. Ends after something that is no text.
pub(super) fn messages() -> mpsc::Receiver<Result<String, Failure>> {
    let (sender, messages) = mpsc::channel(1);
    thread::spawn(move || {
        for message in Messages(io::stdin().lock()) {
            let failed = message.is_err();
            if sender.blocking_send(message).is_err() || failed {
                return;
            }
        }
    });
    messages
}

struct Messages<R>(R);

impl<R: BufRead> Iterator for Messages<R> {
    type Item = Result<String, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut said = String::new();
        let mut block = Block::default();
        loop {
            let mut line = Vec::new();
            // One byte more than there may be, to see that there are too many.
            let room = LONGEST + 1 - said.len() as u64;
            let read = self.0.by_ref().take(room).read_until(b'\n', &mut line);
            if let Err(error) = read {
                return Some(Err(Failure::new(format!(
                    "standard input cannot be read: {error}"
                ))));
            }
            if line.len() as u64 >= room {
                return Some(Err(Failure::new(format!(
                    "a message of more than {LONGEST} bytes came from standard input"
                ))
                .help(LONG_TEXTS)));
            }
            let Ok(line) = std::str::from_utf8(&line) else {
                return Some(Err(Failure::new("standard input is no text in UTF-8")
                    .help("a message is a line of text")));
            };
            if said.is_empty() && line.trim().is_empty() {
                match line.is_empty() {
                    true => return None,
                    false => continue,
                }
            }
            said += line;
            if line.is_empty() || !block.is_open_after(line.trim_end_matches(['\n', '\r'])) {
                said.truncate(said.trim_end_matches(['\n', '\r']).len());
                return Some(Ok(said));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<String, String>> {
        let told = |message: Result<String, Failure>| message.map_err(|error| error.to_string());
        Messages(bytes).map(told).collect()
    }

    #[test]
    fn a_line_or_a_block_is_a_message() {
        let text = b"one\r\n\n  \ntwo\\\nthree\n\"\"\"\nfour\n\nfive\n\"\"\"\nsix";
        let expected = ["one", "two\\\nthree", "\"\"\"\nfour\n\nfive\n\"\"\"", "six"];
        assert_eq!(all(text), expected.map(|text| Ok(text.to_owned())));
    }

    #[test]
    fn a_block_that_is_not_ended_is_a_message_too() {
        assert_eq!(all(b"\"\"\"\nfour\n"), [Ok("\"\"\"\nfour".to_owned())]);
    }

    /// The longest message there may be, of the shortest lines. Read anew at each line, it took hours.
    #[test]
    fn a_long_block_is_read_in_one_go() {
        let block = format!("\"\"\"\n{}\"\"\"\n", "a\n".repeat(500_000));
        let begun = std::time::Instant::now();
        let came = all(block.as_bytes());
        let took = begun.elapsed();
        println!("{} lines in {took:?}", block.lines().count());
        assert_eq!(came, [Ok(block.trim_end().to_owned())]);
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn what_is_no_text_ends_it() {
        let came = all(b"one\n\xff\xfe\ntwo\n");
        assert_eq!(came[0], Ok("one".to_owned()));
        assert!(came[1].as_ref().unwrap_err().contains("no text in UTF-8"));
        let long = vec![b'a'; LONGEST as usize + 1];
        assert!(
            all(&long)[0]
                .as_ref()
                .unwrap_err()
                .contains("more than 1048576 bytes")
        );
    }
}
