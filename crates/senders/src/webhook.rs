//! The webhook channel (spec watcher-parts §7.4).
//!
//! The reference calls everything below 400 a success. A robot answers refusals with 200, so that behind its URL the answer
//! itself is judged (spec robots §0.1).

use std::time::Duration;

use ::http::{HeaderName, HeaderValue};
use watchbell_outbox::{Attempt, DeliveryKey, Outcome};
use watchbell_watch::http_request::HttpRequest;

use crate::http::{Extras, HttpClient, HttpResponse, ROBOT_JSON, Redirects, SendFailure, Stage, Target};
use crate::robot::RobotSender;

/// Tells a receiver which repeats are the same message.
const DELIVERY_HEADER: HeaderName = HeaderName::from_static("x-watchbell-delivery");

/// From this status on the receiver says no.
const STATUS_REFUSED: u16 = 400;

pub(crate) async fn deliver(client: &HttpClient, robots: &RobotSender, request: &HttpRequest, key: &DeliveryKey, deadline: Duration) -> Attempt {
    let delivery_header = (DELIVERY_HEADER, header_value(&key.0));
    if Target::of(request).is_ok_and(|target| robots.stands_behind(&target)) {
        let extras = Extras { headers: vec![delivery_header], content_type: Some(ROBOT_JSON) };
        return match client.send(request, &extras, Redirects::Never, deadline).await {
            Ok(response) => robots.judge_webhook(request, &response),
            Err(failure) => failed(failure),
        };
    }
    let extras = Extras { headers: vec![delivery_header], content_type: None };
    match client.send(request, &extras, Redirects::Follow, deadline).await {
        Ok(response) => judge(&response),
        Err(failure) => failed(failure),
    }
}

fn judge(response: &HttpResponse) -> Attempt {
    let outcome =
        if response.status < STATUS_REFUSED { Outcome::Delivered } else { Outcome::Rejected { reason: format!("received [{}] status code", response.status) } };
    Attempt { outcome, response: Some(response.to_record()), error: None }
}

/// An attempt without an answer.
pub(crate) fn failed(SendFailure { stage, failure }: SendFailure) -> Attempt {
    let reason = failure.to_string();
    let outcome = match stage {
        Stage::Forbidden => Outcome::Rejected { reason },
        Stage::NotSent => Outcome::Retry { reason },
        Stage::Sent => Outcome::Ambiguous { reason },
    };
    Attempt { outcome, response: None, error: Some(failure) }
}

/// Keys hold ids of watches and actions, which may be any text: what a header cannot carry is percent-encoded.
fn header_value(key: &str) -> HeaderValue {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::try_from(out).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_fits_a_header() {
        for (key, expected) in [("ab12/notify/0", "ab12/notify/0"), ("x/通知 1%\r\n/0", "x/%E9%80%9A%E7%9F%A5%201%25%0D%0A/0")] {
            assert_eq!(header_value(key), expected);
        }
    }
}
