//! The head and the body that go out (spec watcher-parts §9.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT_CHARSET, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use watchbell_json::Failure;
use watchbell_watch::http_request::{BasicAuth, HttpRequest, Method as WatchMethod};

/// How we introduce ourselves when a watch does not say otherwise.
const AGENT: &str = concat!("Watchbell/", env!("CARGO_PKG_VERSION"));

/// The one type that robots take for certain.
pub(crate) const ROBOT_JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// How far into a body its first character is looked for when its kind is guessed.
const SNIFF_CHARACTERS: usize = 20;

/// What a request carries besides what the watch wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Takes the place of the guess when the watch names no type.
    pub(crate) content_type: Option<HeaderValue>,
}

/// Everything of a request but where it goes.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl Outgoing {
    /// # Errors
    /// `illegal_argument_exception` for a header that cannot be written, `client_protocol_exception` for one that is ours.
    pub(crate) fn of(request: &HttpRequest, extras: &Extras) -> Result<Outgoing, Failure> {
        let method = method_of(request.method);
        let body = request.body.as_ref().filter(|_| method != Method::HEAD).map(|body| Bytes::from(body.clone()));
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT_CHARSET, HeaderValue::from_static("UTF-8"));
        if let Some(auth) = &request.auth {
            headers.insert(AUTHORIZATION, basic(auth)?);
        }
        for (name, value) in &request.headers {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        if let (Some(body), false) = (&request.body, headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_TYPE, extras.content_type.clone().unwrap_or_else(|| HeaderValue::from_static(guess_type(body))));
        }
        for (name, value) in &extras.headers {
            headers.insert(name.clone(), value.clone());
        }
        Ok(Outgoing { method, headers, body })
    }

    /// A JSON body for a robot.
    pub(crate) fn json(body: Bytes) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONTENT_TYPE, ROBOT_JSON);
        Outgoing { method: Method::POST, headers, body: Some(body) }
    }

    /// What a redirect to another host must not carry.
    pub(crate) fn drop_credentials(&mut self) {
        for name in [AUTHORIZATION, http::header::COOKIE, http::header::PROXY_AUTHORIZATION] {
            self.headers.remove(name);
        }
    }

    /// The same request as a GET, after 303.
    pub(crate) fn into_get(self) -> Outgoing {
        let mut headers = self.headers;
        headers.remove(CONTENT_TYPE);
        let method = if self.method == Method::HEAD { Method::HEAD } else { Method::GET };
        Outgoing { method, headers, body: None }
    }
}

fn method_of(method: WatchMethod) -> Method {
    match method {
        WatchMethod::Head => Method::HEAD,
        WatchMethod::Get => Method::GET,
        WatchMethod::Post => Method::POST,
        WatchMethod::Put => Method::PUT,
        WatchMethod::Delete => Method::DELETE,
    }
}

fn basic(auth: &BasicAuth) -> Result<HeaderValue, Failure> {
    let password = auth.password.as_ref().map_or("", |secret| secret.reveal());
    let encoded = STANDARD.encode(format!("{}:{password}", auth.username));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| Failure::illegal_argument("the credentials cannot be written"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The value is not shown: it may be a credential.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let parsed = HeaderName::try_from(name).map_err(|_| Failure::illegal_argument(format!("[{name}] is not a valid header name")))?;
    if parsed == CONTENT_LENGTH || parsed == TRANSFER_ENCODING {
        let cause = Failure::new("protocol_exception", format!("{name} header already present"));
        return Err(Failure { reason: None, ..Failure::new("client_protocol_exception", "") }.caused_by(cause));
    }
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Failure::illegal_argument(format!("the value of header [{name}] cannot be written")))?;
    Ok((parsed, value))
}

/// The type of a body that comes without one. The charset of the last is the reference's own slip, the bytes are UTF-8.
fn guess_type(body: &str) -> &'static str {
    let mut first = body.chars().take(SNIFF_CHARACTERS).skip_while(|c| c.is_whitespace());
    match first.next() {
        Some('{') => "application/json",
        Some('-') if first.next() == Some('-') && first.next() == Some('-') => "application/yaml",
        _ => "text/plain; charset=ISO-8859-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::request;
    use watchbell_watch::http_request::Secret;

    #[test]
    fn the_type_of_a_bare_body_is_guessed() {
        for (body, expected) in [
            ("{\"a\":1}", "application/json"),
            (" \n\t{}", "application/json"),
            ("---\na: 1", "application/yaml"),
            ("--", "text/plain; charset=ISO-8859-1"),
            ("[1]", "text/plain; charset=ISO-8859-1"),
            ("", "text/plain; charset=ISO-8859-1"),
            ("                    {}", "text/plain; charset=ISO-8859-1"),
        ] {
            assert_eq!(guess_type(body), expected, "{body:?}");
        }
    }

    #[test]
    fn heads_carry_what_the_watch_wrote_and_what_is_always_there() {
        let mut told = request("a", 80);
        told.body = Some("告警".into());
        told.auth = Some(BasicAuth { username: "u".into(), password: Some(Secret::new("canary")) });
        let out = Outgoing::of(&told, &Extras::default()).unwrap();
        assert_eq!(out.headers[AUTHORIZATION], "Basic dTpjYW5hcnk=");
        assert_eq!(out.headers[ACCEPT_CHARSET], "UTF-8");
        assert_eq!(out.headers[CONTENT_TYPE], "text/plain; charset=ISO-8859-1");
        assert!(!format!("{:?}", out.headers).contains("dTpj"), "credentials do not show");

        told.headers = vec![("content-TYPE".into(), "text/x".into()), ("Authorization".into(), "Bearer t".into()), ("X-名".into(), "v".into())];
        assert!(Outgoing::of(&told, &Extras::default()).is_err(), "a header name must be one");
        told.headers.pop();
        let out = Outgoing::of(&told, &Extras::default()).unwrap();
        assert_eq!(out.headers[CONTENT_TYPE], "text/x");
        assert_eq!(out.headers[AUTHORIZATION], "Bearer t", "what is written wins");

        told.headers = vec![("X".into(), "a\r\nInjected: canary".into())];
        let failure = Outgoing::of(&told, &Extras::default()).err().unwrap();
        assert!(!failure.to_string().contains("canary"));
        told.headers = vec![("Content-Length".into(), "7".into())];
        assert_eq!(Outgoing::of(&told, &Extras::default()).err().unwrap().kind, "client_protocol_exception");
    }

    #[test]
    fn head_has_no_body() {
        let mut head = request("a", 80);
        head.method = WatchMethod::Head;
        head.body = Some("x".into());
        assert_eq!(Outgoing::of(&head, &Extras::default()).unwrap().body, None);
    }
}
