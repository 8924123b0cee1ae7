//! Reading and printing request templates (spec watcher-parts §9.1).

use watchbell_json::{Failure, Json, Map, token_name};

use crate::{
    http_request::{BasicAuth, HttpRequestTemplate, Method, Proxy, Scheme, is_secret_header},
    http_url::ParsedUrl,
    secret::{REDACTED, RedactedSecret, Secrets},
    template::TextTemplate,
    time_value::{parse_millis, parse_time_value},
};

/// What was read so far; fields may come in any order and a later one overrides.
#[derive(Default)]
struct Draft {
    scheme: Option<Scheme>,
    host: Option<String>,
    port: Option<i64>,
    method: Option<Method>,
    path: Option<TextTemplate>,
    params: Vec<(String, TextTemplate)>,
    headers: Vec<(String, TextTemplate)>,
    auth: Option<BasicAuth>,
    body: Option<TextTemplate>,
    connection_timeout_millis: Option<i64>,
    read_timeout_millis: Option<i64>,
    proxy: Option<Proxy>,
}

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse http request template. {what}"))
}

fn unexpected(field: &str, value: &Json) -> Failure {
    broken(format_args!("unexpected token [{}] for field [{field}]", token_name(value)))
}

fn string<'j>(field: &str, value: &'j Json) -> Result<&'j str, Failure> {
    value.as_str().ok_or_else(|| unexpected(field, value))
}

impl HttpRequestTemplate {
    /// # Errors
    /// `parse_exception`, or `illegal_argument_exception` for an unknown method or scheme.
    pub fn parse(value: &Json, secrets: RedactedSecret) -> Result<HttpRequestTemplate, Failure> {
        let Json::Map(map) = value else {
            return Err(broken(format_args!("expected an object but found [{}] instead", token_name(value))));
        };
        let mut draft = Draft::default();
        for (field, value) in map.iter() {
            draft.read(field, value, secrets)?;
        }
        draft.finish()
    }

    /// The canonical form; `url` never comes back.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Json {
        let hidden = |name: &str| secrets == Secrets::Redacted && is_secret_header(name);
        let headers: Map = self.headers.iter().map(|(name, value)| (&**name, if hidden(name) { REDACTED.into() } else { value.0.clone() })).collect();
        let params: Map = self.params.iter().map(|(name, value)| (&**name, value.0.clone())).collect();
        Json::object()
            .with("scheme", self.scheme.name())
            .with("host", &*self.host)
            .with("port", self.port)
            .with("method", self.method.name())
            .with_some("path", self.path.as_ref().map(|path| path.0.clone()))
            .with("params", params)
            .with("headers", headers)
            .with_some("auth", self.auth.as_ref().map(|auth| auth.to_json(|secret| secrets.print(secret))))
            .with_some("body", self.body.as_ref().map(|body| body.0.clone()))
            .with_some("connection_timeout_in_millis", self.connection_timeout_millis)
            .with_some("read_timeout_millis", self.read_timeout_millis)
            .with_some("proxy", self.proxy.as_ref().map(Proxy::to_json))
    }
}

impl Draft {
    fn read(&mut self, field: &str, value: &Json, secrets: RedactedSecret) -> Result<(), Failure> {
        match field {
            "scheme" => self.scheme = Some(Scheme::parse(string(field, value)?)?),
            "host" => self.host = Some(string(field, value)?.to_owned()),
            "port" => self.port = Some(value.as_i64().ok_or_else(|| unexpected(field, value))?),
            "method" => self.method = Some(Method::parse(string(field, value)?)?),
            "url" => self.read_url(string(field, value)?)?,
            "path" => self.path = Some(template(field, value)?),
            "params" => merge(&mut self.params, templates(field, value)?),
            "headers" => merge(&mut self.headers, templates(field, value)?),
            "auth" => self.auth = read_auth(value, secrets)?,
            "body" => self.body = Some(template(field, value)?),
            "proxy" => self.proxy = Some(read_proxy(value)?),
            "connection_timeout" => self.connection_timeout_millis = duration(field, value)?,
            "read_timeout" => self.read_timeout_millis = duration(field, value)?,
            "connection_timeout_in_millis" => self.connection_timeout_millis = Some(parse_millis(value, field)?),
            "read_timeout_millis" => self.read_timeout_millis = Some(parse_millis(value, field)?),
            unknown => return Err(broken(format_args!("unexpected field [{unknown}]"))),
        }
        Ok(())
    }

