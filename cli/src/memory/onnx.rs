//! Sentence models in this process: that of the catalogue, and those of a user's folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use catena_fastembed::FastEmbedder;
use catena_models::catalog::ModelRef;
use serde_json::Value;

use crate::{config::variable, failure::Failure, model, reading::as_usage};

/// Where the repository of a sentence model has it as an ONNX file.
const MODELS: [&str; 2] = ["model.onnx", "onnx/model.onnx"];

const LAYOUT: &str = "onnx:FOLDER names a folder as the repositories of sentence models are: with model.onnx or \
                      onnx/model.onnx, and tokenizer.json";

/// The sentence model of the catalogue: its files are fetched like any model.
pub(super) async fn minilm(quiet: bool) -> Result<FastEmbedder, Failure> {
    let model = fetched("minilm", quiet).await?;
    let tokenizer = fetched("minilm-tokenizer", quiet).await?;
    Ok(FastEmbedder::load(model, tokenizer, library(quiet).await?).await?)
}

/// The sentence model in a folder.
pub(super) async fn of_folder(folder: &Path, quiet: bool) -> Result<FastEmbedder, Failure> {
    // What the folder lacks shows before anything is fetched.
    let (model, tokenizer) = files(folder)?;
    let loaded = FastEmbedder::load(model, tokenizer, library(quiet).await?).await;
    loaded.map_err(as_usage)
}

/// ONNX Runtime: the one that is named, with the variable that other programs know, or that of the catalogue.
async fn library(quiet: bool) -> Result<PathBuf, Failure> {
    match variable("ORT_DYLIB_PATH") {
        Some(path) => Ok(path.into()),
        None => fetched("onnxruntime", quiet).await,
    }
}

async fn fetched(name: &str, quiet: bool) -> Result<PathBuf, Failure> {
    model::fetch(&ModelRef::parse(name)?, quiet).await
}

/// The model in a folder, and its tokenizer.
fn files(folder: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let name = folder.display();
    let lacks = |what: String| Failure::usage(what).help(LAYOUT);
    if folder.is_file() {
        return Err(lacks(format!("{name} is no folder")));
    }
    if !folder.is_dir() {
        let missing = lacks(format!("there is no folder {name}"));
        return Err(match folder.starts_with("~") {
            true => missing.also("no shell replaces the ~ behind `onnx:`: write $HOME".to_owned()),
            false => missing,
        });
    }
    let mut models = MODELS.iter().map(|model| folder.join(model));
    let Some(model) = models.find(|model| model.is_file()) else {
        let [one, other] = MODELS;
        return Err(lacks(format!(
            "{name} holds no sentence model: neither {one} nor {other} is there"
        )));
    };
    let tokenizer = folder.join("tokenizer.json");
    if !tokenizer.is_file() {
        return Err(lacks(format!("{name} holds no tokenizer.json")));
    }
    if !takes_the_mean(folder) {
        return Err(Failure::usage(format!(
            "the vectors of the model in {name} are not made as the mean of its tokens, says 1_Pooling/config.json"
        ))
        .help("take one with mean pooling, such as all-MiniLM-L6-v2 or all-mpnet-base-v2"));
    }
    Ok((model, tokenizer))
}

/// Whether a model is made for mean pooling, as far as its folder says: with another its vectors would be poor,
/// and nothing would tell.
fn takes_the_mean(folder: &Path) -> bool {
    let said = fs::read(folder.join("1_Pooling/config.json")).ok();
    let said: Option<Value> = said.and_then(|said| serde_json::from_slice(&said).ok());
    // The one by a switch for each kind, or by its name.
    said.is_none_or(|said| {
        said.get("pooling_mode_mean_tokens") != Some(&Value::Bool(false))
            && said.get("pooling_mode").is_none_or(|mode| mode == "mean")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_model_is_where_repositories_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "onnx/model.onnx", "");
        write(folder, "tokenizer.json", "");
        let tokenizer = folder.join("tokenizer.json");
        let found = files(folder).unwrap();
        assert_eq!(found, (folder.join("onnx/model.onnx"), tokenizer.clone()));
        write(folder, "model.onnx", "");
        let found = files(folder).unwrap();
        assert_eq!(found, (folder.join("model.onnx"), tokenizer));
    }

    #[test]
    fn what_a_folder_lacks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let refused = |name: &str, wrong: &str| {
            let failure = files(&folder.join(name)).unwrap_err();
            assert!(failure.is_usage(), "{failure}");
            assert!(failure.to_string().contains(wrong), "{failure}");
            assert!(failure.help_text().is_some(), "{failure}");
        };
        refused("none", "there is no folder");
        write(folder, "own/notes.txt", "");
        refused("own/notes.txt", "is no folder");
        refused("own", "neither model.onnx nor onnx/model.onnx");
        write(folder, "own/model.onnx", "");
        refused("own", "no tokenizer.json");
        write(folder, "own/tokenizer.json", "");
        assert!(files(&folder.join("own")).is_ok());
        let tilde = files(Path::new("~/own")).unwrap_err();
        assert!(tilde.help_text().unwrap().contains("$HOME"), "{tilde}");
    }

    #[test]
    fn a_model_of_another_pooling_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "model.onnx", "");
        write(folder, "tokenizer.json", "");
        for (pooling, taken) in [
            (r#"{"pooling_mode_mean_tokens": true}"#, true),
            (r#"{"word_embedding_dimension": 384}"#, true),
            ("no JSON", true),
            (r#"{"pooling_mode": "mean"}"#, true),
            (r#"{"pooling_mode": "cls"}"#, false),
            (
                r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
                false,
            ),
        ] {
            write(folder, "1_Pooling/config.json", pooling);
            assert_eq!(files(folder).is_ok(), taken, "{pooling}");
        }
    }
}
