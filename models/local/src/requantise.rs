//! Rewrites weights into a form that the engine computes with faster on a CPU.
//!
//! candle 0.10 has AVX2 dot products for Q4_0, Q8_0 and the K-quants, and none for Q4_1, Q5_0 and
//! Q5_1, which small models are full of: K-quants need rows of a multiple of 256, and quantisers
//! fall back to these where that does not hold.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use candle_core::{
    Device,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{self, Value},
    },
};
use tracing::{info, warn};

use crate::gguf::GgufFile;

/// Raise it when a conversion changes, so that older files are made anew.
const VERSION: u64 = 1;
const KEY_VERSION: &str = "catena.converted.version";
const KEY_SIZE: &str = "catena.converted.from_size";
const KEY_MODIFIED: &str = "catena.converted.from_modified";

/// A form of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Slow quantisations become Q8_0.
    Q8,
    /// The layers become 16-bit numbers, which the engine keeps as 32-bit ones, and the rest as
    /// with `Q8`. The output layer stays quantised: it is not used while a prompt is read, and is
    /// a quarter of a small model's weights when tokens are written.
    Dense,
}

impl Form {
    fn extension(self) -> &'static str {
        match self {
            Self::Q8 => "q8.gguf",
            Self::Dense => "dense.gguf",
        }
    }

    /// What a tensor becomes, if it changes.
    fn target(self, name: &str, from: GgmlDType) -> Option<GgmlDType> {
        let plain = matches!(from, GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16);
        let slow = matches!(
            from,
            GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q8_1
        );
        match self {
            Self::Dense if !plain && name.starts_with("blk.") => Some(GgmlDType::F16),
            _ if slow => Some(GgmlDType::Q8_0),
            _ => None,
        }
    }
}

/// Bytes of memory that a model takes in `form` (`None`: as it is), without any text: its weights,
/// 16-bit numbers as 32-bit ones, and the embeddings once more as plain numbers, as the engine keeps
/// them.
pub(crate) fn memory(source: &GgufFile, form: Option<Form>) -> u64 {
    let tensors = &source.content.tensor_infos;
    let weights = tensors.iter().map(|(name, tensor)| {
        let kind = tensor.ggml_dtype;
        let kind = form
            .and_then(|form| form.target(name, kind))
            .unwrap_or(kind);
        let elements = tensor.shape.elem_count() as u64;
        match kind {
            GgmlDType::F16 | GgmlDType::BF16 => elements.saturating_mul(4),
            _ => {
                let blocks = elements.div_ceil(kind.block_size() as u64);
                blocks.saturating_mul(kind.type_size() as u64)
            }
        }
    });
    let embeddings = tensors.get("token_embd.weight");
    let embeddings = embeddings.map_or(0, |tensor| 4 * tensor.shape.elem_count() as u64);
    weights.fold(embeddings, u64::saturating_add)
}

/// The converted files that lie beside `original`, finished or not. A file of such a name that was
/// not made here is not among them.
pub(crate) fn conversions(original: &Path) -> Vec<PathBuf> {
    let finished =
        |path: &PathBuf| GgufFile::open(path).is_ok_and(|file| file.number(KEY_VERSION).is_some());
    let mut found = Vec::new();
    for form in [Form::Q8, Form::Dense] {
        let path = original.with_extension(form.extension());
        let part = path.with_extension("gguf.part");
        found.extend(Some(path).filter(finished));
        found.extend(Some(part).filter(|part| part.is_file()));
    }
    found
}

/// The file to load for `form`: the source itself if nothing in it would change or the converted
/// file cannot be written.
pub(crate) fn converted(source: &mut GgufFile, form: Form) -> PathBuf {
    let tensors = &source.content.tensor_infos;
    let changes = tensors
        .iter()
        .any(|(name, tensor)| form.target(name, tensor.ggml_dtype).is_some());
    if !changes {
        return source.path.clone();
    }
    let path = source.path.with_extension(form.extension());
    if is_current(&path, source) {
        return path;
    }
    info!(from = %source.path.display(), to = %path.display(), "converting the weights");
    match convert(source, form, &path) {
        Ok(()) => path,
        Err(error) => {
            warn!(
                "writing '{}': {error}; the model runs slower from '{}'",
                path.display(),
                source.path.display()
            );
            source.path.clone()
        }
    }
}

/// Whether `path` was made from just this `source`.
fn is_current(path: &Path, source: &GgufFile) -> bool {
    // A file that breaks off, or was left by another version, is made anew.
    path.exists()
        && GgufFile::open(path).is_ok_and(|file| {
            file.number(KEY_VERSION) == Some(VERSION)
                && file.number(KEY_SIZE) == Some(source.size)
                && file.number(KEY_MODIFIED) == Some(source.modified)
        })
}

fn convert(source: &mut GgufFile, form: Form, path: &Path) -> candle_core::Result<()> {
    let part = path.with_extension("gguf.part");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&part)?;
    // Another process may be writing the same file; when it is done there is nothing left to do.
    file.lock()?;
    if is_current(path, source) {
        return Ok(());
    }
    let written = file
        .set_len(0)
        .map_err(candle_core::Error::from)
        .and_then(|()| write(source, form, &file))
        .and_then(|()| Ok(fs::rename(&part, path)?));
    if written.is_err() {
        // Nothing can be done about a file that cannot even be removed.
        fs::remove_file(&part).ok();
    }
    written
}

