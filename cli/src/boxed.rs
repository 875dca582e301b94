//! What programs run in.

use catena_agents::SandboxRunner;
use catena_tools::Sandbox;

use crate::{args::Layer, failure::Failure};

/// A runner with all layers of the sandbox but those that a person does without.
pub(crate) fn runner(without: &[Layer]) -> Result<SandboxRunner, Failure> {
    let all = Sandbox::builder();
    let builder = without
        .iter()
        .fold(all, |builder, layer| builder.without((*layer).into()));
    // Files are protected by mounts.
    let protects = !without.contains(&Layer::Namespaces);
    Ok(SandboxRunner::with(builder.build()?).protect(protects))
}
