//! A request as handlers see it: read completely, its path taken apart, nothing interpreted yet.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use watchbell_json::{Json, token_name};
use watchbell_time::Timestamp;

use crate::media_type::NamedMediaType;
use crate::parameters::{Parameters, split_list};
use crate::problem::Problem;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Path and query as they came.
    pub raw_uri: String,
    /// The path as it came.
    pub raw_path: String,
    /// The route's pattern, `/{index}/_doc/{id}`.
    pub pattern: &'static str,
    /// What the pattern's `{names}` stand for, decoded.
    pub path_params: Vec<(&'static str, String)>,
    pub params: Parameters,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub content_type: Option<NamedMediaType>,
    pub accept: Option<NamedMediaType>,
    pub peer: SocketAddr,
    /// Who asks, where users are known.
    pub user: Option<String>,
    /// The wall clock when the request came: what `now` means in it.
    pub now: Timestamp,
    /// [`watchbell_time::Clock::elapsed`] when the request came.
    pub started: Duration,
}

impl Request {
    /// What `{name}` of the route stands for; empty where the route has none.
    #[must_use]
    pub fn path_param(&self, name: &str) -> &str {
        self.path_params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str())
    }

    #[must_use]
    pub fn path_list(&self, name: &str) -> Vec<String> {
        split_list(self.path_param(name))
    }

    /// The index expressions of the path; `_all`, `*` and nothing are all the empty list.
    #[must_use]
    pub fn indices(&self) -> Vec<String> {
        let names = self.path_list("index");
        if names.iter().any(|name| name == "_all") { Vec::new() } else { names }
    }

    /// The body, or what the URL's `source` holds in its stead.
    ///
    /// # Errors
    /// `source` without `source_content_type`, or with one that is not JSON.
    pub fn content(&self) -> Result<Bytes, Problem> {
        if !self.body.is_empty() {
            return Ok(self.body.clone());
        }
        let Some(source) = self.params.get("source") else { return Ok(Bytes::new()) };
        match self.params.get("source_content_type") {
            None => Err(watchbell_json::Failure::illegal_state("source and source_content_type parameters are required").into()),
            Some(named) if named.to_ascii_lowercase().contains("json") => Ok(Bytes::from(source.to_owned())),
            Some(named) => Err(watchbell_json::Failure::illegal_state(format!("Unknown value for source_content_type [{named}]")).into()),
        }
    }

    /// The body as JSON; `None` when there is none.
    ///
    /// # Errors
    /// The body is no JSON.
    pub fn json(&self) -> Result<Option<Json>, Problem> {
        let content = self.content()?;
        if content.is_empty() {
            return Ok(None);
        }
        parse_json(&content).map(Some)
    }

    /// The body as a JSON object; `None` when there is no body.
    ///
    /// # Errors
    /// The body is no JSON object.
    pub fn json_object(&self) -> Result<Option<Json>, Problem> {
        let Some(json) = self.json()? else { return Ok(None) };
        match json {
            Json::Map(_) => Ok(Some(json)),
            other => Err(expected_object(&token_name(&other).to_string(), 1)),
        }
    }

    /// # Errors
    /// No body, or one that is no JSON object.
    pub fn required_object(&self) -> Result<Json, Problem> {
        self.json_object()?.ok_or_else(Problem::body_required)
    }
}

/// Reads one JSON text with the reference's own errors for what is around it.
///
/// # Errors
/// No JSON, nothing but blanks, or something after the main value.
pub fn parse_json(text: &[u8]) -> Result<Json, Problem> {
    match Json::parse(text) {
        Ok(json) => Ok(json),
        Err(_) if text.iter().all(u8::is_ascii_whitespace) => Err(expected_object("null", 0)),
        Err(error) if error.message.ends_with("expected end of the text after the value") => {
            let token = match text.get(error.offset) {
                Some(b'{') => "START_OBJECT",
                Some(b'[') => "START_ARRAY",
                Some(b'"') => "VALUE_STRING",
                Some(b'0'..=b'9' | b'-') => "VALUE_NUMBER",
                _ => return Err(Problem::unreadable(&error)),
            };
            let failure = watchbell_json::Failure::new("parsing_exception", format!("Unexpected token [{token}] found after the main object."));
            Err(failure.with("line", error.line).with("col", error.column).into())
        }
        Err(error) => Err(Problem::unreadable(&error)),
    }
}

fn expected_object(found: &str, column: usize) -> Problem {
    watchbell_json::Failure::new("parsing_exception", format!("Expected [START_OBJECT] but found [{found}]")).with("line", 1).with("col", column).into()
}
