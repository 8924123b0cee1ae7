//! Addresses: taking a `url` apart, and putting path and parameters together (spec watcher-parts §9.3).

use watchbell_json::Failure;

use crate::http_request::{HttpRequest, Scheme};

/// A `url` field in its parts.
#[derive(Debug, PartialEq)]
pub(crate) struct ParsedUrl {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// Decoded.
    pub path: Option<String>,
    /// Decoded, in the order written.
    pub params: Vec<(String, String)>,
}

fn malformed(url: &str) -> Failure {
    Failure::parse(format!("malformed URL [{url}]"))
}

impl ParsedUrl {
    pub(crate) fn parse(url: &str) -> Result<ParsedUrl, Failure> {
        if url.trim().is_empty() {
            return Err(Failure::parse("url cannot be empty"));
        }
        if url.chars().any(|c| c.is_whitespace() || c.is_control() || "{}<>\"\\^`|".contains(c)) {
            return Err(malformed(url));
        }
        let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.is_empty() && !scheme.contains(['/', '?', '#'])) else {
            return Err(Failure::parse(format!("URL [{url}] does not contain a scheme")));
        };
        let scheme = Scheme::parse(scheme)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let host_port = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = split_port(host_port).ok_or_else(|| malformed(url))?;
        if host.is_empty() {
            return Err(malformed(url));
        }
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or_else(|| malformed(url))?,
        };
        let path = if path.is_empty() { None } else { Some(percent_decode(path, false).ok_or_else(|| malformed(url))?) };
        let params = query.map_or(Some(Vec::new()), form_decode).ok_or_else(|| malformed(url))?;
        Ok(ParsedUrl { scheme, host: host.to_owned(), port, path, params })
    }
}

/// Host and port of an authority; a literal IPv6 address keeps its brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, rest) = authority.split_at(end);
        return if rest.is_empty() { Some((host, None)) } else { rest.strip_prefix(':').map(|port| (host, Some(port))) };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn form_decode(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decode(name, true)?, percent_decode(value, true)?))
        })
        .collect()
}

/// `None` for a broken escape; bytes that are no UTF-8 become U+FFFD, as Java decodes them.
fn percent_decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            b'%' => {
                let digit = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
                let code = digit(0)? * 16 + digit(1)?;
                bytes.push(u8::try_from(code).ok()?);
                &tail[2..]
            }
            b'+' if plus_is_blank => {
                bytes.push(b' ');
                tail
            }
            other => {
                bytes.push(other);
                tail
            }
        };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Escapes every byte but the unreserved ones.
fn percent_encode(text: &str, blank: &str, unreserved: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || unreserved.contains(&byte) {
            out.push(char::from(byte));
        } else if byte == b' ' {
            out.push_str(blank);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The path as it goes over the wire: empty segments dropped, each segment decoded and encoded again, a trailing slash kept.
/// A broken escape counts as its own characters.
#[must_use]
pub fn encode_path(path: &str) -> String {
    let mut out = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        out.push('/');
        let decoded = percent_decode(segment, true).unwrap_or_else(|| segment.to_owned());
        percent_encode(&decoded, "%20", b"-._~!$&'()*+,;=:@", &mut out);
    }
    if path.ends_with('/') || out.is_empty() {
        out.push('/');
    }
    out
}

/// Parameters as a query string: form-encoded UTF-8, a blank as `+`.
#[must_use]
pub fn encode_params<'p>(params: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut out = String::new();
    for (name, value) in params {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode(name, "+", b"-._*", &mut out);
        out.push('=');
        percent_encode(value, "+", b"-._*", &mut out);
    }
    out
}

impl HttpRequest {
    /// Path and query of the request line.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = self.path.as_deref().map_or_else(|| "/".to_owned(), encode_path);
        if !self.params.is_empty() {
            target.push('?');
            target.push_str(&encode_params(self.params.iter().map(|(name, value)| (&**name, &**value))));
        }
        target
    }

    /// The whole address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}:{}{}", self.scheme.name(), self.host, self.port, self.target())
    }

    /// `scheme://host:port`, what allow-lists are matched against.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        for (url, host, port, path) in [
            ("http://h", "h", 80, None),
            ("https://h/", "h", 443, Some("/")),
            ("HTTP://h:8080/a%2Fb", "h", 8080, Some("/a/b")),
            ("http://[::1]:9200/x", "[::1]", 9200, Some("/x")),
            ("http://u:p@h:1/x?y", "h", 1, Some("/x")),
        ] {
            let parsed = ParsedUrl::parse(url).unwrap();
            assert_eq!((&*parsed.host, parsed.port, parsed.path.as_deref()), (host, port, path), "{url}");
        }
        for (url, reason) in [
            ("", "url cannot be empty"),
            ("h:80/x", "URL [h:80/x] does not contain a scheme"),
            ("ftp://h", "unsupported http scheme [ftp]"),
            ("http://{{h}}/", "malformed URL [http://{{h}}/]"),
            ("http://h:x/", "malformed URL [http://h:x/]"),
            ("http:///x", "malformed URL [http:///x]"),
            ("http://h/%zz", "malformed URL [http://h/%zz]"),
        ] {
            assert_eq!(ParsedUrl::parse(url).unwrap_err().reason_text(), reason);
        }
    }

    #[test]
    fn paths_are_encoded_once() {
        for (path, encoded) in [
            ("", "/"),
            ("a//b/", "/a/b/"),
            ("/a b/c?d", "/a%20b/c%3Fd"),
            ("/a+b", "/a%20b"),
            ("/x%2Fy/%7Bz%7D", "/x%2Fy/%7Bz%7D"),
            ("/<logs-{now/d}>", "/%3Clogs-%7Bnow/d%7D%3E"),
            ("/100%", "/100%25"),
            ("/ü", "/%C3%BC"),
        ] {
            assert_eq!(encode_path(path), encoded, "{path}");
        }
        assert_eq!(encode_params([("a b", "c&d"), ("ü", "~*")]), "a+b=c%26d&%C3%BC=%7E*");
    }
}
