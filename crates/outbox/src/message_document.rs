//! Messages as documents hold them: with their secrets, since what is sent later must be what was decided.
//!
//! Nothing that users see is printed from here; see [`shown`] for that.

use watchbell_json::Json;
use watchbell_watch::action::LogLevel;
use watchbell_watch::http_request::HttpRequest;

use crate::{IndexRequest, LogLine, Message, RobotMessage};

/// The stored form.
#[must_use]
pub fn print(message: &Message) -> Json {
    match message {
        Message::Webhook(request) => Json::object().with("webhook", request.to_json_with_secrets()),
        Message::Index(request) => Json::object().with("index", print_index(request)),
        Message::Log(line) => Json::object().with("log", print_log(line)),
        Message::Robot(robot) => Json::object().with("robot", Json::object().with("account", &robot.account).with("body", robot.body.clone())),
    }
}

/// Reads [`print`]'s form; `None` if it is not that.
#[must_use]
pub fn parse(stored: &Json) -> Option<Message> {
    let (kind, body) = stored.as_map()?.iter().next()?;
    match &**kind {
        "webhook" => HttpRequest::from_json(body).ok().map(|request| Message::Webhook(Box::new(request))),
        "index" => parse_index(body).map(Message::Index),
        "log" => parse_log(body).map(Message::Log),
        "robot" => Some(Message::Robot(RobotMessage { account: string(body, "account")?, body: body.get("body")?.clone() })),
        _ => None,
    }
}

/// What users may see of a message: where it goes, and its content without passwords and authorisation.
#[must_use]
pub fn shown(message: &Message) -> Json {
    match message {
        Message::Webhook(request) => Json::object().with("webhook", request.to_record_json()),
        Message::Index(_) | Message::Log(_) | Message::Robot(_) => print(message),
    }
}

fn print_log(line: &LogLine) -> Json {
    Json::object().with("level", level_name(line.level)).with_some("category", line.category.as_ref()).with("text", &line.text)
}

fn parse_log(body: &Json) -> Option<LogLine> {
    let level = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
        .into_iter()
        .find(|level| body.get("level").and_then(Json::as_str) == Some(level_name(*level)))?;
    Some(LogLine { level, category: string(body, "category"), text: string(body, "text")? })
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

fn print_index(request: &IndexRequest) -> Json {
    Json::object()
        .with_some("cluster", request.cluster.as_ref())
        .with("index", &request.index)
        .with("id", &request.id)
        .with("create", request.create)
        .with("id_is_own", request.id_is_own)
        .with_some("refresh", request.refresh.as_ref())
        .with("timeout_millis", request.timeout_millis)
        .with("source", request.source.clone())
}

fn parse_index(body: &Json) -> Option<IndexRequest> {
    Some(IndexRequest {
        cluster: string(body, "cluster"),
        index: string(body, "index")?,
        id: string(body, "id")?,
        create: body.get("create")?.as_bool()?,
        id_is_own: body.get("id_is_own")?.as_bool()?,
        refresh: string(body, "refresh"),
        source: body.get("source")?.clone(),
        timeout_millis: body.get("timeout_millis")?.as_i64()?,
    })
}

fn string(object: &Json, member: &str) -> Option<String> {
    object.get(member)?.as_str().map(str::to_owned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use watchbell_json::json;
    use watchbell_watch::http_request::{BasicAuth, Method, Proxy, Scheme, Secret};

    fn webhook() -> HttpRequest {
        HttpRequest {
            scheme: Scheme::Https,
            host: "example.org".into(),
            port: 443,
            method: Method::Post,
            path: Some("/hook".into()),
            params: BTreeMap::from([("q".into(), "1".into())]),
            headers: vec![("Authorization".into(), "Bearer s3cret".into()), ("X".into(), "y".into())],
            auth: Some(BasicAuth { username: "u".into(), password: Some(Secret::new("pa55")) }),
            body: Some("{}".into()),
            connection_timeout_millis: Some(5),
            read_timeout_millis: None,
            proxy: Some(Proxy { host: "p".into(), port: 3128, scheme: Some(Scheme::Http) }),
        }
    }

    pub(crate) fn with_secrets() -> Message {
        Message::Webhook(Box::new(webhook()))
    }

    #[test]
    fn every_message_reads_back_as_it_was() {
        let index = IndexRequest {
            cluster: None,
            index: "i".into(),
            id: "x".into(),
            create: true,
            id_is_own: true,
            refresh: Some("wait_for".into()),
            source: json!({"a": [1, 2.5, null]}),
            timeout_millis: 30_000,
        };
        for message in [
            Message::Webhook(Box::new(webhook())),
            Message::Index(index),
            Message::Log(LogLine { level: LogLevel::Warn, category: Some("c".into()), text: "t".into() }),
            Message::Robot(RobotMessage { account: "dingtalk/ops".into(), body: json!({"msgtype": "text"}) }),
        ] {
            let text = print(&message).to_string();
            assert_eq!(parse(&Json::parse(text.as_bytes()).unwrap()), Some(message));
        }
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let text = shown(&Message::Webhook(Box::new(webhook()))).to_string();
        assert!(!text.contains("s3cret") && !text.contains("pa55"), "{text}");
        assert!(text.contains("example.org"));
    }
}
