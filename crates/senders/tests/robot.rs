//! Robots against a local server in their place (spec robots §1, §5.1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod receiver;

use std::collections::BTreeMap;
use std::time::Duration;

use receiver::{Answer, Bench, CANARY, Receiver, answer, bench, nobody, shown};
use watchbell_json::{Json, json};
use watchbell_outbox::{Message, Outcome, RobotMessage, outcome::Repair};
use watchbell_robots::Secret;
use watchbell_robots::dingtalk::{Account, AllowedHosts, sign::verify};
use watchbell_senders::{HttpSettings, RobotSettings};
use watchbell_watch::http_request::HttpRequest;

const SECRET: &str = "SECcanary7d1f00aa0000000000000000000000000000000000000000000000000000";

fn with_robot(host: &str) -> Bench {
    let webhook = format!("http://{host}/robot/send?access_token={CANARY}");
    let account = Account::new("ops", &webhook, Some(SECRET), [""; 0], &AllowedHosts::new([host])).unwrap();
    bench(HttpSettings::default(), RobotSettings { accounts: vec![account], allow_hosts: vec![host.to_owned()], judge_webhooks_by_status: false })
}

fn message(body: Json) -> Message {
    Message::Robot(RobotMessage { account: "dingtalk/ops".into(), body })
}

fn text() -> Json {
    json!({"msgtype": "text", "text": {"content": "磁盘告警 \"x\""}})
}

