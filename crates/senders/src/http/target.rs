//! From a rendered request to the URL that is called (spec watcher-parts §9.3).

use std::net::IpAddr;

use reqwest::Url;
use watchbell_json::Failure;
use watchbell_watch::http_request::{HttpRequest, Proxy, Scheme};

use super::address::{ForbiddenAddress, is_forbidden};

/// Longest URL that is sent: servers refuse from 8 KB on, and a template that renders more is a mistake.
const URL_BYTES_MAX: usize = 32 * 1024;

/// A URL, with the pieces that errors may show.
#[derive(Clone)]
pub(crate) struct Target {
    url: Url,
}

/// Never the path or the query: they carry tokens.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.origin())
    }
}

impl Target {
    /// # Errors
    /// `illegal_argument_exception` when the parts make no URL.
    pub(crate) fn of(request: &HttpRequest) -> Result<Target, Failure> {
        let mut url = address(request.scheme, &request.host, request.port)?;
        if let Some(path) = &request.path {
            url.set_path(&encode_path(path));
        }
        if !request.params.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.params);
        }
        Target::from_url(url)
    }

    /// Where a connection goes instead, if the request says so.
    ///
    /// # Errors
    /// `illegal_argument_exception` when its host is none.
    pub(crate) fn of_proxy(proxy: &Proxy) -> Result<Target, Failure> {
        Target::from_url(address(proxy.scheme.unwrap_or(Scheme::Http), &proxy.host, proxy.port)?)
    }

    /// # Errors
    /// `illegal_argument_exception` for another scheme than HTTP's, no host, or an endless URL.
    pub(crate) fn from_url(mut url: Url) -> Result<Target, Failure> {
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Failure::illegal_argument(format!("scheme [{}] cannot be called", url.scheme())));
        }
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(Failure::illegal_argument(format!("the URL is longer than [{URL_BYTES_MAX}] bytes")));
        }
        url.set_fragment(None);
        // the library would make credentials of it
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(Failure::illegal_argument("the URL names no host"));
        }
        Ok(Target { url })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// `scheme://host:port`, the port always written.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}:{}", self.url.scheme(), self.host(), self.port())
    }

    /// For errors: queries carry tokens.
    pub(crate) fn without_query(&self) -> String {
        format!("{}{}", self.origin(), self.url.path())
    }

    /// Where this leads to when the server says so.
    pub(crate) fn join(&self, location: &str) -> Result<Target, Failure> {
        let url = self.url.join(location).map_err(|error| Failure::illegal_argument(format!("the redirect leads to no URL: {error}")))?;
        Target::from_url(url)
    }

    /// The forbidden address this names as a number, in whatever spelling; the parser has normalised it.
    pub(crate) fn forbidden_literal(&self) -> Option<ForbiddenAddress> {
        let host = self.host();
        let literal: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
        is_forbidden(literal).then(|| ForbiddenAddress { host: host.to_owned(), address: literal })
    }
}

/// A root URL; nothing in the host may be anything but a host.
fn address(scheme: Scheme, host: &str, port: u16) -> Result<Url, Failure> {
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@\\".contains(c)) {
        return Err(Failure::illegal_argument(format!("[{host}] is not a valid host name")));
    }
    let bracketed = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("{scheme}://{bracketed}:{port}/")).map_err(|error| Failure::illegal_argument(format!("[{host}] is not a valid host name: {error}")))
}

/// Each segment decoded as a form is, then encoded: what was encoded stays as meant, what was not is encoded. Empty segments
/// go, a slash at the end stays.
fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        out.push('/');
        for byte in decode_form(segment) {
            encode_byte(byte, &mut out);
        }
    }
    if path.ends_with('/') || out.is_empty() {
        out.push('/');
    }
    out
}

fn decode_form(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1).copied().and_then(hex), bytes.get(at + 2).copied().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
                continue;
            }
            (b'+', _, _) => out.push(b' '),
            (other, _, _) => out.push(*other),
        }
        at += 1;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn encode_byte(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~*!'();:@&=$,".contains(&byte) {
        out.push(char::from(byte));
    } else {
        out.push('%');
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::request;

    #[test]
    fn paths_are_decoded_and_encoded_again() {
        for (path, expected) in [
            ("/a//b", "/a/b"),
            ("a/b/", "/a/b/"),
            ("", "/"),
            ("/a b", "/a%20b"),
            ("/a+b", "/a%20b"),
            ("/a%2Bb", "/a%2Bb"),
            ("/a?b=c", "/a%3Fb=c"),
            ("/%3Clogs-%7Bnow%2Fd%7D%3E/_search", "/%3Clogs-%7Bnow%2Fd%7D%3E/_search"),
            ("/<logs-{now}>", "/%3Clogs-%7Bnow%7D%3E"),
            ("/告警", "/%E5%91%8A%E8%AD%A6"),
            ("/100%", "/100%25"),
        ] {
            assert_eq!(encode_path(path), expected, "{path}");
        }
    }

    #[test]
    fn urls_of_requests() {
        let mut with_params = request("example.com", 8080);
        with_params.path = Some("/x".into());
        with_params.params.insert("q".into(), "a b&c=告".into());
        assert_eq!(Target::of(&with_params).unwrap().url().as_str(), "http://example.com:8080/x?q=a+b%26c%3D%E5%91%8A");
        assert_eq!(Target::of(&request("::1", 9200)).unwrap().url().as_str(), "http://[::1]:9200/");
        assert_eq!(Target::of(&request("a", 80)).unwrap().origin(), "http://a:80");
        let elsewhere = Target::of(&request("a", 80)).unwrap().join("http://user:canary@b/x?y#z").unwrap();
        assert_eq!(elsewhere.url().as_str(), "http://b/x?y");
        for host in ["", "a/b", "user@host", "a b", "a?x", "a#x", "a\\b", "a\nb"] {
            assert!(Target::of(&request(host, 80)).is_err(), "{host}");
        }
    }

    #[test]
    fn numbers_in_every_spelling_are_addresses() {
        for host in ["169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.43518", "0251.0376.0251.0376", "::ffff:169.254.169.254", "[fe80::1]"] {
            assert!(Target::of(&request(host, 80)).unwrap().forbidden_literal().is_some(), "{host}");
        }
        for host in ["127.0.0.1", "127.1", "localhost", "10.1.2.3"] {
            assert!(Target::of(&request(host, 80)).unwrap().forbidden_literal().is_none(), "{host}");
        }
    }
}
