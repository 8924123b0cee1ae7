//! What an answer of DingTalk means (spec robots §1.7–1.9, §5.1).
//!
//! DingTalk refuses with HTTP 200, in four dialects over the years, sometimes with the code as a string, and its edge answers
//! with something else altogether. So: code first, then a set of words; never one exact text.

use std::time::Duration;

use watchbell_json::Json;
use watchbell_time::{Timestamp, epoch_millis};

use super::account::Account;
use super::sign::CLOCK_SKEW_MAX_MILLIS;
use crate::{Redactor, Repair, Verdict};

/// More than 20 messages in a minute: silence for ten.
const BAN: Duration = Duration::from_secs(600);
/// The newer code for the same; whether it means one minute or ten is not known, the second one within ten minutes means ten.
const BAN_SHORT: Duration = Duration::from_secs(60);
/// The quota of the organisation is used up; the outbox doubles this.
const QUOTA: Duration = Duration::from_secs(3600);
/// A caller dimension is blocked for a while; the outbox doubles this.
const BLOCKED: Duration = Duration::from_secs(60);
/// The edge refuses our address: every robot behind it.
const EDGE: Duration = Duration::from_secs(300);
/// HTTP 429 and the like without `Retry-After`.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(60);
/// A `Retry-After` beyond this is believed to be a mistake.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);
/// So much of a foreign text goes into reasons and records.
const ERRMSG_CHARS_MAX: usize = 500;

/// An answer as it came. Header names in any case.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// Our clock when it came, to compare with the answer's `Date`.
    pub now: Timestamp,
}

impl Answer<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn date(&self) -> Option<Timestamp> {
        jiff::fmt::rfc2822::parse(self.header("date")?).ok().map(|date| date.timestamp())
    }

    fn retry_after(&self) -> Duration {
        let given = self.header("retry-after").and_then(|value| match value.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => {
                let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
                u64::try_from(epoch_millis(until) - epoch_millis(self.date().unwrap_or(self.now))).ok().map(Duration::from_millis)
            }
        });
        given.unwrap_or(RETRY_AFTER_DEFAULT).min(RETRY_AFTER_MAX)
    }
}

/// An answer, understood. Every text in it is redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub status: u16,
    pub errcode: Option<i64>,
    pub errmsg: Option<String>,
    pub verdict: Verdict,
}

impl Reading {
    /// For records: `{"status":200,"errcode":310000,"errmsg":"…"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object().with("status", self.status).with_some("errcode", self.errcode).with_some("errmsg", self.errmsg.clone())
    }

    /// What it means and what to do, for a person.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        let by_code = self.errcode.and_then(|code| meaning(code, self.errmsg.as_deref().unwrap_or_default()));
        by_code.unwrap_or(match &self.verdict {
            Verdict::Limited { egress_wait: Some(_), .. } => "DingTalk's edge refuses this machine's address for some minutes",
            Verdict::Limited { .. } => "too many requests",
            Verdict::Retry { .. } => "a passing fault on the way",
            Verdict::Misconfigured { .. } => "the address of the robot is wrong",
            _ => "an answer that is not documented",
        })
    }
}

/// What a code means and what to do, for a person; `None` for one that is not known.
#[must_use]
pub fn meaning(errcode: i64, errmsg: &str) -> Option<&'static str> {
    Some(match errcode {
        0 => "the robot accepted the message",
        -1 => "DingTalk is busy",
        130_101 | 410_100 | 450_101 | 660_026 => "more than 20 messages in a minute; the robot refuses everything for up to ten minutes",
        90_020 | 90_030 => "the organisation's quota of robot messages is used up",
        90_001..=90_014 => "DingTalk blocks requests of this kind for a while",
        300_001 | 300_005 | 400_101 | 400_106 => "the token is wrong, or the robot was removed from the group",
        400_102 => "the robot is disabled in the group's settings",
        400_013 => "the group was dissolved",
        22 | 88 | 404 => "the address of the robot is wrong",
        460_101 | 101_002 => "the message is larger than 20,000 bytes",
        430_101..=430_104 => "DingTalk refuses the content of the message",
        40_035 | 43_004 | 400_105 | 400_403 => "the message is not in a form the robot takes",
        310_000 => match security_cause(errmsg) {
            Security::Keyword => "the message contains none of the robot's keywords; list them in the account's keywords",
            Security::Sign => "the signature is wrong; check the account's secret",
            Security::Timestamp => "the signature is missing or more than an hour off; check the account's secret and this machine's clock",
            Security::Address => "this machine's address is not in the robot's address list",
            Security::Unknown => "the robot's security settings refuse the message",
        },
        _ => return None,
    })
}

