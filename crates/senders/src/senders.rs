//! The router: each message to its channel.

use std::sync::Arc;
use std::time::Duration;

use watchbell_outbox::{Attempt, Deliver, Delivery, Message};

use crate::http::HttpClient;
use crate::index::IndexSender;
use crate::robot::RobotSender;
use crate::{log_line, webhook};

/// Every channel there is.
#[derive(Debug)]
pub struct Senders {
    http: Arc<HttpClient>,
    robots: RobotSender,
    index: IndexSender,
}

impl Senders {
    #[must_use]
    pub fn new(http: Arc<HttpClient>, robots: RobotSender, index: IndexSender) -> Senders {
        Senders { http, robots, index }
    }

    #[must_use]
    pub fn robots(&self) -> &RobotSender {
        &self.robots
    }
}

#[async_trait::async_trait]
impl Deliver for Senders {
    async fn deliver(&self, delivery: &Delivery, deadline: Duration) -> Attempt {
        match &delivery.message {
            Message::Webhook(request) => webhook::deliver(&self.http, &self.robots, request, &delivery.key, deadline).await,
            Message::Index(request) => self.index.deliver(request, deadline).await,
            Message::Log(line) => log_line::deliver(line),
            Message::Robot(message) => self.robots.deliver(&self.http, message, &delivery.key, deadline).await,
        }
    }
}
