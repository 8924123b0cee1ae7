//! What the caller is told (spec robots §8.5).
//!
//! Both the HTTP status and `errcode` say what happened: Watcher reads only the first, robot libraries only the second.
//!
//! Invariant: status 200 and errcode 0 stand for a message that the robot accepted, and for nothing else.

use std::net::IpAddr;
use std::time::Duration;

use crate::budget::RobotState;
use watchbell_json::{Json, ParseError};
use watchbell_outbox::{Attempt, Outcome};
use watchbell_robots::Redactor;
use watchbell_robots::dingtalk::{ERRCODE_JSON, ERRCODE_SIZE, Unfit, meaning};

/// "System busy": try again.
const ERRCODE_BUSY: i64 = -1;
/// The robot's security settings refuse the caller.
const ERRCODE_SECURITY: i64 = 310_000;
/// No such robot.
const ERRCODE_TOKEN: i64 = 300_005;
/// No such address.
const ERRCODE_PATH: i64 = 404;

/// When to try again after a passing fault of the robot.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// An answer to a caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub allow: Option<&'static str>,
    pub body: Json,
}

impl Answer {
    fn new(status: u16, errcode: i64, errmsg: impl Into<String>) -> Answer {
        Answer { status, retry_after: None, allow: None, body: Json::object().with("errcode", errcode).with("errmsg", errmsg.into()) }
    }

    fn with_state(mut self, id: &str, state: &str) -> Answer {
        self.body.set("watchbell", Json::object().with("id", id).with("state", state));
        self
    }

    fn with_hint(self, hint: &str) -> Answer {
        self.tell("hint", hint.into())
    }

    fn with_robot_errcode(self, errcode: i64) -> Answer {
        self.tell("robot_errcode", errcode.into())
    }

    fn tell(mut self, member: &'static str, value: Json) -> Answer {
        let told = self.body.get("watchbell").cloned().unwrap_or_else(Json::object);
        self.body.set("watchbell", told.with(member, value));
        self
    }

    #[must_use]
    pub fn errcode(&self) -> i64 {
        self.body.get("errcode").and_then(Json::as_i64).unwrap_or(ERRCODE_BUSY)
    }

    pub(crate) fn healthy() -> Answer {
        Answer { status: 200, retry_after: None, allow: None, body: Json::object().with("status", "ok") }
    }

    /// The robots and how they are, beside the plain word.
    pub(crate) fn ready<'a>(robots: impl Iterator<Item = (&'a str, RobotState)>) -> Answer {
        let robots = robots.fold(Json::object(), |mut all, (alias, state)| {
            all.set(alias, describe(state));
            all
        });
        let healthy = Answer::healthy();
        Answer { body: healthy.body.with("robots", robots), ..healthy }
    }

    /// The robot's own code in a refusal.
    pub(crate) fn robot_code(&self) -> Option<i64> {
        Some(self.errcode()).filter(|code| *code != ERRCODE_BUSY)
    }

    pub(crate) fn not_allowed(peer: IpAddr) -> Answer {
        Answer::new(403, ERRCODE_SECURITY, format!("ip {peer} not in whitelist")).with_hint("list the caller's network in watchbell.relay.allow")
    }

    pub(crate) fn from_web_page() -> Answer {
        Answer::new(403, ERRCODE_SECURITY, "requests of web pages are refused")
    }

    pub(crate) fn wrong_method(method: &str) -> Answer {
        let shown: String = method.chars().take(20).collect();
        Answer { allow: Some("POST"), ..Answer::new(405, ERRCODE_PATH, format!("method {shown} is not served here, only POST")) }
    }

    pub(crate) fn no_such_robot() -> Answer {
        Answer::new(404, ERRCODE_TOKEN, "no such robot alias").with_hint("POST / reaches the default robot, POST /robot/{alias} another one")
    }

    pub(crate) fn no_default() -> Answer {
        Answer::new(404, ERRCODE_TOKEN, "no such robot alias").with_hint("no default robot is set; name one in watchbell.relay.default")
    }

    pub(crate) fn too_large(bytes_max: usize) -> Answer {
        Answer::new(413, ERRCODE_SIZE, format!("message too long, more than {bytes_max} bytes"))
    }

    pub(crate) fn too_slow() -> Answer {
        Answer::new(408, ERRCODE_BUSY, "the request did not arrive in time")
    }

    pub(crate) fn cut_off() -> Answer {
        Answer::new(400, ERRCODE_JSON, "the request ended before its body was complete")
    }

    pub(crate) fn not_utf8(offset: usize) -> Answer {
        Answer::new(400, ERRCODE_JSON, format!("the body is not UTF-8: byte {offset}"))
    }

    pub(crate) fn not_json(error: &ParseError) -> Answer {
        Answer::new(400, ERRCODE_JSON, format!("the body is not JSON: line {}, column {}: {}", error.line, error.column, error.message))
    }

    pub(crate) fn unfit(unfit: &Unfit) -> Answer {
        let status = match unfit {
            Unfit::TooLarge { .. } => 413,
            Unfit::Invalid(_) => 422,
        };
        Answer::new(status, unfit.errcode(), unfit.to_string())
    }

    /// The robot's budget is used up, or it is banned.
    pub(crate) fn must_wait(id: &str, wait: Duration) -> Answer {
        let errmsg = format!("the robot may not be asked again for {} s; the message was not sent", seconds(wait));
        Answer { retry_after: Some(wait), ..Answer::new(503, ERRCODE_BUSY, errmsg).with_state(id, "not_sent") }
    }

    /// What an attempt came to, in the robot's own words where it had any.
    pub(crate) fn of_attempt(id: &str, attempt: &Attempt, redactor: &Redactor) -> Answer {
        let words = Words::of(attempt, redactor);
        let waits = |wait: Duration, state| {
            let answer = Answer { retry_after: Some(wait), ..Answer::new(503, ERRCODE_BUSY, words.errmsg.clone()).with_state(id, state) };
            // "busy" is the honest code for the caller; what the robot itself said is beside it
            if words.errcode == ERRCODE_BUSY { answer } else { answer.with_robot_errcode(words.errcode) }
        };
        let refused = |status| {
            let answer = Answer::new(status, words.errcode, words.errmsg.clone()).with_state(id, "refused");
            match meaning(words.errcode, &words.errmsg) {
                Some(hint) if words.errcode != ERRCODE_BUSY => answer.with_hint(hint),
                _ => answer,
            }
        };
        match &attempt.outcome {
            Outcome::Delivered => Answer::new(200, 0, "ok").with_state(id, "delivered"),
            Outcome::Retry { .. } => waits(RETRY_PAUSE, "not_delivered"),
            Outcome::Limited { wait, .. } => waits(*wait, "not_delivered"),
            Outcome::Ambiguous { .. } => waits(RETRY_PAUSE, "unconfirmed").with_hint("the robot did not answer: the message may have arrived"),
            Outcome::Fixable { .. } | Outcome::Rejected { .. } => refused(422),
            Outcome::Misconfigured { .. } | Outcome::Unrecognised { .. } => refused(502),
        }
    }
}

