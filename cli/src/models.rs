//! `catena models`.

mod bench;
mod remove;

use std::path::Path;

use catena_local::{Device, LocalModel, LocalOptions};
use catena_models::catalog::{Catalog, Entry, GgufInfo, HubFile, Kind, ModelRef, Status, Store};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::{
    args::{Models, With},
    config::Config,
    failure::Failure,
    measured,
    model::{self, Mostly},
    remote::Remote,
    terminal::{harmless, print},
};

/// Names of values that are bytes.
const BYTES: [&str; 7] = [
    "size",
    "bytes",
    "bytes_here",
    "weights",
    "working",
    "prefix_cache",
    "available",
];

pub(crate) async fn run(command: Models, config: &Config) -> Result<(), Failure> {
    match command {
        Models::List { json } => list(json),
        Models::Pull { model } => pull(&model).await,
        Models::Info {
            model,
            device,
            json,
        } => {
            let with = With {
                device,
                ..With::default()
            };
            info(&model, model::device(&with, config)?, json, config)
        }
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
    let hub = catalog.hub_list(&store);
    if json {
        let models = models.iter().map(|(entry, status)| describe(entry, status));
        let hub = hub.iter().map(|(file, status)| describe_hub(file, status));
        let all: Vec<Value> = models.chain(hub).collect();
        print(&format!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let mut text = format!(
        "{:<22} {:<10} {:>10}  {:<12} {}\n",
        "NAME", "KIND", "SIZE", "HERE", "WHAT"
    );
    for (entry, status) in models {
        let here = here(&status, Some(entry.size));
        let size = HumanBytes(entry.size).to_string();
        text += &format!(
            "{:<22} {:<10} {size:>10}  {here:<12} {}\n",
            entry.name, entry.kind, entry.description
        );
    }
    for (file, status) in hub {
        let (here, (_, bytes)) = (here(&status, None), place(&status));
        let (name, kind, size) = (hub_name(&file), Kind::Chat, HumanBytes(bytes).to_string());
        text += &format!("{name:<22} {kind:<10} {size:>10}  {here:<12} from the hub\n");
    }
    // Names of files come from anywhere.
    print(&harmless(&text));
    Ok(())
}

/// Whether a model is here, of which `size` bytes are to come where that is known.
fn here(status: &Status, size: Option<u64>) -> String {
    match (status, size) {
        (Status::Installed { .. }, _) => "yes".to_owned(),
        (Status::Unverified { .. }, _) => "unverified".to_owned(),
        (Status::Partial { bytes, .. }, Some(size)) => format!("{} %", bytes * 100 / size.max(1)),
        (Status::Partial { .. }, None) => "partial".to_owned(),
        _ => "no".to_owned(),
    }
}

/// Where what is here of a model lies, and how many bytes that are.
fn place(status: &Status) -> (Option<&Path>, u64) {
    match status {
        Status::Installed { path, bytes }
        | Status::Unverified { path, bytes }
        | Status::Partial { path, bytes } => (Some(path), *bytes),
        _ => (None, 0),
    }
}

fn hub_name(file: &HubFile) -> String {
    format!("hf:{file}")
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

fn info(name: &str, device: Device, json: bool, config: &Config) -> Result<(), Failure> {
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
        ModelRef::Hub(file) => {
            let status = catalog.hub_status(&file, &store)?;
            let weights = match &status {
                Status::Installed { path, .. } | Status::Unverified { path, .. } => {
                    Some(path.clone())
                }
                _ => None,
            };
            (describe_hub(&file, &status), weights)
        }
        ModelRef::Server(vendor, name) => {
            let remote = Remote::known(vendor, &name, config)?;
            (remote.describe(vendor, config), None)
        }
        _ => {
            return Err(Failure::usage(format!("nothing is known here of {name}"))
                .help("ask the server that has it"));
        }
    };
    if let (Some(path), Some(about)) = (weights, about.as_object_mut()) {
        about.insert("file".to_owned(), header(&path)?);
        about.insert("memory".to_owned(), memory(&path, device, config)?);
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
    let (path, bytes) = place(status);
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
        "here": here(status, None),
        "bytes_here": bytes,
        "path": path,
    })
}

/// What is known of a file of the hub without looking into it.
fn describe_hub(file: &HubFile, status: &Status) -> Value {
    let (path, bytes) = place(status);
    json!({
        "name": hub_name(file),
        "kind": Kind::Chat.to_string(),
        "here": here(status, None),
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

/// What `catena ask` would need on `device`, and what there is.
fn memory(path: &Path, device: Device, config: &Config) -> Result<Value, Failure> {
    let options = LocalOptions::new()
        .weights(Mostly::Reads.weights(config))
        .device(device);
    let need = LocalModel::need(path, &options)?;
    Ok(json!({
        "weights": need.weights,
        "working": need.working,
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
            Value::Array(values) if values.is_empty() => {}
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