fn write(source: &mut GgufFile, form: Form, file: &File) -> candle_core::Result<()> {
    let mut infos: Vec<_> = source.content.tensor_infos.iter().collect();
    infos.sort_by_key(|(_, info)| info.offset);
    let mut tensors = Vec::with_capacity(infos.len());
    for (name, info) in infos {
        let start = source.content.tensor_data_offset;
        let tensor = info.read(&mut source.file, start, &Device::Cpu)?;
        let tensor = match form.target(name, info.ggml_dtype) {
            Some(target) => QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, target)?,
            None => tensor,
        };
        tensors.push((name.as_str(), tensor));
    }
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (*name, tensor))
        .collect();

    let origin = [
        (KEY_VERSION, Value::U64(VERSION)),
        (KEY_SIZE, Value::U64(source.size)),
        (KEY_MODIFIED, Value::U64(source.modified)),
    ];
    let metadata: Vec<(&str, &Value)> = source
        .content
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        // The writer aligns to the default, whatever the source did.
        .filter(|(key, _)| *key != "general.alignment")
        .chain(origin.iter().map(|(key, value)| (*key, value)))
        .collect();
    let mut out = BufWriter::with_capacity(1 << 20, file);
    gguf_file::write(&mut out, &metadata, &tensors)?;
    out.flush()?;
    drop(out);
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Tensor};

    use super::*;

    fn source(directory: &Path, value: f32) -> GgufFile {
        let path = directory.join("tiny.gguf");
        let weight = Tensor::full(value, (2, 32), &Device::Cpu).unwrap();
        let slow = QTensor::quantize(&weight, GgmlDType::Q5_0).unwrap();
        let fast = QTensor::quantize(&weight, GgmlDType::F32).unwrap();
        let mut file = File::create(&path).unwrap();
        let tensors = [
            ("blk.0.a", &slow),
            ("output.weight", &slow),
            ("norm", &fast),
        ];
        let name = Value::String("tiny".into());
        gguf_file::write(&mut file, &[("general.name", &name)], &tensors).unwrap();
        file.sync_all().unwrap();
        GgufFile::open(&path).unwrap()
    }

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("catena-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    fn dtypes(path: &Path) -> Vec<(String, GgmlDType)> {
        let file = GgufFile::open(path).unwrap();
        let mut dtypes: Vec<_> = file
            .content
            .tensor_infos
            .into_iter()
            .map(|(name, info)| (name, info.ggml_dtype))
            .collect();
        dtypes.sort_by(|a, b| a.0.cmp(&b.0));
        dtypes
    }

    #[test]
    fn slow_weights_are_rewritten_once_and_again_when_the_source_changes() {
        let directory = directory("requantise");
        let mut first = source(&directory, 1.0);
        let path = converted(&mut first, Form::Q8);
        assert_eq!(path, directory.join("tiny.q8.gguf"));
        let expected = [
            ("blk.0.a".to_owned(), GgmlDType::Q8_0),
            ("norm".to_owned(), GgmlDType::F32),
            ("output.weight".to_owned(), GgmlDType::Q8_0),
        ];
        assert_eq!(dtypes(&path), expected);
        let made = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(converted(&mut first, Form::Q8), path);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);

        let mut second = source(&directory, 2.0);
        converted(&mut second, Form::Q8);
        let mut file = GgufFile::open(&path).unwrap();
        let tensor = file
            .content
            .tensor(&mut file.file, "blk.0.a", &Device::Cpu)
            .unwrap();
        let tensor = tensor
            .dequantize(&Device::Cpu)
            .unwrap()
            .to_dtype(DType::F64)
            .unwrap();
        let mean = tensor.mean_all().unwrap().to_scalar::<f64>().unwrap();
        assert!((mean - 2.0).abs() < 0.05, "{mean}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn dense_keeps_the_output_layer_quantised() {
        let directory = directory("dense");
        let path = converted(&mut source(&directory, 1.0), Form::Dense);
        let expected = [
            ("blk.0.a".to_owned(), GgmlDType::F16),
            ("norm".to_owned(), GgmlDType::F32),
            ("output.weight".to_owned(), GgmlDType::Q8_0),
        ];
        assert_eq!(dtypes(&path), expected);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_original_serves_where_nothing_can_be_written() {
        let directory = directory("readonly");
        let mut source = source(&directory, 1.0);
        // A directory in the way fails for every user, root too.
        fs::create_dir(directory.join("tiny.q8.gguf.part")).unwrap();
        assert_eq!(converted(&mut source, Form::Q8), source.path);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn k_quants_and_plain_numbers_stay() {
        for dtype in [
            GgmlDType::Q4K,
            GgmlDType::Q6K,
            GgmlDType::Q4_0,
            GgmlDType::F16,
        ] {
            assert_eq!(Form::Q8.target("blk.0.a", dtype), None);
        }
        assert_eq!(
            Form::Dense.target("blk.0.a", GgmlDType::Q4K),
            Some(GgmlDType::F16)
        );
        assert_eq!(Form::Dense.target("blk.0.norm", GgmlDType::F32), None);
        assert_eq!(Form::Dense.target("output.weight", GgmlDType::Q6K), None);
    }
}
