//! ONNX Runtime, loaded once a process.

use std::{
    fs::File,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{Mutex, PoisonError},
};

use catena_core::{Error, Result};
use ort::environment::Environment;

/// What runs every model of the process. The library allows no second one.
static RUNNING: Mutex<Option<Environment>> = Mutex::new(None);

/// The runtime, loaded from `library` unless it is loaded already. Blocks.
pub(crate) fn start(library: &Path) -> Result<Environment> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = running.as_ref() {
        return Ok(environment.clone());
    }
    let refused = |why: &dyn std::fmt::Display| {
        Error::invalid(format!(
            "ONNX Runtime cannot be loaded from {}: {why}",
            library.display()
        ))
        .with_help(
            "give libonnxruntime of version 1.24 or later for this machine; on Linux, `catena models \
             pull onnxruntime` fetches it",
        )
    };
    File::open(library).map_err(|error| refused(&error))?;
    // It panics where a library is not of the kind that it expects.
    let load = panic::catch_unwind(AssertUnwindSafe(|| {
        let builder = ort::init_from(library).map_err(|error| error.to_string())?;
        builder.build().map_err(|error| error.to_string())
    }));
    let environment = match load {
        Ok(Ok(environment)) => environment,
        Ok(Err(why)) => return Err(refused(&why)),
        Err(_) => return Err(refused(&"it is not a library that can be used")),
    };
    *running = Some(environment.clone());
    Ok(environment)
}
