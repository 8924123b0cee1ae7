//! An answer before it is rendered for its client.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use watchbell_json::Json;

#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `text/plain`, nothing in it.
    Empty,
    Json(Json),
    /// JSON already written, with stored documents in it byte for byte.
    JsonText(Bytes),
    Text(String),
}

impl Response {
    #[must_use]
    pub fn new(status: StatusCode, body: Body) -> Response {
        Response { status, headers: Vec::new(), body }
    }

    #[must_use]
    pub fn json(status: StatusCode, body: Json) -> Response {
        Response::new(status, Body::Json(body))
    }

    #[must_use]
    pub fn ok(body: Json) -> Response {
        Response::json(StatusCode::OK, body)
    }

    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
        Response::new(status, Body::Text(text.into()))
    }

    /// `{"acknowledged": true}`.
    #[must_use]
    pub fn acknowledged() -> Response {
        Response::ok(Json::object().with("acknowledged", true))
    }

    /// With a header more; a value that no header can hold is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Response {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With a deprecation warning in the reference's form (spec watcher-api §1.6).
    #[must_use]
    pub fn with_deprecation(self, version: &str, text: &str) -> Response {
        self.with_header(http::header::WARNING, &format!("299 Elasticsearch-{version}-{} \"{}\"", crate::elastic::BUILD_HASH, text.replace('"', "\\\"")))
    }
}
