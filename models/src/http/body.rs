//! From the bytes of a response to its events, bounded in every direction.

use std::sync::Arc;

use bytes::Bytes;
use catena_core::{Error, Result};
use eventsource_stream::{EventStreamError, Eventsource};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use super::connection::Endpoint;

const MIB: usize = 1024 * 1024;

/// The most bytes of a streamed answer: 128k tokens with log-probabilities take about half.
pub(crate) const MAX_STREAM: usize = 64 * MIB;

/// The most bytes of an answer that comes in one piece, and so lies in memory as a whole.
pub(crate) const MAX_WHOLE: usize = 8 * MIB;

/// The most bytes of one line of a stream, which is one event.
const MAX_LINE: usize = MIB;

/// The most bytes that are read of an error's body.
const MAX_ERROR: usize = 64 * 1024;

/// A piece of JSON that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) data: String,
    /// Whether the answer came in one piece, not as a stream.
    pub(crate) whole: bool,
}

/// The events of a response. Some servers answer a streaming request with plain JSON, which then
/// is the only event.
pub(crate) fn events(
    response: reqwest::Response,
    endpoint: Arc<Endpoint>,
) -> BoxStream<'static, Result<Event>> {
    split(bytes(response, endpoint.clone()), endpoint)
}

/// The whole body, of at most [`MAX_WHOLE`] bytes.
pub(crate) async fn whole(response: reqwest::Response, endpoint: Arc<Endpoint>) -> Result<Vec<u8>> {
    let bytes = bytes(response, endpoint.clone());
    collect(Vec::new(), bytes, &endpoint).await
}

/// The beginning of the body of an error; what cannot be read is left out.
pub(crate) async fn error_body(response: reqwest::Response, endpoint: Arc<Endpoint>) -> Vec<u8> {
    let timeout = endpoint.timeout;
    let mut chunks = bytes(response, endpoint);
    let mut body = Vec::new();
    // The status is known already: a body that drips in is not worth a longer wait.
    let _ = tokio::time::timeout(timeout, async {
        while let Some(Ok(chunk)) = chunks.next().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_ERROR {
                break;
            }
        }
    })
    .await;
    body.truncate(MAX_ERROR);
    body
}

fn bytes(
    response: reqwest::Response,
    endpoint: Arc<Endpoint>,
) -> BoxStream<'static, Result<Bytes>> {
    let chunks = response.bytes_stream();
    chunks.map_err(move |error| endpoint.broken(error)).boxed()
}

fn split(
    mut bytes: BoxStream<'static, Result<Bytes>>,
    endpoint: Arc<Endpoint>,
) -> BoxStream<'static, Result<Event>> {
    stream::once(async move {
        let mut head = Vec::new();
        while head.trim_ascii_start().is_empty() && head.len() < MAX_LINE {
            match bytes.next().await {
                Some(chunk) => head.extend_from_slice(&chunk?),
                None => break,
            }
        }
        // No line of an event stream begins with these, whatever the content type says.
        match head.trim_ascii_start().first() {
            Some(b'{') => {
                let body = collect(head, bytes, &endpoint).await?;
                let event = Event {
                    data: String::from_utf8_lossy(&body).into_owned(),
                    whole: true,
                };
                Ok(stream::once(async { Ok(event) }).boxed())
            }
            Some(b'<') => Err(Error::malformed_output(format!(
                "{}: the server answered with a web page",
                endpoint.asking()
            ))
            .with_help("check that the base URL is the root of the API, which mostly ends in /v1")),
            _ => {
                let head = stream::once(async { Ok(Bytes::from(head)) });
                Ok(server_sent(head.chain(bytes).boxed(), endpoint))
            }
        }
    })
    .try_flatten()
    .boxed()
}

async fn collect(
    mut body: Vec<u8>,
    mut bytes: BoxStream<'static, Result<Bytes>>,
    endpoint: &Endpoint,
) -> Result<Vec<u8>> {
    while let Some(chunk) = bytes.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > MAX_WHOLE {
            return Err(too_long(endpoint, "an answer in one piece", MAX_WHOLE));
        }
    }
    Ok(body)
}

