//! The files of a sentence model.

use std::{fs, path::Path};

use catena_core::{Error, Result};
use fastembed::{Pooling, TokenizerFiles, UserDefinedEmbeddingModel};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::pieces::MAKING;

/// The most tokens that the model reads at once: with so many it was made, more do not help.
pub(crate) const MAX_TOKENS: usize = 256;

/// What was read, and how it is called: by its file, and by a digest of everything that decides what
/// a vector is.
pub(crate) struct Files {
    pub(crate) name: String,
    pub(crate) model: UserDefinedEmbeddingModel,
}

/// Reads a model and the tokenizer that belongs to it. Blocks.
pub(crate) fn read(model: &Path, tokenizer: &Path) -> Result<Files> {
    let onnx = read_file("model", model)?;
    let cutting = read_file("tokenizer", tokenizer)?;
    let digest = Sha256::new()
        .chain_update(&onnx)
        .chain_update(&cutting)
        .chain_update(MAKING);
    let digest = digest.finalize();
    let digest: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Files {
        name: format!("{stem}@{digest}"),
        model: UserDefinedEmbeddingModel::new(onnx, about(tokenizer, cutting)?)
            .with_pooling(Pooling::Mean),
    })
}

fn read_file(what: &str, path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        Error::invalid(format!(
            "the {what} {} cannot be read: {error}",
            path.display()
        ))
        .with_help("`catena models pull minilm` fetches the usual one and what belongs to it")
        .with_source(error)
    })
}

/// The library wants four files, as a repository of models has them; all that it takes from the
/// other three is how texts are padded, and `tokenizer.json` says that too.
fn about(path: &Path, tokenizer: Vec<u8>) -> Result<TokenizerFiles> {
    let parsed: Value = serde_json::from_slice(&tokenizer).map_err(|error| {
        Error::invalid(format!(
            "the tokenizer {} is no JSON: {error}",
            path.display()
        ))
        .with_help("give the `tokenizer.json` of the model")
        .with_source(error)
    })?;
    let padding = parsed.get("padding");
    let field = |name: &str| padding.and_then(|padding| padding.get(name));
    let token = field("pad_token")
        .and_then(Value::as_str)
        .unwrap_or("[PAD]");
    let config = match field("pad_id").and_then(Value::as_u64) {
        Some(id) => json!({ "pad_token_id": id }),
        None => json!({}),
    };
    let cutting = json!({ "model_max_length": MAX_TOKENS, "pad_token": token });
    Ok(TokenizerFiles {
        tokenizer_file: tokenizer,
        config_file: config.to_string().into_bytes(),
        special_tokens_map_file: b"{}".to_vec(),
        tokenizer_config_file: cutting.to_string().into_bytes(),
    })
}
