//! The facts in the header of a GGUF file, read without loading it.

mod reader;
mod tensor_type;

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

use catena_core::{Error, Result};

use reader::{Reader, Value};
use tensor_type::TensorType;

/// The first four bytes of every GGUF file.
pub(super) const MAGIC: &[u8] = b"GGUF";

/// Tensors have at most four dimensions; the format's own limit.
const MAX_DIMENSIONS: u32 = 4;

/// What a GGUF file says of itself.
///
/// The file is outside data: every count and length in it is checked against the size of the file
/// before anything is read or kept, so a damaged or hostile one gives an error, in bounded time and
/// memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GgufInfo {
    /// The version of the format: 2 or 3.
    pub version: u32,
    /// The architecture, such as `qwen2`.
    pub architecture: String,
    /// The name the file gives its model.
    pub name: Option<String>,
    /// The licence the file states.
    pub license: Option<String>,
    /// The longest sequence the model was made for, in tokens.
    pub context_length: Option<u64>,
    /// How many transformer blocks there are.
    pub block_count: Option<u64>,
    /// The width of the embeddings.
    pub embedding_length: Option<u64>,
    /// The kind of tokenizer, such as `gpt2` (byte-pair encoding) or `llama` (SentencePiece).
    pub tokenizer: Option<String>,
    /// How many tokens the vocabulary has.
    pub vocabulary: Option<u64>,
    /// Whether the file carries a chat template.
    pub has_chat_template: bool,
    /// The parameters stored in the file; a matrix stored twice counts twice.
    pub parameters: u64,
    /// Which types the tensors have; the one that holds most parameters first.
    pub tensor_types: Vec<TensorTypeCount>,
    /// The size of the file, in bytes.
    pub file_size: u64,
}

/// How much of a model has one tensor type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorTypeCount {
    /// The name of the type, such as `Q4_K`; `type 99` for one that is not known here.
    pub name: String,
    /// How many tensors have it.
    pub tensors: u64,
    /// How many parameters those hold.
    pub parameters: u64,
}

impl GgufInfo {
    /// Reads the header of the file at `path`, and checks that the tensors it announces fit the file.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if the file cannot be read, is no little-endian GGUF of version 2
    /// or 3, contradicts itself, or is cut short.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable =
            |error| Error::invalid(format!("could not read {}", path.display())).with_source(error);
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Error::invalid(format!("{} is not a file", path.display())));
        }
        let reader = Reader::new(BufReader::with_capacity(1 << 16, file), metadata.len());
        parse(reader).map_err(|what| {
            Error::invalid(format!(
                "{} is not a usable GGUF file: {what}",
                path.display()
            ))
            .with_help("download it again; if that does not help, the file itself is faulty")
        })
    }
}

fn parse(mut reader: Reader) -> Result<GgufInfo, String> {
    if reader.bytes::<4>()? != MAGIC {
        return Err("it does not begin with `GGUF`".into());
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(match version.swap_bytes() {
            2 | 3 => "it is big-endian".into(),
            _ => format!("version {version} of the format is not supported"),
        });
    }
    let tensors = reader.u64()?;
    let pairs = reader.u64()?;
    // The least a tensor (name length, dimensions, type, offset) and a pair (key length, type, a
    // byte) can take: larger counts are impossible before anything is read.
    reader.at_least(tensors, 24, "tensors")?;
    reader.at_least(pairs, 13, "metadata entries")?;
    let metadata = Metadata::read(&mut reader, pairs)?;
    let types = read_tensors(&mut reader, tensors, metadata.alignment()?)?;

    let architecture = metadata
        .text("general.architecture")
        .ok_or("it names no architecture")?;
    let of_architecture = |key: &str| metadata.number(&format!("{architecture}.{key}"));
    Ok(GgufInfo {
        version,
        name: metadata.text("general.name"),
        license: metadata.text("general.license"),
        context_length: of_architecture("context_length"),
        block_count: of_architecture("block_count"),
        embedding_length: of_architecture("embedding_length"),
        tokenizer: metadata.text("tokenizer.ggml.model"),
        vocabulary: metadata.length("tokenizer.ggml.tokens"),
        has_chat_template: metadata
            .text("tokenizer.chat_template")
            .is_some_and(|text| !text.is_empty()),
        parameters: types
            .iter()
            .try_fold(0, |sum: u64, count| sum.checked_add(count.parameters))
            .ok_or("it has too many parameters to count")?,
        tensor_types: types,
        file_size: reader.len(),
        architecture,
    })
}

