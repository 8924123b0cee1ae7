//! A world to run the engine in: a clock that is moved by hand, a store in memory that can fail, receivers that remember.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchbell_engine::{EnginePorts, EngineSettings, PutAnswer, PutMode, PutRequest, Tasks, Watcher};
use watchbell_json::{Failure, Json, json};
use watchbell_outbox::{Attempt, Deliver, Delivery, Outcome};
use watchbell_store::{Document, DocumentStore, MemoryStore, Search, SearchRequest, StoreError, Write, WriteError, WriteOp, Written};
use watchbell_time::{Clock, ManualClock, SeededEntropy, Timestamp};
use watchbell_watch::WatchId;

pub const START: &str = "2026-01-01T00:00:00Z";

/// Enough turns for every task to come to its next wait.
const TURNS: usize = 30;

pub fn id(name: &str) -> WatchId {
    WatchId::parse(name).unwrap()
}

/// What a receiver does with a message.
#[derive(Clone, Debug)]
pub enum Answer {
    Ok,
    Status(i64),
    /// No connection.
    Refused,
    /// The message arrives, the answer does not.
    Lost,
    Panic,
}

/// One message as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    pub key: String,
    pub message: Json,
}

/// Remembers every message; answers as told, by default well.
#[derive(Debug, Default)]
pub struct Receiver {
    pub arrivals: Mutex<Vec<Arrival>>,
    pub answers: Mutex<Vec<Answer>>,
    pub always: Mutex<Option<Answer>>,
}

impl Receiver {
    pub fn texts(&self) -> Vec<String> {
        let arrivals = self.arrivals.lock().unwrap();
        arrivals
            .iter()
            .map(|arrival| {
                arrival.message.at(&["log", "text"]).or_else(|| arrival.message.at(&["webhook", "body"])).and_then(Json::as_str).unwrap_or("?").to_owned()
            })
            .collect()
    }

    pub fn always(&self, answer: Answer) {
        *self.always.lock().unwrap() = Some(answer);
    }
}

#[async_trait::async_trait]
impl Deliver for Receiver {
    async fn deliver(&self, delivery: &Delivery, _deadline: Duration) -> Attempt {
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.is_empty() { self.always.lock().unwrap().clone().unwrap_or(Answer::Ok) } else { answers.remove(0) }
        };
        if !matches!(answer, Answer::Refused) {
            let message = watchbell_outbox::message_document::print(&delivery.message);
            self.arrivals.lock().unwrap().push(Arrival { key: delivery.key.0.clone(), message });
        }
        match answer {
            Answer::Ok => Attempt::delivered(Some(json!({"status": 200, "body": "ok"}))),
            Answer::Status(status) => Attempt {
                outcome: Outcome::Rejected { reason: format!("received [{status}] status code") },
                response: Some(json!({"status": status})),
                error: None,
            },
            Answer::Refused => failed(|reason| Outcome::Retry { reason }, "connect_exception", "Connection refused"),
            Answer::Lost => failed(|reason| Outcome::Ambiguous { reason }, "socket_timeout_exception", "Read timed out"),
            Answer::Panic => panic!("a channel that panics"),
        }
    }
}

fn failed(outcome: impl FnOnce(String) -> Outcome, kind: &'static str, reason: &str) -> Attempt {
    Attempt { outcome: outcome(reason.into()), response: None, error: Some(Failure::new(kind, reason)) }
}

/// What stands in for the searched data.
#[derive(Debug, Default)]
pub struct Data {
    pub answer: Mutex<Option<Result<Json, StoreError>>>,
    pub asked: Mutex<Vec<SearchRequest>>,
    /// Searches over this index panic.
    pub poison: Mutex<Option<String>>,
    /// While set, searches wait until released.
    pub hangs: Mutex<bool>,
    pub released: tokio::sync::Notify,
}

#[async_trait::async_trait]
impl Search for Data {
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError> {
        let poison = self.poison.lock().unwrap().clone();
        assert!(!poison.is_some_and(|index| request.indices.contains(&index)), "a search that panics");
        self.asked.lock().unwrap().push(request);
        let hangs = *self.hangs.lock().unwrap();
        if hangs {
            self.released.notified().await;
        }
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Some(answer) => answer,
            None => Ok(json!({"took": 1, "hits": {"total": {"value": 3, "relation": "eq"}, "hits": []}})),
        }
    }
}