/// Reads an answer.
#[must_use]
pub fn classify(answer: &Answer<'_>, redactor: &Redactor) -> Reading {
    let body = Json::parse(answer.body).ok().filter(|body| body.as_map().is_some());
    let errcode = body.as_ref().and_then(|body| body.get("errcode")).and_then(whole_number);
    let errmsg = body.as_ref().and_then(|body| body.get("errmsg")).and_then(Json::as_str).map(|text| shorten(&redactor.redact(text)));
    let heard = Heard { answer, body: body.as_ref(), errcode, errmsg: errmsg.as_deref().unwrap_or_default() };
    Reading { status: answer.status, verdict: heard.verdict(), errcode, errmsg }
}

/// A number, or a string with one: the documentation shows both.
fn whole_number(value: &Json) -> Option<i64> {
    match value {
        Json::Int(number) => Some(*number),
        Json::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERRMSG_CHARS_MAX).collect()
}

/// What 310000 is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    Keyword,
    Sign,
    Timestamp,
    Address,
    Unknown,
}

/// The text of a wrong signature mentions the time stamp too, hence the order.
fn security_cause(errmsg: &str) -> Security {
    let lower = errmsg.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["keywords not in content", "关键词"]) {
        Security::Keyword
    } else if has(&["sign not match", "签名"]) {
        Security::Sign
    } else if has(&["timestamp", "时间戳"]) {
        Security::Timestamp
    } else if has(&["whitelist", "白名单"]) {
        Security::Address
    } else {
        Security::Unknown
    }
}

impl Account {
    /// Reads an answer to a message of this account.
    #[must_use]
    pub fn read(&self, answer: &Answer<'_>) -> Reading {
        let mut reading = classify(answer, &self.redactor());
        let errmsg = reading.errmsg.as_deref().unwrap_or_default();
        // signing afresh cures nothing where nothing was signed
        if reading.errcode == Some(310_000) && security_cause(errmsg) == Security::Timestamp && !self.is_signed() {
            reading.verdict = Verdict::Misconfigured { reason: format!("the robot wants a signature and the account has no secret: errcode 310000, {errmsg}") };
        }
        reading
    }
}

struct Heard<'a> {
    answer: &'a Answer<'a>,
    body: Option<&'a Json>,
    errcode: Option<i64>,
    errmsg: &'a str,
}

