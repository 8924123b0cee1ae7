//! The attempt protocol against a ledger in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_debug_implementations)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchbell_outbox::{
    ATTEMPTS_MAX, Attempt, AttemptRow, Blocked, CancelledBy, Deliver, Delivery, DeliveryKey, Entry, LEDGER_INDEX, LogLine, Message, Origin, Outbox, Outcome,
    Predecessors, Row, RowState, Wanted,
};
use watchbell_store::{DocumentStore, Expect, MemoryStore, Write};
use watchbell_time::{Clock, ManualClock, Timestamp};
use watchbell_watch::action::LogLevel;
use watchbell_watch::{ActionId, WatchId};

#[derive(Debug, Default)]
struct Channel {
    sent: Mutex<Vec<String>>,
    /// States of the row in the ledger at the moment of sending.
    states: Mutex<Vec<String>>,
    ledger: Mutex<Option<Arc<MemoryStore>>>,
    hangs: AtomicBool,
}

#[async_trait::async_trait]
impl Deliver for Channel {
    async fn deliver(&self, delivery: &Delivery, _deadline: Duration) -> Attempt {
        self.sent.lock().unwrap().push(delivery.key.0.clone());
        let store = self.ledger.lock().unwrap().clone().unwrap();
        let row = store.get(LEDGER_INDEX, &delivery.key.0).await.unwrap();
        let state = row.map_or("absent".to_owned(), |row| {
            let row = watchbell_json::Json::parse(&row.source).unwrap();
            row.get("state").unwrap().as_str().unwrap().to_owned()
        });
        self.states.lock().unwrap().push(state);
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Attempt::delivered(None)
    }
}

struct Always(bool);

#[async_trait::async_trait]
impl Wanted for Always {
    async fn is_wanted(&self, _origin: &Origin) -> bool {
        self.0
    }
}

struct World {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    channel: Arc<Channel>,
}

impl World {
    fn new() -> World {
        let clock = ManualClock::at(at(1000));
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let channel = Arc::new(Channel::default());
        *channel.ledger.lock().unwrap() = Some(store.clone());
        World { clock, store, channel }
    }

    fn outbox(&self, predecessors: Predecessors) -> Outbox {
        Outbox::new(self.store.clone(), Arc::new(self.clock.clone()), self.channel.clone(), "this".into(), predecessors)
    }

    async fn stored(&self, row: Row) -> Entry {
        self.store.write(Entry::new(row.clone()).write()).await.unwrap();
        self.outbox(Predecessors::Gone).look_up(vec![row]).await.unwrap().remove(0)
    }

