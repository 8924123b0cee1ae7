//! Two watches, some changes by their users, one crash.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchbell_engine::{EnginePorts, EngineSettings, PutMode, PutRequest, Tasks, Watcher};
use watchbell_json::{Json, json};
use watchbell_outbox::{Attempt, Deliver, Delivery, Message};
use watchbell_store::{Document, DocumentStore, Expect, MemoryStore, StoreError, Write, WriteError, WriteOp, Written};
use watchbell_time::{Clock, ManualClock, SeededEntropy};

use crate::checkers::{Observed, Violation, check_end};
use crate::world::{World, id};

const PERIOD: i64 = 10;

/// How long a webhook takes: the run of two of them lasts three seconds.
const ANSWER_AFTER: Duration = Duration::from_millis(1500);

/// In which way a call is the last one, or goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Before,
    After,
    /// Of several writes the first half.
    Half,
    /// Nothing dies: the store says that it does not know, and it happened.
    UnknownDone,
    /// The same, and it did not happen.
    UnknownNot,
    /// Nothing dies and nothing happens.
    Unavailable,
}

impl Way {
    pub const DEADLY: [Way; 3] = [Way::Before, Way::After, Way::Half];
    pub const HARMLESS: [Way; 3] = [Way::UnknownDone, Way::UnknownNot, Way::Unavailable];
}

/// A rule of the protocol that the store breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    None,
    /// Commits are acknowledged, and written only with the next write.
    SendsBeforeTheManifestIsDurable,
    /// The announcement of an attempt is acknowledged and not written.
    SendsBeforeTheRowIsDurable,
    /// The last write of a sequence comes first.
    SequencesRunBackwards,
    /// A failed write does not stop those behind it.
    SequencesDoNotStop,
    /// A write does not care what is there.
    NothingIsCompared,
    /// The end of a row is acknowledged and not written.
    EndsAreNotRecorded,
    /// The position is acknowledged and not written.
    PositionsAreLost,
}

pub struct Outcome {
    pub calls: usize,
    /// Whether the fault came to be: not every call knows every way.
    pub crashed: bool,
    pub violations: Vec<Violation>,
}

/// One life of the process: counts its calls, and ends at one of them.
#[derive(Debug)]
struct Life {
    calls: Arc<AtomicUsize>,
    crash: Option<(usize, Way)>,
    dead: AtomicBool,
    mutation: Mutation,
    inner: Arc<MemoryStore>,
    observed: Arc<Mutex<Observed>>,
    clock: ManualClock,
    /// How many writes failed without anybody dying.
    failed: Arc<AtomicUsize>,
}

/// What happens to one call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    LastAfter,
    LastHalf,
    Fails(Way),
}

impl Life {
    async fn die(&self) -> ! {
        self.dead.store(true, Ordering::Relaxed);
        self.observed.lock().unwrap().crashes = 1;
        std::future::pending().await
    }

    /// A call begins; it may be the last one. `ways`: in which ways besides "before".
    async fn call(&self, ways: &[Way]) -> Fate {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.crash {
            Some((at, Way::Before)) if at == call => self.die().await,
            Some((at, Way::After)) if at == call && ways.contains(&Way::After) => Fate::LastAfter,
            Some((at, Way::Half)) if at == call && ways.contains(&Way::Half) => Fate::LastHalf,
            Some((at, way)) if at == call && Way::HARMLESS.contains(&way) => Fate::Fails(way),
            _ => Fate::Lives,
        }
    }