/// Query of a request line.
fn query(uri: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://a{uri}")).unwrap();
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn every_attempt_is_signed_anew_and_carries_the_same_bytes() {
    let ok = || answer(200, &[("content-type", "application/json")], r#"{"errcode":0,"errmsg":"ok"}"#);
    let receiver = Receiver::start(vec![ok(), ok(), ok()]).await;
    let bench = with_robot(&receiver.address.to_string());
    for _ in 0..3 {
        let attempt = bench.deliver(message(text())).await;
        assert_eq!(attempt.outcome, Outcome::Delivered);
        assert_eq!(attempt.response.as_ref().unwrap().to_string(), r#"{"status":200,"errcode":0,"errmsg":"ok"}"#);
        assert!(!shown(&attempt).contains(CANARY));
        bench.clock.advance(Duration::from_secs(61 * 60));
    }
    let seen = receiver.seen();
    for (attempt, request) in seen.iter().enumerate() {
        let query = query(&request.uri);
        let timestamp = query["timestamp"].parse::<i64>().unwrap();
        assert_eq!(timestamp, 1_700_000_000_000 + i64::try_from(attempt).unwrap() * 61 * 60 * 1000);
        assert!(verify(timestamp, &Secret::new(SECRET), &query["sign"]));
        assert_eq!(query["access_token"], CANARY);
        assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(request.header("x-watchbell-delivery"), None);
        assert_eq!(request.body, seen[0].body);
    }
    assert!(seen[0].body.contains("磁盘告警"), "no ASCII escapes: {}", seen[0].body);
    assert!(seen[0].body.contains("msgUuid"));
    assert!(seen[0].peer != seen[1].peer && seen[1].peer != seen[2].peer, "a kept connection may close under the message");
    assert!(!format!("{:?}", bench.senders).contains(CANARY));
}

#[tokio::test]
async fn the_answer_decides_and_not_the_status() {
    type Check = fn(&Outcome) -> bool;
    let cases: Vec<(Answer, Check)> = vec![
        (answer(200, &[], r#"{"errcode":"0","errmsg":"ok"}"#), |outcome| *outcome == Outcome::Delivered),
        (answer(200, &[], r#"{"errcode":310000,"errmsg":"keywords not in content"}"#), |outcome| {
            matches!(outcome, Outcome::Fixable { repair: Repair::AddKeyword, .. })
        }),
        (answer(200, &[], r#"{"errcode":300005,"errmsg":"token is not exist"}"#), |outcome| matches!(outcome, Outcome::Misconfigured { .. })),
        (
            answer(200, &[], r#"{"errcode":130101,"errmsg":"send too fast"}"#),
            |outcome| matches!(outcome, Outcome::Limited { wait, .. } if *wait == Duration::from_secs(600)),
        ),
        (answer(200, &[], r#"{"errcode":40035,"errmsg":"bad"}"#), |outcome| matches!(outcome, Outcome::Rejected { .. })),
        (answer(200, &[], r#"{"errcode":123456,"errmsg":"new"}"#), |outcome| matches!(outcome, Outcome::Unrecognised { .. })),
        (answer(200, &[], "<html>"), |outcome| matches!(outcome, Outcome::Retry { .. })),
        (answer(502, &[], ""), |outcome| matches!(outcome, Outcome::Retry { .. })),
        (answer(302, &[("location", "http://127.0.0.1:1/steal")], ""), |outcome| matches!(outcome, Outcome::Misconfigured { .. })),
        (Answer::Cut, |outcome| matches!(outcome, Outcome::Ambiguous { .. })),
    ];
    for (number, (given, check)) in cases.into_iter().enumerate() {
        let receiver = Receiver::start(vec![given]).await;
        let attempt = with_robot(&receiver.address.to_string()).deliver(message(text())).await;
        assert!(check(&attempt.outcome), "case {number}: {attempt:?}");
        assert!(!shown(&attempt).contains(CANARY), "case {number}");
        assert_eq!(receiver.seen().len(), 1, "case {number}: no redirect is followed");
    }
}

#[tokio::test]
async fn an_answer_that_quotes_the_token_does_not_show_it() {
    let quoting = format!(r#"{{"errcode":300005,"errmsg":"token {CANARY} is not exist, see access_token={CANARY}&sign=abc"}}"#);
    let receiver = Receiver::start(vec![answer(200, &[], quoting.clone()), answer(200, &[], quoting)]).await;
    let bench = with_robot(&receiver.address.to_string());
    let attempt = bench.deliver(message(text())).await;
    assert!(!shown(&attempt).contains(CANARY), "{attempt:?}");
    let params = [("access_token".to_owned(), CANARY.to_owned())].into();
    let webhook = HttpRequest { path: Some("/robot/send".into()), params, body: Some("{}".into()), ..receiver.request() };
    let attempt = bench.webhook(webhook).await;
    assert!(!shown(&attempt).contains(CANARY), "{attempt:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_apart() {
    let dead = nobody().await.to_string();
    let bench = with_robot(&dead);
    let refused = bench.deliver(message(text())).await;
    assert!(matches!(refused.outcome, Outcome::Retry { .. }));
    assert_eq!(refused.error.as_ref().unwrap().kind, "connect_exception");
    assert!(!shown(&refused).contains(CANARY));
    let unknown = bench.deliver(Message::Robot(RobotMessage { account: "dingtalk/none".into(), body: text() })).await;
    assert!(matches!(unknown.outcome, Outcome::Misconfigured { .. }));
    let invalid = bench.deliver(message(json!({"msgtype": "image"}))).await;
    assert!(matches!(invalid.outcome, Outcome::Rejected { .. }));
}

#[tokio::test]
async fn a_webhook_to_a_robot_is_judged_as_one() {
    let refusal = || answer(200, &[], r#"{"errcode":310000,"errmsg":"sign not match"}"#);
    let receiver = Receiver::start(vec![refusal(), refusal(), refusal()]).await;
    let host = receiver.address.to_string();
    let request = |path: &str| HttpRequest { path: Some(path.into()), body: Some("not json".into()), ..receiver.request() };
    let aware = with_robot(&host);
    let judged = aware.webhook(request("/robot/send")).await;
    assert!(matches!(judged.outcome, Outcome::Misconfigured { .. }), "{judged:?}");
    assert_eq!(judged.response.unwrap().get("status").unwrap().as_i64(), Some(200), "the record is a webhook's");
    assert_eq!(aware.webhook(request("/other")).await.outcome, Outcome::Delivered);
    let unaware = bench(HttpSettings::default(), RobotSettings { allow_hosts: vec![host], judge_webhooks_by_status: true, ..RobotSettings::default() });
    assert_eq!(unaware.webhook(request("/robot/send")).await.outcome, Outcome::Delivered);
    let types: Vec<Option<String>> = receiver.seen().iter().map(|seen| seen.header("content-type").map(ToOwned::to_owned)).collect();
    assert_eq!(
        types,
        ["application/json; charset=utf-8", "text/plain; charset=ISO-8859-1", "text/plain; charset=ISO-8859-1"].map(|text| Some(text.to_owned()))
    );
}
