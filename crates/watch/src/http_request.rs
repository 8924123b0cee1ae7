//! The request template of webhooks and HTTP inputs, and what it renders to (spec watcher-parts §9).

use std::collections::BTreeMap;

use watchbell_json::{Failure, Json, Map};

use crate::secret::REDACTED;
pub use crate::{secret::Secret, template::TextTemplate};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// # Errors
    /// `illegal_argument_exception` for anything but `http` and `https`, in any case.
    pub fn parse(text: &str) -> Result<Scheme, Failure> {
        match &*text.to_lowercase() {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            _ => Err(Failure::illegal_argument(format!("unsupported http scheme [{text}]"))),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Head,
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// As definitions and records print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Head => "head",
            Method::Get => "get",
            Method::Post => "post",
            Method::Put => "put",
            Method::Delete => "delete",
        }
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn wire_name(self) -> &'static str {
        match self {
            Method::Head => "HEAD",
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }

    /// # Errors
    /// `illegal_argument_exception` for a method that watches do not know.
    pub fn parse(text: &str) -> Result<Method, Failure> {
        match &*text.to_lowercase() {
            "head" => Ok(Method::Head),
            "get" => Ok(Method::Get),
            "post" => Ok(Method::Post),
            "put" => Ok(Method::Put),
            "delete" => Ok(Method::Delete),
            _ => Err(Failure::illegal_argument(format!("unsupported http method [{text}]"))),
        }
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

#[derive(Clone, PartialEq)]
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
#[derive(Clone, PartialEq)]
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

/// Whether a header's value is a secret.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
}

/// Headers, parameters and even paths hold credentials: neither form shows more than where a request goes.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpRequest({} {}://{}:{})", self.method.wire_name(), self.scheme.name(), self.host, self.port)
    }
}

impl std::fmt::Debug for HttpRequestTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpRequestTemplate({} {}://{}:{})", self.method.wire_name(), self.scheme.name(), self.host, self.port)
    }
}

impl Proxy {
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object().with("host", &*self.host).with("port", self.port).with_some("scheme", self.scheme.map(Scheme::name))
    }
}

impl BasicAuth {
    pub(crate) fn to_json(&self, password: impl Fn(&Secret) -> Json) -> Json {
        let basic = Json::object().with("username", &*self.username).with_some("password", self.password.as_ref().map(password));
        Json::object().with("basic", basic)
    }
}

impl HttpRequest {
    /// As records show it, secrets redacted (spec watcher-parts §9.2).
    #[must_use]
    pub fn to_record_json(&self) -> Json {
        self.print(|_, value| value.into(), is_secret_header, Secret::redacted)
    }

    /// Everything, secrets in clear: for the journal and for nothing else. [`HttpRequest::from_json`] reads it back.
    #[must_use]
    pub fn to_json_with_secrets(&self) -> Json {
        self.print(|_, value| value.into(), |_| false, |secret| secret.reveal().into())
    }

