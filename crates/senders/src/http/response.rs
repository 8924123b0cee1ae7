//! What came back, and how a record shows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use watchbell_json::{Failure, Json};
use watchbell_time::Clock;

use super::failure::SendFailure;
use super::race::within;
use super::target::Target;

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// Names in lower case, each with its values in order.
    pub headers: BTreeMap<String, Vec<String>>,
    pub body: Bytes,
}

impl HttpResponse {
    /// `{status, headers, body}` of a record; dots in header names would make objects of them there.
    #[must_use]
    pub fn to_record(&self) -> Json {
        let mut record = Json::object().with("status", self.status);
        if !self.headers.is_empty() {
            let mut headers = Json::object();
            for (name, values) in &self.headers {
                headers.set(name.replace('.', "_"), values.iter().map(String::as_str).collect::<Json>());
            }
            record.set("headers", headers);
        }
        if !self.body.is_empty() {
            record.set("body", &*self.text());
        }
        record
    }

    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }
}

/// How long, and how much, of an answer is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadLimits {
    /// Longest silence of the socket.
    pub(crate) silence: Duration,
    pub(crate) bytes: usize,
}

pub(crate) async fn read(clock: &Arc<dyn Clock>, limits: ReadLimits, target: &Target, mut response: reqwest::Response) -> Result<HttpResponse, SendFailure> {
    let status = response.status().as_u16();
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in response.headers() {
        headers.entry(name.as_str().to_owned()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let mut body = BytesMut::new();
    loop {
        let next = within(clock.as_ref(), limits.silence, response.chunk()).await.ok_or_else(SendFailure::read_timeout)?;
        let Some(chunk) = next.map_err(|error| SendFailure::of(error, target))? else { break };
        if body.len() + chunk.len() > limits.bytes {
            let reason = format!("the response is larger than the maximum of [{}] bytes", limits.bytes);
            return Err(SendFailure::sent(Failure::new("i_o_exception", reason)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body: body.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_show_what_there_is() {
        let headers = [("x.y".to_owned(), vec!["1".to_owned(), "2".to_owned()])].into();
        let full = HttpResponse { status: 200, headers, body: Bytes::from_static(b"ok") };
        assert_eq!(full.to_record().to_string(), r#"{"status":200,"headers":{"x_y":["1","2"]},"body":"ok"}"#);
        let bare = HttpResponse { status: 204, headers: BTreeMap::new(), body: Bytes::new() };
        assert_eq!(bare.to_record().to_string(), r#"{"status":204}"#);
    }
}