    /// A read changes nothing: dying at it leaves what dying at the next write leaves.
    async fn read(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    async fn end<T>(&self, fate: Fate, value: T) -> T {
        if matches!(fate, Fate::Lives | Fate::Fails(_)) { value } else { self.die().await }
    }

    /// Whether the mutation swallows this write.
    fn swallows(&self, write: &Write) -> bool {
        let WriteOp::Put(source) = &write.op else { return false };
        let source = Json::parse(source).unwrap();
        let state = source.get("state").and_then(Json::as_str).unwrap_or_default();
        match self.mutation {
            Mutation::SendsBeforeTheManifestIsDurable => write.index == ".triggered_watches" && state == "committed",
            Mutation::SendsBeforeTheRowIsDurable => write.index == ".watchbell-deliveries" && state == "inflight",
            Mutation::EndsAreNotRecorded => write.index == ".watchbell-deliveries" && state == "delivered",
            Mutation::PositionsAreLost => write.index == ".watches" && source.at(&["_watchbell", "fires"]).and_then(Json::as_i64) > Some(0),
            Mutation::None | Mutation::SequencesRunBackwards | Mutation::SequencesDoNotStop | Mutation::NothingIsCompared => false,
        }
    }

    async fn apply(&self, mut write: Write) -> Result<Written, WriteError> {
        if self.mutation == Mutation::NothingIsCompared {
            write.expect = Expect::Anything;
        }
        if self.swallows(&write) {
            let standing = self.inner.get(&write.index, &write.id).await.unwrap();
            let revision = standing.map_or(watchbell_store::Revision { seq_no: 0, primary_term: 1 }, |document| document.revision);
            return Ok(Written { index: write.index, id: write.id, revision, version: 1, result: watchbell_store::WriteResult::Updated });
        }
        let answer = self.inner.write(write.clone()).await;
        if let (Ok(_), WriteOp::Put(source)) = (&answer, &write.op) {
            self.observed.lock().unwrap().wrote(&write.index, &write.id, &Json::parse(source).unwrap());
        }
        answer
    }

    /// In order; a sequence stops at the first failure.
    async fn apply_all(&self, writes: Vec<Write>, stops: bool) -> Vec<Result<Written, WriteError>> {
        let mut failed = false;
        let backwards = stops && self.mutation == Mutation::SequencesRunBackwards;
        let stops = stops && self.mutation != Mutation::SequencesDoNotStop;
        let mut answers = Vec::new();
        let ordered: Vec<Write> = if backwards { writes.into_iter().rev().collect() } else { writes };
        for write in ordered {
            let answer = if failed && stops { Err(WriteError::NotTried) } else { self.apply(write).await };
            failed |= answer.is_err();
            answers.push(answer);
        }
        if backwards {
            answers.reverse();
        }
        answers
    }

    /// The answers of a store that fails and lives on.
    async fn fail(&self, way: Way, writes: Vec<Write>, stops: bool) -> Vec<Result<Written, WriteError>> {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let count = writes.len();
        if way == Way::UnknownDone {
            self.apply_all(writes, stops).await;
        }
        let error = if way == Way::Unavailable { WriteError::Unavailable("down".into()) } else { WriteError::Unknown("no answer".into()) };
        vec![Err(error); count]
    }

    async fn many(&self, writes: Vec<Write>, stops: bool) -> Vec<Result<Written, WriteError>> {
        let ways: &[Way] = if writes.len() > 1 { &[Way::After, Way::Half] } else { &[Way::After] };
        let fate = self.call(ways).await;
        if let Fate::Fails(way) = fate {
            return self.fail(way, writes, stops).await;
        }
        let done = if fate == Fate::LastHalf { writes.len() / 2 } else { writes.len() };
        let backwards = stops && self.mutation == Mutation::SequencesRunBackwards;
        let part = if backwards { writes[writes.len() - done..].to_vec() } else { writes[..done].to_vec() };
        let answers = self.apply_all(part, stops).await;
        self.end(fate, answers).await
    }
}

#[async_trait::async_trait]
impl DocumentStore for Life {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.read().await;
        self.inner.get(index, id).await
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let fate = self.call(&[Way::After]).await;
        if let Fate::Fails(way) = fate {
            return self.fail(way, vec![write], true).await.remove(0);
        }
        let answer = self.apply(write).await;
        self.end(fate, answer).await
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        self.many(writes, true).await
    }

    async fn bulk(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        self.many(writes, false).await
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.read().await;
        self.inner.scan(index, after, limit).await
    }
}

#[async_trait::async_trait]
impl Deliver for Life {
    async fn deliver(&self, delivery: &Delivery, _deadline: Duration) -> Attempt {
        let fate = self.call(&[Way::After]).await;
        let key = delivery.key.0.as_str();
        let execution = key.split('/').next().unwrap();
        let read = |document: Option<Document>| document.map(|document| Json::parse(&document.source).unwrap());
        let journal = read(self.inner.get(".triggered_watches", execution).await.unwrap());
        let row = read(self.inner.get(".watchbell-deliveries", key).await.unwrap());
        {
            let mut observed = self.observed.lock().unwrap();
            let message = watchbell_outbox::message_document::print(&delivery.message).to_string();
            observed.attempt(key, message, journal.as_ref(), row.as_ref());
            observed.accepted.insert(key.to_owned());
        }
        let attempt = self.end(fate, Attempt::delivered(Some(json!({"status": 200})))).await;
        if matches!(delivery.message, Message::Webhook(_)) {
            self.clock.sleep(ANSWER_AFTER).await; // long enough for users to meet the run
        }
        attempt
    }
}