fn describe(state: RobotState) -> Json {
    match state {
        RobotState::Well => Json::object().with("state", "well"),
        RobotState::Limited(wait) => Json::object().with("state", "limited").with("seconds_left", seconds(wait)),
        RobotState::Broken(errcode) => Json::object().with("state", "broken").with_some("errcode", errcode),
    }
}

/// Whole seconds, rounded up: who comes back after them comes not too early.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The robot's code and text; the code is never 0 unless it delivered.
struct Words {
    errcode: i64,
    errmsg: String,
}

impl Words {
    fn of(attempt: &Attempt, redactor: &Redactor) -> Words {
        let response = attempt.response.as_ref();
        let errcode = response.and_then(|answer| answer.get("errcode")).and_then(Json::as_i64).filter(|code| *code != 0);
        let errmsg = response.and_then(|answer| answer.get("errmsg")).and_then(Json::as_str);
        let reason = || attempt.outcome.reason().unwrap_or_default();
        let errmsg = errmsg.filter(|text| errcode.is_some() && !text.is_empty()).unwrap_or_else(reason);
        Words { errcode: errcode.unwrap_or(ERRCODE_BUSY), errmsg: redactor.redact(errmsg) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;
    use watchbell_outbox::outcome::Repair;
    use watchbell_robots::Secret;

    #[test]
    fn only_a_delivered_message_is_answered_with_200_and_0() {
        let reason = || "why access_token=0123".to_owned();
        let robot = Some(json!({"status": 200, "errcode": 310_000, "errmsg": "canary-token refused"}));
        for (outcome, response, status, errcode, wait) in [
            (Outcome::Delivered, Some(json!({"status": 200, "errcode": 0, "errmsg": "ok"})), 200, 0, None),
            (Outcome::Retry { reason: reason() }, None, 503, -1, Some(10)),
            (Outcome::Retry { reason: reason() }, robot.clone(), 503, -1, Some(10)),
            (Outcome::Limited { reason: reason(), wait: Duration::from_millis(599_001) }, robot.clone(), 503, -1, Some(600)),
            (Outcome::Ambiguous { reason: reason() }, None, 503, -1, Some(10)),
            (Outcome::Fixable { reason: reason(), repair: Repair::AddKeyword }, robot.clone(), 422, 310_000, None),
            (Outcome::Rejected { reason: reason() }, robot.clone(), 422, 310_000, None),
            (Outcome::Misconfigured { reason: reason() }, robot.clone(), 502, 310_000, None),
            (Outcome::Misconfigured { reason: reason() }, None, 502, -1, None),
            (Outcome::Unrecognised { reason: reason() }, Some(json!({"status": 400, "errcode": 0})), 502, -1, None),
        ] {
            let attempt = Attempt { outcome, response, error: None };
            let answer = Answer::of_attempt("id", &attempt, &Redactor::new([&Secret::new("canary-token")]));
            assert_eq!((answer.status, answer.errcode(), answer.retry_after.map(seconds)), (status, errcode, wait), "{attempt:?}");
            assert_eq!(status == 200 && errcode == 0, attempt.outcome.is_delivered());
            assert!(!answer.body.to_string().contains("canary") && !answer.body.to_string().contains("0123"), "{}", answer.body);
        }
    }
}
