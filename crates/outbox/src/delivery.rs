//! What is to be delivered, and the port that delivers it.

use std::time::Duration;

use watchbell_json::Json;
use watchbell_watch::{action::LogLevel, http_request::HttpRequest};

use crate::Attempt;

/// `<execution>/<action>/<item>`: the same for every repeat of one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub String);

impl std::fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message, fully rendered: what a manifest holds. Bytes before signing and time stamps.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Webhook(Box<HttpRequest>),
    Index(IndexRequest),
    Log(LogLine),
    Robot(RobotMessage),
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