/// The entries worth keeping; all others are read past.
#[derive(Default)]
struct Metadata(BTreeMap<String, Value>);

impl Metadata {
    fn read(reader: &mut Reader, pairs: u64) -> Result<Self, String> {
        let mut metadata = Self::default();
        for _ in 0..pairs {
            let key = reader.key()?;
            let value = reader
                .value()
                .map_err(|what| format!("metadata `{key}`: {what}"))?;
            if Self::wants(&key) {
                metadata.0.insert(key, value);
            }
        }
        Ok(metadata)
    }

    fn wants(key: &str) -> bool {
        const EXACT: [&str; 7] = [
            "general.architecture",
            "general.name",
            "general.license",
            "general.alignment",
            "tokenizer.ggml.model",
            "tokenizer.ggml.tokens",
            "tokenizer.chat_template",
        ];
        const ENDS: [&str; 3] = [".context_length", ".block_count", ".embedding_length"];
        EXACT.contains(&key) || ENDS.iter().any(|end| key.ends_with(end))
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn length(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::Array(length) => Some(*length),
            _ => None,
        }
    }

    fn alignment(&self) -> Result<u64, String> {
        match self.number("general.alignment") {
            None => Ok(32),
            Some(alignment) if alignment.is_power_of_two() && alignment <= 1 << 20 => Ok(alignment),
            Some(alignment) => Err(format!("{alignment} is no alignment")),
        }
    }
}

/// Reads the list of tensors; the weights themselves are not touched.
fn read_tensors(
    reader: &mut Reader,
    tensors: u64,
    alignment: u64,
) -> Result<Vec<TensorTypeCount>, String> {
    let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let mut end = 0;
    for _ in 0..tensors {
        let name = reader.key()?;
        let wrong = |what: &str| format!("tensor `{name}`: {what}");
        let dimensions = reader.u32()?;
        if dimensions > MAX_DIMENSIONS {
            return Err(wrong(&format!("{dimensions} dimensions")));
        }
        let mut elements: u64 = 1;
        for _ in 0..dimensions {
            elements = elements
                .checked_mul(reader.u64()?)
                .ok_or_else(|| wrong("it is too large"))?;
        }
        let id = reader.u32()?;
        let offset = reader.u64()?;
        // A type that is not known here has a size that is not known either.
        let size = TensorType::of(id).map_or(Some(0), |kind| kind.bytes(elements));
        let tensor_end = size
            .and_then(|size| offset.checked_add(size))
            .ok_or_else(|| wrong("it is too large"))?;
        end = end.max(tensor_end);
        let (count, sum) = counts.entry(id).or_default();
        *count += 1;
        *sum = sum
            .checked_add(elements)
            .ok_or_else(|| wrong("it is too large"))?;
    }
    let start = reader.position().next_multiple_of(alignment);
    if end > 0 && start.checked_add(end).is_none_or(|end| end > reader.len()) {
        return Err(format!(
            "it is cut short: its tensors end at byte {}, and it has {} bytes",
            start.saturating_add(end),
            reader.len()
        ));
    }
    let mut types: Vec<_> = counts
        .into_iter()
        .map(|(id, (tensors, parameters))| TensorTypeCount {
            name: TensorType::of(id)
                .map_or_else(|| format!("type {id}"), |kind| kind.name.to_owned()),
            tensors,
            parameters,
        })
        .collect();
    types.sort_by_key(|count| std::cmp::Reverse(count.parameters));
    Ok(types)
}

#[cfg(test)]
mod tests;