    fn read_url(&mut self, url: &str) -> Result<(), Failure> {
        let url = ParsedUrl::parse(url)?;
        self.scheme = Some(url.scheme);
        self.host = Some(url.host);
        self.port = Some(i64::from(url.port));
        if let Some(path) = url.path {
            self.path = Some(TextTemplate::text(path));
        }
        merge(&mut self.params, url.params.into_iter().map(|(name, value)| (name, TextTemplate::text(value))).collect());
        Ok(())
    }

    fn finish(self) -> Result<HttpRequestTemplate, Failure> {
        let host = self.host.filter(|host| !host.is_empty()).ok_or_else(|| broken("missing required [host] string field"))?;
        let Some(port) = self.port else {
            return Err(broken("missing required [port] numeric field"));
        };
        let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| broken(format_args!("wrong port for [{host}]: [{port}]")))?;
        Ok(HttpRequestTemplate {
            scheme: self.scheme.unwrap_or(Scheme::Http),
            host,
            port,
            method: self.method.unwrap_or(Method::Get),
            path: self.path,
            params: self.params,
            headers: self.headers,
            auth: self.auth,
            body: self.body,
            connection_timeout_millis: self.connection_timeout_millis,
            read_timeout_millis: self.read_timeout_millis,
            proxy: self.proxy,
        })
    }
}

fn merge(into: &mut Vec<(String, TextTemplate)>, from: Vec<(String, TextTemplate)>) {
    for (name, value) in from {
        match into.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => into.push((name, value)),
        }
    }
}

fn template(field: &str, value: &Json) -> Result<TextTemplate, Failure> {
    TextTemplate::parse(value).map_err(|cause| broken(format_args!("failed to parse template for field [{field}]")).caused_by(cause))
}

fn templates(field: &str, value: &Json) -> Result<Vec<(String, TextTemplate)>, Failure> {
    let Json::Map(map) = value else {
        return Err(unexpected(field, value));
    };
    map.iter().map(|(name, value)| Ok((name.to_string(), template(&format!("{field}.{name}"), value)?))).collect()
}

fn duration(field: &str, value: &Json) -> Result<Option<i64>, Failure> {
    parse_time_value(value, field).map_err(|cause| broken(format_args!("invalid time value for field [{field}]")).caused_by(cause))
}

/// `{"basic": {…}}`; the reference does not look at the inner key's name.
fn read_auth(value: &Json, secrets: RedactedSecret) -> Result<Option<BasicAuth>, Failure> {
    let broken = |what: String| Failure::parse(format!("could not parse auth. {what}"));
    let Json::Map(map) = value else {
        return Err(broken(format!("expected an object but found [{}] instead", token_name(value))));
    };
    let mut auth = None;
    for (_, basic) in map.iter() {
        let Json::Map(basic_map) = basic else {
            return Err(broken(format!("expected an object but found [{}] instead", token_name(basic))));
        };
        let (mut username, mut password) = (None, None);
        for (field, value) in basic_map.iter() {
            let text = value.as_str().ok_or_else(|| broken(format!("unexpected token [{}] for field [{field}]", token_name(value))))?;
            match &**field {
                "username" => username = Some(text.to_owned()),
                "password" => password = secrets.read(text, "password")?,
                unknown => return Err(broken(format!("unexpected field [{unknown}]"))),
            }
        }
        let username = username.ok_or_else(|| broken("username is a required option".into()))?;
        auth = Some(BasicAuth { username, password });
    }
    Ok(auth)
}

