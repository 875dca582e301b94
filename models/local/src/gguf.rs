//! A GGUF file: whether it is one, and what is in it.

use std::{
    fs::{self, File},
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use candle_core::quantized::gguf_file::{Content, Value};
use catena_core::{Error, Result};

/// No text, array or number of dimensions in a sound header comes near these.
const MOST_DIMENSIONS: u32 = 8;
const MOST_NESTING: u32 = 4;

/// An open GGUF file with a sound header and all of its tensors.
#[derive(Debug)]
pub(crate) struct GgufFile {
    pub(crate) path: PathBuf,
    pub(crate) file: BufReader<File>,
    pub(crate) content: Content,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since 1970, 0 if unknown.
    pub(crate) modified: u64,
}

impl GgufFile {
    /// Opens the file and checks everything that can be checked without reading the tensors.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| {
            Error::invalid(format!("reading the model '{shown}': {error}")).with_source(error)
        };
        let metadata = fs::metadata(path).map_err(|error| {
            unreadable(error).with_help("check the path; `catena models list` shows known models")
        })?;
        if metadata.is_dir() {
            return Err(
                Error::invalid(format!("the model '{shown}' is a directory"))
                    .with_help("name the .gguf file in it"),
            );
        }
        let size = metadata.len();
        if size == 0 {
            return Err(Error::invalid(format!("the model '{shown}' is empty"))
                .with_help("download it again"));
        }
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_nanos() as u64);
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);

        let mut magic = Vec::new();
        let mut start = file.by_ref().take(4);
        start.read_to_end(&mut magic).map_err(unreadable)?;
        if magic != *b"GGUF" {
            return Err(
                Error::invalid(format!("the model '{shown}' is not a GGUF file"))
                    .with_help("a local model is one .gguf file"),
            );
        }
        let broken = |what: String| {
            Error::invalid(format!("the model '{shown}' is damaged: {what}"))
                .with_help("download it again")
        };
        check_header(&mut file, size)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .map_err(|error| broken(format!("its header does not make sense ({error})")))?;
        let content = Content::read(&mut file).map_err(|error| {
            Error::invalid(format!("the model '{shown}' cannot be used: {error}"))
        })?;
        let needed = content
            .tensor_infos
            .values()
            .map(|tensor| {
                let elements = tensor.shape.elem_count() as u64;
                let blocks = elements.div_ceil(tensor.ggml_dtype.block_size() as u64);
                let bytes = blocks.saturating_mul(tensor.ggml_dtype.type_size() as u64);
                tensor.offset.saturating_add(bytes)
            })
            .max()
            .unwrap_or(0)
            .saturating_add(content.tensor_data_offset);
        if size < needed {
            return Err(broken(format!("it has {size} of {needed} bytes")));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            content,
            size,
            modified,
        })
    }

    /// The most tokens that the model was made for.
    pub(crate) fn window(&self) -> Option<u64> {
        self.of_architecture("context_length")
    }

    /// How many numbers the keys and values of one token are, in all layers.
    pub(crate) fn keys_and_values(&self) -> Option<u64> {
        let heads = self.of_architecture("attention.head_count")?;
        let width = self
            .of_architecture("embedding_length")?
            .checked_div(heads)?;
        let of = |key| self.of_architecture(key).unwrap_or(width);
        let head = of("attention.key_length").checked_add(of("attention.value_length"))?;
        let kept = self
            .of_architecture("attention.head_count_kv")
            .unwrap_or(heads);
        let layers = self.of_architecture("block_count")?;
        head.checked_mul(kept)?.checked_mul(layers)
    }

    /// A number that is named after the model's architecture.
    fn of_architecture(&self, key: &str) -> Option<u64> {
        match self.content.metadata.get("general.architecture")? {
            Value::String(architecture) => self.number(&format!("{architecture}.{key}")),
            _ => None,
        }
    }

    /// A number in the metadata.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        match self.content.metadata.get(key)? {
            Value::U8(number) => Some(u64::from(*number)),
            Value::U16(number) => Some(u64::from(*number)),
            Value::U32(number) => Some(u64::from(*number)),
            Value::U64(number) => Some(*number),
            Value::I32(number) => u64::try_from(*number).ok(),
            Value::I64(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }
}

