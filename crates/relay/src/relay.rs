//! From a caller's request to an answer. No sockets here.
//!
//! The destination comes from the settings alone: nothing a caller sends names it, and none of the caller's headers go on.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use watchbell_json::Json;
use watchbell_outbox::{Deliver, Delivery, DeliveryKey, Message, Outcome, RobotMessage};
use watchbell_time::{Clock, epoch_nanos};

use crate::answer::Answer;
use crate::budget::{Budgets, RobotState};
use crate::settings::{RelayRobot, RelaySettings, SettingsError};

/// Watchbell's own key of a message; a repeat bears the same one, and the robot then shows it once.
pub const DELIVERY_HEADER: &str = "x-watchbell-delivery";

/// Longer keys are not ours.
const KEY_BYTES_MAX: usize = 1024;

/// What is known of a request before its body is read.
#[derive(Clone, Debug)]
pub struct Head {
    pub peer: IpAddr,
    pub method: String,
    pub path: String,
    pub has_query: bool,
    /// The request comes from a web page: a browser sent `Origin`.
    pub from_web_page: bool,
    /// The value of [`DELIVERY_HEADER`].
    pub delivery_key: Option<String>,
}

/// What the head asks for.
#[derive(Debug)]
pub(crate) enum Wanted<'r> {
    /// An answer that needs no body.
    Answer(Answer),
    /// The body goes to this robot.
    Robot(&'r RelayRobot),
}

/// The egress relay. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: RelaySettings,
    deliver: Arc<dyn Deliver>,
    clock: Arc<dyn Clock>,
    budgets: Budgets,
    /// Makes keys of this run unlike those of another.
    run: String,
    number: AtomicU64,
}

impl Relay {
    /// # Errors
    /// [`SettingsError`].
    pub fn new(settings: RelaySettings, deliver: Arc<dyn Deliver>, clock: Arc<dyn Clock>) -> Result<Relay, SettingsError> {
        settings.check()?;
        let run = format!("{:x}", epoch_nanos(clock.now()));
        Ok(Relay { inner: Arc::new(Inner { settings, deliver, clock, budgets: Budgets::default(), run, number: AtomicU64::new(0) }) })
    }

    pub(crate) fn settings(&self) -> &RelaySettings {
        &self.inner.settings
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Where a request goes, judged by its head.
    pub(crate) fn route(&self, head: &Head) -> Wanted<'_> {
        let path = head.path.as_str();
        let settings = self.settings();
        let looks = head.method == "GET" || head.method == "HEAD";
        match path {
            "/healthz" if looks => return Wanted::Answer(Answer::healthy()),
            // ready is who listens: one robot that is banned or revoked must not stop the alerts of the others. Which robots there
            // are is for those who may call them.
            "/readyz" if looks && !settings.allows(head.peer) => return Wanted::Answer(Answer::healthy()),
            "/readyz" if looks => return Wanted::Answer(Answer::ready(self.robot_states())),
            _ => {}
        }
        if !settings.allows(head.peer) {
            return Wanted::Answer(Answer::not_allowed(head.peer.to_canonical()));
        }
        if head.from_web_page {
            return Wanted::Answer(Answer::from_web_page());
        }
        let alias = match path {
            "/" => settings.default.as_deref(),
            _ => path.strip_prefix("/robot/").or_else(|| path.strip_prefix('/')),
        };
        let robot = alias.and_then(|alias| settings.robots.iter().find(|robot| robot.alias == alias));
        match robot {
            None if path == "/" => Wanted::Answer(Answer::no_default()),
            None => Wanted::Answer(Answer::no_such_robot()),
            Some(_) if head.method != "POST" => Wanted::Answer(Answer::wrong_method(&head.method)),
            Some(robot) => Wanted::Robot(robot),
        }
    }

    fn robot_states(&self) -> impl Iterator<Item = (&str, RobotState)> {
        let now = self.inner.clock.elapsed();
        self.settings().robots.iter().map(move |robot| (robot.alias.as_str(), self.inner.budgets.state(&robot.account.credential(), now)))
    }

    /// Sends a body to a robot and says what came of it.
    pub(crate) async fn send(&self, robot: &RelayRobot, head: &Head, body: &Bytes) -> Answer {
        let alias = robot.alias.as_str();
        if head.has_query {
            tracing::warn!(robot = alias, "the query of a request was ignored");
        }
        let body = match read_body(body) {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let key = self.key(alias, head);
        // judged here so that no attempt is spent on what can never pass; the sender prepares the same again when it sends
        let prepared = match robot.account.prepare(&body, Some(&key.0)) {
            Ok(prepared) => prepared,
            Err(unfit) => {
                tracing::warn!(robot = alias, errcode = unfit.errcode(), "a message that can never be delivered was refused");
                return Answer::unfit(&unfit);
            }
        };
        let credential = robot.account.credential();
        if let Err(wait) = self.inner.budgets.reserve(&credential, self.inner.clock.elapsed()) {
            tracing::warn!(robot = alias, wait_ms = millis(wait), "a message was not sent, the robot must be left alone");
            return Answer::must_wait(&key.0, wait);
        }
        let message = Message::Robot(RobotMessage { account: robot.account.id(), body });
        let delivery = Delivery { key, message };
        let mut attempt = self.inner.deliver.deliver(&delivery, self.settings().sync_timeout).await;
        if let Outcome::Limited { wait, .. } = &mut attempt.outcome {
            let errcode = attempt.response.as_ref().and_then(|answer| answer.get("errcode")).and_then(Json::as_i64);
            *wait = self.inner.budgets.silence(&credential, self.inner.clock.elapsed(), *wait, errcode);
        }
        let redactor = robot.account.redactor();
        let answer = Answer::of_attempt(&delivery.key.0, &attempt, &redactor);
        self.inner.budgets.heard(&credential, matches!(attempt.outcome, Outcome::Misconfigured { .. }).then(|| answer.robot_code()));
        match attempt.outcome.reason() {
            None => {
                tracing::info!(robot = alias, delivery = %delivery.key, keyword_added = prepared.keyword_added, truncated = prepared.truncated, "delivered")
            }
            Some(reason) => tracing::warn!(robot = alias, delivery = %delivery.key, status = answer.status, reason = %redactor.redact(reason), "not delivered"),
        }
        answer
    }

    fn key(&self, alias: &str, head: &Head) -> DeliveryKey {
        let given = head.delivery_key.as_deref().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
        match given {
            Some(given) => DeliveryKey(format!("relay/{alias}/{given}")),
            None => DeliveryKey(format!("relay/{alias}/{}-{}", self.inner.run, self.inner.number.fetch_add(1, Ordering::Relaxed))),
        }
    }
}

fn millis(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// UTF-8 JSON, whatever the label says: Watcher labels its UTF-8 `text/plain; charset=ISO-8859-1`.
fn read_body(body: &[u8]) -> Result<Json, Answer> {
    let text = std::str::from_utf8(body).map_err(|error| Answer::not_utf8(error.valid_up_to()))?;
    Json::parse(text.as_bytes()).map_err(|error| Answer::not_json(&error))
}
