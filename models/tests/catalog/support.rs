//! A model of 100,000 bytes in three wheels, a catalogue that names it, and a Python that has them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use catena_core::Result;
use catena_models::catalog::{Catalog, Checksum, Progress, Settings, SourceKind, Store};
use tempfile::TempDir;

pub(crate) const SIZE: usize = 100_000;
const PARTS: usize = 3;

/// Bytes that begin as a GGUF and repeat nowhere.
pub(crate) fn weights() -> Vec<u8> {
    let noise = (0_u32..).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    b"GGUF".iter().copied().chain(noise).take(SIZE).collect()
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) store: Store,
    pub(crate) toml: String,
    pub(crate) settings: Settings,
}

impl World {
    /// A hub at an address where nobody listens, and a Python whose pip has the three packages.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        fs::create_dir(&python).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog/fake_python.sh"),
            python.join("python3"),
        )
        .unwrap();
        let settings = Settings::default()
            .with_hub_offline(true)
            .with_python(python.join("python3"));
        let world = Self {
            store: Store::new(folder.path().join("cache")),
            folder,
            toml: toml(&weights()),
            settings,
        };
        for (index, part) in pieces(&weights()).enumerate() {
            world.wheel(index + 1, part);
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where a file of the model lies in the store.
    pub(crate) fn stored(&self, name: &str) -> PathBuf {
        self.store.root().join("models/tiny").join(name)
    }

    pub(crate) fn wheel(&self, number: usize, content: &[u8]) {
        let path = self.path(&format!("python/tiny-part{number}.whl"));
        let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("../../escape", options).unwrap();
        zip.write_all(b"must not be written anywhere").unwrap();
        zip.start_file(format!("tiny/part{number}.bin"), options)
            .unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
    }

    pub(crate) fn behave(&self, how: &str) {
        fs::write(self.path("python/behaviour"), how).unwrap();
    }

    /// The packages that were asked of pip.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("python/calls")).unwrap_or_default();
        calls
            .lines()
            .map(|call| call.rsplit(' ').next().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::from_toml(&self.toml)
            .unwrap()
            .with_settings(self.settings.clone())
    }

    pub(crate) fn use_hub(&mut self, endpoint: &str) {
        self.settings = self
            .settings
            .clone()
            .with_hub_offline(false)
            .with_hub_endpoint(endpoint);
    }

    pub(crate) fn without_pip(&mut self) {
        self.settings = self
            .settings
            .clone()
            .with_python(self.path("no-such-python"));
    }

    /// Pulls, and keeps what was told.
    pub(crate) async fn ensure(&self) -> (Result<PathBuf>, Vec<Progress>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = told.clone();
        let result = self
            .catalog()
            .ensure("tiny", &self.store, move |progress| {
                keep.lock().unwrap().push(progress)
            })
            .await;
        let told = std::mem::take(&mut *told.lock().unwrap());
        (result, told)
    }
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(SIZE.div_ceil(PARTS))
}

fn toml(bytes: &[u8]) -> String {
    let parts: Vec<_> = pieces(bytes)
        .enumerate()
        .map(|(index, part)| {
            let (number, size, sha) = (index + 1, part.len(), Checksum::of(part));
            format!(
                "{{ package = 'tiny-part{number}', version = '1.0', member = 'tiny/part{number}.bin', size = {size}, sha256 = '{sha}' }}"
            )
        })
        .collect();
    format!(
        "[[model]]\nname = 'tiny'\ndescription = 'd'\nparameters = 1\nquantization = 'F32'\nlicense = 'MIT'\n\
         context_window = 8\nfile = 'tiny.gguf'\nsize = {SIZE}\nsha256 = '{}'\n\
         [[model.source]]\nkind = 'hub'\nrepo = 'owner/tiny'\nfile = 'q/tiny.gguf'\n\
         [[model.source]]\nkind = 'pip'\nparts = [{}]\n",
        Checksum::of(bytes),
        parts.join(", ")
    )
}

/// The reason for which a source was skipped.
pub(crate) fn skipped(told: &[Progress], kind: SourceKind) -> Option<&str> {
    told.iter().find_map(|progress| match progress {
        Progress::Skipped { source, reason } if *source == kind => Some(reason.as_str()),
        _ => None,
    })
}

/// The largest number of bytes reported as here, and whether the number ever fell.
pub(crate) fn downloaded(told: &[Progress]) -> (u64, bool) {
    let bytes: Vec<u64> = told
        .iter()
        .filter_map(|progress| match progress {
            Progress::Downloading { done, .. } => Some(*done),
            _ => None,
        })
        .collect();
    (bytes.iter().copied().max().unwrap_or(0), !bytes.is_sorted())
}
