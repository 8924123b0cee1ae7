//! The HTTP layer over real sockets: what a client may send, and what it gets. The table is raw requests; the rest is what a
//! table cannot say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use watchbell_json::Json;
use watchbell_rest::{Access, Rest, RestSettings, User, serve};
use watchbell_store::MemoryStore;
use watchbell_time::{Clock, ManualClock, SeededEntropy, Timestamp};

/// A body beyond this is refused by the servers of these tests.
const BODY_MAX: usize = 20_000;

struct Server {
    address: SocketAddr,
    clock: ManualClock,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn start(access: Access, max_connections: usize) -> Server {
    let clock = ManualClock::at("2026-11-24T01:00:00Z".parse::<Timestamp>().unwrap());
    let ports: Arc<dyn Clock> = Arc::new(clock.clone());
    let store = Arc::new(MemoryStore::new(Arc::clone(&ports)));
    let settings = RestSettings { access, max_connections, max_content_length: BODY_MAX, ..RestSettings::default() };
    let rest = Rest::new(settings, store, None, ports, Arc::new(SeededEntropy::new(1)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, rest, async move { drop(stopped.await) }));
    Server { address, clock, stop, ended }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<String> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends raw bytes on a connection of its own and reads one answer.
async fn send(address: SocketAddr, raw: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(raw).await.unwrap();
    read_answer(&mut stream, raw.starts_with(b"HEAD")).await
}

async fn read_answer(stream: &mut TcpStream, head_only: bool) -> Answer {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let answer = Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: bytes[end + 4..].to_vec() };
            let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
            if head_only || answer.body.len() >= length {
                return answer;
            }
        }
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection ended before the answer did: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("{line} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{length}\r\n{body}").into_bytes()
}

const JSON: &str = "content-type: application/json\r\n";

