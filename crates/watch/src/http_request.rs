//! The request template of webhooks and HTTP inputs, and what it renders to (spec watcher-parts §9).

use std::collections::BTreeMap;

use watchbell_json::Json;

/// A text field that may be a template: a string, or an object with `source`/`id` and `params`; kept as it prints back.
#[derive(Clone, Debug, PartialEq)]
pub struct TextTemplate(pub Json);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Head,
    Get,
    Post,
    Put,
    Delete,
}

/// A password or the like; its `Debug` form never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// For the wire and the store only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BasicAuth {
    pub username: String,
    pub password: Option<Secret>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Proxy {
    pub host: String,
    pub port: u16,
    pub scheme: Option<Scheme>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequestTemplate {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    pub method: Method,
    pub path: Option<TextTemplate>,
    pub params: Vec<(String, TextTemplate)>,
    pub headers: Vec<(String, TextTemplate)>,
    pub auth: Option<BasicAuth>,
    pub body: Option<TextTemplate>,
    pub connection_timeout_millis: Option<i64>,
    pub read_timeout_millis: Option<i64>,
    pub proxy: Option<Proxy>,
}

/// A request with every template rendered: what a manifest holds and a sender sends.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    pub method: Method,
    pub path: Option<String>,
    pub params: BTreeMap<String, String>,
    /// In the order written; `Authorization` is shown redacted.
    pub headers: Vec<(String, String)>,
    pub auth: Option<BasicAuth>,
    pub body: Option<String>,
    pub connection_timeout_millis: Option<i64>,
    pub read_timeout_millis: Option<i64>,
    pub proxy: Option<Proxy>,
}
