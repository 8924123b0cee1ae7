//! DingTalk's checks in their order (spec robots §9.2, rows 5–16). The limiter and the faults come before, in `world`.

use watchbell_json::Json;
use watchbell_robots::dingtalk::sign::{CLOCK_SKEW_MAX_MILLIS, verify};
use watchbell_robots::dingtalk::{Invalid, Keywords, Message};

use crate::record::Request;
use crate::robot::{Robot, State};
use crate::wording::Refusal;

/// The published limit; which bytes it counts is a switch.
const BODY_BYTES_MAX: usize = 20_000;

/// What the query of the URL says, decoded once. Has no `Debug`: it is a credential.
#[derive(Default)]
pub(crate) struct Credentials {
    tokens: Vec<String>,
    timestamps: Vec<String>,
    signs: Vec<String>,
}

impl Credentials {
    pub(crate) fn parse(query: &str) -> Credentials {
        let mut credentials = Credentials::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let list = match name {
                "access_token" => &mut credentials.tokens,
                "timestamp" => &mut credentials.timestamps,
                "sign" => &mut credentials.signs,
                _ => continue,
            };
            list.push(form_decode(value));
        }
        credentials
    }

    pub(crate) fn token(&self) -> &str {
        self.tokens.first().map_or("", String::as_str)
    }

    pub(crate) fn timestamp(&self, last_wins: bool) -> Option<&str> {
        pick(&self.timestamps, last_wins)
    }

    fn sign(&self, last_wins: bool) -> Option<&str> {
        pick(&self.signs, last_wins)
    }
}

fn pick(values: &[String], last_wins: bool) -> Option<&str> {
    if last_wins { values.last() } else { values.first() }.map(String::as_str)
}

/// One decoding as servers do it: `+` is a blank, which is how an unencoded signature fails.
pub(crate) fn form_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()).filter(|hex| !hex.starts_with('+'));
        match (byte, pair.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A message that passed, and its idempotency key.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) message: Message,
    pub(crate) msg_uuid: Option<String>,
}

pub(crate) fn check(robot: &Robot, request: &Request, credentials: &Credentials, now: i64) -> Result<Passed, Refusal> {
    check_state(robot)?;
    if !robot.switches.lenient_content_type && !is_json(request.header("content-type")) {
        return Err(Refusal::ContentType);
    }
    let body = Json::parse(&request.body).ok().filter(|body| body.as_map().is_some());
    let bytes = match &body {
        Some(body) if robot.switches.size_of_content => body.to_string().len(),
        _ => request.body.len(),
    };
    if bytes > BODY_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let body = body.ok_or(Refusal::NotJson)?;
    if !robot.allow.is_empty() && !robot.allow.iter().any(|network| network.contains(&request.peer)) {
        return Err(Refusal::Address(request.peer));
    }
    check_signature(robot, credentials, now)?;
    let message = Message::parse(&body).map_err(|invalid| match invalid {
        Invalid::NotAnObject => Refusal::NotJson,
        Invalid::Type(_) => Refusal::MessageType,
        Invalid::Field(path) => Refusal::MissingField(path),
    })?;
    let keywords = Keywords::new(robot.keywords.iter().map(String::as_str)).unwrap_or_default();
    if !keywords.pass(&message) {
        return Err(Refusal::Keyword);
    }
    let text = body.to_string();
    if let Some(bad) = robot.bad_words.iter().find(|bad| text.contains(&bad.contains)) {
        return Err(Refusal::Content { errcode: bad.errcode });
    }
    let msg_uuid = body.get("msgUuid").and_then(Json::as_str).map(str::to_owned);
    Ok(Passed { message, msg_uuid })
}

fn check_state(robot: &Robot) -> Result<(), Refusal> {
    match robot.state {
        State::Dissolved => Err(Refusal::Dissolved),
        State::Disabled => Err(Refusal::Disabled),
        State::Absent => Err(Refusal::Absent),
        State::Active if robot.quota.month.is_some_and(|month| robot.quota.used >= month) => Err(Refusal::QuotaUsed),
        State::Active => Ok(()),
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

fn check_signature(robot: &Robot, credentials: &Credentials, now: i64) -> Result<(), Refusal> {
    let Some(secret) = &robot.secret else { return Ok(()) };
    let last = robot.switches.last_parameter_wins;
    let timestamp: i64 = credentials.timestamp(last).and_then(|text| text.parse().ok()).ok_or(Refusal::Timestamp)?;
    if timestamp.abs_diff(now + robot.switches.clock_skew_millis) > CLOCK_SKEW_MAX_MILLIS.unsigned_abs() {
        return Err(Refusal::Timestamp);
    }
    let given = credentials.sign(last).unwrap_or_default();
    if verify(timestamp, secret, given) { Ok(()) } else { Err(Refusal::Sign) }
}

#[cfg(test)]
#[path = "dingtalk_tests.rs"]
mod tests;