fn read_proxy(value: &Json) -> Result<Proxy, Failure> {
    let Json::Map(map) = value else {
        return Err(unexpected("proxy", value));
    };
    let host = map.get("host").map(|host| string("proxy.host", host)).transpose()?.filter(|host| !host.is_empty());
    let port = map.get("port").map(|port| port.as_i64().ok_or_else(|| unexpected("proxy.port", port))).transpose()?;
    let scheme = map.get("scheme").map(|scheme| Scheme::parse(string("proxy.scheme", scheme)?)).transpose()?;
    let (Some(host), Some(port)) = (host, port) else {
        return Err(broken("proxy must contain [host] and [port]"));
    };
    match u16::try_from(port).ok().filter(|port| (1..65535).contains(port)) {
        Some(port) => Ok(Proxy { host: host.to_owned(), port, scheme }),
        None => Err(broken("proxy port must be between 1 and 65534")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<HttpRequestTemplate, Failure> {
        HttpRequestTemplate::parse(value, RedactedSecret::Refuse)
    }

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (
                json!({"method": "POST", "url": "http://127.0.0.1:8080", "body": "x"}),
                r#"{"scheme":"http","host":"127.0.0.1","port":8080,"method":"post","params":{},"headers":{},"body":"x"}"#,
            ),
            (
                json!({"url": "https://user:pw@h/a%20b/?q=1%2B1&r=x+y#f", "params": {"q": "2"}, "read_timeout": "1.5s"}),
                r#"{"scheme":"https","host":"h","port":443,"method":"get","path":"/a b/","params":{"q":"2","r":"x y"},"headers":{},"read_timeout_millis":1500}"#,
            ),
            (
                json!({"host": "h", "port": 1, "scheme": "HTTPS", "headers": {"Authorization": "Basic x"}, "auth": {"basic": {"username": "u", "password": "p"}}}),
                r#"{"scheme":"https","host":"h","port":1,"method":"get","params":{},"headers":{"Authorization":"::es_redacted::"},"auth":{"basic":{"username":"u","password":"::es_redacted::"}}}"#,
            ),
            (
                json!({"host": "h", "port": 1, "proxy": {"host": "p", "port": 3128, "x": 1}, "connection_timeout_in_millis": "7"}),
                r#"{"scheme":"http","host":"h","port":1,"method":"get","params":{},"headers":{},"connection_timeout_in_millis":7,"proxy":{"host":"p","port":3128}}"#,
            ),
        ] {
            let template = parse(&given).unwrap();
            assert_eq!(template.to_json(Secrets::Redacted).to_string(), printed);
            assert_eq!(parse(&template.to_json(Secrets::Plain)).unwrap(), template);
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (given, reason) in [
            (json!({}), "could not parse http request template. missing required [host] string field"),
            (json!({"host": "h"}), "could not parse http request template. missing required [port] numeric field"),
            (json!({"host": "h", "port": "80"}), "could not parse http request template. unexpected token [VALUE_STRING] for field [port]"),
            (json!({"host": "h", "port": 0}), "could not parse http request template. wrong port for [h]: [0]"),
            (json!({"host": "h", "port": 1, "method": "patch"}), "unsupported http method [patch]"),
            (json!({"host": "h", "port": 1, "bogus": 1}), "could not parse http request template. unexpected field [bogus]"),
            (json!({"host": "h", "port": 1, "auth": {"basic": {"password": "p"}}}), "could not parse auth. username is a required option"),
            (json!({"host": "h", "port": 1, "auth": {"basic": {"username": "u", "password": REDACTED}}}), "found redacted password in field [password]"),
            (json!({"host": "h", "port": 1, "proxy": {"host": "p"}}), "could not parse http request template. proxy must contain [host] and [port]"),
            (json!([]), "could not parse http request template. expected an object but found [START_ARRAY] instead"),
        ] {
            assert_eq!(parse(&given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
