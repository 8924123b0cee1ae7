//! The simulator through its listener.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use watchbell_json::{Json, json};
use watchbell_robot_sim::{Fault, Robot, RobotSim, Settings, serve};
use watchbell_time::{ManualClock, Timestamp};

const TOKEN: &str = "canary0123456789";
const TEXT: &str = r#"{"msgtype":"text","text":{"content":"an error, 请处理"}}"#;

struct Bench {
    clock: ManualClock,
    sim: RobotSim,
    address: SocketAddr,
}

async fn bench(robots: Vec<Robot>) -> Bench {
    let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
    let sim = RobotSim::new(Arc::new(clock.clone()), Settings { robots });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, sim.clone(), std::future::pending()));
    Bench { clock, sim, address }
}

fn unsigned() -> Robot {
    Robot::dingtalk("ops", TOKEN).with_keywords(["error"])
}

impl Bench {
    /// The whole answer as text, empty when the connection ended without one.
    async fn raw(&self, method: &str, target: &str, content_type: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nAuthorization: Basic c2VjcmV0\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ignored_reset = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn json(&self, method: &str, target: &str, body: &str) -> (u16, Json) {
        let answer = self.raw(method, target, "application/json", body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {target}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), Json::parse(body.as_bytes()).unwrap())
    }

    async fn send(&self, token: &str, body: &str) -> i64 {
        let (status, answer) = self.json("POST", &format!("/robot/send?access_token={token}"), body).await;
        assert_eq!(status, 200);
        answer.get("errcode").and_then(Json::as_i64).unwrap()
    }
}

#[tokio::test]
async fn twenty_a_minute_then_ten_minutes_of_silence() {
    let bench = bench(vec![unsigned()]).await;
    for _ in 0..20 {
        assert_eq!(bench.send(TOKEN, TEXT).await, 0);
    }
    assert_eq!(bench.send(TOKEN, TEXT).await, 660_026);
    bench.clock.advance(Duration::from_secs(599));
    assert_eq!(bench.send(TOKEN, TEXT).await, 660_026);
    let stats = bench.sim.stats();
    assert_eq!((stats.at(&["ops", "limited_for_ms"]), stats.at(&["ops", "bans"])), (Some(&Json::Int(1000)), Some(&Json::Int(1))));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.send(TOKEN, TEXT).await, 0);
    assert_eq!(bench.sim.messages().len(), 21);
}

#[tokio::test]
async fn unknown_tokens_are_limited_before_they_are_looked_up() {
    let bench = bench(vec![unsigned()]).await;
    for _ in 0..20 {
        assert_eq!(bench.send("test", TEXT).await, 300_005);
    }
    assert_eq!(bench.send("test", TEXT).await, 660_026);
    assert_eq!(bench.send("other", TEXT).await, 300_005);
    assert_eq!(bench.send(TOKEN, TEXT).await, 0);
}

#[tokio::test]
async fn a_repeat_with_the_same_uuid_is_shown_once() {
    let bench = bench(vec![unsigned()]).await;
    let body = r#"{"msgtype":"text","text":{"content":"error"},"msgUuid":"u1"}"#;
    assert_eq!((bench.send(TOKEN, body).await, bench.send(TOKEN, body).await), (0, 0));
    assert_eq!(bench.sim.messages().len(), 1);
    bench.clock.advance(Duration::from_secs(601));
    assert_eq!(bench.send(TOKEN, body).await, 0);
    assert_eq!(bench.sim.messages().len(), 2);
}