/// What users do, and when.
#[derive(Clone, Copy, Debug)]
enum Act {
    Put(&'static str),
    Ack(&'static str),
    Delete(&'static str),
}

const SCRIPT: &[(i64, Act)] = &[
    (0, Act::Put("plain")),
    (0, Act::Put("each")),
    (15, Act::Ack("plain")),
    // while the run of 20 is sending
    (21, Act::Put("each")),
    (22, Act::Put("plain")),
    // while the run of 30 is sending: its second message must not leave
    (31, Act::Delete("each")),
    (36, Act::Put("each")),
];

/// When the scenario is over, with time to come to rest.
const END: i64 = 55;

fn watch(name: &str) -> Json {
    match name {
        "plain" => json!({
            "trigger": {"schedule": {"interval": "10s"}},
            "throttle_period": "1ms",
            "actions": {"a": {"logging": {"text": "{{ctx.id}}"}}}
        }),
        _ => json!({
            "trigger": {"schedule": {"interval": "10s"}},
            "throttle_period": "1ms",
            "input": {"simple": {"items": [1, 2]}},
            "actions": {
                "a": {"foreach": "ctx.payload.items", "webhook": {"method": "POST", "url": "http://h:1/p", "body": "{{ctx.id}}-{{ctx.payload._value}}"}},
                "b": {"index": {"index": "alerts"}}
            }
        }),
    }
}

/// One run of the scenario.
pub async fn run(crash: Option<(usize, Way)>, mutation: Mutation) -> Outcome {
    let world = World::unstarted();
    let observed = Arc::new(Mutex::new(Observed::default()));
    let calls = Arc::new(AtomicUsize::new(0));
    let failed = Arc::new(AtomicUsize::new(0));
    let life = |crash| {
        Arc::new(Life {
            calls: calls.clone(),
            crash,
            dead: AtomicBool::new(false),
            mutation,
            inner: world.store.inner.clone(),
            observed: observed.clone(),
            clock: world.clock.clone(),
            failed: failed.clone(),
        })
    };
    let mut current = life(crash);
    let mut tasks = start(&world, &current, 1).await;
    let mut script = SCRIPT.iter().copied().peekable();
    let mut second = 0;
    while second < END {
        while let Some((_, act)) = script.next_if(|(at, _)| *at <= second) {
            while !perform(&world, tasks.as_ref(), &current, act, &observed).await {
                // not acknowledged: the user asks again once the service is back
                if current.dead.load(Ordering::Relaxed) {
                    drop(tasks.take());
                    current = life(None);
                    tasks = start(&world, &current, 2).await;
                } else {
                    world.advance(Duration::from_millis(100)).await;
                }
            }
        }
        second += 1;
        world.to(second).await;
        if current.dead.load(Ordering::Relaxed) {
            second += 2;
            drop(tasks.take());
            world.clock.advance(Duration::from_secs(2));
            current = life(None);
            tasks = start(&world, &current, 2).await;
        }
    }
    let mut observed = std::mem::take(&mut *observed.lock().unwrap());
    check_end(&mut observed, &world, PERIOD).await;
    drop(tasks);
    Outcome { calls: calls.load(Ordering::Relaxed), crashed: observed.crashes > 0 || failed.load(Ordering::Relaxed) > 0, violations: observed.violations }
}

/// Starts the engine; `None` if it dies at once, which the caller sees.
async fn start(world: &World, life: &Arc<Life>, seed: u64) -> Option<Tasks> {
    let ports = EnginePorts {
        clock: Arc::new(world.clock.clone()),
        entropy: Arc::new(SeededEntropy::new(seed)),
        state: life.clone(),
        search: world.data.clone(),
        watches: None,
        deliver: life.clone(),
    };
    let starting = tokio::spawn(Watcher::start_up(ports, EngineSettings::default()));
    world.settle().await;
    let started = if starting.is_finished() { Some(starting.await.unwrap().unwrap()) } else { None };
    world.settle().await;
    started
}

/// Whether the act was acknowledged.
async fn perform(world: &World, tasks: Option<&Tasks>, life: &Arc<Life>, act: Act, observed: &Arc<Mutex<Observed>>) -> bool {
    let Some(watcher) = tasks.map(|tasks| tasks.watcher().clone()) else { return false };
    let incarnation = match act {
        Act::Delete(name) => world.store.inner.get(".watches", name).await.unwrap().map(|document| {
            let source = Json::parse(&document.source).unwrap();
            source.at(&["_watchbell", "incarnation"]).and_then(Json::as_str).unwrap().to_owned()
        }),
        _ => None,
    };
    let acting = tokio::spawn(async move {
        match act {
            Act::Put(name) => watcher.put_watch(PutRequest { id: id(name), body: watch(name), active: true, mode: PutMode::Insert }).await.map(|_| ()),
            Act::Ack(name) => watcher.ack(&id(name), &[]).await.map(|_| ()),
            Act::Delete(name) => watcher.delete_watch(&id(name)).await.map(|_| ()),
        }
    });
    world.settle().await;
    if life.dead.load(Ordering::Relaxed) || !acting.is_finished() {
        acting.abort();
        return false;
    }
    let acknowledged = acting.await.unwrap().is_ok();
    if let (true, Some(incarnation)) = (acknowledged, incarnation) {
        let mut observed = observed.lock().unwrap();
        let attempts = observed.attempts.len();
        observed.deleted.push((incarnation, attempts));
    }
    acknowledged
}
