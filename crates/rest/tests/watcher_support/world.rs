//! One server with all that belongs to it, in this process.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchbell_engine::{EnginePorts, EngineSettings, Tasks, Watcher};
use watchbell_json::{Failure, Json};
use watchbell_outbox::{Attempt, Deliver, Delivery, Message, Outcome};
use watchbell_rest::{Rest, RestSettings, serve};
use watchbell_store::{Indices as _, IndicesOptions, MemoryStore, Search, SearchRequest, StoreError};
use watchbell_time::{Clock as _, ManualClock, SeededEntropy, Timestamp};
use watchbell_watch::Generation;

use super::http_client::{Answer, send};

/// Turns of the event loop after which nothing is under way any more; no task of these tests waits for anything but the clock
/// and other tasks.
const TURNS: usize = 2_000;

#[derive(Debug)]
pub(crate) struct World {
    clock: ManualClock,
    address: SocketAddr,
    receiver: Arc<Receiver>,
    _tasks: Tasks,
}

impl World {
    pub(crate) async fn new(scenario: &Json) -> World {
        let generation = scenario.get("generation").map_or(Generation::G8, |number| Generation::from_number(number.as_i64().unwrap()).unwrap());
        let enabled = scenario.get("enabled").and_then(Json::as_bool).unwrap_or(true);
        let clock = ManualClock::at("2024-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let receiver = Arc::new(Receiver { store: store.clone(), clock: clock.clone(), sent: Mutex::default() });
        let entropy = Arc::new(SeededEntropy::new(1));
        let ports = EnginePorts {
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            state: store.clone(),
            search: store.clone(),
            watches: Some(Arc::new(WatchesAtOnce(store.clone()))),
            deliver: receiver.clone(),
        };
        let size = |name: &str, default: usize| scenario.get(name).map_or(default, |size| usize::try_from(size.as_i64().unwrap()).unwrap());
        let defaults = EngineSettings::default();
        let (pool_size, queue_size) = (size("pool_size", defaults.pool_size), size("queue_size", defaults.queue_size));
        let settings = EngineSettings { generation, node_id: "n0".into(), pool_size, queue_size, ..defaults };
        let tasks = Watcher::start_up(ports, settings).await.unwrap();
        let rest_settings = RestSettings { generation, ..RestSettings::default() };
        let watcher = enabled.then(|| tasks.watcher().clone());
        let rest = Rest::new(rest_settings, store, watcher, Arc::new(clock.clone()), entropy);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, rest, std::future::pending()));
        let world = World { clock, address, receiver, _tasks: tasks };
        world.settle().await;
        world
    }

    async fn settle(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Second by second, so that nothing is later than it would be.
    pub(crate) async fn advance(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.settle().await;
        }
    }

    pub(crate) async fn request(&self, step: &Json) -> Answer {
        let line = step.get("request").and_then(Json::as_str).expect("a step is a request, or moves the clock");
        let (method, target) = line.split_once(' ').expect("a request has a method and a target");
        let body = match step.get("body") {
            None => String::new(),
            Some(Json::Str(raw)) => raw.to_string(),
            Some(json) => json.to_string(),
        };
        let mut headers = Vec::new();
        let given = step.get("headers").and_then(Json::as_map);
        if !body.is_empty() && !given.is_some_and(|map| map.contains_key("Content-Type")) {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        for (name, value) in given.into_iter().flat_map(watchbell_json::Map::iter).filter(|(_, value)| !value.is_null()) {
            headers.push((name.to_string(), value.as_str().unwrap().to_owned()));
        }
        send(self.address, method, target, &headers, body.as_bytes()).await
    }

    /// What was sent so far: the host of webhooks, the text of log lines, the index of documents.
    pub(crate) fn sent(&self) -> Json {
        self.receiver.sent.lock().unwrap().iter().map(String::as_str).collect()
    }
}

/// Watches show to searches as soon as they are written, as the embedded store has it.
#[derive(Debug)]
struct WatchesAtOnce(Arc<MemoryStore>);

#[async_trait::async_trait]
impl Search for WatchesAtOnce {
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError> {
        self.0.refresh(&request.indices, &IndicesOptions::watcher()).await?;
        self.0.search(request).await
    }
}

/// How long the host `slow` takes.
const SLOW: Duration = Duration::from_secs(15);

/// Takes every message. Webhooks to the host `down` cannot be connected, those to `teapot` are answered 418, those to `slow`
/// late.
#[derive(Debug)]
struct Receiver {
    store: Arc<MemoryStore>,
    clock: ManualClock,
    sent: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Deliver for Receiver {
    async fn deliver(&self, delivery: &Delivery, _deadline: Duration) -> Attempt {
        let (what, attempt) = match &delivery.message {
            Message::Webhook(request) => {
                if request.host == "slow" {
                    self.clock.sleep(SLOW).await;
                }
                (request.url(), webhook(&request.host))
            }
            Message::Log(line) => (line.text.clone(), Attempt::delivered(None)),
            Message::Index(request) => {
                use watchbell_store::{DocumentStore as _, Expect, Write};
                let write = Write::put(request.index.clone(), request.id.clone(), Expect::Anything, request.source.to_string());
                let written = self.store.write(write).await.unwrap();
                let response = Json::object()
                    .with("created", true)
                    .with("result", "created")
                    .with("id", &*request.id)
                    .with("version", written.version)
                    .with("index", &*request.index);
                (request.index.clone(), Attempt::delivered(Some(response)))
            }
            Message::Robot(robot) => (robot.account.clone(), Attempt::delivered(None)),
        };
        self.sent.lock().unwrap().push(what);
        attempt
    }
}

fn webhook(host: &str) -> Attempt {
    match host {
        "down" => Attempt {
            outcome: Outcome::Rejected { reason: "Connection refused".into() },
            response: None,
            error: Some(Failure::new("connect_exception", "Connection refused")),
        },
        "teapot" => Attempt {
            outcome: Outcome::Rejected { reason: "received [418] status code".into() },
            response: Some(Json::object().with("status", 418)),
            error: None,
        },
        _ => Attempt::delivered(Some(Json::object().with("status", 200).with("body", "ok"))),
    }
}
