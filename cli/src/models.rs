//! `catena models`.

mod bench;
mod remove;

use std::path::Path;

use catena_local::{LocalModel, LocalOptions, Weights};
use catena_models::catalog::{Catalog, Entry, GgufInfo, Kind, ModelRef, Status, Store};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::{
    args::{Models, With},
    config::Config,
    failure::Failure,
    measured, model,
    terminal::{harmless, print},
};

/// Names of values that are bytes.
const BYTES: [&str; 6] = [
    "size",
    "bytes",
    "bytes_here",
    "weights",
    "prefix_cache",
    "available",
];

pub(crate) async fn run(command: Models, config: &Config) -> Result<(), Failure> {
    match command {
        Models::List { json } => list(json),
        Models::Pull { model } => pull(&model).await,
        Models::Info { model, json } => info(&model, json),
        Models::Bench {
            model,
            device,
            json,
        } => {
            let with = With {
                model,
                device,
                ..With::default()
            };
            bench::bench(&with, config, json).await
        }
        Models::Remove {
            model,
            dry_run,
            json,
        } => remove::remove(&model, dry_run, json),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let store = Store::default_location()?;
    let catalog = Catalog::builtin();
    let models = catalog.list(&store);
    if json {
        let models: Vec<Value> = models
            .iter()
            .map(|(entry, status)| describe(entry, status))
            .collect();
        print(&format!("{:#}\n", Value::from(models)));
        return Ok(());
    }
    let mut text = format!(
        "{:<22} {:<10} {:>10}  {:<12} {}\n",
        "NAME", "KIND", "SIZE", "HERE", "WHAT"
    );
    for (entry, status) in models {
        let here = match status {
            Status::Installed { .. } => "yes".to_owned(),
            Status::Unverified { .. } => "unverified".to_owned(),
            Status::Partial { bytes, .. } => format!("{} %", bytes * 100 / entry.size.max(1)),
            _ => "no".to_owned(),
        };
        let size = HumanBytes(entry.size).to_string();
        text += &format!(
            "{:<22} {:<10} {size:>10}  {here:<12} {}\n",
            entry.name, entry.kind, entry.description
        );
    }
    print(&text);
    Ok(())
}

async fn pull(name: &str) -> Result<(), Failure> {
    let reference = parse(name)?;
    if let ModelRef::Catalog(name) = &reference {
        for need in &Catalog::builtin().entry(name)?.needs {
            model::fetch(&ModelRef::Catalog(need.clone()), false).await?;
        }
    }
    let path = model::fetch(&reference, false).await?;
    print(&format!("{}\n", path.display()));
    Ok(())
}

fn info(name: &str, json: bool) -> Result<(), Failure> {
    let store = Store::default_location()?;
    let catalog = Catalog::builtin();
    let (mut about, weights) = match parse(name)? {
        ModelRef::Catalog(name) => {
            let status = catalog.status(&name, &store)?;
            let entry = catalog.entry(&name)?;
            let about = describe(entry, &status);
            let weights = match status {
                Status::Installed { path, .. } | Status::Unverified { path, .. } => Some(path),
                _ => None,
            };
            (about, weights.filter(|_| entry.kind == Kind::Chat))
        }
        ModelRef::File(path) => (json!({ "path": path }), Some(path)),
        _ => {
            return Err(Failure::usage(format!("nothing is known here of {name}"))
                .help("pull it first, then name its file"));
        }
    };
    if let (Some(path), Some(about)) = (weights, about.as_object_mut()) {
        about.insert("file".to_owned(), header(&path)?);
        about.insert("memory".to_owned(), memory(&path)?);
        about.insert("measured".to_owned(), measured(&path));
    }
    if json {
        print(&format!("{about:#}\n"));
    } else {
        // A model's file comes from anywhere.
        print(&harmless(&lines(&about, 0)));
    }
    Ok(())
}

fn parse(name: &str) -> Result<ModelRef, Failure> {
    ModelRef::parse(name).map_err(|error| Failure::from(error).code(crate::failure::USAGE))
}

fn describe(entry: &Entry, status: &Status) -> Value {
    let (here, path, bytes) = match status {
        Status::Installed { path, bytes } => ("yes", Some(path), *bytes),
        Status::Unverified { path, bytes } => ("unverified", Some(path), *bytes),
        Status::Partial { path, bytes } => ("partial", Some(path), *bytes),
        _ => ("no", None, 0),
    };
    json!({
        "name": entry.name,
        "kind": entry.kind.to_string(),
        "needs": entry.needs,
        "description": entry.description,
        "parameters": entry.parameters,
        "quantization": entry.quantization,
        "license": entry.license,
        "context_window": entry.context_window,
        "sampling": entry.sampling,
        "size": entry.size,
        "sha256": entry.sha256.to_string(),
        "sources": entry.sources.iter().map(|source| source.kind().to_string()).collect::<Vec<_>>(),
        "here": here,
        "bytes_here": bytes,
        "path": path,
    })
}

fn header(path: &Path) -> Result<Value, Failure> {
    let info = GgufInfo::read(path)?;
    Ok(json!({
        "architecture": info.architecture,
        "context_length": info.context_length,
        "blocks": info.block_count,
        "embedding_length": info.embedding_length,
        "tokenizer": info.tokenizer,
        "vocabulary": info.vocabulary,
        "chat_template": info.has_chat_template,
        "parameter_count": info.parameters,
        "tensors": info.tensor_types.iter().map(|kind| (kind.name.clone(), json!(kind.tensors))).collect::<serde_json::Map<_, _>>(),
        "bytes": info.file_size,
    }))
}

/// What `catena ask` would need on a CPU, and what there is.
fn memory(path: &Path) -> Result<Value, Failure> {
    let options = LocalOptions::new().weights(Weights::Reading);
    let need = LocalModel::need(path, &options)?;
    Ok(json!({
        "weights": need.weights,
        "prefix_cache": need.prefix_cache,
        "available": need.available,
        "fits": need.fits(),
    }))
}

/// What `catena models bench` found, by device; null if it was not run.
fn measured(path: &Path) -> Value {
    let devices = measured::of_file(path).into_iter().map(|(device, kept)| {
        let figures = json!({
            "parallel": kept.parallel,
            "reads": kept.reads.round(),
            "writes": kept.writes.round(),
        });
        (device, figures)
    });
    let devices: serde_json::Map<_, _> = devices.collect();
    match devices.is_empty() {
        true => Value::Null,
        false => devices.into(),
    }
}

/// A JSON object as lines of names and values.
fn lines(object: &Value, indent: usize) -> String {
    let mut text = String::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let pad = " ".repeat(indent);
        match value {
            Value::Null => {}
            Value::Object(_) => text += &format!("{pad}{name}:\n{}", lines(value, indent + 2)),
            Value::String(value) if value.is_empty() => {}
            Value::String(value) => text += &format!("{pad}{name}: {value}\n"),
            Value::Array(values) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| value.as_str().unwrap_or_default().to_owned())
                    .collect();
                text += &format!("{pad}{name}: {}\n", values.join(", "));
            }
            Value::Number(number) if BYTES.contains(&&**name) => {
                let bytes = HumanBytes(number.as_u64().unwrap_or_default());
                text += &format!("{pad}{name}: {bytes}\n");
            }
            value => text += &format!("{pad}{name}: {value}\n"),
        }
    }
    text
}