/// Request line, further headers, body; status, and what the answer's body must contain.
const TABLE: &[(&str, &str, &str, u16, &str)] = &[
    ("GET /", "", "", 200, "You Know, for Search"),
    ("GET /?pretty", "", "", 200, "{\n  \"name\" : \"watchbell\""),
    ("GET /?filter_path=version.number,tagline", "", "", 200, r#"{"version":{"number":"8.19.0"},"tagline":"You Know, for Search"}"#),
    ("GET /?format=yaml&filter_path=tagline", "", "", 200, "---\ntagline: \"You Know, for Search\"\n"),
    ("GET /?sizee=1", "", "", 400, "request [/] contains unrecognized parameter: [sizee]"),
    ("GET /_cluster/health?tiemout=1s", "", "", 400, "[tiemout] -> did you mean [timeout]?"),
    ("GET /", JSON, "{}", 400, "request [GET /] does not support having a body"),
    ("PUT /a/_doc/1", "", r#"{"a":1}"#, 406, r#"{"error":"Content-Type header [] is not supported","status":406}"#),
    (
        "PUT /a/_doc/1",
        "content-type: application/x-www-form-urlencoded\r\n",
        "a=1",
        406,
        "Content-Type header [application/x-www-form-urlencoded] is not supported",
    ),
    ("PUT /a/_doc/1", "content-type: nonsense\r\n", "{}", 400, "media_type_header_exception"),
    ("PUT /a/_doc/1", JSON, r#"{"a":"#, 400, "document_parsing_exception"),
    ("POST /a/_search", JSON, "nope", 400, "Unrecognized token 'nope'"),
    ("POST /a/_search", JSON, "[1]", 400, "Expected [START_OBJECT] but found [START_ARRAY]"),
    ("GET /none/_search", "", "", 404, "no such index [none]"),
    ("POST /_nope/x", JSON, "{}", 400, r#"{"error":"no handler found for uri [/_nope/x] and method [POST]"}"#),
    ("GET //a//_count", "", "", 400, "no handler found for uri [//a//_count]"),
    ("PUT /a/_search", "", "", 405, "Incorrect HTTP method for uri [/a/_search] and method [PUT], allowed: [GET, POST]"),
    ("GET /_bulk", "", "", 405, "allowed: [POST, PUT]"),
    ("POST /_bulk", "", "", 400, "request body is required"),
    ("POST /_bulk", "content-type: application/x-ndjson\r\n", "{\"index\":{\"_index\":\"logs\",\"_type\":\"events\"}}\n{\"a\":1}\n", 200, r#""errors":false"#),
    ("POST /logs/events", JSON, r#"{"a":1}"#, 201, r#""result":"created""#),
    ("PUT /logs/events/7", JSON, r#"{"a":1}"#, 201, r#""_id":"7""#),
    ("GET /logs/events/7", "", "", 400, "no handler found"),
    ("PUT /_watcher/watch/w", JSON, "{}", 400, "no handler found for uri [/_watcher/watch/w] and method [PUT]"),
    ("GET /", "host: evil.example\r\n", "", 403, "Host header [evil.example] is not allowed"),
];

#[tokio::test]
async fn requests_and_their_answers() {
    let server = start(Access::default(), 16).await;
    let mut wrong = Vec::new();
    for (line, headers, body, status, contains) in TABLE {
        let answer = send(server.address, &request(line, headers, body)).await;
        if answer.status != *status || !answer.text().contains(contains) {
            wrong.push(format!("{line} {body}: {} {}", answer.status, answer.text()));
        }
        assert_eq!(answer.header("x-elastic-product").as_deref(), Some("Elasticsearch"), "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn headers_of_answers() {
    let server = start(Access::default(), 16).await;
    let options = send(server.address, b"OPTIONS /a/_search HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!((options.status, options.header("allow").as_deref(), options.text().as_str()), (200, Some("GET,POST"), ""));
    let head = send(server.address, b"HEAD / HTTP/1.1\r\nhost: localhost\r\nx-opaque-id: me-1\r\n\r\n").await;
    assert_eq!((head.status, head.header("content-type").as_deref(), head.header("x-opaque-id").as_deref()), (200, Some("application/json"), Some("me-1")));
    let vendor = "application/vnd.elasticsearch+json; compatible-with=8";
    let answer = send(server.address, format!("GET / HTTP/1.1\r\nhost: localhost\r\naccept: {vendor}\r\n\r\n").as_bytes()).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("application/vnd.elasticsearch+json;compatible-with=8"));
    let created = send(server.address, &request("PUT /a/_doc/x%20y", JSON, "{}")).await;
    assert_eq!((created.status, created.header("location").as_deref()), (201, Some("/a/_doc/x+y")));
}

#[tokio::test]
async fn gzip_both_ways() {
    let server = start(Access::default(), 16).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(br#"{ "a" : 1.50 }"#).unwrap();
    let packed = packed.finish().unwrap();
    let mut raw = format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len()).into_bytes();
    raw.extend_from_slice(&packed);
    assert_eq!(send(server.address, &raw).await.status, 201);
    let plain = send(server.address, b"GET /a/_source/1 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!((plain.text().as_str(), plain.header("content-encoding")), (r#"{ "a" : 1.50 }"#, None), "the source comes back byte for byte");
    let answer = send(server.address, b"GET /a/_source/1 HTTP/1.1\r\nhost: localhost\r\naccept-encoding: deflate, gzip;q=0.5\r\n\r\n").await;
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).unwrap();
    assert_eq!(text, r#"{ "a" : 1.50 }"#);
}

#[tokio::test]
async fn bodies_are_bounded_packed_or_not() {
    let server = start(Access::default(), 16).await;
    let head = format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: {}\r\n\r\n", BODY_MAX + 1);
    assert_eq!(send(server.address, head.as_bytes()).await.status, 413, "told before the body is sent");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&vec![b' '; BODY_MAX + 1]).unwrap();
    let packed = packed.finish().unwrap();
    let mut raw = format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len()).into_bytes();
    raw.extend_from_slice(&packed);
    assert_eq!(send(server.address, &raw).await.status, 413);
    let chunk = format!("{:x}\r\n{}\r\n", 15_000, "x".repeat(15_000));
    let chunked = format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert_eq!(send(server.address, chunked.as_bytes()).await.status, 413);
    assert_eq!(send(server.address, &request("GET /", "", "")).await.status, 200, "and it goes on");
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let server = start(Access::default(), 16).await;
    let foreign = send(server.address, b"GET / HTTP/1.1\r\nhost: evil.example:9200\r\n\r\n").await;
    assert_eq!(foreign.status, 403, "DNS rebinding");
    let form = send(server.address, b"POST /_refresh HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://evil.example\r\n\r\n").await;
    assert_eq!(form.status, 403, "a form of another site");
    let users = vec![User { name: "ann".to_owned(), password: "pw".to_owned() }];
    let server = start(Access { users, ..Access::default() }, 16).await;
    let nobody = send(server.address, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!((nobody.status, nobody.header("www-authenticate").is_some()), (401, true));
    assert!(nobody.text().contains("missing authentication credentials for REST request [/]"));
    let ann = send(server.address, b"GET / HTTP/1.1\r\nhost: evil.example\r\nauthorization: Basic YW5uOnB3\r\n\r\n").await;
    assert_eq!(ann.status, 200);
}

#[tokio::test]
async fn a_client_that_stops_sending_is_answered() {
    let server = start(Access::default(), 16).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: 10\r\n\r\n{{").as_bytes()).await.unwrap();
    while server.clock.next_wake().is_none() {
        tokio::task::yield_now().await;
    }
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(read_answer(&mut stream, false).await.status, 408);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let server = start(Access::default(), 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(&request("GET /", "", "")).await.unwrap();
    assert_eq!(read_answer(&mut first, false).await.status, 200);
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(&request("GET /", "", "")).await.unwrap();
    let mut nothing = [0; 1];
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(second.try_read(&mut nothing).is_err(), "the first holds the only place");
    drop(first);
    assert_eq!(read_answer(&mut second, false).await.status, 200);
}

#[tokio::test]
async fn the_end_is_orderly() {
    let server = start(Access::default(), 16).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = r#"{"a":1}"#;
    stream.write_all(format!("PUT /a/_doc/1 HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    while server.clock.next_wake().is_none() {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 201, "what has begun is finished");
    server.ended.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn templates_survive_a_new_edge_over_the_same_store() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-11-24T01:00:00Z".parse::<Timestamp>().unwrap()));
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let mut mappings = Vec::new();
    for round in 0..2 {
        let rest = Rest::new(RestSettings::default(), Arc::clone(&store) as _, None, Arc::clone(&clock), Arc::new(SeededEntropy::new(round)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, rest, std::future::pending()));
        if round == 0 {
            let template = r#"{"index_patterns":["logs-*"],"template":{"mappings":{"properties":{"a":{"type":"ip"}}}}}"#;
            assert_eq!(send(address, &request("PUT /_index_template/t", JSON, template)).await.status, 200);
        }
        let index = format!("logs-{round}");
        assert_eq!(send(address, &request(&format!("PUT /{index}/_doc/1"), JSON, r#"{"a":"10.0.0.1"}"#)).await.status, 201);
        let mapping = send(address, &request(&format!("GET /{index}/_mapping"), "", "")).await.text();
        mappings.push(Json::parse(mapping.as_bytes()).unwrap().at(&[&index, "mappings", "properties", "a", "type"]).cloned());
    }
    assert_eq!(mappings, vec![Some(Json::from("ip")), Some(Json::from("ip"))]);
}