fn server_sent(
    bytes: BoxStream<'static, Result<Bytes>>,
    endpoint: Arc<Endpoint>,
) -> BoxStream<'static, Result<Event>> {
    let (mut total, mut line) = (0, 0);
    let limits = endpoint.clone();
    let bounded = bytes.map(move |chunk| {
        let chunk = chunk?;
        total += chunk.len();
        line = match chunk.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => chunk.len() - end - 1,
            None => line + chunk.len(),
        };
        if total > MAX_STREAM {
            return Err(too_long(&limits, "a streamed answer", MAX_STREAM));
        }
        if line > MAX_LINE {
            return Err(too_long(&limits, "a line of a streamed answer", MAX_LINE));
        }
        Ok(chunk)
    });
    // Some servers forget the empty line after the last event.
    let closed = bounded.chain(stream::once(async { Ok(Bytes::from_static(b"\n\n")) }));
    let events = closed.eventsource().map(move |event| match event {
        Ok(event) => Ok(Event {
            data: event.data,
            whole: false,
        }),
        Err(EventStreamError::Transport(error)) => Err(error),
        Err(error) => Err(Error::malformed_output(format!(
            "{}: the answer is not an event stream: {error}",
            endpoint.asking()
        ))),
    });
    events.boxed()
}

fn too_long(endpoint: &Endpoint, what: &str, limit: usize) -> Error {
    Error::malformed_output(format!(
        "{}: {what} may have {} MiB, and this one is longer",
        endpoint.asking(),
        limit / MIB
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn read(chunks: Vec<Bytes>) -> Result<Vec<Event>> {
        let endpoint = Arc::new(Endpoint {
            url: "http://localhost/v1".into(),
            model: "m".into(),
            key: None,
            timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(9),
        });
        let bytes = stream::iter(chunks.into_iter().map(Ok)).boxed();
        split(bytes, endpoint).try_collect().await
    }

    fn event(data: &str, whole: bool) -> Event {
        Event {
            data: data.into(),
            whole,
        }
    }

    #[tokio::test]
    async fn events_are_found_however_they_are_cut() {
        let text = ": ping\r\n\r\ndata: {\"é\": 1}\r\n\r\nevent: x\ndata:2\n\n\n\ndata: [DONE]";
        let expected = ["{\"é\": 1}", "2", "[DONE]"].map(|data| event(data, false));
        for size in 1..text.len() {
            let chunks = text.as_bytes().chunks(size);
            let chunks = chunks.map(Bytes::copy_from_slice).collect();
            assert_eq!(read(chunks).await.unwrap(), expected, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn plain_json_is_one_event() {
        let chunks = vec![
            Bytes::from("\n "),
            Bytes::from("{\"a\":"),
            Bytes::from("1}"),
        ];
        assert_eq!(read(chunks).await.unwrap(), [event("\n {\"a\":1}", true)]);
    }

    #[tokio::test]
    async fn a_web_page_is_no_answer() {
        let error = read(vec![Bytes::from("<html>")]).await.unwrap_err();
        assert!(error.is_malformed_output());
        assert!(error.help().unwrap().contains("base URL"));
    }

    #[tokio::test]
    async fn every_length_is_bounded() {
        let block = Bytes::from(vec![b'x'; MIB]);
        let line = [Bytes::from("data: "), block.clone(), block.clone()];
        let event = Bytes::from([b"data: ", &block[..MIB - 100], b"\n\n"].concat());
        for (body, limit) in [
            (line.to_vec(), "may have 1 MiB"),
            (
                vec![Bytes::from("{"); 1]
                    .into_iter()
                    .chain(vec![block; 9])
                    .collect(),
                "8 MiB",
            ),
            (vec![event; 65], "64 MiB"),
        ] {
            let error = read(body).await.unwrap_err();
            assert!(error.is_malformed_output());
            assert!(error.to_string().contains(limit), "{error}");
        }
    }
}
