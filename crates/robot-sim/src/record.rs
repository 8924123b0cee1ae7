//! What the simulator remembers of every request.

use std::net::IpAddr;

use bytes::Bytes;
use watchbell_json::Json;
use watchbell_robots::dingtalk::Message;

use crate::mention::Mention;

/// A request as it came in, without its query: the token is in it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub peer: IpAddr,
    /// Which connection it came on: requests that share one were kept alive.
    pub connection: u64,
}

impl Request {
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Stored and shown, so many times.
    Accepted {
        copies: u32,
    },
    /// The same `msgUuid` as before: answered as accepted, not shown again.
    Duplicate,
    Refused {
        errcode: i64,
        errmsg: String,
    },
    /// A fault kept it from the robot.
    Faulted {
        effect: String,
    },
}

#[derive(Clone, Debug)]
pub struct RequestRecord {
    pub seq: u64,
    /// The simulator's clock.
    pub at_millis: i64,
    /// `None`: no robot has this token.
    pub robot: Option<String>,
    pub request: Request,
    /// The `timestamp` of the signature.
    pub timestamp: Option<String>,
    pub fate: Fate,
    /// Since the robot's request before.
    pub gap_millis: Option<i64>,
    pub mentions: Vec<Mention>,
}

impl RequestRecord {
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.fate, Fate::Accepted { .. })
    }

    #[must_use]
    pub fn body(&self) -> Option<Json> {
        Json::parse(&self.request.body).ok()
    }

    /// For `GET /_sim/requests`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let headers = self.request.headers.iter().map(|(name, value)| Json::from(vec![name.as_str(), value.as_str()])).collect::<Json>();
        self.head()
            .with("method", &self.request.method)
            .with("path", &self.request.path)
            .with_some("timestamp", self.timestamp.clone())
            .with("headers", headers)
            .with("peer", self.request.peer.to_string())
            .with("connection", self.request.connection)
            .with_some("gap_ms", self.gap_millis)
            .with("bytes", self.request.body.len())
    }

    fn head(&self) -> Json {
        let head = Json::object().with("seq", self.seq).with("at_ms", self.at_millis).with("robot", self.robot.clone());
        match &self.fate {
            Fate::Accepted { copies } => head.with("outcome", "accepted").with("errcode", 0).with("copies", *copies),
            Fate::Duplicate => head.with("outcome", "duplicate").with("errcode", 0),
            Fate::Refused { errcode, errmsg } => head.with("outcome", "refused").with("errcode", *errcode).with("errmsg", errmsg),
            Fate::Faulted { effect } => head.with("outcome", "fault").with("effect", effect),
        }
    }

    fn mentions_json(&self) -> Json {
        self.mentions.iter().map(Mention::to_json).collect()
    }

    /// For the page: what was to be shown, or the raw text if it was no JSON.
    #[must_use]
    pub fn to_chat_json(&self) -> Json {
        let head = self.head().with("mentions", self.mentions_json());
        let small = self.request.body.len() <= SHOWN_BYTES_MAX;
        match self.body().filter(|body| small && body.as_map().is_some()) {
            Some(body) => head.with("body", body),
            None => head.with("raw", String::from_utf8_lossy(&self.request.body).chars().take(RAW_CHARS_MAX).collect::<String>()),
        }
    }
}

/// Larger bodies, all of them refused, are shown as raw text.
const SHOWN_BYTES_MAX: usize = 40_000;

/// So much of an unreadable body is shown.
const RAW_CHARS_MAX: usize = 2000;

/// A message that was accepted.
#[derive(Clone, Debug)]
pub struct MessageRecord {
    pub seq: u64,
    pub at_millis: i64,
    pub robot: String,
    pub request: Request,
    pub body: Json,
    pub title: Option<String>,
    /// The long text, where the type has one.
    pub text: Option<String>,
    pub mentions: Vec<Mention>,
    pub copies: u32,
}

impl MessageRecord {
    /// `None`: it was not accepted.
    pub(crate) fn of(record: &RequestRecord) -> Option<MessageRecord> {
        let Fate::Accepted { copies } = record.fate else { return None };
        let body = record.body()?;
        let message = Message::parse(&body).ok()?;
        Some(MessageRecord {
            seq: record.seq,
            at_millis: record.at_millis,
            robot: record.robot.clone()?,
            request: record.request.clone(),
            title: message.title().map(str::to_owned),
            text: message.text().map(str::to_owned),
            mentions: record.mentions.clone(),
            copies,
            body,
        })
    }

    /// For `GET /_sim/messages`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let headers = self.request.headers.iter().map(|(name, value)| Json::from(vec![name.as_str(), value.as_str()])).collect::<Json>();
        Json::object()
            .with("seq", self.seq)
            .with("at_ms", self.at_millis)
            .with("robot", &self.robot)
            .with("msgtype", self.body.get("msgtype").cloned().unwrap_or_default())
            .with("title", self.title.clone())
            .with("text", self.text.clone())
            .with("mentions", self.mentions.iter().map(Mention::to_json).collect::<Json>())
            .with("bytes", self.request.body.len())
            .with("content_bytes", self.body.to_string().len())
            .with("copies", self.copies)
            .with("body", self.body.clone())
            .with("raw", String::from_utf8_lossy(&self.request.body).into_owned())
            .with("headers", headers)
            .with("peer", self.request.peer.to_string())
    }
}
