//! `watchbell dev`: runs the text one pastes into Kibana's Dev Tools, as it stands.
//!
//! A request is a line `METHOD path` and the lines up to the next such line. `#` and `//` lines are comments, and so is what
//! stands between lines that begin with `/*` and end with `*/`; `"""` quotes a string over several lines, a body may be one JSON
//! text or several (then it is sent as NDJSON, one a line).

use std::time::Duration;

use watchbell_json::Json;

/// Longest text that is run.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 20;

/// A server of one's own network that does not take a connection by then is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than any request a server answers by itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DevRequest {
    pub(crate) line: usize,
    pub(crate) method: String,
    /// With a leading slash.
    pub(crate) path: String,
    pub(crate) body: Option<DevBody>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DevBody {
    Json(String),
    Ndjson(String),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DevError {
    #[error("line {0}: expected a line like `PUT path`")]
    NoRequest(usize),
    #[error("line {0}: `\"\"\"` is never closed")]
    OpenQuotes(usize),
    #[error("line {line}: the body is no JSON: {reason}")]
    Body { line: usize, reason: String },
    #[error("no request in the text")]
    Empty,
}

const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"];

/// `METHOD path`, alone on its line.
fn request_line(line: &str) -> Option<(&str, &str)> {
    let (method, path) = line.trim().split_once(char::is_whitespace)?;
    let path = path.trim();
    let is_method = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
    (is_method && !path.is_empty() && !path.starts_with(['{', '"', ':'])).then_some((method, path))
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("//")
}

/// What stands before a body.
struct RequestLine {
    line: usize,
    method: String,
    path: String,
}

pub(crate) fn parse(text: &str) -> Result<Vec<DevRequest>, DevError> {
    let mut requests: Vec<(RequestLine, Vec<(usize, &str)>)> = Vec::new();
    let (mut quoted, mut commented) = (false, false);
    for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        if commented || (!quoted && line.trim_start().starts_with("/*")) {
            commented = !line.trim_end().ends_with("*/");
            continue;
        }
        if !quoted && is_comment(line) {
            continue;
        }
        let starts_quoted = quoted;
        quoted ^= line.matches("\"\"\"").count() % 2 == 1;
        if !starts_quoted && let Some((method, path)) = request_line(line) {
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            requests.push((RequestLine { line: at, method: method.to_ascii_uppercase(), path }, Vec::new()));
            continue;
        }
        match requests.last_mut() {
            Some((_, body)) => body.push((at, line)),
            None if line.trim().is_empty() => {}
            None => return Err(DevError::NoRequest(at)),
        }
    }
    if requests.is_empty() {
        return Err(DevError::Empty);
    }
    requests.into_iter().map(|(RequestLine { line, method, path }, lines)| Ok(DevRequest { line, method, path, body: body(&lines)? })).collect()
}

fn body(lines: &[(usize, &str)]) -> Result<Option<DevBody>, DevError> {
    let Some((first, _)) = lines.iter().find(|(_, line)| !line.trim().is_empty()) else { return Ok(None) };
    let text: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
    let text = close_quotes(&text.join("\n"), *first)?;
    let single = Json::parse(text.trim().as_bytes());
    let Err(error) = single else { return Ok(Some(DevBody::Json(text.trim().to_owned()))) };
    let each: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if each.len() > 1 && each.iter().all(|line| Json::parse(line.as_bytes()).is_ok()) {
        return Ok(Some(DevBody::Ndjson(each.join("\n") + "\n")));
    }
    Err(DevError::Body { line: *first, reason: error.to_string() })
}

/// Turns every `"""…"""` into a JSON string.
fn close_quotes(text: &str, line: usize) -> Result<String, DevError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\"\"\"") {
        let (inside, tail) = after.split_once("\"\"\"").ok_or(DevError::OpenQuotes(line))?;
        out.push_str(before);
        watchbell_json::write_string(inside, &mut out);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// Runs the requests one after another against `url` and prints each answer; `false` if one of them failed.
pub(crate) async fn run(requests: &[DevRequest], url: &str, out: &mut impl std::io::Write) -> std::io::Result<bool> {
    let client = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).build().map_err(std::io::Error::other)?;
    let mut all_well = true;
    for request in requests {
        writeln!(out, "# {} {}", request.method, request.path)?;
        let method = request.method.parse().map_err(std::io::Error::other)?;
        let mut call = client.request(method, format!("{}{}", url.trim_end_matches('/'), request.path));
        call = match &request.body {
            None => call,
            Some(DevBody::Json(text)) => call.header("content-type", "application/json").body(text.clone()),
            Some(DevBody::Ndjson(text)) => call.header("content-type", "application/x-ndjson").body(text.clone()),
        };
        match call.send().await {
            Ok(answer) => {
                let status = answer.status();
                all_well &= status.is_success();
                let text = answer.text().await.map_err(std::io::Error::other)?;
                writeln!(out, "{} {}", status.as_u16(), status.canonical_reason().unwrap_or(""))?;
                match Json::parse(text.as_bytes()) {
                    Ok(json) => writeln!(out, "{}\n", json.pretty())?,
                    Err(_) => writeln!(out, "{text}\n")?,
                }
            }
            Err(error) => {
                writeln!(out, "no answer from {url}: {}\n", innermost(&error.without_url()))?;
                return Ok(false);
            }
        }
    }
    Ok(all_well)
}

/// The cause of the cause: the outer ones only say that a request failed.
fn innermost(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_be_refusing() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut out = Vec::new();
        assert!(!run(&parse("GET /").unwrap(), &format!("http://{nobody}"), &mut out).await.unwrap());
        assert!(String::from_utf8(out).unwrap().contains("Connection refused"));
    }

    #[test]
    fn takes_what_people_paste() {
        let text = r#"
# the guide's watch, in """ three quotes
/* and
GET this/is/none
*/
/* a short one */
PUT _xpack/watcher/watch/log_error_watch
{
  "trigger": {"schedule": {"interval": "10s"}},
  // every ten seconds
  "actions": {"a": {"logging": {"text": """line "one"
POST two"""}}}
}

POST /logs/_bulk
{"index": {}}
{"message": "error"}

get _cat/indices?v
DELETE logs
"#;
        let requests = parse(text).unwrap();
        let seen: Vec<(&str, &str)> = requests.iter().map(|r| (r.method.as_str(), r.path.as_str())).collect();
        assert_eq!(seen, [("PUT", "/_xpack/watcher/watch/log_error_watch"), ("POST", "/logs/_bulk"), ("GET", "/_cat/indices?v"), ("DELETE", "/logs")]);
        let Some(DevBody::Json(watch)) = &requests[0].body else { panic!("a JSON body") };
        let watch = Json::parse(watch.as_bytes()).unwrap();
        assert_eq!(watch.path("actions.a.logging.text").unwrap(), Json::from("line \"one\"\nPOST two"));
        assert_eq!(requests[1].body, Some(DevBody::Ndjson("{\"index\": {}}\n{\"message\": \"error\"}\n".to_owned())));
        assert_eq!(requests[2].body, None);
    }

    #[test]
    fn says_where_the_text_is_wrong() {
        assert_eq!(parse("hello"), Err(DevError::NoRequest(1)));
        assert_eq!(parse("\n# only a comment\n"), Err(DevError::Empty));
        assert_eq!(parse("PUT a\n{\"x\": \"\"\"y}"), Err(DevError::OpenQuotes(2)));
        assert!(matches!(parse("PUT a\n{\"x\": }"), Err(DevError::Body { line: 2, .. })));
    }
}
