//! The checks of DingTalk, one by one and in their order.

use bytes::Bytes;
use watchbell_robots::percent_encode;

use super::*;
use crate::robot::{BadWord, Dialect};

const NOW: i64 = 1_700_000_000_000;
const TEXT: &str = r#"{"msgtype":"text","text":{"content":"an error"}}"#;

fn secret() -> String {
    format!("SECwatchbell{}", "0".repeat(52))
}

fn request(content_type: &str, body: &str) -> Request {
    Request {
        method: "POST".into(),
        path: "/robot/send".into(),
        headers: vec![("content-type".into(), content_type.into())],
        body: Bytes::copy_from_slice(body.as_bytes()),
        peer: [127, 0, 0, 1].into(),
        connection: 1,
    }
}

fn errcode(robot: &Robot, query: &str, body: &str) -> i64 {
    let request = request("application/json; charset=utf-8", body);
    check(robot, &request, &Credentials::parse(query), NOW).map_or_else(|refusal| refusal.errcode(), |_| 0)
}

#[test]
fn the_signature_is_checked_after_exactly_one_decoding() {
    let robot = Robot::dingtalk("r", "t").with_secret(secret());
    let base64 = "gfD1mcNAIt6vBRPpXZiza1gacclh3F+U+o2YvM1Jgfs=";
    let once = percent_encode(base64);
    let signed = |timestamp: &str, sign: &str| errcode(&robot, &format!("access_token=t&timestamp={timestamp}&sign={sign}"), TEXT);
    assert_eq!(signed("1700000000001", &once), 0);
    assert_eq!(signed("1700000000001", base64), 310_000, "plus signs not encoded");
    assert_eq!(signed("1700000000001", &percent_encode(&once)), 310_000, "encoded twice");
    assert_eq!(signed("1700000000002", &once), 310_000);
    assert_eq!(errcode(&robot, "access_token=t", TEXT), 310_000);
    assert_eq!(form_decode("a%2Bb%zz%+1%4"), "a+b%zz% 1%4");
}

#[test]
fn a_signature_is_good_for_an_hour() {
    let robot = Robot::dingtalk("r", "t").with_secret(secret());
    for (offset, passes) in [(0, true), (3_600_000, true), (3_600_001, false), (-3_600_000, true), (-3_600_001, false)] {
        let timestamp = NOW + offset;
        let sign = percent_encode(&watchbell_robots::dingtalk::sign::signature(timestamp, robot.secret.as_ref().unwrap()));
        assert_eq!(errcode(&robot, &format!("timestamp={timestamp}&sign={sign}"), TEXT) == 0, passes, "{offset}");
    }
}

#[test]
fn of_repeated_parameters_the_first_or_the_last_counts() {
    let mut robot = Robot::dingtalk("r", "t").with_secret(secret());
    let good = format!("timestamp={NOW}&sign={}", percent_encode("C6nCaCDmtbMvjzroEKyfIlXRxRfGvXYHKWcOlYZZ16A="));
    let stale_last = format!("{good}&timestamp=1&sign=x");
    let stale_first = format!("timestamp=1&sign=x&{good}");
    assert_eq!((errcode(&robot, &stale_last, TEXT), errcode(&robot, &stale_first, TEXT)), (0, 310_000));
    robot.switches.last_parameter_wins = true;
    assert_eq!((errcode(&robot, &stale_last, TEXT), errcode(&robot, &stale_first, TEXT)), (310_000, 0));
}