/// Counts and, when told to, fails the calls of a store.
#[derive(Debug)]
pub struct Store {
    pub inner: Arc<MemoryStore>,
    pub writes: AtomicU64,
    pub gets: AtomicU64,
    pub down: Mutex<bool>,
    /// The history refuses records longer than this.
    pub history_max: Mutex<usize>,
    /// The journal refuses documents longer than this.
    pub journal_max: Mutex<usize>,
    /// Writes to this index are answered only when released.
    pub held: Mutex<Option<&'static str>>,
    pub released: tokio::sync::Notify,
    /// Before a journal document is made, somebody else makes it.
    pub rival: Mutex<bool>,
}

impl Store {
    async fn hold(&self, index: Option<String>) {
        let held = *self.held.lock().unwrap();
        if index.is_some_and(|index| held == Some(index.as_str())) {
            self.released.notified().await;
        }
    }

    async fn forestall(&self, writes: &[Write]) {
        let rival = *self.rival.lock().unwrap();
        for write in writes.iter().filter(|write| rival && write.index == ".triggered_watches") {
            let WriteOp::Put(source) = &write.op else { continue };
            let text = String::from_utf8(source.to_vec()).unwrap().replace("\"record_id\":\"", "\"record_id\":\"rival_");
            self.inner.write(Write::put(&*write.index, &*write.id, write.expect, text)).await.unwrap();
        }
    }

    fn is_down(&self) -> bool {
        *self.down.lock().unwrap()
    }

    fn write_error(&self) -> Option<WriteError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.is_down().then(|| WriteError::Unavailable("down".into()))
    }

    fn read_error(&self) -> Option<StoreError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.is_down().then(|| StoreError::Unavailable(Failure::new("unavailable_shards_exception", "down")))
    }
}

#[async_trait::async_trait]
impl DocumentStore for Store {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        match self.read_error() {
            Some(error) => Err(error),
            None => self.inner.get(index, id).await,
        }
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        match self.write_error() {
            Some(error) => Err(error),
            None => self.inner.write(write).await,
        }
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        match self.write_error() {
            Some(error) => writes.iter().map(|_| Err(error.clone())).collect(),
            None => {
                let index = writes.iter().map(|write| write.index.to_string()).find(|index| index == ".watches");
                let (history_max, journal_max) = (*self.history_max.lock().unwrap(), *self.journal_max.lock().unwrap());
                let refused = writes.iter().position(|write| {
                    let longest = match &*write.index {
                        index if index.starts_with(".watcher-history") => history_max,
                        ".triggered_watches" => journal_max,
                        _ => usize::MAX,
                    };
                    matches!(&write.op, WriteOp::Put(source) if source.len() > longest)
                });
                let Some(at) = refused else {
                    let answers = self.inner.sequence(writes).await;
                    self.hold(index).await;
                    return answers;
                };
                let mut answers = self.inner.sequence(writes[..at].to_vec()).await;
                answers.push(Err(WriteError::Refused(Failure::new("mapper_parsing_exception", "failed to parse field"))));
                answers.resize(writes.len(), Err(WriteError::NotTried));
                answers
            }
        }
    }

    async fn bulk(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        match self.write_error() {
            Some(error) => writes.iter().map(|_| Err(error.clone())).collect(),
            None => {
                let index = writes.first().map(|write| write.index.to_string());
                self.forestall(&writes).await;
                let answers = self.inner.bulk(writes).await;
                self.hold(index).await;
                answers
            }
        }
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        match self.read_error() {
            Some(error) => Err(error),
            None => self.inner.scan(index, after, limit).await,
        }
    }
}

pub struct World {
    pub clock: ManualClock,
    pub store: Arc<Store>,
    pub data: Arc<Data>,
    pub receiver: Arc<Receiver>,
    pub settings: EngineSettings,
    pub tasks: Option<Tasks>,
    seed: u64,
}

impl World {
    /// Started, empty.
    pub async fn new() -> World {
        let mut world = World::unstarted();
        world.start().await;
        world
    }

