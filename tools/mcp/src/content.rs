//! What a call gave, as text for a model.

use catena_core::{Error, Result};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

/// The text of a result, or the error that it is. The toolbox bounds its size.
pub(crate) fn text(result: CallToolResult) -> Result<String> {
    let mut parts: Vec<String> = result.content.into_iter().map(part).collect();
    if parts.is_empty() {
        // With text beside it, it is the same once more.
        parts.extend(result.structured_content.map(|value| value.to_string()));
    }
    let text = match parts.is_empty() {
        true => "(nothing)".to_owned(),
        false => parts.join("\n"),
    };
    match result.is_error {
        Some(true) => Err(Error::other(text)),
        _ => Ok(text),
    }
}

fn part(block: ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => shapeless("image", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => shapeless("recording", &audio.mime_type, audio.data.len()),
        ContentBlock::Resource(resource) => match resource.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => format!("{uri}:\n{text}"),
            ResourceContents::BlobResourceContents {
                uri,
                mime_type,
                blob,
                ..
            } => {
                let kind = mime_type.unwrap_or_else(|| "unknown type".to_owned());
                format!("{uri}: {}", shapeless("file", &kind, blob.len()))
            }
            _ => "(something that is no text)".to_owned(),
        },
        ContentBlock::ResourceLink(link) => match &link.description {
            Some(description) => format!("{} ({}): {description}", link.uri, link.name),
            None => format!("{} ({})", link.uri, link.name),
        },
        _ => "(something that is no text)".to_owned(),
    }
}

/// What cannot be shown; its size is that of Base64.
fn shapeless(what: &str, kind: &str, base64: usize) -> String {
    format!(
        "(an attached {what}, {kind}, {} bytes, not shown)",
        base64 / 4 * 3
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(result: serde_json::Value) -> Result<String> {
        text(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn what_is_no_text_is_told() {
        let told = read(json!({"content": [
            {"type": "text", "text": "one"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        ], "structuredContent": {"n": 1}}));
        let expected = "one\n(an attached image, image/png, 3 bytes, not shown)";
        assert_eq!(told.unwrap(), expected);
        let structured = read(json!({"content": [], "structuredContent": {"n": 1}}));
        assert_eq!(structured.unwrap(), "{\"n\":1}");
        assert_eq!(read(json!({"content": []})).unwrap(), "(nothing)");
    }

    #[test]
    fn an_error_is_one() {
        let error = read(json!({"content": [{"type": "text", "text": "no"}], "isError": true}));
        assert_eq!(error.unwrap_err().to_string(), "no");
    }
}
