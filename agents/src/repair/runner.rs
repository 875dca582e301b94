//! Where programs are run.

use std::{collections::VecDeque, fmt, sync::Mutex};

use async_trait::async_trait;
use catena_core::{Error, Result};

use super::{Check, Report, SourceFile};

/// Runs a [`Check`] over files.
///
/// A repair calls it through [`Context::tool`](catena_core::Context::tool): a resumed run does not run
/// anything again.
///
/// # Cancel safety
///
/// Dropping the future has to end whatever was started.
#[async_trait]
pub trait Runner: fmt::Debug + Send + Sync {
    /// Writes `files`, then `fixed`, which no program may change, and then those of the check into an empty
    /// folder, runs the steps and reports how the first that fails fared, or the last; and which of `fixed`
    /// are not as they were.
    ///
    /// # Errors
    ///
    /// When the check cannot be made at all. A program that fails is a report.
    async fn run(
        &self,
        files: &[SourceFile],
        fixed: &[SourceFile],
        check: &Check,
    ) -> Result<Report>;
}

/// A runner that runs nothing: it gives reports in their order, or asks a function for them.
pub struct ScriptedRunner {
    reports: Mutex<VecDeque<Report>>,
    otherwise: Option<Box<Judge>>,
}

type Judge = dyn Fn(&[SourceFile], &Check) -> Report + Send + Sync;

impl ScriptedRunner {
    /// Gives these reports, and then fails.
    pub fn new(reports: impl IntoIterator<Item = Report>) -> Self {
        Self {
            reports: Mutex::new(reports.into_iter().collect()),
            otherwise: None,
        }
    }

    /// Asks `judge`, which is given the files and then the fixed ones.
    pub fn from_fn(
        judge: impl Fn(&[SourceFile], &Check) -> Report + Send + Sync + 'static,
    ) -> Self {
        Self {
            reports: Mutex::default(),
            otherwise: Some(Box::new(judge)),
        }
    }
}

impl fmt::Debug for ScriptedRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedRunner").finish_non_exhaustive()
    }
}

#[async_trait]
impl Runner for ScriptedRunner {
    async fn run(
        &self,
        files: &[SourceFile],
        fixed: &[SourceFile],
        check: &Check,
    ) -> Result<Report> {
        let next = match self.reports.lock() {
            Ok(mut reports) => reports.pop_front(),
            Err(poisoned) => poisoned.into_inner().pop_front(),
        };
        match (next, &self.otherwise) {
            (Some(report), _) => Ok(report),
            (None, Some(judge)) => Ok(judge(&[files, fixed].concat(), check)),
            (None, None) => Err(Error::invalid("the scripted runner has no report left")),
        }
    }
}