    fn sent(&self) -> usize {
        self.channel.sent.lock().unwrap().len()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn row(execution: &str) -> Row {
    let origin = Origin {
        watch: WatchId::parse("w").unwrap(),
        incarnation: Some("i".into()),
        action: ActionId::parse("a").unwrap(),
        execution: execution.into(),
        cancels: 0,
    };
    let message = Message::Log(LogLine { level: LogLevel::Info, category: None, text: "t".into() });
    Row::decided(DeliveryKey::of(execution, "a", 0), message, origin, at(999))
}

fn inflight(by: &str, until: i64, attempts: usize) -> Row {
    let attempt = AttemptRow { started: at(990), ended: None, outcome: None, response: None, error: None };
    Row { state: RowState::InFlight { by: by.into(), until: at(until) }, attempts: vec![attempt; attempts], ..row("e") }
}

fn ended(state: RowState) -> Row {
    Row { state, ended: Some(at(995)), ..row("e") }
}

/// What recovery does with a row, by what the ledger says.
#[tokio::test]
async fn the_ledger_decides_whether_a_message_leaves_again() {
    use Predecessors::{Gone, MayLive};
    for (name, found, predecessors, sends, end) in [
        ("decided: nothing was sent", row("e"), Gone, true, Some("delivered")),
        ("waiting", Row { state: RowState::Waiting { not_before: at(0) }, ..row("e") }, Gone, true, Some("delivered")),
        ("in flight by a dead process", inflight("other", 2000, 1), Gone, true, Some("delivered")),
        ("in flight by one that may live", inflight("other", 2000, 1), MayLive, false, None),
        ("the same after its deadline", inflight("other", 999, 1), MayLive, true, Some("delivered")),
        ("a message that kills the process", inflight("other", 999, ATTEMPTS_MAX), Gone, false, Some("unconfirmed")),
        ("delivered", ended(RowState::Delivered), Gone, false, Some("delivered")),
        ("refused", ended(RowState::Refused { reason: "r".into() }), Gone, false, Some("refused")),
        ("cancelled", ended(RowState::Cancelled { by: CancelledBy::Delete }), Gone, false, Some("cancelled")),
    ] {
        let world = World::new();
        let before = found.attempts.len();
        let entry = world.stored(found).await;
        let outbox = world.outbox(predecessors);
        let mut closings = Vec::new();
        let outcome = outbox.settle(entry, false, &mut closings, &Always(true)).await;
        match (outcome, end) {
            (Ok(ended), Some(end)) => assert_eq!(ended.state.name(), end, "{name}"),
            (Err(Blocked::Elsewhere(_)), None) => {}
            (outcome, end) => panic!("{name}: {outcome:?} instead of {end:?}"),
        }
        assert_eq!(world.sent(), usize::from(sends), "{name}");
        assert!(world.channel.states.lock().unwrap().iter().all(|state| state == "inflight"), "{name}");
        if sends {
            assert_eq!(closings[0].row.attempts.len(), before + 1, "{name}");
            for write in Outbox::closing_writes(&closings) {
                world.store.write(write).await.unwrap();
            }
            let stored = outbox.ledger().read(&DeliveryKey::of("e", "a", 0)).await.unwrap().unwrap();
            assert_eq!(stored.row.state, RowState::Delivered, "{name}");
            if before > 0 {
                assert!(matches!(stored.row.attempts[0].outcome, Some(Outcome::Ambiguous { .. })), "{name}: the earlier attempt is ambiguous");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_announced_and_not_sent() {
    let world = World::new();
    let outbox = world.outbox(Predecessors::Gone);
    let mut closings = Vec::new();
    let ended = outbox.settle(Entry::new(row("e")), false, &mut closings, &Always(false)).await.unwrap();
    assert_eq!(ended.state, RowState::Cancelled { by: CancelledBy::Withdrawn });
    assert_eq!(world.sent(), 0);
    assert_eq!(closings[0].row.attempts.len(), 0);
}

#[tokio::test]
async fn cancelling_meets_what_was_not_sent_and_nothing_else() {
    for (name, found, cancelled, end) in [
        ("not there yet", None, 1, "cancelled"),
        ("decided", Some(row("e")), 1, "cancelled"),
        ("in flight", Some(inflight("this", 2000, 1)), 0, "inflight"),
        ("delivered", Some(ended(RowState::Delivered)), 0, "delivered"),
    ] {
        let world = World::new();
        if let Some(found) = found {
            world.stored(found).await;
        }
        let outbox = world.outbox(Predecessors::Gone);
        assert_eq!(outbox.cancel(vec![row("e")], CancelledBy::Ack).await.unwrap(), cancelled, "{name}");
        let entry = outbox.ledger().read(&DeliveryKey::of("e", "a", 0)).await.unwrap().unwrap();
        assert_eq!(entry.row.state.name(), end, "{name}");
        if cancelled == 1 {
            // an execution that opens its rows late finds them cancelled
            let ended = outbox.settle(Entry::new(row("e")), false, &mut Vec::new(), &Always(true)).await.unwrap();
            assert_eq!((ended.state, world.sent()), (RowState::Cancelled { by: CancelledBy::Ack }, 0), "{name}");
        }
    }
}

#[tokio::test]
async fn a_channel_that_never_answers_is_given_up() {
    let world = World::new();
    world.channel.hangs.store(true, Ordering::Relaxed);
    let outbox = world.outbox(Predecessors::Gone);
    let settling = tokio::spawn(async move { outbox.settle(Entry::new(row("e")), false, &mut Vec::new(), &Always(true)).await.unwrap() });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let wake = world.clock.next_wake().expect("somebody watches the deadline");
    world.clock.advance(wake - world.clock.elapsed());
    let ended = settling.await.unwrap();
    assert_eq!(ended.state.name(), "unconfirmed");
    assert!(matches!(ended.attempt.unwrap().outcome, Outcome::Ambiguous { .. }));
}

#[tokio::test]
async fn retention_removes_the_oldest_ends_and_nothing_that_is_needed() {
    let world = World::new();
    for n in 0..10_i64 {
        world.stored(Row { state: RowState::Delivered, ended: Some(at(100 + n)), ..row(&format!("e{n}")) }).await;
    }
    world.stored(row("undecided")).await;
    world.stored(Row { state: RowState::Delivered, ended: Some(at(50)), ..row("open") }).await;
    let ledger = world.outbox(Predecessors::Gone).ledger().clone();
    let pass = ledger.retain(4, &HashSet::from(["open".to_owned()]), at(105)).await.unwrap();
    // of the seven that ended by then, besides the open one, four stay; what ended later is not looked at
    assert_eq!((pass.ended, pass.removed), (7, 2));
    let left: Vec<String> = ledger.page(None, 100).await.unwrap().into_iter().map(|entry| entry.row.origin.execution).collect();
    assert_eq!(left, ["e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9", "open", "undecided"]);
}

#[tokio::test]
async fn retention_passes_over_what_it_cannot_read() {
    const PAGES: usize = 1100; // more than two pages of them
    let world = World::new();
    for n in 0..PAGES {
        world.store.write(Write::put(LEDGER_INDEX, format!("a{n:05}"), Expect::Absent, "{\"of\":\"another version\"}")).await.unwrap();
    }
    for n in 0..3_i64 {
        world.stored(Row { state: RowState::Delivered, ended: Some(at(100 + n)), ..row(&format!("e{n}")) }).await;
    }
    let ledger = world.outbox(Predecessors::Gone).ledger().clone();
    let pass = ledger.retain(1, &HashSet::new(), at(200)).await.unwrap();
    assert_eq!((pass.ended, pass.removed), (3, 2));
}
