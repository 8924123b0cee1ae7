//! The acceptance scenarios of the relay (spec robots §9.8), as far as they need no queue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;

use std::time::Duration;

use bench::{CANARY, SECRET, Setup, TOKEN, WATCHER_HEADERS, capture_log, log};
use watchbell_json::{Json, json};
use watchbell_relay::RelaySettings;
use watchbell_robot_sim::{Dialect, Fate, Fault, Robot, State};

/// The body of the guide's watch.
const GUIDE: &str = r#"{"msgtype": "text", "text": { "content": "An error log has appeared. Please handle it as soon as possible."}}"#;
const CHINESE: &str = r#"{"msgtype": "text", "text": { "content": "error：磁盘空间不足，请尽快处理。🔔"}}"#;

#[tokio::test]
async fn r01_the_guides_watch_passes_unchanged() {
    let bench = Setup { robot: Robot::dingtalk("ops", TOKEN).with_keywords(["error"]), keywords: &["error"], ..Setup::default() }.start().await;
    for (body, text) in [(GUIDE, "An error log has appeared. Please handle it as soon as possible."), (CHINESE, "error：磁盘空间不足，请尽快处理。🔔")]
    {
        let told = bench.post("/", body).await;
        assert_eq!((told.status, told.errcode(), told.errmsg(), told.state()), (200, 0, "ok", "delivered"));
        assert_eq!(bench.sim.messages().last().unwrap().text.as_deref(), Some(text));
    }
    assert_eq!(bench.post("/", &format!("\u{feff}{GUIDE}")).await.status, 200, "a byte order mark is no part of the message");
    let messages = bench.sim.messages();
    assert_eq!(messages.len(), 3);
    for message in messages {
        let headers = &message.request.headers;
        assert_eq!(message.request.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(headers.iter().all(|(name, _)| ["host", "content-type", "content-length", "connection"].contains(&name.as_str())), "{headers:?}");
    }
}

#[tokio::test]
async fn r02_r03_every_attempt_is_signed_afresh() {
    for now_millis in [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003] {
        let secret = format!("SECwatchbell{}", "0".repeat(52)).leak();
        let bench = Setup { robot: Robot::dingtalk("ops", TOKEN).with_secret(&*secret), secret: Some(secret), now_millis, ..Setup::default() }.start().await;
        assert_eq!(bench.post("/", GUIDE).await.status, 200);
        bench.clock.advance(Duration::from_secs(61 * 60));
        assert_eq!(bench.post("/", GUIDE).await.status, 200);
        let stamps: Vec<String> = bench.sim.requests().into_iter().filter_map(|request| request.timestamp).collect();
        assert_eq!(stamps, [now_millis.to_string(), (now_millis + 3_660_000).to_string()]);
    }
}

#[tokio::test]
async fn r05_a_missing_keyword_is_put_in_front() {
    let bench = Setup { robot: Robot::dingtalk("ops", TOKEN).with_keywords(["告警"]), keywords: &["告警"], ..Setup::default() }.start().await;
    assert_eq!(bench.post("/", GUIDE).await.status, 200);
    assert_eq!(bench.post("/", r##"{"msgtype":"markdown","markdown":{"title":"t","text":"# head"},"at":{"atMobiles":["138"]}}"##).await.status, 200);
    let messages = bench.sim.messages();
    assert!(messages[0].text.as_ref().unwrap().starts_with("【告警】An error log"));
    assert_eq!(messages[1].text.as_deref(), Some("【告警】\n\n# head\n\n@138"));
    assert_eq!(messages[1].mentions.len(), 1, "the mention takes effect");
    assert!(bench.sim.requests().iter().all(watchbell_robot_sim::RequestRecord::is_accepted));
}

#[tokio::test]
async fn r07_what_the_robot_refuses_is_no_success() {
    let refused = |fault: Json| async move {
        let bench = Setup::default().start().await;
        bench.sim.inject(Fault::parse(&fault).unwrap());
        bench.post("/", GUIDE).await
    };
    for (fault, status, errcode, retry_after) in [
        (json!({"effect": "status", "status": 500}), 503, -1, Some(10)),
        (json!({"effect": "status", "status": 429, "retry_after": 7}), 503, -1, Some(7)),
        (json!({"effect": "status", "status": 301}), 502, -1, None),
        (json!({"effect": "body", "kind": "html"}), 503, -1, Some(10)),
        (json!({"effect": "body", "kind": "empty"}), 503, -1, Some(10)),
        (json!({"effect": "body", "kind": "truncated"}), 503, -1, Some(10)),
        (json!({"effect": "body", "kind": "edge"}), 503, -1, Some(300)),
        (json!({"effect": "body", "kind": "unknown_errcode"}), 502, 987_654, None),
        (json!({"effect": "reset_before_read"}), 503, -1, Some(10)),
        (json!({"effect": "reset_after_read"}), 503, -1, Some(10)),
    ] {
        let told = refused(fault.clone()).await;
        assert_eq!((told.status, told.errcode(), told.retry_after()), (status, errcode, retry_after), "{fault}: {}", told.body);
    }
}

#[tokio::test]
async fn r07_the_robots_own_words_in_every_dialect() {
    for dialect in [Dialect::Year2019, Dialect::Year2020, Dialect::FormA, Dialect::FormB] {
        let with = |change: fn(&mut Robot)| {
            let mut robot = Robot::dingtalk("ops", TOKEN);
            robot.dialect = dialect;
            change(&mut robot);
            robot
        };
        for (robot, secret, status, errcode) in [
            (with(|robot| robot.keywords = vec!["告警".into()]), None, 422, 310_000),
            (with(|robot| robot.secret = Some(watchbell_robots::Secret::new(SECRET))), None, 502, 310_000),
            (with(|robot| robot.secret = Some(watchbell_robots::Secret::new(SECRET))), Some("SECwrong-c4n4ry"), 502, 310_000),
            (with(|robot| robot.allow = vec!["10.0.0.0/8".parse().unwrap()]), None, 502, 310_000),
            (with(|robot| robot.state = State::Disabled), None, 502, 400_102),
            (with(|robot| robot.state = State::Dissolved), None, 502, 400_013),
            (with(|robot| robot.token = watchbell_robots::Secret::new("another")), None, 502, 300_005),
            (with(|robot| robot.bad_words = vec![watchbell_robot_sim::BadWord { contains: "error".into(), errcode: 430_102 }]), None, 422, 430_102),
        ] {
            let bench = Setup { robot, secret, ..Setup::default() }.start().await;
            let told = bench.post("/", GUIDE).await;
            assert_eq!((told.status, told.errcode()), (status, errcode), "{dialect:?} {}", told.body);
            assert!(!told.errmsg().is_empty() && bench.sim.messages().is_empty());
            let Fate::Refused { errmsg, errcode } = &bench.sim.requests()[0].fate else { panic!("it was refused") };
            assert_eq!((told.errmsg(), told.errcode()), (errmsg.as_str(), *errcode), "the robot's own words");
            assert!(told.body.at(&["watchbell", "hint"]).is_some(), "and what to do: {}", told.body);
        }
    }
}

#[tokio::test]
async fn r08_a_burst_stays_below_the_ban() {
    let bench = Setup::default().start().await;
    let mut answered = Vec::new();
    for number in 0..30 {
        answered.push(bench.post("/", &format!(r#"{{"msgtype":"text","text":{{"content":"alert {number}"}}}}"#)).await);
        bench.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(answered.iter().filter(|told| told.status == 200).count(), 18);
    let waiting = answered.iter().filter(|told| told.status == 503 && told.errcode() == -1 && told.retry_after().is_some_and(|seconds| seconds <= 61));
    assert_eq!(waiting.count(), 12);
    assert_eq!((bench.sim.requests().len(), bench.sim.messages().len()), (18, 18), "what was answered 503 was not sent");
    bench.clock.advance(Duration::from_secs(61));
    assert_eq!(bench.post("/", GUIDE).await.status, 200);
    assert_eq!(bench.sim.stats().at(&["ops", "bans"]), Some(&Json::Int(0)));
}

#[tokio::test]
async fn a_ban_is_waited_out_without_another_attempt() {
    for (ban_by, wait) in [("130101", 600), ("410100", 600), ("x5", 600), ("660026", 60)] {
        let robot = json!({"token": TOKEN, "limit": {"n": 1, "ban_s": wait, "style": ban_by}});
        let bench = Setup { robot: Robot::parse("ops", &robot).unwrap(), ..Setup::default() }.start().await;
        assert_eq!(bench.post("/", GUIDE).await.status, 200);
        let told = bench.post("/", GUIDE).await;
        assert_eq!((told.status, told.errcode(), told.retry_after()), (503, -1, Some(wait)), "{ban_by}");
        let robot_errcode = told.body.at(&["watchbell", "robot_errcode"]).and_then(Json::as_i64);
        assert_eq!(robot_errcode, Some(ban_by.parse().unwrap_or(130_101)));
        bench.clock.advance(Duration::from_secs(wait - 1));
        let told = bench.post("/", GUIDE).await;
        assert_eq!((told.status, told.state(), told.retry_after()), (503, "not_sent", Some(1)));
        assert_eq!(bench.sim.requests().len(), 2);
        bench.clock.advance(Duration::from_secs(61));
        assert_eq!(bench.post("/", GUIDE).await.status, 200);
    }
}

#[tokio::test]
async fn r10_a_repeat_of_watchbells_own_delivery_is_shown_once() {
    let bench = Setup::default().start().await;
    bench.sim.inject(Fault::parse(&json!({"effect": "reset_after_read", "count": 1})).unwrap());
    let headers = format!("{WATCHER_HEADERS}X-Watchbell-Delivery: ab12/notify/0\r\n");
    let told = bench.request("POST", "/", &headers, GUIDE.as_bytes()).await;
    assert_eq!((told.status, told.errcode(), told.state()), (503, -1, "unconfirmed"));
    assert_eq!(bench.request("POST", "/", &headers, GUIDE.as_bytes()).await.status, 200);
    assert_eq!(bench.sim.messages().len(), 1);
    assert_eq!(bench.request("POST", "/", &headers, CHINESE.as_bytes()).await.status, 200);
    assert_eq!(bench.sim.messages().len(), 2, "another message under the same key is another message");
    assert_eq!((bench.post("/", GUIDE).await.status, bench.post("/", GUIDE).await.status), (200, 200));
    assert_eq!(bench.sim.messages().len(), 4, "without a key every request is a message");
}

#[tokio::test]
async fn r12_a_robot_that_hangs_is_given_up_in_time() {
    let bench = Setup::default().start().await;
    bench.sim.inject(Fault::parse(&json!({"effect": "hang"})).unwrap());
    let time = async {
        while bench.sim.requests().is_empty() || bench.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        bench.clock.advance(Duration::from_secs(5));
    };
    let (told, ()) = tokio::join!(bench.post("/", GUIDE), time);
    assert_eq!((told.status, told.state()), (503, "unconfirmed"));
}

#[tokio::test]
async fn r14_a_long_chinese_alert_arrives_cut() {
    let bench = Setup::default().start().await;
    let text = "磁盘空间不足，请尽快处理。".repeat(700);
    assert_eq!(bench.post("/", &json!({"msgtype": "text", "text": {"content": text}}).to_string()).await.status, 200);
    let message = &bench.sim.messages()[0];
    assert!(message.request.body.len() <= 19_500 && message.text.as_ref().unwrap().ends_with("字节）"));
}

#[tokio::test]
async fn r17_aliases_of_one_robot_share_its_budget() {
    let bench = Setup::default().start().await;
    for _ in 0..9 {
        assert_eq!(bench.post("/robot/ops", GUIDE).await.status, 200);
        assert_eq!(bench.post("/twin", GUIDE).await.status, 200);
    }
    assert_eq!((bench.post("/ops", GUIDE).await.status, bench.post("/robot/twin", GUIDE).await.status), (503, 503));
    assert_eq!(bench.sim.requests().len(), 18);
}

#[tokio::test]
async fn r18_no_credential_is_seen_anywhere() {
    capture_log();
    let bench = Setup { robot: Robot::dingtalk("ops", "other"), secret: Some(SECRET), ..Setup::default() }.start().await;
    // the token is unknown to this robot; the other answers come through faults
    assert_eq!(bench.post(&format!("/?access_token={TOKEN}"), GUIDE).await.status, 502);
    for fault in [json!({"effect": "reset_after_read"}), json!({"effect": "status", "status": 500}), json!({"effect": "body", "kind": "edge"})] {
        bench.sim.clear_faults();
        bench.sim.inject(Fault::parse(&fault).unwrap());
        assert_eq!(bench.post("/", GUIDE).await.status, 503);
    }
    assert_eq!(bench.post("/", "not json").await.status, 400);
    let good = Setup { robot: Robot::dingtalk("ops", TOKEN), secret: Some(SECRET), ..Setup::default() }.start().await;
    assert_eq!(good.post("/", GUIDE).await.status, 200);
    let shown = format!("{:?} {:?} {:?}", bench.relay, bench.sim, good.relay);
    assert!(!shown.contains(CANARY), "{shown}");
    let log = log();
    assert!(log.contains("delivered") && log.contains("not delivered") && log.contains("the query of a request was ignored"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}

#[tokio::test]
async fn r19_bad_requests_get_their_status_and_json() {
    let bench = Setup::default().start().await;
    let big = "x".repeat(2 << 20);
    for (method, path, body, status, errcode, says) in [
        ("GET", "/", "", 405, 404, "GET"),
        ("PUT", "/robot/ops", GUIDE, 405, 404, "PUT"),
        ("POST", "/nobody", GUIDE, 404, 300_005, "no such robot alias"),
        ("POST", "/robot/nobody", GUIDE, 404, 300_005, "no such robot alias"),
        ("POST", "/robot/send?access_token=x", GUIDE, 404, 300_005, "no such robot alias"),
        ("POST", "//", GUIDE, 404, 300_005, "no such robot alias"),
        ("GET", "/nothing", "", 404, 300_005, "no such robot alias"),
        ("POST", "/", &big, 413, 460_101, "message too long"),
        ("POST", "/", "", 400, 40_035, "not JSON"),
        ("POST", "/", "{\n  \"msgtype\": }", 400, 40_035, "line 2, column"),
        ("POST", "/", "{} {}", 400, 40_035, "not JSON"),
        ("POST", "/", "[1]", 422, 40_035, "not a JSON object"),
        ("POST", "/", r#"{"msgtype":"image"}"#, 422, 400_105, "image"),
        ("POST", "/", r#"{"text":{"content":"x"}}"#, 422, 400_105, "msgtype"),
        ("POST", "/", r#"{"msgtype":"markdown","markdown":{"title":"t"}}"#, 422, 400_403, "markdown->text"),
    ] {
        let told = bench.request(method, path, WATCHER_HEADERS, body.as_bytes()).await;
        assert_eq!((told.status, told.errcode()), (status, errcode), "{method} {path} {}", told.body);
        assert!(told.errmsg().contains(says), "{}", told.body);
    }
    let told = bench.request("POST", "/", "", b"{\"msgtype\":\"text\",\"text\":{\"content\":\"\xe7\xa3\"}}").await;
    assert_eq!((told.status, told.errcode(), told.errmsg()), (400, 40_035, "the body is not UTF-8: byte 37"));
    let chunk = format!("{:x}\r\n{big}\r\n0\r\n\r\n", big.len());
    let told = bench.raw(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.as_bytes()).await;
    assert_eq!((told.status, told.errcode()), (413, 460_101));
    let told = bench.request("POST", "/", "Origin: https://evil.example\r\nContent-Type: text/plain\r\n", GUIDE.as_bytes()).await;
    assert_eq!((told.status, told.errcode()), (403, 310_000));
    assert!(bench.sim.requests().is_empty(), "nothing of this reached the robot");
    assert_eq!(bench.request("GET", "/healthz", "", b"").await.status, 200);
    assert_eq!(bench.post("/", GUIDE).await.status, 200, "and the relay lives");
}

#[tokio::test]
async fn r19_who_is_not_listed_may_not_call() {
    let settings = RelaySettings { allow: vec!["10.0.0.0/8".parse().unwrap()], ..RelaySettings::default() };
    let bench = Setup { settings, ..Setup::default() }.start().await;
    for (method, path) in [("POST", "/"), ("POST", "/nobody"), ("GET", "/")] {
        let told = bench.request(method, path, "X-Forwarded-For: 10.0.0.1\r\n", GUIDE.as_bytes()).await;
        assert_eq!((told.status, told.errcode(), told.errmsg()), (403, 310_000, "ip 127.0.0.1 not in whitelist"));
    }
    let told = bench.request("GET", "/readyz", "", b"").await;
    assert_eq!((told.status, told.body), (200, json!({"status": "ok"})), "which robots there are is not for everybody");
    assert!(bench.sim.requests().is_empty());
}

#[tokio::test]
async fn a_robot_that_is_limited_again_is_left_alone_for_longer() {
    let mut robot = Robot::dingtalk("ops", TOKEN);
    robot.limit.requests = 1;
    let bench = Setup { robot, ..Setup::default() }.start().await;
    assert_eq!(bench.post("/", GUIDE).await.status, 200);
    let told = bench.post("/", GUIDE).await;
    assert_eq!((told.status, told.retry_after()), (503, Some(60)), "{}", told.body);
    bench.clock.advance(Duration::from_secs(60));
    let told = bench.post("/", GUIDE).await;
    assert_eq!((told.status, told.retry_after()), (503, Some(600)), "{}", told.body);
    bench.clock.advance(Duration::from_secs(599));
    assert_eq!(bench.post("/", GUIDE).await.retry_after(), Some(1));
    assert_eq!(bench.sim.requests().len(), 3, "nobody asked in between");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.post("/", GUIDE).await.status, 200);
}

#[tokio::test]
async fn who_watches_the_relay_sees_which_robots_are_limited_or_broken() {
    let bench = Setup::default().start().await;
    let ready = async || bench.request("GET", "/readyz", "", b"").await;
    let both = |state: Json| json!({"status": "ok"}).with("robots", Json::object().with("ops", state.clone()).with("twin", state));
    assert_eq!(ready().await.body, both(json!({"state": "well"})));
    bench.sim.edit("ops", |robot| robot.state = State::Disabled);
    assert_eq!(bench.post("/", GUIDE).await.status, 502);
    let told = ready().await;
    assert_eq!((told.status, told.body), (200, both(json!({"state": "broken", "errcode": 400_102}))), "one revoked robot must not stop the others");
    bench.sim.edit("ops", |robot| robot.state = State::Active);
    assert_eq!(bench.post("/", GUIDE).await.status, 200);
    assert_eq!(ready().await.body, both(json!({"state": "well"})));
    bench.sim.inject(Fault::parse(&json!({"effect": "status", "status": 429, "retry_after": 7})).unwrap());
    assert_eq!(bench.post("/", GUIDE).await.status, 503);
    assert_eq!(ready().await.body, both(json!({"state": "limited", "seconds_left": 7})));
    bench.clock.advance(Duration::from_secs(7));
    assert_eq!(ready().await.body, both(json!({"state": "well"})));
}

#[tokio::test]
async fn r22_a_code_as_a_string_is_a_code() {
    let mut robot = Robot::dingtalk("ops", TOKEN);
    robot.switches.errcode_as_string = true;
    let bench = Setup { robot, ..Setup::default() }.start().await;
    let told = bench.post("/", GUIDE).await;
    assert_eq!((told.status, told.errcode()), (200, 0));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_in_vain() {
    let bench = Setup::default().start().await;
    let time = async {
        while bench.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        bench.clock.advance(Duration::from_secs(10));
    };
    let (told, ()) = tokio::join!(bench.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", b"{\"msg"), time);
    assert_eq!((told.status, told.errcode()), (408, -1));
    assert!(bench.sim.requests().is_empty());
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let bench = Setup::default().start().await;
    let one = |close: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{close}\r\n{GUIDE}", GUIDE.len());
    let both = one("") + &one("Connection: close\r\n");
    let mut stream = tokio::net::TcpStream::connect(bench.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, both.as_bytes()).await.unwrap();
    let mut answers = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(bench.sim.messages().len(), 2);
}

#[tokio::test]
async fn what_is_in_flight_at_the_end_is_answered() {
    let bench = Setup::default().start().await;
    bench.sim.inject(Fault::parse(&json!({"effect": "delay", "ms": 1000})).unwrap());
    let (clock, sim, address) = (bench.clock.clone(), bench.sim.clone(), bench.address);
    let stop = async {
        while sim.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        bench.stop.send(()).unwrap();
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    };
    let post = bench::post_to(address, GUIDE);
    let (told, ()) = tokio::join!(post, stop);
    assert_eq!(told.status, 200);
    bench.server.await.unwrap();
}
