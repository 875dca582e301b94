//! Reading of GGUF's values, with every length checked against what is left of the file.

use std::io::{Read, Seek};

/// The format allows keys of 65535 bytes.
const MAX_KEY: u64 = 65_535;
/// Texts longer than this are read past, not kept: chat templates have some ten thousand bytes.
const MAX_TEXT: u64 = 1 << 20;
/// Arrays of arrays are allowed by the format and used by nobody.
const MAX_DEPTH: u32 = 4;

/// A metadata value, as far as it is of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    /// Only its length is kept.
    Array(u64),
    /// Something else, or a text too long to keep.
    Other,
}

/// A source of bytes of known length. Every read consumes at least one byte, so work is bounded by it.
pub(super) struct Reader {
    source: Box<dyn Source>,
    position: u64,
    len: u64,
}

trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

impl Reader {
    pub(super) fn new(source: impl Read + Seek + 'static, len: u64) -> Self {
        Self {
            source: Box::new(source),
            position: 0,
            len,
        }
    }

    /// The size of the whole file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    fn take(&mut self, bytes: u64) -> Result<(), String> {
        if bytes > self.len - self.position {
            return Err(format!(
                "it is cut short: {bytes} bytes are missing after byte {}",
                self.position
            ));
        }
        self.position += bytes;
        Ok(())
    }

    /// Refuses a count of things that cannot fit into the rest of the file.
    pub(super) fn at_least(&self, count: u64, each: u64, what: &str) -> Result<(), String> {
        if count > (self.len - self.position) / each {
            return Err(format!(
                "it announces {count} {what}, more than it has room for"
            ));
        }
        Ok(())
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.source
            .read_exact(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// A key or a name.
    pub(super) fn key(&mut self) -> Result<String, String> {
        let len = self.u64()?;
        if len > MAX_KEY {
            return Err(format!("a key of {len} bytes"));
        }
        self.text(len)
    }

    fn text(&mut self, len: u64) -> Result<String, String> {
        self.take(len)?;
        let len = usize::try_from(len).map_err(|error| error.to_string())?;
        let mut bytes = vec![0; len];
        self.source
            .read_exact(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        self.take(bytes)?;
        let distance = i64::try_from(bytes).map_err(|error| error.to_string())?;
        self.source
            .seek_relative(distance)
            .map_err(|error| error.to_string())
    }

    /// A type and the value after it.
    pub(super) fn value(&mut self) -> Result<Value, String> {
        let kind = self.u32()?;
        match kind {
            8 => {
                let len = self.u64()?;
                if len > MAX_TEXT {
                    return self.skip(len).map(|()| Value::Other);
                }
                self.text(len).map(Value::Text)
            }
            9 => self.array(MAX_DEPTH).map(Value::Array),
            _ => self.scalar(kind),
        }
    }

    fn scalar(&mut self, kind: u32) -> Result<Value, String> {
        let signed = |number: i64| u64::try_from(number).map_or(Value::Other, Value::Number);
        Ok(match kind {
            0 => Value::Number(self.bytes::<1>().map(u8::from_le_bytes)?.into()),
            1 => signed(self.bytes::<1>().map(i8::from_le_bytes)?.into()),
            2 => Value::Number(self.bytes::<2>().map(u16::from_le_bytes)?.into()),
            3 => signed(self.bytes::<2>().map(i16::from_le_bytes)?.into()),
            4 => Value::Number(self.u32()?.into()),
            5 => signed(self.bytes::<4>().map(i32::from_le_bytes)?.into()),
            10 => Value::Number(self.u64()?),
            11 => signed(self.bytes::<8>().map(i64::from_le_bytes)?),
            _ => {
                let width = width(kind).ok_or_else(|| format!("{kind} is no type of value"))?;
                self.skip(width)?;
                Value::Other
            }
        })
    }

    /// Reads past an array; gives its length.
    fn array(&mut self, depth: u32) -> Result<u64, String> {
        let kind = self.u32()?;
        let count = self.u64()?;
        if let Some(width) = width(kind) {
            self.at_least(count, width, "array elements")?;
            self.skip(count * width)?;
            return Ok(count);
        }
        match kind {
            8 => {
                self.at_least(count, 8, "texts")?;
                for _ in 0..count {
                    let len = self.u64()?;
                    self.skip(len)?;
                }
            }
            9 if depth > 0 => {
                self.at_least(count, 12, "arrays")?;
                for _ in 0..count {
                    self.array(depth - 1)?;
                }
            }
            9 => return Err("arrays are nested too deeply".into()),
            _ => return Err(format!("{kind} is no type of value")),
        }
        Ok(count)
    }
}

/// The bytes a value of a fixed-size type takes.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}