    pub fn unstarted() -> World {
        let clock = ManualClock::at(START.parse().unwrap());
        let inner = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let store = Arc::new(Store {
            inner,
            writes: AtomicU64::new(0),
            gets: AtomicU64::new(0),
            down: Mutex::new(false),
            history_max: Mutex::new(usize::MAX),
            journal_max: Mutex::new(usize::MAX),
            held: Mutex::default(),
            released: tokio::sync::Notify::new(),
            rival: Mutex::new(false),
        });
        World { clock, store, data: Arc::default(), receiver: Arc::default(), settings: EngineSettings::default(), tasks: None, seed: 1 }
    }

    pub async fn start(&mut self) {
        self.seed += 1;
        let ports = EnginePorts {
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(self.seed)),
            state: self.store.clone(),
            search: self.data.clone(),
            watches: None,
            deliver: self.receiver.clone(),
        };
        self.tasks = Some(Watcher::start_up(ports, self.settings.clone()).await.unwrap());
        self.settle().await;
    }

    pub async fn stop(&mut self) {
        if let Some(tasks) = self.tasks.take() {
            tasks.shutdown(Duration::ZERO).await;
        }
    }

    pub fn watcher(&self) -> Watcher {
        self.tasks.as_ref().unwrap().watcher().clone()
    }

    /// Lets every task come to its next wait.
    pub async fn settle(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Moves the clock on, from one sleeper to the next.
    pub async fn advance(&self, by: Duration) {
        let end = self.clock.elapsed() + by;
        while let Some(next) = self.clock.next_wake().filter(|next| *next <= end) {
            self.clock.advance(next.saturating_sub(self.clock.elapsed()));
            self.settle().await;
        }
        self.clock.advance(end.saturating_sub(self.clock.elapsed()));
        self.settle().await;
    }

    /// To so many seconds after the start.
    pub async fn to(&self, second: i64) {
        let start: Timestamp = START.parse().unwrap();
        let millis = second * 1000 - (self.clock.now().as_millisecond() - start.as_millisecond());
        self.advance(Duration::from_millis(u64::try_from(millis).unwrap())).await;
    }

    pub async fn put(&self, name: &str, body: Json) -> PutAnswer {
        self.watcher().put_watch(PutRequest { id: id(name), body, active: true, mode: PutMode::Insert }).await.unwrap()
    }

    pub async fn status(&self, name: &str) -> Json {
        let view = self.watcher().get_watch(&id(name)).await.unwrap().unwrap();
        view.status.to_json(view.version)
    }

    /// The hidden position of a stored watch.
    pub async fn position(&self, name: &str) -> Json {
        let document = self.store.inner.get(".watches", name).await.unwrap().unwrap();
        Json::parse(&document.source).unwrap().get("_watchbell").unwrap().clone()
    }

    pub async fn documents(&self, index: &str) -> BTreeMap<String, Json> {
        let documents = self.store.inner.scan(index, None, 100_000).await.unwrap();
        documents.into_iter().map(|document| (document.id.clone(), Json::parse(&document.source).unwrap())).collect()
    }

    /// The records, by their scheduled time, then their id.
    pub async fn records(&self) -> Vec<Json> {
        let mut records: Vec<(String, String, Json)> = Vec::new();
        for day in ["2025.12.31", "2026.01.01"] {
            for (id, record) in self.documents(&format!(".watcher-history-16-{day}")).await {
                let trigger = record.get("trigger_event").unwrap();
                let scheduled = trigger.at(&["schedule", "scheduled_time"]).or_else(|| trigger.at(&["manual", "schedule", "scheduled_time"]));
                records.push((scheduled.and_then(Json::as_str).unwrap().to_owned(), id, record));
            }
        }
        records.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        records.into_iter().map(|(_, _, record)| record).collect()
    }

    pub async fn states(&self) -> Vec<String> {
        self.records().await.iter().map(|record| record.get("state").and_then(Json::as_str).unwrap().to_owned()).collect()
    }
}

/// A watch every `interval` whose action logs `text`.
pub fn logging_watch(interval: &str, text: &str) -> Json {
    json!({
        "trigger": {"schedule": {"interval": interval}},
        "actions": {"a": {"logging": {"text": text}}}
    })
}
