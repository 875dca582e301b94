//! SHA-256 values, and the hashing of files in the background.

use std::{fmt, fs::File, io::Read, path::Path, str::FromStr};

use catena_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::background::Meter;

/// How much is read, hashed or written between two looks at whether to stop, in bytes.
pub(super) const BLOCK: usize = 256 * 1024;

/// A SHA-256 value; written and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(super) fn finish(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// Hashes a whole file. Blocks; stops early with an error if `meter` is cancelled.
    pub(super) fn of_file(path: &Path, meter: &Meter) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0; BLOCK];
        loop {
            let read = file.read(&mut block)?;
            let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok(Self::finish(hasher));
            };
            hasher.update(bytes);
            meter.advance(read as u64)?;
        }
    }
}

impl FromStr for Checksum {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(format!(
                "`{text}` is not a SHA-256 value: 64 hexadecimal digits are needed"
            ))
        };
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut value = [0; 32];
        for (byte, at) in value.iter_mut().zip((0..).step_by(2)) {
            let digits = text.get(at..at + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(value))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_parses_what_it_prints() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Checksum::of(b"").to_string(), empty);
        assert_eq!(empty.parse::<Checksum>().unwrap(), Checksum::of(b""));
        assert_eq!(
            empty.to_uppercase().parse::<Checksum>().unwrap(),
            Checksum::of(b"")
        );
    }

    #[test]
    fn it_refuses_what_is_no_checksum() {
        for text in [
            "",
            "e3b0",
            &"é".repeat(32),
            &"g".repeat(64),
            &"0".repeat(65),
        ] {
            assert!(text.parse::<Checksum>().unwrap_err().is_invalid(), "{text}");
        }
    }
}