/// Walks over the header without believing a length in it: candle allocates what a header asks
/// for, and a damaged one asks for petabytes.
fn check_header(file: &mut (impl Read + Seek), size: u64) -> std::io::Result<()> {
    let version = u32(file)?;
    if !(2..=3).contains(&version) {
        return Err(nonsense("unknown version"));
    }
    let tensors = count(file, size)?;
    for _ in 0..count(file, size)? {
        skip_text(file, size)?;
        let kind = u32(file)?;
        skip_value(file, size, kind, 0)?;
    }
    for _ in 0..tensors {
        skip_text(file, size)?;
        let dimensions = u32(file)?;
        if dimensions > MOST_DIMENSIONS {
            return Err(nonsense("a tensor with too many dimensions"));
        }
        let mut elements = 1u64;
        for _ in 0..dimensions {
            let product = elements.checked_mul(u64(file)?);
            elements = product.ok_or_else(|| nonsense("a tensor without end"))?;
        }
        // The kind and the offset.
        skip(file, size, 4 + 8)?;
    }
    Ok(())
}

fn skip_value(
    file: &mut (impl Read + Seek),
    size: u64,
    kind: u32,
    depth: u32,
) -> std::io::Result<()> {
    match kind {
        0 | 1 | 7 => skip(file, size, 1),
        2 | 3 => skip(file, size, 2),
        4..=6 => skip(file, size, 4),
        8 => skip_text(file, size),
        9 if depth < MOST_NESTING => {
            let kind = u32(file)?;
            for _ in 0..count(file, size)? {
                skip_value(file, size, kind, depth + 1)?;
            }
            Ok(())
        }
        10..=12 => skip(file, size, 8),
        _ => Err(nonsense("a value of an unknown kind")),
    }
}

fn skip_text(file: &mut (impl Read + Seek), size: u64) -> std::io::Result<()> {
    let length = count(file, size)?;
    skip(file, size, length)
}

fn skip(file: &mut (impl Read + Seek), size: u64, bytes: u64) -> std::io::Result<()> {
    let bytes = i64::try_from(bytes).map_err(|_| nonsense("a length beyond the file"))?;
    file.seek_relative(bytes)?;
    if file.stream_position()? > size {
        return Err(nonsense("a length beyond the file"));
    }
    Ok(())
}

/// A number of things of at least one byte each.
fn count(file: &mut (impl Read + Seek), size: u64) -> std::io::Result<u64> {
    let count = u64(file)?;
    if count > size {
        return Err(nonsense("a length beyond the file"));
    }
    Ok(count)
}

fn u32(file: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64(file: &mut impl Read) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn nonsense(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn check(parts: &[&[u8]]) -> Result<(), String> {
        let bytes = parts.concat();
        let size = bytes.len() as u64;
        check_header(&mut Cursor::new(bytes), size).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn a_sound_header_passes() {
        let header: [&[u8]; 12] = [
            &3u32.to_le_bytes(),
            &1u64.to_le_bytes(),
            &1u64.to_le_bytes(),
            &text("names"),
            &9u32.to_le_bytes(),
            &8u32.to_le_bytes(),
            &2u64.to_le_bytes(),
            &text("a"),
            &text("b"),
            &text("weight"),
            &2u32.to_le_bytes(),
            &[&4u64.to_le_bytes()[..], &4u64.to_le_bytes(), &[0; 12]].concat(),
        ];
        assert_eq!(check(&header), Ok(()));
        assert!(check(&header[..11]).is_err());
    }

    #[test]
    fn lengths_are_not_believed() {
        let huge = (u64::MAX / 2).to_le_bytes();
        let one = 1u64.to_le_bytes();
        let version = 3u32.to_le_bytes();
        let beyond = Err("a length beyond the file".to_owned());
        assert_eq!(check(&[&version, &huge, &one]), beyond);
        assert_eq!(check(&[&version, &one, &one, &huge]), beyond);
        let array = [&9u32.to_le_bytes()[..], &9u32.to_le_bytes()].concat();
        assert!(check(&[&version, &one, &one, &text("k"), &array, &array, &array]).is_err());
        assert_eq!(
            check(&[&99u32.to_le_bytes()]),
            Err("unknown version".to_owned())
        );
    }
}
