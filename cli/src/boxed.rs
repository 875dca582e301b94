//! What programs run in.

use std::path::PathBuf;

use catena_agents::SandboxRunner;
use catena_tools::Sandbox;

use crate::{args::Layer, failure::Failure, reading::as_usage};

/// A runner with all layers of the sandbox but those that a person does without, whose programs read these
/// paths besides.
pub(crate) fn runner(without: &[Layer], readable: &[PathBuf]) -> Result<SandboxRunner, Failure> {
    let all = readable
        .iter()
        .fold(Sandbox::builder(), |builder, path| builder.readable(path));
    let builder = without
        .iter()
        .fold(all, |builder, layer| builder.without((*layer).into()));
    // Files are protected by mounts.
    let protects = !without.contains(&Layer::Namespaces);
    let sandbox = builder.build().map_err(as_usage)?;
    Ok(SandboxRunner::with(sandbox).protect(protects))
}
