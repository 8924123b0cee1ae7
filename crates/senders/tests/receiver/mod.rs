//! A server that answers as it is told, one answer a request, and remembers the requests.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use watchbell_outbox::{Attempt, Deliver, Delivery, DeliveryKey, Message};
use watchbell_senders::http::HttpClient;
use watchbell_senders::{HttpSettings, IndexSender, Lookup, RobotSender, RobotSettings, Senders};
use watchbell_store::{DocumentWrite, IndexTarget, Refresh, WriteError, Written};
use watchbell_time::{ManualClock, Timestamp};
use watchbell_watch::http_request::{HttpRequest, Method, Scheme};

/// In every secret place of these tests; must show nowhere.
pub(crate) const CANARY: &str = "canary7d1f00aa";

pub(crate) enum Answer {
    Whole(Response),
    /// The connection ends in the middle of the answer.
    Cut,
    /// None comes.
    Never,
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Answer::Whole(response.body(body.into()).unwrap())
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// As it stood in the request line.
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Who connected: the same address is the same connection.
    pub(crate) peer: SocketAddr,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct Stage {
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Seen>>,
    arrived: Notify,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    stage: Arc<Stage>,
}

impl Receiver {
    pub(crate) async fn start(answers: Vec<Answer>) -> Receiver {
        let stage = Arc::new(Stage { answers: Mutex::new(answers.into()), ..Stage::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(stage.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Receiver { address, stage }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.stage.seen.lock().unwrap().clone()
    }

    pub(crate) async fn has_seen(&self, requests: usize) {
        while self.seen().len() < requests {
            self.stage.arrived.notified().await;
        }
    }

    pub(crate) fn request(&self) -> HttpRequest {
        HttpRequest {
            scheme: Scheme::Http,
            host: "127.0.0.1".into(),
            port: self.address.port(),
            method: Method::Post,
            path: None,
            params: BTreeMap::new(),
            headers: Vec::new(),
            auth: None,
            body: None,
            connection_timeout_millis: None,
            read_timeout_millis: None,
            proxy: None,
        }
    }
}

async fn take(State(stage): State<Arc<Stage>>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen =
        Seen { method: head.method.to_string(), uri: head.uri.to_string(), headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap(), peer };
    stage.seen.lock().unwrap().push(seen);
    stage.arrived.notify_one();
    let next = stage.answers.lock().unwrap().pop_front();
    match next {
        Some(Answer::Whole(response)) => response,
        Some(Answer::Cut) => {
            let pieces = futures_util::stream::iter([Ok(Bytes::from_static(b"{\"err")), Err(std::io::Error::other("cut"))]);
            Response::new(Body::from_stream(pieces))
        }
        Some(Answer::Never) => std::future::pending().await,
        None => Response::builder().status(418).body(Body::from("no answer left")).unwrap(),
    }
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Names as a test wants them.
#[derive(Debug)]
pub(crate) struct Names(pub(crate) &'static [(&'static str, &'static str)]);

#[async_trait::async_trait]
impl Lookup for Names {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let found: Vec<IpAddr> = self.0.iter().filter(|(known, _)| *known == name).map(|(_, address)| address.parse().unwrap()).collect();
        if found.is_empty() { Err(std::io::Error::new(std::io::ErrorKind::NotFound, "Name or service not known")) } else { Ok(found) }
    }
}

#[derive(Debug)]
struct NoIndex;

#[async_trait::async_trait]
impl IndexTarget for NoIndex {
    async fn index_documents(&self, _writes: Vec<DocumentWrite>, _refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        Vec::new()
    }
}

pub(crate) struct Bench {
    pub(crate) senders: Senders,
    pub(crate) clock: ManualClock,
}

pub(crate) const NAMES: Names =
    Names(&[("hooks.example", "127.0.0.1"), ("metadata.example", "169.254.169.254"), ("both.example", "169.254.169.254"), ("both.example", "127.0.0.1")]);

pub(crate) fn bench(http: HttpSettings, robots: RobotSettings) -> Bench {
    let clock = ManualClock::at(Timestamp::from_millisecond(1_700_000_000_000).unwrap());
    let shared: Arc<ManualClock> = Arc::new(clock.clone());
    let client = HttpClient::new(http, Arc::new(NAMES), shared.clone()).unwrap();
    let index = IndexSender::new(Arc::new(NoIndex), BTreeMap::new(), shared.clone());
    Bench { senders: Senders::new(Arc::new(client), RobotSender::new(robots, shared), index), clock }
}

impl Bench {
    pub(crate) async fn deliver(&self, message: Message) -> Attempt {
        let delivery = Delivery { key: DeliveryKey("e1/notify/0".into()), message };
        self.senders.deliver(&delivery, Duration::from_secs(60)).await
    }

    pub(crate) async fn webhook(&self, request: HttpRequest) -> Attempt {
        self.deliver(Message::Webhook(Box::new(request))).await
    }
}

/// What anybody could see of an attempt.
pub(crate) fn shown(attempt: &Attempt) -> String {
    let error = attempt.error.as_ref().map(|error| error.to_json().to_string());
    let response = attempt.response.as_ref().map(ToString::to_string);
    format!("{attempt:?} {error:?} {response:?}")
}
