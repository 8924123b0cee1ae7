//! What is to be delivered, and the port that delivers it.

use std::time::Duration;

use watchbell_json::Json;
use watchbell_watch::{action::LogLevel, http_request::HttpRequest};

use crate::{Attempt, DeliveryKey};

/// A message, fully rendered: what a manifest holds. Bytes before signing and time stamps.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Webhook(Box<HttpRequest>),
    Index(IndexRequest),
    Log(LogLine),
    Robot(RobotMessage),
}

/// An attempt without time-outs of its own is given up after this long.
const ATTEMPT_MAX: Duration = Duration::from_secs(60);

/// Connecting and waiting for an answer take 10 s each unless the request says otherwise (spec watcher-parts §9.1).
const HTTP_STEP_MILLIS: i64 = 10_000;

/// However patient a watch is: a run is not held up longer by one message.
const ATTEMPT_MILLIS_MAX: i64 = 10 * 60 * 1000;

impl Message {
    /// How long one attempt may take as a whole.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let millis = match self {
            Message::Webhook(request) => {
                let step = |given: Option<i64>| given.unwrap_or(HTTP_STEP_MILLIS).max(1);
                // an answer that keeps coming is not cut off by the read time-out, which is one of inactivity
                step(request.connection_timeout_millis).saturating_add(step(request.read_timeout_millis).saturating_mul(3))
            }
            Message::Index(request) => request.timeout_millis,
            Message::Log(_) | Message::Robot(_) => return ATTEMPT_MAX,
        };
        Duration::from_millis(u64::try_from(millis.clamp(1, ATTEMPT_MILLIS_MAX)).unwrap_or(1))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    pub level: LogLevel,
    pub category: Option<String>,
    pub text: String,
}

/// One document of an index action.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexRequest {
    /// The cluster it goes to; `None` is the default.
    pub cluster: Option<String>,
    pub index: String,
    /// Made from the delivery key when the watch gives none, so that a repeat meets its own document.
    pub id: String,
    /// `create`: an existing document is an error, unless it is this delivery's own.
    pub create: bool,
    pub id_is_own: bool,
    pub refresh: Option<String>,
    pub source: Json,
    pub timeout_millis: i64,
}

/// A message in a robot's own JSON, for an account.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotMessage {
    /// `<type>/<name>`.
    pub account: String,
    pub body: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub key: DeliveryKey,
    pub message: Message,
}

/// Sends one message over its channel and says truly what came of it.
#[async_trait::async_trait]
pub trait Deliver: Send + Sync + std::fmt::Debug {
    /// One attempt, ended within `deadline`. Never panics, never reports success for what failed; after the request may have
    /// reached the other side without an answer the outcome is `Ambiguous`.
    async fn deliver(&self, delivery: &Delivery, deadline: Duration) -> Attempt;
}
