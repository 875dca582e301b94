//! The sandbox that programs run in.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct Boxed {
    /// Do without a layer of the sandbox that this machine cannot give, at your own risk
    #[arg(long, value_enum, value_name = "LAYER", value_delimiter = ',')]
    pub(crate) without: Vec<Layer>,

    /// Show a file or folder to the programs, to read and to run from, at its place: a toolchain, a virtual environment, data
    #[arg(long, value_name = "PATH")]
    pub(crate) readable: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layer {
    /// Programs see the host's processes and paths, and could write over the tests of a project
    Namespaces,
    /// Mounts alone decide what can be read
    Landlock,
    /// More of the kernel is within reach
    Seccomp,
    /// Limits of memory, processor time and disk hold for each process and file alone
    Watch,
}

impl From<Layer> for catena_tools::Layer {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Namespaces => Self::Namespaces,
            Layer::Landlock => Self::Landlock,
            Layer::Seccomp => Self::Seccomp,
            Layer::Watch => Self::Watch,
        }
    }
}