impl Heard<'_> {
    fn verdict(&self) -> Verdict {
        match self.answer.status {
            200..=299 => self.verdict_of_body(),
            300..=399 => Verdict::Misconfigured { reason: self.reason("the robot's address redirects; a token never follows") },
            408 | 425 | 429 => self.limited_by_http(),
            500..=599 => Verdict::Retry { reason: self.reason("server error") },
            400..=499 => self.verdict_of_client_error(),
            _ => Verdict::Unrecognised { reason: self.reason("unexpected status") },
        }
    }

    fn verdict_of_body(&self) -> Verdict {
        let Some(body) = self.body else {
            // three in a row mean a blocked address; counting is the outbox's
            return Verdict::Retry { reason: self.reason("the answer is not JSON") };
        };
        if is_edge_block(body) {
            let wait = if self.errcode == Some(130_101) { BAN } else { EDGE };
            return Verdict::Limited { reason: self.reason("the edge refuses this address"), wait, egress_wait: Some(EDGE) };
        }
        match self.errcode {
            Some(code) => self.verdict_of_code(code),
            None => Verdict::Unrecognised { reason: self.reason("the answer has no errcode") },
        }
    }

    fn verdict_of_code(&self, code: i64) -> Verdict {
        let reason = self.reason("refused");
        let limited = |wait| Verdict::Limited { reason: reason.clone(), wait, egress_wait: None };
        let fixable = |repair| Verdict::Fixable { reason: reason.clone(), repair };
        match code {
            0 => Verdict::Delivered,
            -1 => Verdict::Retry { reason },
            130_101 | 410_100 | 450_101 => limited(BAN),
            660_026 => limited(BAN_SHORT),
            90_020 | 90_030 => limited(QUOTA),
            90_001..=90_014 => limited(BLOCKED),
            310_000 => match security_cause(self.errmsg) {
                Security::Keyword => fixable(Repair::AddKeyword),
                Security::Timestamp => self.verdict_of_clock(),
                Security::Sign | Security::Address | Security::Unknown => Verdict::Misconfigured { reason },
            },
            22 | 88 | 404 | 300_001 | 300_005 | 400_013 | 400_101 | 400_102 | 400_106 => Verdict::Misconfigured { reason },
            101_002 | 460_101 => fixable(Repair::Shrink),
            430_101..=430_104 => fixable(Repair::NeutralNotice),
            40_035 | 43_004 | 400_105 | 400_403 => Verdict::Rejected { reason },
            _ => Verdict::Unrecognised { reason },
        }
    }

    /// A fresh signature cures a stale one; nothing cures a wrong clock.
    fn verdict_of_clock(&self) -> Verdict {
        let skew = self.answer.date().map(|date| epoch_millis(self.answer.now) - epoch_millis(date));
        match skew {
            Some(skew) if skew.abs() >= CLOCK_SKEW_MAX_MILLIS => {
                Verdict::Misconfigured { reason: self.reason(&format!("this machine's clock differs from DingTalk's by {} s", skew / 1000)) }
            }
            _ => Verdict::Retry { reason: self.reason("refused") },
        }
    }

    fn limited_by_http(&self) -> Verdict {
        let by_header = self.answer.retry_after();
        let wait = match self.errcode.map(|code| self.verdict_of_code(code)) {
            Some(Verdict::Limited { wait, .. }) => wait.max(by_header),
            _ => by_header,
        };
        Verdict::Limited { reason: self.reason("too many requests"), wait, egress_wait: None }
    }

    fn verdict_of_client_error(&self) -> Verdict {
        let by_body = match self.errcode {
            // an error that says "accepted" in its body is not believed in either
            Some(0) => {
                return Verdict::Unrecognised { reason: self.reason("contradictory answer") };
            }
            Some(code) => self.verdict_of_code(code),
            None => Verdict::Unrecognised { reason: String::new() },
        };
        match (by_body, self.answer.status) {
            (Verdict::Unrecognised { .. }, 413) => Verdict::Fixable { reason: self.reason("refused"), repair: Repair::Shrink },
            (Verdict::Unrecognised { .. }, 401 | 403 | 404 | 405) => Verdict::Misconfigured { reason: self.reason("refused") },
            (Verdict::Unrecognised { .. }, _) => Verdict::Rejected { reason: self.reason("refused") },
            (known, _) => known,
        }
    }

    fn reason(&self, what: &str) -> String {
        match (self.errcode, self.errmsg) {
            (Some(code), "") => format!("{what}: errcode {code}"),
            (Some(code), errmsg) => format!("{what}: errcode {code}, {errmsg}"),
            (None, _) => format!("{what} (HTTP status {})", self.answer.status),
        }
    }
}

fn is_edge_block(body: &Json) -> bool {
    body.get("status").and_then(whole_number) == Some(1111) || body.get("punish").and_then(Json::as_str) == Some("deny")
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
