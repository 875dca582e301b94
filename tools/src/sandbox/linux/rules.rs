//! Landlock: what may be done beneath which path.

use std::os::fd::OwnedFd;

use catena_core::{Error, Result};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope,
};

use super::sys;

/// The rights that a rule about a file may name: execute, write, read, truncate, ioctl.
pub(super) const OF_FILES: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;

/// Landlock as this kernel has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landlock {
    abi: ABI,
}

impl Landlock {
    /// Asks the kernel. Without namespaces a version is needed that keeps files from being
    /// truncated, since nothing else does.
    pub(super) fn find(alone: bool) -> Result<Self, String> {
        let version =
            sys::landlock_version().map_err(|errno| format!("the kernel has none ({errno})"))?;
        if alone && version < 3 {
            return Err(format!(
                "without namespaces version 3 is needed (Linux 6.2), and the kernel has {version}"
            ));
        }
        Ok(Self {
            // What a later kernel adds to it has not been tried.
            abi: ABI::from(version.min(7)),
        })
    }

    /// A set that handles everything, and allows nothing yet.
    pub(super) fn ruleset(self) -> Result<OwnedFd> {
        let failed = |error: landlock::RulesetError| {
            Error::other("the sandbox cannot make a landlock ruleset").with_source(error)
        };
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(self.abi))
            .map_err(failed)?;
        let net = AccessNet::from_all(self.abi);
        if !net.is_empty() {
            ruleset = ruleset.handle_access(net).map_err(failed)?;
        }
        let scope = Scope::from_all(self.abi);
        if !scope.is_empty() {
            ruleset = ruleset.scope(scope).map_err(failed)?;
        }
        let created = ruleset.create().map_err(failed)?;
        Option::<OwnedFd>::from(created)
            .ok_or_else(|| Error::other("the kernel gave no landlock ruleset"))
    }

    /// Reading and running.
    pub(super) fn read(self) -> u64 {
        AccessFs::from_read(self.abi).bits()
    }

    /// Everything but making nodes of devices.
    pub(super) fn all(self) -> u64 {
        (AccessFs::from_all(self.abi) & !(AccessFs::MakeBlock | AccessFs::MakeChar)).bits()
    }

    /// Reading and writing a file that exists.
    pub(super) fn use_file(self) -> u64 {
        (AccessFs::ReadFile | AccessFs::WriteFile).bits()
    }
}