#[tokio::test]
async fn faults_lose_answers_or_messages_as_they_say() {
    let bench = bench(vec![unsigned()]).await;
    let target = format!("/robot/send?access_token={TOKEN}");
    for (fault, stored, starts, ends) in [
        (json!({"effect": "reset_before_read"}), 0, "", ""),
        (json!({"effect": "reset_after_read"}), 1, "", ""),
        (json!({"effect": "status", "status": 502}), 0, "HTTP/1.1 502", "</html>"),
        (json!({"effect": "body", "kind": "html"}), 0, "HTTP/1.1 200", "</html>"),
        (json!({"effect": "body", "kind": "empty"}), 0, "HTTP/1.1 200", "\r\n\r\n"),
        (json!({"effect": "body", "kind": "edge"}), 0, "HTTP/1.1 200", "\"}"),
        (json!({"effect": "body", "kind": "unknown_errcode"}), 0, "HTTP/1.1 200", "}"),
        (json!({"effect": "body", "kind": "truncated"}), 1, "HTTP/1.1 200", "{\"errcode\":0,"),
        (json!({"effect": "body", "kind": "errcode_as_string"}), 1, "HTTP/1.1 200", r#"{"errcode":"0","errmsg":"ok"}"#),
        (json!({"effect": "duplicate_store"}), 1, "HTTP/1.1 200", r#"{"errcode":0,"errmsg":"ok"}"#),
    ] {
        let before = bench.sim.messages().len();
        bench.sim.inject(Fault::parse(&fault).unwrap().times(1));
        let answer = bench.raw("POST", &target, "application/json", TEXT).await;
        assert!(answer.starts_with(starts) && answer.ends_with(ends) && (starts.is_empty() == answer.is_empty()), "{fault}: {answer}");
        assert_eq!(bench.sim.messages().len() - before, stored, "{fault}");
    }
    assert_eq!(bench.sim.messages().last().unwrap().copies, 2);
    assert_eq!(bench.send(TOKEN, TEXT).await, 0, "spent faults hit no more");
}

#[tokio::test]
async fn a_hanging_robot_never_answers_and_a_slow_one_late() {
    let bench = bench(vec![unsigned()]).await;
    bench.sim.inject(Fault::parse(&json!({"effect": "hang", "count": 1})).unwrap());
    bench.sim.inject(Fault::parse(&json!({"effect": "delay", "ms": 5000, "match": {"nth": 2}})).unwrap());
    let hanging = bench.send(TOKEN, TEXT);
    tokio::select! {
        _ = hanging => panic!("it answered"),
        met = async { while bench.sim.requests().is_empty() { tokio::task::yield_now().await; } } => met,
    }
    let slow = bench.send(TOKEN, TEXT);
    let time = async {
        while bench.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        bench.clock.advance(Duration::from_secs(5));
    };
    assert_eq!(tokio::join!(slow, time).0, 0);
}

#[tokio::test]
async fn other_services_and_methods_are_not_found() {
    let bench = bench(vec![unsigned()]).await;
    for (method, path) in [("GET", "/robot/send"), ("POST", "/cgi-bin/webhook/send"), ("POST", "/open-apis/bot/v2/hook/x"), ("POST", "/")] {
        let (status, answer) = bench.json(method, path, "{}").await;
        assert_eq!((status, answer.get("errcode"), answer.get("errmsg")), (200, Some(&Json::Int(404)), Some(&Json::from("请求的URI地址不存在"))));
    }
    assert_eq!(bench.json("POST", "/_sim/nothing", "").await.0, 404);
    let from_page = bench.raw("POST", "/_sim/reset", "text/plain\r\nOrigin: https://evil.example", "").await;
    assert!(from_page.starts_with("HTTP/1.1 403"), "{from_page}");
    assert!(bench.sim.messages().is_empty());
}

#[tokio::test]
async fn the_control_interface_sets_up_and_shows_without_credentials() {
    let bench = bench(Vec::new()).await;
    let robot = json!({"token": TOKEN, "secret": "SECcanary", "keywords": ["error"], "group": "g", "switches": {"lenient_content_type": true}});
    assert_eq!(bench.json("PUT", "/_sim/robots/ops", &robot.to_string()).await.0, 200);
    assert_eq!(bench.json("PUT", "/_sim/robots/bad", "{\"tokn\":1}").await.0, 400);
    assert_eq!(bench.send(TOKEN, TEXT).await, 310_000, "not signed");
    assert_eq!(bench.json("PUT", "/_sim/robots/ops", &json!({"token": TOKEN}).to_string()).await.0, 200);
    assert_eq!(bench.send(TOKEN, TEXT).await, 0);
    assert_eq!(bench.json("POST", "/_sim/robots/ops/state", r#"{"state":"disabled"}"#).await.0, 200);
    assert_eq!(bench.send(TOKEN, TEXT).await, 400_102);
    assert_eq!(bench.json("POST", "/_sim/robots/ops/state", r#"{"state":"active","quota":{"month":1,"used":1}}"#).await.0, 200);
    assert_eq!(bench.send(TOKEN, TEXT).await, 90_030);
    assert_eq!(bench.json("POST", "/_sim/robots/ops/state", r#"{"quota":{},"ban_s":60}"#).await.0, 200);
    assert_eq!(bench.send(TOKEN, TEXT).await, 660_026);
    assert_eq!(bench.json("POST", "/_sim/clock", r#"{"advance_ms":60000}"#).await, (200, json!({"now_ms": 1_700_000_060_000_i64})));
    assert_eq!(bench.send(TOKEN, TEXT).await, 0);

    let (_, messages) = bench.json("GET", "/_sim/messages?robot=ops", "").await;
    assert_eq!(messages.as_list().unwrap().len(), 2);
    assert_eq!(messages.as_list().unwrap()[0].get("text"), Some(&Json::from("an error, 请处理")));
    let (_, requests) = bench.json("GET", "/_sim/requests?robot=ops&since=1", "").await;
    assert_eq!(requests.as_list().unwrap().len(), 5);
    assert_eq!(requests.as_list().unwrap()[4].get("gap_ms"), Some(&Json::Int(60_000)));
    let (_, stats) = bench.json("GET", "/_sim/stats", "").await;
    assert_eq!((stats.at(&["ops", "accepted"]), stats.at(&["ops", "duplicate_bodies"])), (Some(&Json::Int(2)), Some(&Json::Int(1))));
    assert_eq!(stats.at(&["ops", "refused_by_code", "90030"]), Some(&Json::Int(1)));
    let (_, leaks) = bench.json("GET", "/_sim/leaks?needles=authorization,nowhere", "").await;
    assert_eq!(leaks.as_list().unwrap().len(), 6, "this test's client sends the header every time");
    assert_eq!(bench.json("POST", "/_sim/expect", r#"{"robot":"ops","contains":["请处理"],"count":2}"#).await.0, 200);

    for target in ["/_sim/robots", "/_sim/robots/ops", "/_sim/messages", "/_sim/requests", "/_sim/chat", "/_sim/stats", "/_sim/snapshot", "/", "/chat/ops"] {
        let answer = bench.raw("GET", target, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("canary"), "{target}: {answer}");
    }
    assert_eq!(bench.json("POST", "/_sim/reset", "").await.0, 200);
    assert!(bench.sim.requests().is_empty());
    assert_eq!(bench.json("DELETE", "/_sim/robots/ops", "").await.0, 200);
    assert_eq!(bench.json("GET", "/_sim/robots/ops", "").await.0, 404);
}

#[tokio::test]
async fn expect_waits_for_the_message_and_gives_up_by_the_clock() {
    let bench = bench(vec![unsigned()]).await;
    let (met, errcode) = tokio::join!(bench.json("POST", "/_sim/expect", r#"{"contains":"请处理","within_ms":60000}"#), bench.send(TOKEN, TEXT));
    assert_eq!((met.0, errcode), (200, 0));
    let time = async {
        while bench.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        bench.clock.advance(Duration::from_secs(60));
    };
    let (unmet, ()) = tokio::join!(bench.json("POST", "/_sim/expect", r#"{"contains":"never","within_ms":60000}"#), time);
    assert_eq!(unmet.0, 408);
}

#[tokio::test]
async fn the_page_is_told_what_arrives_and_only_its_own_script_runs() {
    let bench = bench(vec![unsigned()]).await;
    let page = bench.raw("GET", "/chat/ops", "", "").await;
    assert!(page.contains("content-security-policy: default-src 'none'; script-src 'sha256-"), "{page}");
    bench.send(TOKEN, TEXT).await;

    let mut stream = TcpStream::connect(bench.address).await.unwrap();
    stream.write_all(b"GET /_sim/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    read_until(&mut stream, &mut seen, "id: 1\nevent: entry").await;
    assert!(seen.contains("text/event-stream") && seen.contains("event: status"));
    bench.send(TOKEN, r#"{"msgtype":"text","text":{"content":"no keyword\n\n</script>"}}"#).await;
    read_until(&mut stream, &mut seen, "id: 2\nevent: entry").await;
    read_until(&mut stream, &mut seen, "\"errcode\":310000").await;
    read_until(&mut stream, &mut seen, r#"no keyword\n\n</script>"#).await;

    let mut again = TcpStream::connect(bench.address).await.unwrap();
    again.write_all(b"GET /_sim/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    read_until(&mut again, &mut seen, "id: 2\n").await;
    assert!(!seen.contains("id: 1\n"));
}

async fn read_until(stream: &mut TcpStream, seen: &mut String, text: &str) {
    let mut chunk = [0; 4096];
    while !seen.contains(text) {
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the stream ended before [{text}]: {seen}");
        seen.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
}
