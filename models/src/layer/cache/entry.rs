//! A kept answer as a file: a checksum on the first line, then JSON.

use std::fmt::Write;

use catena_core::ChatResponse;
use sha2::{Digest, Sha256};

/// The file of `answer`, found under `key`.
pub(super) fn encode(key: &str, answer: &ChatResponse) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_string(answer)?;
    Ok(format!("{}\n{json}\n", checksum(key, &json)).into_bytes())
}

/// The answer in a file that was found under `key`; `None` if it is damaged or another's.
pub(super) fn decode(key: &str, file: &[u8]) -> Option<ChatResponse> {
    let (sum, json) = std::str::from_utf8(file).ok()?.split_once('\n')?;
    let json = json.strip_suffix('\n')?;
    if sum != checksum(key, json) {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn checksum(key: &str, json: &str) -> String {
    let hash = Sha256::new()
        .chain_update(key)
        .chain_update(json)
        .finalize();
    hash.iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use catena_core::Usage;

    use super::*;

    #[test]
    fn only_what_is_undamaged_is_read() {
        let answer = ChatResponse::new("größer\nals", Usage::call(3, 2));
        let file = encode("key", &answer).unwrap();
        assert_eq!(decode("key", &file), Some(answer));
        assert_eq!(decode("other", &file), None);
        for end in 0..file.len() {
            assert_eq!(decode("key", &file[..end]), None, "cut at {end}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert_eq!(decode("key", &damaged), None, "damaged at {at}");
        }
    }
}
