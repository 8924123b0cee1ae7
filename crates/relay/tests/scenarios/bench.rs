//! A relay before a simulated robot, on a clock that stands, with everything that is logged.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use watchbell_json::Json;
use watchbell_outbox::{Attempt, Deliver, Delivery, Message, Outcome};
use watchbell_relay::{Relay, RelayRobot, RelaySettings, serve};
use watchbell_robot_sim::{Robot, RobotSim, Settings};
use watchbell_robots::dingtalk::{Account, AllowedHosts, Answer};
use watchbell_time::{Clock, ManualClock, Timestamp};

/// Every credential of these tests contains this; nothing that anybody reads may.
pub(crate) const CANARY: &str = "c4n4ry";
pub(crate) const TOKEN: &str = "c4n4ry0123456789abcdef";
pub(crate) const SECRET: &str = "SECc4n4ry0123456789abcdef";

/// Posts to the robot as the sender does, over a plain connection.
#[derive(Debug)]
struct TestSender {
    accounts: Vec<Account>,
    clock: ManualClock,
}

#[async_trait::async_trait]
impl Deliver for TestSender {
    async fn deliver(&self, delivery: &Delivery, deadline: Duration) -> Attempt {
        let Message::Robot(message) = &delivery.message else { panic!("only robots here") };
        let account = self.accounts.iter().find(|account| account.id() == message.account).unwrap();
        let prepared = account.prepare(&message.body, Some(&delivery.key.0)).unwrap();
        let url = account.sign_url(self.clock.now());
        let (authority, target) = url.reveal().strip_prefix("http://").unwrap().split_once('/').unwrap();
        let Ok(mut stream) = TcpStream::connect(authority).await else {
            return Attempt { outcome: Outcome::Retry { reason: "connection refused".into() }, response: None, error: None };
        };
        let head = format!(
            "POST /{target} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            prepared.bytes.len()
        );
        let request = head + &prepared.bytes;
        let mut answer = Vec::new();
        tokio::select! {
            biased;
            () = exchange(&mut stream, &request, &mut answer) => {}
            () = self.clock.sleep(deadline) => {}
        }
        let Some((head, body)) = split(&answer) else {
            return Attempt { outcome: Outcome::Ambiguous { reason: "no answer came".into() }, response: None, error: None };
        };
        let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
        let answer = Answer { status: status(&head), headers: &headers, body, now: self.clock.now() };
        let reading = account.read(&answer);
        Attempt { outcome: Outcome::from(reading.verdict.clone()), response: Some(reading.to_json()), error: None }
    }
}

async fn exchange(stream: &mut TcpStream, request: &str, answer: &mut Vec<u8>) {
    let _ignored_reset = stream.write_all(request.as_bytes()).await;
    let _ignored_reset = stream.read_to_end(answer).await;
}

fn split(answer: &[u8]) -> Option<(String, &[u8])> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&answer[..at]).into_owned(), &answer[at + 4..]))
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Json,
}

impl Told {
    pub(crate) fn errcode(&self) -> i64 {
        self.body.get("errcode").and_then(Json::as_i64).unwrap()
    }

    pub(crate) fn errmsg(&self) -> &str {
        self.body.get("errmsg").and_then(Json::as_str).unwrap()
    }

    pub(crate) fn state(&self) -> &str {
        self.body.at(&["watchbell", "state"]).and_then(Json::as_str).unwrap_or_default()
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.head.lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok())
    }
}

pub(crate) struct Bench {
    pub(crate) clock: ManualClock,
    pub(crate) sim: RobotSim,
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
    pub(crate) stop: tokio::sync::oneshot::Sender<()>,
    pub(crate) server: tokio::task::JoinHandle<()>,
}

/// How the relay's side of a robot is set up.
pub(crate) struct Setup {
    pub(crate) robot: Robot,
    /// What the relay believes.
    pub(crate) token: &'static str,
    pub(crate) secret: Option<&'static str>,
    pub(crate) keywords: &'static [&'static str],
    pub(crate) settings: RelaySettings,
    pub(crate) now_millis: i64,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            robot: Robot::dingtalk("ops", TOKEN),
            token: TOKEN,
            secret: None,
            keywords: &[],
            settings: RelaySettings::default(),
            now_millis: 1_700_000_000_000,
        }
    }
}

impl Setup {
    pub(crate) async fn start(self) -> Bench {
        let clock = ManualClock::at(Timestamp::from_millisecond(self.now_millis).unwrap());
        let sim = RobotSim::new(Arc::new(clock.clone()), Settings { robots: vec![self.robot] });
        let (robots, robots_at) = bind().await;
        tokio::spawn(watchbell_robot_sim::serve(robots, sim.clone(), std::future::pending()));
        let account = |name: &str| {
            let url = format!("http://{robots_at}/robot/send?access_token={}", self.token);
            Account::new(name, &url, self.secret, self.keywords.iter().copied(), &AllowedHosts::new(["127.0.0.1"])).unwrap()
        };
        let accounts = vec![account("ops"), account("twin")];
        let aliases = accounts.iter().map(|account| RelayRobot { alias: account.name().to_owned(), account: account.clone() }).collect();
        let settings = RelaySettings { robots: aliases, default: Some("ops".into()), ..self.settings };
        let sender = TestSender { accounts, clock: clock.clone() };
        let relay = Relay::new(settings, Arc::new(sender), Arc::new(clock.clone())).unwrap();
        let (listener, address) = bind().await;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(serve(listener, relay.clone(), async move {
            let _dropped_too = stopped.await;
        }));
        Bench { clock, sim, relay, address, stop, server }
    }
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What Watcher's HTTP client sends besides the body.
pub(crate) const WATCHER_HEADERS: &str =
    "Content-Type: text/plain; charset=ISO-8859-1\r\nAccept-Charset: UTF-8\r\nAuthorization: Basic ZWxhc3RpYzpwYXNz\r\nX-Own: value\r\n";

impl Bench {
    /// Posts as Watcher does.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Told {
        self.request("POST", path, WATCHER_HEADERS, body.as_bytes()).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Told {
        let length = format!("Content-Length: {}\r\n", body.len());
        self.raw(format!("{method} {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n{length}{headers}\r\n").as_bytes(), body).await
    }

    pub(crate) async fn raw(&self, head: &[u8], body: &[u8]) -> Told {
        exchange_with(self.address, head, body).await
    }
}

/// Posts as Watcher does.
pub(crate) async fn post_to(address: SocketAddr, body: &str) -> Told {
    let head = format!("POST / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nContent-Length: {}\r\n{WATCHER_HEADERS}\r\n", body.len());
    exchange_with(address, head.as_bytes(), body.as_bytes()).await
}

async fn exchange_with(address: SocketAddr, head: &[u8], body: &[u8]) -> Told {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    // a body that is refused unread may meet a closed connection
    let _ignored_reset = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ignored_reset = stream.read_to_end(&mut answer).await;
    let (head, body) = split(&answer).unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&answer)));
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(!head.contains(CANARY) && !text.contains(CANARY), "{head} {text}");
    assert!(head.contains("content-type: application/json"), "every answer is JSON: {head}");
    Told { status: status(&head), body: Json::parse(text.as_bytes()).unwrap(), head }
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Everything logged by this test program so far.
pub(crate) fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

pub(crate) fn capture_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).with_ansi(false).with_writer(|| LogWriter).init()
    });
}

struct LogWriter;

impl std::io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