#[test]
fn the_checks_come_in_their_order() {
    let mut robot = Robot::dingtalk("r", "t").with_secret(secret()).with_keywords(["告警"]);
    robot.allow = vec!["10.0.0.0/8".parse().unwrap()];
    robot.state = State::Disabled;
    robot.bad_words = vec![BadWord { contains: "evil".into(), errcode: 430_101 }];
    let long = "x".repeat(20_001);
    let sign = format!("timestamp={NOW}&sign={}", percent_encode("C6nCaCDmtbMvjzroEKyfIlXRxRfGvXYHKWcOlYZZ16A="));
    let run = |robot: &Robot, content_type: &str, body: &str, query: &str| {
        check(robot, &request(content_type, body), &Credentials::parse(query), NOW).map_or_else(|refusal| refusal.errcode(), |_| 0)
    };
    assert_eq!(run(&robot, "text/plain", &long, ""), 400_102);
    robot.state = State::Active;
    assert_eq!(run(&robot, "text/plain", &long, ""), 43_004);
    assert_eq!(run(&robot, "application/json", &long, ""), 460_101);
    assert_eq!(run(&robot, "application/json", "x", ""), 40_035);
    assert_eq!(run(&robot, "application/json", "[]", ""), 40_035);
    assert_eq!(run(&robot, "application/json", "{}", ""), 310_000);
    robot.allow.clear();
    assert_eq!(run(&robot, "application/json", "{}", ""), 310_000);
    assert_eq!(run(&robot, "application/json", "{}", &sign), 400_105);
    assert_eq!(run(&robot, "application/json", r#"{"msgtype":"text"}"#, &sign), 400_403);
    assert_eq!(run(&robot, "application/json", r#"{"msgtype":"text","text":{"content":"evil"}}"#, &sign), 310_000);
    assert_eq!(run(&robot, "application/json", r#"{"msgtype":"text","text":{"content":"告警 evil"}}"#, &sign), 430_101);
    assert_eq!(run(&robot, "application/json", r#"{"msgtype":"text","text":{"content":"告警"}}"#, &sign), 0);
    robot.switches.lenient_content_type = true;
    assert_eq!(run(&robot, "text/plain; charset=ISO-8859-1", r#"{"msgtype":"text","text":{"content":"告警"}}"#, &sign), 0);
}

#[test]
fn the_size_is_of_the_raw_body_or_of_the_content() {
    let mut robot = Robot::dingtalk("r", "t");
    let escaped = format!(r#"{{"msgtype":"text","text":{{"content":"{}"}}}}"#, "\\u544a".repeat(4000));
    assert_eq!(errcode(&robot, "", &escaped), 460_101);
    robot.switches.size_of_content = true;
    assert_eq!(errcode(&robot, "", &escaped), 0);
}

/// The simulator's refusals in every dialect are what `robots` expects of the real service.
#[test]
fn every_refusal_in_every_dialect_is_understood() {
    use watchbell_robots::dingtalk::{Answer, classify};
    use watchbell_robots::{Redactor, Repair, Verdict};
    let class = |refusal: &Refusal, dialect| {
        let body = Json::object().with("errcode", refusal.errcode()).with("errmsg", refusal.errmsg(dialect)).to_string();
        let answer = Answer { status: 200, headers: &[], body: body.as_bytes(), now: watchbell_time::Timestamp::UNIX_EPOCH };
        match classify(&answer, &Redactor::default()).verdict {
            Verdict::Limited { wait, .. } => format!("limited {}", wait.as_secs()),
            Verdict::Misconfigured { .. } => "config".to_owned(),
            Verdict::Rejected { .. } => "rejected".to_owned(),
            Verdict::Retry { .. } => "retry".to_owned(),
            Verdict::Fixable { repair: Repair::AddKeyword, .. } => "keyword".to_owned(),
            Verdict::Fixable { repair: Repair::Shrink, .. } => "shrink".to_owned(),
            Verdict::Fixable { repair: Repair::NeutralNotice, .. } => "notice".to_owned(),
            Verdict::Unrecognised { .. } => "unknown".to_owned(),
            other => format!("{other:?}"),
        }
    };
    for dialect in [Dialect::Year2019, Dialect::Year2020, Dialect::FormA, Dialect::FormB] {
        for (refusal, expected) in [
            (Refusal::NoSuchPath, "config"),
            (Refusal::TooFastPerMinute, "limited 60"),
            (Refusal::TooFast, "limited 600"),
            (Refusal::TooFastDocumented, "limited 600"),
            (Refusal::UnknownToken { legacy: false }, "config"),
            (Refusal::UnknownToken { legacy: true }, "config"),
            (Refusal::Disabled, "config"),
            (Refusal::Dissolved, "config"),
            (Refusal::Absent, "config"),
            (Refusal::QuotaUsed, "limited 3600"),
            (Refusal::ContentType, "rejected"),
            (Refusal::TooLarge, "shrink"),
            (Refusal::NotJson, "rejected"),
            (Refusal::Address([203, 0, 113, 9].into()), "config"),
            (Refusal::Timestamp, "retry"),
            (Refusal::Sign, "config"),
            (Refusal::MessageType, "rejected"),
            (Refusal::MissingField("markdown->text".into()), "rejected"),
            (Refusal::Keyword, "keyword"),
            (Refusal::Content { errcode: 430_103 }, "notice"),
            (Refusal::Unheard, "unknown"),
        ] {
            assert_eq!(class(&refusal, dialect), expected, "{refusal:?} {dialect:?}");
        }
    }
}
