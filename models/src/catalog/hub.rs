//! The Hugging Face hub: one file over HTTPS, resumed where it stopped.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Response, StatusCode, header, redirect};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Checksum, HubFile, Progress, Settings, SourceKind, background,
    partial::{Expected, Partial},
    progress::Report,
    pull::{Failure, Job},
    stamp::Stamp,
    store::Slot,
};

/// A hub that cannot be reached is given up after this; a refused or unknown address at once.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection that gives no byte for this long is taken for cut.
const SILENCE: Duration = Duration::from_secs(30);
/// How often in a row a cut download is resumed without having advanced.
const PATIENCE: u32 = 3;
/// The pause before a cut download is resumed.
const PAUSE: Duration = Duration::from_millis(300);
/// Network reads that may wait for the disk.
const QUEUE: usize = 16;

/// Fetches `file`; the answer is complete but not verified.
pub(super) async fn fetch(
    job: &Job<'_>,
    file: &HubFile,
    report: Report<'_>,
) -> Result<Partial, Failure> {
    let url = address(job.settings, file)?;
    report(Progress::Trying {
        source: SourceKind::Hub,
        what: url.clone(),
    });
    let client = client(redirect::Policy::default())?;

    let (slot, lock) = (job.slot.clone(), job.lock.clone());
    let total = job.expected.size.unwrap_or_default();
    let opened = background::run(
        move |meter| Partial::open(&slot, lock, meter),
        |done| {
            if done > 0 {
                report(Progress::Verifying {
                    done,
                    total: total.max(done),
                });
            }
        },
    );
    let mut partial = opened.await??;
    // Without a checksum nothing would notice that the halves belong to two versions of the file.
    if job.expected.sha256.is_none() || job.expected.size.is_some_and(|size| partial.len() > size) {
        partial.restart()?;
    }

    let mut patience = PATIENCE;
    loop {
        let before = partial.len();
        if before > 0 && job.expected.size == Some(before) {
            return Ok(partial);
        }
        let cut;
        (partial, cut) = transfer(&client, &url, partial, job.expected, report).await?;
        let Some(reason) = cut else {
            return Ok(partial);
        };
        // What is here is worth keeping even if the machine goes down now.
        partial.sync()?;
        patience = if partial.len() > before {
            PATIENCE
        } else {
            patience.saturating_sub(1)
        };
        if patience == 0 || job.expected.sha256.is_none() {
            return Err(Failure::Skip(reason));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the hub itself says of the file: its size and SHA-256, where it says so.
///
/// The hub answers a request for a large file with a redirection that carries both; a mirror may not.
async fn facts(settings: &Settings, file: &HubFile) -> Result<Expected, Failure> {
    let url = address(settings, file)?;
    let request = client(redirect::Policy::none())?
        .head(&url)
        .timeout(SILENCE);
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    if response.status().is_client_error() || response.status().is_server_error() {
        return Err(refused(response.status()));
    }
    let text = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    Ok(Expected {
        size: text("x-linked-size").and_then(|size| size.parse().ok()),
        sha256: text("x-linked-etag")
            .and_then(|tag| tag.trim_matches('"').parse::<Checksum>().ok()),
    })
}

/// As [`facts`], but does not ask the network about a file that was pulled and verified before.
pub(super) async fn facts_unless_pulled(
    slot: &Slot,
    settings: &Settings,
    file: &HubFile,
) -> Result<Expected, Failure> {
    if slot.file.exists() && Stamp::read(&slot.stamp).is_some() {
        return Ok(Expected {
            size: None,
            sha256: None,
        });
    }
    facts(settings, file).await
}

fn address(settings: &Settings, file: &HubFile) -> Result<String, Failure> {
    if settings.offline {
        return Err(Failure::Skip("HF_HUB_OFFLINE is set".into()));
    }
    Ok(format!(
        "{}/{}/resolve/{}/{}",
        settings.hub_endpoint, file.repo, file.revision, file.file
    ))
}

fn client(redirects: redirect::Policy) -> Result<Client, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Skip(format!("no HTTP client: {error}"));
    crate::http::client()
        .map_err(|error| failed(&error))?
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(redirects)
        .build()
        .map_err(|error| failed(&root_cause(&error)))
}

/// One request, for what is missing. The second value says why the answer stopped too early, if it did.
async fn transfer(
    client: &Client,
    url: &str,
    mut partial: Partial,
    expected: Expected,
    report: Report<'_>,
) -> Result<(Partial, Option<String>), Failure> {
    let mut request = client.get(url);
    if partial.len() > 0 {
        request = request.header(header::RANGE, format!("bytes={}-", partial.len()));
    }
    let response = match request.send().await {
        Ok(response) => response,
        // A connection that worked a moment ago is worth another try.
        Err(error) if partial.len() > 0 && !error.is_connect() => {
            return Ok((partial, Some(root_cause(&error))));
        }
        Err(error) => return Err(unreachable(&error)),
    };
    match response.status() {
        StatusCode::OK => partial.restart()?,
        StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(partial.len()) => {}
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if partial.len() > 0 => {
            partial.restart()?;
            return Ok((
                partial,
                Some("it does not resume downloads properly".into()),
            ));
        }
        status => return Err(refused(status)),
    }
    let announced = response.content_length().map(|rest| rest + partial.len());
    if let (Some(size), Some(announced)) = (expected.size, announced)
        && size != announced
    {
        return Err(Failure::Skip(format!(
            "its file has {announced} bytes; {size} were expected"
        )));
    }
    receive(response, partial, expected.size.or(announced), report).await
}

/// Moves the body to disk on a blocking thread, through a bounded queue.
async fn receive(
    response: Response,
    mut partial: Partial,
    total: Option<u64>,
    report: Report<'_>,
) -> Result<(Partial, Option<String>), Failure> {
    let mut done = partial.len();
    let (queue, mut chunks) = mpsc::channel::<bytes::Bytes>(QUEUE);
    // Dropping this future closes the queue; the writer then ends, and the lock goes with it.
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = chunks.blocking_recv() {
            partial.append(&chunk)?;
        }
        Ok::<_, catena_core::Error>(partial)
    });
    let mut cut = None;
    let mut reported = Instant::now();
    report(Progress::Downloading { done, total });
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                cut = Some(format!("the download was cut: {}", root_cause(&error)));
                break;
            }
        };
        done += chunk.len() as u64;
        if total.is_some_and(|total| done > total) {
            cut = Some("it sent more bytes than it announced".into());
            break;
        }
        if queue.send(chunk).await.is_err() {
            break;
        }
        if reported.elapsed() >= background::TICK {
            reported = Instant::now();
            report(Progress::Downloading { done, total });
        }
    }
    drop(queue);
    let partial = writer.await.map_err(|error| {
        catena_core::Error::panicked("writing a download failed").with_source(error)
    })??;
    report(Progress::Downloading {
        done: partial.len(),
        total,
    });
    if cut.is_none() && total.is_some_and(|total| partial.len() < total) {
        cut = Some("the download ended too early".into());
    }
    Ok((partial, cut))
}

/// Where a partial answer begins, by its `Content-Range: bytes START-END/SIZE`.
fn starts_at(response: &Response) -> Option<u64> {
    let range = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}

fn refused(status: StatusCode) -> Failure {
    Failure::Skip(match status {
        StatusCode::NOT_FOUND => "it has no such file (404)".into(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("it does not give this file without an account ({status})")
        }
        _ => format!("it answered {status}"),
    })
}

fn unreachable(error: &reqwest::Error) -> Failure {
    let what = if error.is_timeout() {
        "no answer in time".into()
    } else {
        root_cause(error)
    };
    Failure::Skip(format!("could not be reached: {what}"))
}

/// reqwest's own message says only that sending failed; the last cause says why.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
