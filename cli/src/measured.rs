//! What `catena models bench` found, kept for the commands after it.
//!
//! For a model of this machine it lies beside the file, one entry for each device:
//! `NAME.bench.json`. For models of servers all entries are in one file of the cache folder.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use catena_local::Device;
use catena_models::catalog::Store;
use serde::{Deserialize, Serialize};

/// Where the figures of one model, as it runs here, are kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    file: PathBuf,
    key: String,
    weights: Option<Weights>,
}

/// The figures that are kept; rates in tokens a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The most requests at a time that were still worth while.
    pub(crate) parallel: usize,
    /// The best rate of reading, over the lengths that were tried.
    pub(crate) reads: f64,
    pub(crate) writes: f64,
    /// The file for which that holds; nothing for a server.
    #[serde(default)]
    weights: Option<Weights>,
}

/// A state of a file: another size or time is another file. To hash gigabytes would take longer than
/// to load them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Weights {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Weights {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let since_1970 = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            size: metadata.len(),
            modified: u64::try_from(since_1970.as_nanos()).ok()?,
        })
    }
}

impl Place {
    /// Of the file at `path` on `device`.
    pub(crate) fn file(path: &Path, device: Device) -> Self {
        Self {
            file: beside(path),
            key: device.to_string(),
            weights: Weights::of(path),
        }
    }

    /// Of the model `name` that the server at `url` has, which holds no secrets.
    pub(crate) fn server(store: &Store, name: &str, url: &str) -> Self {
        Self {
            file: store.root().join("servers.bench.json"),
            key: format!("{name} at {url}"),
            weights: None,
        }
    }

    /// Whether the model runs on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.weights.is_some()
    }

    /// What was kept here, if it still holds.
    pub(crate) fn read(&self) -> Option<Kept> {
        let kept = entries(&self.file).remove(&self.key)?;
        (kept.weights == self.weights).then_some(kept)
    }

    /// Keeps figures here, in the place of earlier ones; gives the file.
    pub(crate) fn write(&self, parallel: usize, reads: f64, writes: f64) -> io::Result<&Path> {
        let mut entries = entries(&self.file);
        let kept = Kept {
            parallel,
            reads,
            writes,
            weights: self.weights.clone(),
        };
        entries.insert(self.key.clone(), kept);
        let text = serde_json::to_string_pretty(&entries)?;
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let temporary = self.file.with_extension("json.new");
        fs::write(&temporary, text)?;
        fs::rename(&temporary, &self.file)?;
        Ok(&self.file)
    }
}

/// What was measured of the file at `path` and still holds, by device.
pub(crate) fn of_file(path: &Path) -> BTreeMap<String, Kept> {
    let weights = Weights::of(path);
    let mut entries = entries(&beside(path));
    entries.retain(|_, kept| kept.weights == weights);
    entries
}

/// The file with the figures of the model at `path`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    path.with_extension("bench.json")
}

/// What cannot be read was never measured.
fn entries(file: &Path) -> BTreeMap<String, Kept> {
    let text = fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use catena_models::OpenAiCompatible;

    use super::*;

    #[test]
    fn figures_are_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, "weights").unwrap();
        let place = Place::file(&path, Device::Cpu);
        assert_eq!(place.read(), None);
        place.write(4, 70.0, 5.0).unwrap();
        place.write(2, 69.0, 5.0).unwrap();
        assert_eq!(place.read().unwrap().parallel, 2);
        assert_eq!(of_file(&path)["cpu"], place.read().unwrap());
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "{names:?}");

        fs::write(&path, "other weights").unwrap();
        assert_eq!(Place::file(&path, Device::Cpu).read(), None);
        assert!(of_file(&path).is_empty());
    }

    #[test]
    fn what_cannot_be_read_was_never_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, "weights").unwrap();
        fs::write(beside(&path), "{\"cpu\": 3}").unwrap();
        let place = Place::file(&path, Device::Cpu);
        assert_eq!(place.read(), None);
        place.write(3, 1.0, 1.0).unwrap();
        assert_eq!(place.read().unwrap().parallel, 3);
    }

    #[test]
    fn each_server_and_model_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let place = |url: &str, name: &str| {
            let model = OpenAiCompatible::builder(url, name).build().unwrap();
            Place::server(&store, name, model.base_url())
        };
        let one = place("http://user:hidden@one/v1?key=hidden", "m");
        let file = one.write(8, 1.0, 1.0).unwrap();
        assert!(!fs::read_to_string(file).unwrap().contains("hidden"));
        assert_eq!(one.read().unwrap().parallel, 8);
        assert_eq!(place("http://one/v1", "n").read(), None);
        assert_eq!(place("http://two/v1", "m").read(), None);
    }
}
