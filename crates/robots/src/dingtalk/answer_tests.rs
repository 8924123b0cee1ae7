//! Every row of spec robots §1.8, §1.9 and §5.1.

use std::time::Duration;

use super::*;
use crate::{REDACTED, Secret};

/// A verdict in one word, with its number of seconds or its repair.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Delivered => "delivered".into(),
        Verdict::Retry { .. } => "retry".into(),
        Verdict::Limited { wait, egress_wait: None, .. } => format!("limited {}", wait.as_secs()),
        Verdict::Limited { wait, egress_wait: Some(egress), .. } => format!("limited {} egress {}", wait.as_secs(), egress.as_secs()),
        Verdict::Fixable { repair, .. } => format!("fix {repair:?}"),
        Verdict::Rejected { .. } => "rejected".into(),
        Verdict::Misconfigured { .. } => "config".into(),
        Verdict::Ambiguous { .. } => "ambiguous".into(),
        Verdict::Unrecognised { .. } => "unknown".into(),
    }
}

fn read(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reading {
    let now = Timestamp::from_second(1_700_000_000).unwrap(); // Tue, 14 Nov 2023 22:13:20 GMT
    classify(&Answer { status, headers, body, now }, &Redactor::default())
}

#[track_caller]
fn check(status: u16, headers: &[(&str, &str)], body: &str, expected: &str) {
    let reading = read(status, headers, body.as_bytes());
    assert_eq!(word(&reading.verdict), expected, "{status} {body}");
    assert_eq!(reading.verdict.reason().is_none(), expected == "delivered");
    assert!(!reading.meaning().is_empty());
}

#[test]
fn codes() {
    for (codes, expected) in [
        (&[0][..], "delivered"),
        (&[-1], "retry"),
        (&[130_101, 410_100, 450_101], "limited 600"),
        (&[660_026], "limited 60"),
        (&[90_030, 90_020], "limited 3600"),
        (&[90_001, 90_002, 90_014], "limited 60"),
        (&[22, 404, 88, 300_001, 300_005, 400_013, 400_101, 400_102, 400_106], "config"),
        (&[101_002, 460_101], "fix Shrink"),
        (&[430_101, 430_102, 430_103, 430_104], "fix NeutralNotice"),
        (&[40_035, 43_004, 400_105, 400_403], "rejected"),
        (&[1, 90_000, 90_015, 430_105, 999_999], "unknown"),
    ] {
        for code in codes {
            check(200, &[], &format!(r#"{{"errcode":{code},"errmsg":"x"}}"#), expected);
            check(200, &[], &format!(r#"{{"errmsg":"x","errcode":"{code}"}}"#), expected);
            check(200, &[], &format!("\u{feff}{{\"errcode\":{code}}}"), expected);
        }
    }
}

#[test]
fn dialects_of_the_security_refusal() {
    let more = ", more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]";
    for (cause, expected) in [
        ("keywords not in content", "fix AddKeyword"),
        ("invalid timestamp", "retry"),
        ("sign not match", "config"),
        ("ip 203.0.113.9 not in whitelist", "config"),
    ] {
        check(200, &[], &format!(r#"{{"errcode":310000,"errmsg":"{cause}"}}"#), expected);
        check(200, &[], &format!(r#"{{"errcode":310000,"errmsg":"{cause}{more}"}}"#), expected);
    }
    for (errmsg, expected) in [
        ("description:关键词不匹配;solution:请联系群管理员查看此机器人的关键词;", "fix AddKeyword"),
        ("错误描述:关键词不匹配;解决方案:请联系群管理员;", "fix AddKeyword"),
        ("description:机器人发送签名不匹配;solution:签名和timestamp字段必须拼接到请求URL上;link:x", "config"),
        ("错误描述:时间戳过期", "retry"),
        ("错误描述:IP不在白名单", "config"),
        ("something else", "config"),
    ] {
        check(200, &[], &format!(r#"{{"errcode":310000,"errmsg":"{errmsg}"}}"#), expected);
    }
}

#[test]
fn a_wrong_clock_is_not_cured_by_signing_again() {
    let body = r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#;
    check(200, &[("Date", "Tue, 14 Nov 2023 22:13:20 GMT")], body, "retry");
    check(200, &[("date", "Tue, 14 Nov 2023 20:13:20 GMT")], body, "config");
    check(200, &[("date", "nonsense")], body, "retry");
}

#[test]
fn the_edge() {
    let edge = r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"a""#;
    check(200, &[], &format!("{edge}}}"), "limited 300 egress 300");
    check(200, &[], &format!(r#"{edge},"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}}"#), "limited 600 egress 300");
    check(200, &[], r#"{"punish":"deny"}"#, "limited 300 egress 300");
}

#[test]
fn bodies_that_are_no_answer() {
    for body in ["<html>no</html>", "", " ", r#"{"errcode":0,"err"#, "[0]", "0", "null"] {
        check(200, &[], body, "retry");
    }
    assert_eq!(word(&read(200, &[], b"\xff\xfe{\x80}").verdict), "retry");
    check(200, &[], "{}", "unknown");
    check(200, &[], r#"{"errcode":true}"#, "unknown");
    check(200, &[], r#"{"errcode":"zero"}"#, "unknown");
    check(200, &[], r#"{"errcode":0.0}"#, "unknown");
}

#[test]
fn statuses() {
    for (status, expected) in [
        (301, "config"),
        (302, "config"),
        (400, "rejected"),
        (401, "config"),
        (403, "config"),
        (404, "config"),
        (405, "config"),
        (413, "fix Shrink"),
        (415, "rejected"),
        (408, "limited 60"),
        (425, "limited 60"),
        (429, "limited 60"),
        (500, "retry"),
        (502, "retry"),
        (503, "retry"),
        (100, "unknown"),
        (600, "unknown"),
    ] {
        check(status, &[], "<html>", expected);
    }
    check(400, &[], r#"{"errcode":300005,"errmsg":"token is not exist"}"#, "config");
    check(403, &[], r#"{"errcode":130101}"#, "limited 600");
    check(400, &[], r#"{"errcode":0}"#, "unknown");
    check(404, &[], r#"{"errcode":12345}"#, "config");
    check(500, &[], r#"{"errcode":0}"#, "retry");
}

#[test]
fn retry_after_is_seconds_or_a_date_and_bounded() {
    check(429, &[("Retry-After", "7")], "", "limited 7");
    check(429, &[("retry-after", "99999999")], "", "limited 86400");
    check(429, &[("retry-after", "Tue, 14 Nov 2023 22:15:20 GMT")], "", "limited 120");
    check(429, &[("retry-after", "Tue, 14 Nov 2023 21:00:00 GMT")], "", "limited 60");
    check(429, &[("retry-after", "soon")], "", "limited 60");
    check(429, &[("retry-after", "7")], r#"{"errcode":410100}"#, "limited 600");
}

#[test]
fn an_answer_that_quotes_the_token_is_redacted_and_bounded() {
    let redactor = Redactor::new([&Secret::new("canary-token")]);
    let body = format!(r#"{{"errcode":300005,"errmsg":"token canary-token or access_token=ffff0000\nis not exist {}"}}"#, "x".repeat(5000));
    let answer = Answer { status: 200, headers: &[], body: body.as_bytes(), now: Timestamp::UNIX_EPOCH };
    let reading = classify(&answer, &redactor);
    let shown = format!("{reading:?} {}", reading.to_json());
    assert!(!shown.contains("canary") && !shown.contains("ffff0000") && shown.contains(REDACTED) && shown.len() < 4000, "{shown}");
    assert_eq!(reading.errcode, Some(300_005));
    assert_eq!(BAN, Duration::from_secs(600));
}

#[test]
fn a_robot_that_wants_a_signature_is_misconfigured_without_a_secret() {
    let body = br#"{"errcode":310000,"errmsg":"invalid timestamp"}"#;
    let answer = Answer { status: 200, headers: &[], body, now: Timestamp::UNIX_EPOCH };
    for (secret, expected) in [(None, "config"), (Some("SECx"), "retry")] {
        let account = Account::new("a", "token", secret, [""; 0], &crate::dingtalk::AllowedHosts::default()).unwrap();
        assert_eq!(word(&account.read(&answer).verdict), expected);
    }
}

proptest::proptest! {
    /// Only an answer that says so is a delivery.
    #[test]
    fn nothing_but_errcode_0_is_a_delivery(status in 0_u16..700, body in proptest::collection::vec(proptest::num::u8::ANY, 0..60), retry_after in "\\PC{0,12}") {
        let reading = read(status, &[("retry-after", &retry_after), ("date", &retry_after)], &body);
        proptest::prop_assert!(!reading.verdict.is_delivered());
    }
}
