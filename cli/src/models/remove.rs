//! `catena models rm`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use catena_core::Error;
use catena_local::LocalModel;
use catena_models::catalog::{Catalog, ModelRef, Status, Store};
use indicatif::HumanBytes;
use serde_json::json;

use crate::{failure::Failure, measured, terminal::print};

pub(super) fn remove(name: &str, dry_run: bool, json: bool) -> Result<(), Failure> {
    let store = Store::default_location()?;
    let catalog = Catalog::builtin();
    let reference = super::parse(name)?;
    let (name, status) = match &reference {
        ModelRef::Catalog(name) => (name.clone(), catalog.status(name, &store)?),
        ModelRef::Hub(file) => (super::hub_name(file), catalog.hub_status(file, &store)?),
        ModelRef::Server(..) => {
            return Err(Failure::usage(format!(
                "{name} is a model of a server: nothing of it is here to be removed"
            ))
            .help("the server that has it removes it"));
        }
        _ => {
            return Err(
                Failure::usage(format!("{name} was not fetched by `catena models pull`"))
                    .help("delete files of your own yourself"),
            );
        }
    };
    let (original, ours) = match status {
        Status::Installed { path, bytes }
        | Status::Unverified { path, bytes }
        | Status::Partial { path, bytes } => {
            let ours = path.starts_with(store.root());
            (Some(path), if ours { bytes } else { 0 })
        }
        _ => (None, 0),
    };
    let derived: Vec<PathBuf> = original.as_deref().map(derived).unwrap_or_default();
    let mut freed: u64 = derived.iter().map(|path| size(path)).sum();
    if dry_run {
        freed += ours;
    } else {
        // It refuses while the model is being pulled, so it comes first.
        freed += match &reference {
            ModelRef::Hub(file) => catalog.remove_hub(file, &store)?,
            _ => catalog.remove(&name, &store)?,
        };
        for path in &derived {
            fs::remove_file(path).map_err(|error| {
                let what = format!("deleting '{}': {error}", path.display());
                Failure::from(Error::other(what).with_source(error))
            })?;
        }
        if let Some(folder) = original.as_deref().and_then(Path::parent)
            && folder.starts_with(store.root())
        {
            // Anything else in the folder is not ours.
            let _ = fs::remove_dir(folder);
        }
    }
    // What was found in a folder of the user's stays.
    let stays = original.filter(|path| !path.starts_with(store.root()));
    if json {
        let object =
            json!({ "model": name, "bytes_freed": freed, "dry_run": dry_run, "stays": stays });
        print(&format!("{object:#}\n"));
    } else {
        print(&told(&name, freed, dry_run, stays));
    }
    Ok(())
}

/// What was made from the file at `path`, and lies beside it.
fn derived(path: &Path) -> Vec<PathBuf> {
    let figures = Some(measured::beside(path)).filter(|figures| figures.is_file());
    let conversions = LocalModel::conversions(path).into_iter();
    conversions.chain(figures).collect()
}

fn told(name: &str, freed: u64, dry_run: bool, stays: Option<PathBuf>) -> String {
    let mut text = match (freed, dry_run) {
        (0, _) => format!("{name}: there is nothing to remove\n"),
        (_, true) => format!("{name}: {} would be freed\n", HumanBytes(freed)),
        (_, false) => format!("{name}: {} were freed\n", HumanBytes(freed)),
    };
    if let Some(path) = stays {
        text += &format!("{} is yours and stays\n", path.display());
    }
    text
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
