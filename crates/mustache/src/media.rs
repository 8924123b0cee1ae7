//! What kind of text a template makes, and how values are escaped for it.

use std::fmt::Write as _;

use watchbell_json::Failure;

/// What kind of text a template makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// Nothing is escaped.
    Text,
    /// Values are escaped as the content of a JSON string, without quotes.
    Json,
    /// Values are form-encoded.
    Form,
}

/// A media prefix counts only if it ends within the first dozen characters.
const PREFIX_END_MAX: usize = 12;

impl MediaType {
    /// The media type of a template object's `content_type` option; absent is JSON, and the spelling is exact.
    ///
    /// # Errors
    /// `illegal_argument_exception` for any other.
    pub fn parse(name: Option<&str>) -> Result<MediaType, Failure> {
        match name {
            None | Some("application/json" | "application/json; charset=UTF-8" | "application/json;charset=utf-8") => Ok(MediaType::Json),
            Some("text/plain") => Ok(MediaType::Text),
            Some("application/x-www-form-urlencoded") => Ok(MediaType::Form),
            Some(other) => Err(Failure::illegal_argument(format!("No encoder found for media type [{other}]"))),
        }
    }

    pub(crate) fn escape(self, text: &str, out: &mut String) {
        match self {
            MediaType::Text => out.push_str(text),
            MediaType::Json => escape_json(text, out),
            MediaType::Form => form_encode(text, out),
        }
    }
}

/// Splits the media prefix from the text of an action's field: `__json__::` makes it a JSON template, the other prefixes
/// (`__yaml__::`, …) are removed and mean plain text, as no prefix does.
///
/// ```
/// use watchbell_mustache::{MediaType, split_prefix};
/// assert_eq!(split_prefix("__json__::{}"), (MediaType::Json, "{}"));
/// assert_eq!(split_prefix("plain"), (MediaType::Text, "plain"));
/// ```
#[must_use]
pub fn split_prefix(text: &str) -> (MediaType, &str) {
    let Some(rest) = text.strip_prefix("__") else { return (MediaType::Text, text) };
    let Some((name, body)) = rest.split_once("__::") else { return (MediaType::Text, text) };
    if name.chars().count() + "__".len() >= PREFIX_END_MAX {
        return (MediaType::Text, text);
    }
    match name.to_ascii_lowercase().as_str() {
        "json" => (MediaType::Json, body),
        "yaml" | "smile" | "cbor" => (MediaType::Text, body),
        other if other.contains('/') => (MediaType::Text, body),
        _ => (MediaType::Text, text),
    }
}

fn escape_json(text: &str, out: &mut String) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or(""));
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                let _infallible = write!(out, "\\u{control:04X}");
            }
        }
    }
    out.push_str(text.get(plain..).unwrap_or(""));
}

/// `application/x-www-form-urlencoded`, as Java's `URLEncoder` has it.
pub(crate) fn form_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                let _infallible = write!(out, "%{other:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (text, media, rest) in [
            ("__json__::{{x}}", MediaType::Json, "{{x}}"),
            ("__JSON__::x", MediaType::Json, "x"),
            ("__yaml__::x", MediaType::Text, "x"),
            ("__cbor__::x", MediaType::Text, "x"),
            ("__text/yml__::x", MediaType::Text, "x"),
            ("__application/json__::x", MediaType::Text, "__application/json__::x"),
            ("__json__:x", MediaType::Text, "__json__:x"),
            ("__", MediaType::Text, "__"),
            ("a __json__::", MediaType::Text, "a __json__::"),
            ("__日本日本日本日本日本__::x", MediaType::Text, "__日本日本日本日本日本__::x"),
        ] {
            assert_eq!(split_prefix(text), (media, rest), "{text}");
        }
    }

    #[test]
    fn unknown_media_types_are_refused() {
        assert_eq!(MediaType::parse(None).unwrap(), MediaType::Json);
        let failure = MediaType::parse(Some("text/html")).unwrap_err();
        assert_eq!(failure.to_string(), "illegal_argument_exception: No encoder found for media type [text/html]");
    }
}
