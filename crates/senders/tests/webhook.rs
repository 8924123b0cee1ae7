//! Webhooks against a local server (spec watcher-parts §7.4, §9.3, §9.4).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod receiver;

use std::io::Write as _;
use std::time::Duration;

use receiver::{Answer, Bench, CANARY, Receiver, answer, bench, nobody, shown};
use watchbell_outbox::{Attempt, Outcome};
use watchbell_senders::{AllowList, HttpSettings, RobotSettings};
use watchbell_watch::http_request::{BasicAuth, HttpRequest, Method, Proxy, Secret};

fn plain() -> Bench {
    bench(HttpSettings::default(), RobotSettings::default())
}

fn get(receiver: &Receiver) -> HttpRequest {
    HttpRequest { method: Method::Get, ..receiver.request() }
}

fn error_kind(attempt: &Attempt) -> String {
    attempt.error.as_ref().map(|error| error.kind.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_request_arrives_as_written_and_its_answer_is_recorded() {
    let receiver = Receiver::start(vec![answer(201, &[("x.trace", "a"), ("x.trace", "b")], "done")]).await;
    let request = HttpRequest {
        path: Some("/alert//<x>".into()),
        params: [("q".to_owned(), "a b".to_owned())].into(),
        headers: vec![("X-One".into(), "错".into())],
        auth: Some(BasicAuth { username: "u".into(), password: Some(Secret::new(CANARY)) }),
        body: Some("{\"text\":\"错误\"}".into()),
        ..receiver.request()
    };
    let attempt = plain().webhook(request).await;
    assert_eq!(attempt.outcome, Outcome::Delivered);
    let record = attempt.response.clone().unwrap();
    assert_eq!(record.get("status").unwrap().as_i64(), Some(201));
    assert_eq!(record.at(&["headers", "x_trace"]).unwrap().to_string(), r#"["a","b"]"#);
    assert_eq!(record.get("body").unwrap().as_str(), Some("done"));
    let seen = receiver.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.uri.as_str(), seen.body.as_str()), ("POST", "/alert/%3Cx%3E?q=a+b", "{\"text\":\"错误\"}"));
    assert_eq!(seen.header("accept-charset"), Some("UTF-8"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("x-watchbell-delivery"), Some("e1/notify/0"));
    assert!(seen.header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    assert!(seen.header("user-agent").is_some_and(|value| value.starts_with("Watchbell/")));
    assert_eq!(seen.headers["x-one"].as_bytes(), "错".as_bytes());
    assert!(!shown(&attempt).contains(CANARY));
}

#[tokio::test]
async fn statuses_decide() {
    let receiver = Receiver::start([204, 302, 399, 400, 503].map(|status| answer(status, &[("location", "http://127.0.0.1:1/")], "")).into()).await;
    let bench = plain();
    for status in [204, 302, 399] {
        let attempt = bench.webhook(receiver.request()).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{status}: a POST is not redirected");
        assert_eq!(attempt.response.unwrap().get("status").unwrap().as_i64(), Some(status));
    }
    for status in [400, 503] {
        let attempt = bench.webhook(receiver.request()).await;
        assert_eq!(attempt.outcome, Outcome::Rejected { reason: format!("received [{status}] status code") });
        assert_eq!(attempt.error, None);
    }
}

#[tokio::test]
async fn reading_requests_are_redirected_and_303_makes_one() {
    let receiver = Receiver::start(vec![
        answer(302, &[("location", "/second?x=1")], ""),
        answer(200, &[], "two"),
        answer(303, &[("location", "/third")], ""),
        answer(200, &[], "three"),
    ])
    .await;
    let bench = plain();
    assert_eq!(bench.webhook(get(&receiver)).await.response.unwrap().get("body").unwrap().as_str(), Some("two"));
    let post = HttpRequest { body: Some("{}".into()), ..receiver.request() };
    assert_eq!(bench.webhook(post).await.response.unwrap().get("body").unwrap().as_str(), Some("three"));
    let lines: Vec<String> = receiver.seen().iter().map(|seen| format!("{} {} {}", seen.method, seen.uri, seen.body)).collect();
    assert_eq!(lines, ["GET / ", "GET /second?x=1 ", "POST / {}", "GET /third "]);
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let other = Receiver::start(vec![answer(200, &[], "")]).await;
    let location = format!("http://{}/", other.address);
    let receiver = Receiver::start(vec![answer(302, &[("location", "/same")], ""), answer(302, &[("location", location.as_str())], "")]).await;
    let auth = Some(BasicAuth { username: "u".into(), password: Some(Secret::new(CANARY)) });
    let request = HttpRequest { auth, headers: vec![("X-Plain".into(), "1".into())], ..get(&receiver) };
    assert_eq!(plain().webhook(request).await.outcome, Outcome::Delivered);
    assert!(receiver.seen()[1].header("authorization").is_some());
    assert_eq!(other.seen()[0].header("authorization"), None);
    assert_eq!(other.seen()[0].header("x-plain"), Some("1"));
}

#[tokio::test]
async fn circles_and_endless_chains_end() {
    let receiver = Receiver::start(vec![answer(302, &[("location", "/a")], ""), answer(302, &[("location", "/")], "")]).await;
    let attempt = plain().webhook(get(&receiver)).await;
    assert_eq!(attempt.error.unwrap().caused_by.unwrap().kind, "circular_redirect_exception");
    assert_eq!(receiver.seen().len(), 2);

    let chain = (0..60).map(|n| answer(302, &[("location", format!("/{n}").as_str())], "")).collect();
    let receiver = Receiver::start(chain).await;
    let attempt = plain().webhook(get(&receiver)).await;
    assert!(matches!(attempt.outcome, Outcome::Rejected { .. }));
    assert_eq!(attempt.error.unwrap().caused_by.unwrap().kind, "redirect_exception");
    assert_eq!(receiver.seen().len(), 51, "the request and fifty redirects");
}

#[tokio::test]
async fn the_allow_list_holds_for_targets_and_for_redirects() {
    let location = format!("http://127.0.0.1:1/x?token={CANARY}");
    let receiver = Receiver::start(vec![answer(302, &[("location", location.as_str())], "")]).await;
    let origin = format!("http://127.0.0.1:{}", receiver.address.port());
    let bench = bench(HttpSettings { allow_list: AllowList::new([origin.clone()]), ..HttpSettings::default() }, RobotSettings::default());
    let refused = bench.webhook(HttpRequest { host: "other.example".into(), port: 80, ..receiver.request() }).await;
    assert!(matches!(refused.outcome, Outcome::Rejected { .. }));
    assert_eq!(refused.error.unwrap().reason_text(), "host [http://other.example:80] is not whitelisted in setting [xpack.http.whitelist], will not connect");
    let redirected = bench.webhook(get(&receiver)).await;
    assert!(!shown(&redirected).contains(CANARY));
    assert_eq!(redirected.error.unwrap().reason_text(), "host [http://127.0.0.1:1/x] is not whitelisted in setting [xpack.http.whitelist], will not redirect");
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn metadata_addresses_are_not_reached() {
    let bench = plain();
    let receiver = Receiver::start(vec![answer(302, &[("location", "http://0xa9fea9fe/latest/meta-data")], ""), answer(200, &[], "")]).await;
    for host in ["169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:169.254.169.254]", "metadata.example"] {
        let attempt = bench.webhook(HttpRequest { host: host.into(), port: 80, ..receiver.request() }).await;
        assert!(matches!(attempt.outcome, Outcome::Rejected { .. }), "{host} {attempt:?}");
        assert!(attempt.error.unwrap().reason_text().contains("link-local or a metadata service"), "{host}");
    }
    let redirected = bench.webhook(get(&receiver)).await;
    assert!(redirected.error.unwrap().reason_text().contains("link-local or a metadata service"));
    let mixed = bench.webhook(HttpRequest { host: "both.example".into(), ..receiver.request() }).await;
    assert_eq!(mixed.outcome, Outcome::Delivered, "only the address that may be reached is used");
}

#[tokio::test]
async fn what_was_never_written_may_be_repeated() {
    let bench = plain();
    let receiver = Receiver::start(vec![]).await;
    let secret = |request: HttpRequest| HttpRequest { path: Some(format!("/{CANARY}")), params: [("token".to_owned(), CANARY.to_owned())].into(), ..request };
    let refused = bench.webhook(secret(HttpRequest { port: nobody().await.port(), ..receiver.request() })).await;
    assert!(matches!(refused.outcome, Outcome::Retry { .. }));
    assert_eq!(error_kind(&refused), "connect_exception");
    let unknown = bench.webhook(secret(HttpRequest { host: "nowhere.example".into(), ..receiver.request() })).await;
    assert!(matches!(unknown.outcome, Outcome::Retry { .. }));
    assert_eq!(unknown.error.as_ref().unwrap().to_string(), "unknown_host_exception: nowhere.example: Name or service not known");
    assert!(!shown(&refused).contains(CANARY) && !shown(&unknown).contains(CANARY));
    // HTTPS to a server that speaks HTTP: the handshake fails before anything is said
    let tls = bench.webhook(secret(HttpRequest { scheme: watchbell_watch::http_request::Scheme::Https, ..receiver.request() })).await;
    assert!(matches!(tls.outcome, Outcome::Retry { .. }));
    assert_eq!(error_kind(&tls), "s_s_l_handshake_exception");
}

#[tokio::test]
async fn what_may_have_arrived_is_ambiguous() {
    let receiver = Receiver::start(vec![Answer::Cut, Answer::Never, Answer::Never]).await;
    let bench = plain();
    let cut = bench.webhook(HttpRequest { params: [("token".to_owned(), CANARY.to_owned())].into(), ..receiver.request() }).await;
    assert!(matches!(cut.outcome, Outcome::Ambiguous { .. }), "{cut:?}");
    assert!(!shown(&cut).contains(CANARY));
    for (requests, read_timeout_millis, wait) in [(2, Some(3_000), 13), (3, Some(600_000), 60)] {
        let request = HttpRequest { read_timeout_millis, ..receiver.request() };
        let waiting = async {
            receiver.has_seen(requests).await;
            bench.clock.advance(Duration::from_secs(wait));
        };
        let (attempt, ()) = futures_util::future::join(bench.webhook(request), waiting).await;
        assert!(matches!(attempt.outcome, Outcome::Ambiguous { .. }), "{attempt:?}");
        assert_eq!(error_kind(&attempt), "socket_timeout_exception");
    }
}

#[tokio::test]
async fn answers_are_bounded_after_decompression() {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zipped.write_all(&vec![b'a'; 100_000]).unwrap();
    let zipped = zipped.finish().unwrap();
    assert!(zipped.len() < 1_000);
    let gzip = [("content-encoding", "gzip")];
    let receiver = Receiver::start(vec![answer(200, &gzip, zipped.clone()), answer(200, &gzip, zipped)]).await;
    let limited = |max_response_bytes| bench(HttpSettings { max_response_bytes, ..HttpSettings::default() }, RobotSettings::default());
    let whole = limited(100_000).webhook(receiver.request()).await;
    assert_eq!(whole.response.unwrap().get("body").unwrap().as_str().unwrap().len(), 100_000);
    let too_large = limited(99_999).webhook(receiver.request()).await;
    assert!(matches!(too_large.outcome, Outcome::Ambiguous { .. }), "it arrived, and the answer is not known");
    assert_eq!(error_kind(&too_large), "i_o_exception");
}

#[tokio::test]
async fn a_proxy_gets_the_whole_address() {
    let proxy = Receiver::start(vec![answer(200, &[], "proxied")]).await;
    let target = HttpRequest { host: "hooks.internal".into(), port: 8080, path: Some("/x".into()), ..proxy.request() };
    let request = HttpRequest { proxy: Some(Proxy { host: "127.0.0.1".into(), port: proxy.address.port(), scheme: None }), ..target };
    assert_eq!(plain().webhook(request).await.outcome, Outcome::Delivered);
    assert_eq!(proxy.seen()[0].uri, "http://hooks.internal:8080/x");
}

#[tokio::test]
async fn a_proxy_is_no_way_to_metadata_addresses() {
    let receiver = Receiver::start(vec![]).await;
    for host in ["169.254.169.254", "2852039166", "::ffff:169.254.169.254", "metadata.example"] {
        let request = HttpRequest { proxy: Some(Proxy { host: host.into(), port: 80, scheme: None }), ..receiver.request() };
        let attempt = plain().webhook(request).await;
        assert!(matches!(attempt.outcome, Outcome::Rejected { .. }), "{host} {attempt:?}");
        assert!(attempt.error.unwrap().reason_text().contains("link-local or a metadata service"), "{host}");
    }
    for host in ["user@169.254.169.254", "127.0.0.1/x", "a b"] {
        let request = HttpRequest { proxy: Some(Proxy { host: host.into(), port: 80, scheme: None }), ..receiver.request() };
        assert!(plain().webhook(request).await.error.unwrap().reason_text().ends_with("is not a valid host name"), "{host}");
    }
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let receiver = Receiver::start((0..3).map(|_| answer(200, &[], "")).collect()).await;
    let bench = plain();
    for _ in 0..3 {
        assert_eq!(bench.webhook(receiver.request()).await.outcome, Outcome::Delivered);
    }
    let seen = receiver.seen();
    assert!(seen.iter().all(|request| request.peer == seen[0].peer), "{seen:?}");
    assert_eq!(seen.len(), 3);
}