    fn print(&self, header: impl Fn(&str, &str) -> Json, hide: impl Fn(&str) -> bool, password: impl Fn(&Secret) -> Json) -> Json {
        let mut json = Json::object()
            .with("host", &*self.host)
            .with("port", self.port)
            .with("scheme", self.scheme.name())
            .with("method", self.method.name())
            .with_some("path", self.path.as_deref());
        if !self.params.is_empty() {
            json.set("params", self.params.iter().map(|(name, value)| (&**name, &**value)).collect::<Map>());
        }
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|(name, value)| (&**name, if hide(name) { REDACTED.into() } else { header(name, value) }));
            json.set("headers", headers.collect::<Map>());
        }
        json.with_some("auth", self.auth.as_ref().map(|auth| auth.to_json(&password)))
            .with_some("body", self.body.as_deref())
            .with_some("connection_timeout_in_millis", self.connection_timeout_millis)
            .with_some("read_timeout_millis", self.read_timeout_millis)
            .with_some("proxy", self.proxy.as_ref().map(Proxy::to_json))
    }

    /// What [`HttpRequest::to_json_with_secrets`] wrote.
    ///
    /// # Errors
    /// `parse_exception` when the text is not of that form.
    pub fn from_json(json: &Json) -> Result<HttpRequest, Failure> {
        let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or_else(|| Failure::parse(format!("stored http request without [{name}]")));
        let pairs = |name: &str| {
            let members = json.get(name).and_then(Json::as_map);
            members.into_iter().flat_map(Map::iter).map(|(name, value)| (name.to_string(), value.as_str().unwrap_or_default().to_owned()))
        };
        let auth = json.at(&["auth", "basic"]).map(|basic| BasicAuth {
            username: basic.get("username").and_then(Json::as_str).unwrap_or_default().to_owned(),
            password: basic.get("password").and_then(Json::as_str).map(Secret::new),
        });
        let proxy = match json.get("proxy") {
            Some(proxy) => Some(Proxy {
                host: proxy.get("host").and_then(Json::as_str).unwrap_or_default().to_owned(),
                port: port(proxy.get("port"))?,
                scheme: proxy.get("scheme").and_then(Json::as_str).map(Scheme::parse).transpose()?,
            }),
            None => None,
        };
        Ok(HttpRequest {
            scheme: Scheme::parse(text("scheme")?)?,
            host: text("host")?.to_owned(),
            port: port(json.get("port"))?,
            method: Method::parse(text("method")?)?,
            path: json.get("path").and_then(Json::as_str).map(str::to_owned),
            params: pairs("params").collect(),
            headers: pairs("headers").collect(),
            auth,
            body: json.get("body").and_then(Json::as_str).map(str::to_owned),
            connection_timeout_millis: json.get("connection_timeout_in_millis").and_then(Json::as_i64),
            read_timeout_millis: json.get("read_timeout_millis").and_then(Json::as_i64),
            proxy,
        })
    }
}

fn port(value: Option<&Json>) -> Result<u16, Failure> {
    let number = value.and_then(Json::as_i64).and_then(|port| u16::try_from(port).ok());
    number.ok_or_else(|| Failure::parse("stored http request without a usable [port]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> HttpRequest {
        HttpRequest {
            scheme: Scheme::Https,
            host: "h".into(),
            port: 8443,
            method: Method::Post,
            path: Some("/a/".into()),
            params: BTreeMap::from([("q".to_owned(), "a b".to_owned())]),
            headers: vec![("X".into(), "1".into()), ("authorization".into(), "Bearer topsecret".into())],
            auth: Some(BasicAuth { username: "u".into(), password: Some(Secret::new("topsecret")) }),
            body: Some("{}".into()),
            connection_timeout_millis: Some(5),
            read_timeout_millis: None,
            proxy: Some(Proxy { host: "p".into(), port: 3128, scheme: Some(Scheme::Http) }),
        }
    }

    #[test]
    fn records_and_debug_never_show_a_secret() {
        let request = request();
        assert_eq!(
            request.to_record_json().to_string(),
            r#"{"host":"h","port":8443,"scheme":"https","method":"post","path":"/a/","params":{"q":"a b"},"headers":{"X":"1","authorization":"::es_redacted::"},"auth":{"basic":{"username":"u","password":"::es_redacted::"}},"body":"{}","connection_timeout_in_millis":5,"proxy":{"host":"p","port":3128,"scheme":"http"}}"#
        );
        assert!(!format!("{request:?}").contains("topsecret"));
        assert!(!format!("{:?}", request.auth).contains("topsecret"));
    }

    #[test]
    fn the_journal_form_reads_back_whole() {
        let request = request();
        assert_eq!(HttpRequest::from_json(&request.to_json_with_secrets()), Ok(request));
        assert!(HttpRequest::from_json(&Json::object()).is_err());
    }
}
