//! The task that knows when: it sleeps to the next due instant, and turns due watches into journal documents.
//!
//! It owns the timetable. Its loop only receives; writes to the journal are made by one task at a time beside it, so that what
//! becomes due meanwhile goes into the next batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use watchbell_time::Timestamp;
use watchbell_watch::WatchId;

use crate::engine::Engine;
use crate::settings::MissedRuns;
use crate::timetable::{NextRun, Registration, Timetable, next_run};
use crate::trigger::{Due, Triggered, trigger};

/// Due watches are triggered in batches of at most this many, as the reference does: a batch is one commit of the store.
const BATCH_MAX: usize = 1000;

/// The longest sleep: a wall clock that jumps shows only when somebody looks at it.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

/// A wall clock that fell back by less than this against the monotonic one is being slewed, not set.
const BACK_JUMP_MIN: Duration = Duration::from_millis(500);

/// A due time is not "missed" while the timetable is at most this late: then it was busy, not away.
const ON_TIME: Duration = Duration::from_secs(60);

/// Missed runs start one after another, this far apart: 100 a second.
const CATCH_UP_SPACING: Duration = Duration::from_millis(10);

/// After a failed write of the journal nothing is triggered for this long.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// A watch whose journal document stands in the way is tried again after this long; the sweep carries that document out.
const BLOCKED_RETRY: Duration = Duration::from_secs(1);

/// So many deleted watches are remembered, against late news of them.
const REMOVED_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) enum Command {
    /// A watch was put, activated or loaded.
    Register(WatchId, Registration),
    /// A run moved the position of a watch that is known.
    Update(WatchId, Registration),
    /// A watch was deleted or deactivated.
    Remove(WatchId, Removal),
    /// A run found its watch of this incarnation gone.
    Forget(WatchId, String),
    Run,
    Pause,
}

/// The write that deleted or deactivated a watch.
///
/// Sequence numbers tell earlier from later for one incarnation only: they begin anew when the index of watches is deleted and
/// made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) incarnation: String,
    pub(crate) seq_no: i64,
}

/// Tells the scheduler what changed. One message follows one acknowledged write, which bounds the channel.
#[derive(Clone, Debug)]
pub(crate) struct SchedulerHandle {
    commands: mpsc::UnboundedSender<Command>,
}

impl SchedulerHandle {
    pub(crate) fn new() -> (SchedulerHandle, mpsc::UnboundedReceiver<Command>) {
        let (commands, receiver) = mpsc::unbounded_channel();
        (SchedulerHandle { commands }, receiver)
    }

    pub(crate) fn send(&self, command: Command) {
        // the scheduler is gone only when the engine is shutting down
        let _closed = self.commands.send(command);
    }
}

#[derive(Debug)]
struct Scheduler {
    engine: Arc<Engine>,
    watches: HashMap<WatchId, Registration>,
    table: Timetable,
    removed: BTreeMap<WatchId, Removal>,
    is_running: bool,
    /// Monotonic: nothing is triggered before.
    not_before: Duration,
    /// Wall clock minus monotonic clock, when last looked at, in milliseconds.
    offset: i64,
    /// How many catch-up runs were armed since the last moment none was.
    catching_up: u32,
}

/// Runs until the engine shuts down.
pub(crate) async fn run(engine: Arc<Engine>, mut commands: mpsc::UnboundedReceiver<Command>, mut released: mpsc::UnboundedReceiver<WatchId>) {
    let clock = engine.ports.clock.clone();
    let mut stop = engine.stopping();
    let mut scheduler = Scheduler::new(engine);
    let mut in_flight: Option<JoinHandle<Triggered>> = None;
    loop {
        if in_flight.is_none() {
            let batch = scheduler.take_due();
            if !batch.is_empty() {
                in_flight = Some(tokio::spawn(trigger(scheduler.engine.clone(), batch)));
            }
        }
        let wake = scheduler.next_wake(in_flight.is_some());
        tokio::select! {
            biased;
            () = stop.wait() => return,
            Some(command) = commands.recv() => scheduler.apply(command),
            Some(id) = released.recv() => scheduler.rearm(&id),
            outcome = finished(&mut in_flight) => {
                in_flight = None;
                scheduler.settle(outcome);
            }
            () = clock.sleep_until(wake) => {}
        }
    }
}

/// What the batch under way came to; never, if none is.
async fn finished(in_flight: &mut Option<JoinHandle<Triggered>>) -> Triggered {
    match in_flight {
        Some(handle) => handle.await.unwrap_or_else(|_| Triggered { trouble: Some("the trigger task failed".into()), ..Triggered::default() }),
        None => std::future::pending().await,
    }
}

impl Scheduler {
    fn new(engine: Arc<Engine>) -> Scheduler {
        let mut scheduler = Scheduler {
            engine,
            watches: HashMap::new(),
            table: Timetable::default(),
            removed: BTreeMap::new(),
            is_running: false,
            not_before: Duration::ZERO,
            offset: 0,
            catching_up: 0,
        };
        scheduler.offset = scheduler.clock_offset();
        scheduler
    }

    fn now(&self) -> Timestamp {
        self.engine.ports.clock.now()
    }

    fn clock_offset(&self) -> i64 {
        let elapsed = i64::try_from(self.engine.ports.clock.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.now().as_millisecond().saturating_sub(elapsed)
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Register(id, registration) => {
                if self.removed.get(&id).is_some_and(|removal| removal.incarnation == registration.incarnation && removal.seq_no > registration.seq_no) {
                    return; // news from before its removal
                }
                self.removed.remove(&id);
                self.register(&id, registration);
            }
            Command::Update(id, registration) => {
                let is_known = |known: &Registration| known.incarnation == registration.incarnation || known.seq_no < registration.seq_no;
                if self.watches.get(&id).is_some_and(is_known) {
                    self.register(&id, registration);
                }
            }
            Command::Remove(id, removal) => self.remove(id, removal),
            Command::Forget(id, incarnation) => {
                if self.watches.get(&id).is_some_and(|known| known.incarnation == incarnation) {
                    self.watches.remove(&id);
                    self.table.disarm(&id);
                }
            }
            Command::Run => {
                self.is_running = true;
                self.rearm_all();
            }
            Command::Pause => {
                self.is_running = false;
                self.table = Timetable::default();
            }
        }
        self.engine.set_watch_count(self.watches.len());
    }

    fn register(&mut self, id: &WatchId, registration: Registration) {
        if self.watches.get(id).is_some_and(|known| known.incarnation == registration.incarnation && known.seq_no > registration.seq_no) {
            return;
        }
        let now = self.now();
        self.watches.insert(id.clone(), not_ahead(registration, now));
        self.rearm(id);
    }

    fn remove(&mut self, id: WatchId, removal: Removal) {
        if self.watches.get(&id).is_some_and(|known| known.incarnation != removal.incarnation || known.seq_no > removal.seq_no) {
            return;
        }
        self.watches.remove(&id);
        self.table.disarm(&id);
        if self.removed.len() >= REMOVED_MAX {
            self.removed.clear();
        }
        self.removed.insert(id, removal);
    }

    /// Sets the watch's next due instant from its position, and from what runs of it now.
    fn rearm(&mut self, id: &WatchId) {
        let now = self.now();
        let Some(next) = self.next_of(id, now, self.max_age()) else {
            self.table.disarm(id);
            return;
        };
        if !self.is_running {
            return;
        }
        let at = if next.at <= now && next.scheduled < now { self.catch_up_at(now) } else { next.at };
        self.table.arm(id, at);
    }

    fn rearm_all(&mut self) {
        self.catching_up = 0;
        let ids: Vec<WatchId> = self.watches.keys().cloned().collect();
        ids.iter().for_each(|id| self.rearm(id));
    }

    /// Catch-up runs are spread, so that three days off do not come back as one burst.
    fn catch_up_at(&mut self, now: Timestamp) -> Timestamp {
        let at = now.checked_add(CATCH_UP_SPACING * self.catching_up).unwrap_or(now);
        self.catching_up = self.catching_up.saturating_add(1);
        at
    }

    fn max_age(&self) -> Duration {
        match self.engine.settings.missed_runs {
            MissedRuns::Latest { max_age } => max_age,
            MissedRuns::None => Duration::ZERO,
        }
    }

    /// The watch's next run. Due times that the execution under way runs for, or has noted, are accounted for.
    fn next_of(&self, id: &WatchId, now: Timestamp, max_age: Duration) -> Option<NextRun> {
        let known = self.watches.get(id)?;
        match self.engine.runs.accounted_to(id) {
            Some(until) if until > known.last_scheduled => next_run(&Registration { last_scheduled: until, ..known.clone() }, now, max_age),
            _ => next_run(known, now, max_age),
        }
    }

    /// When to look again at the latest, by the monotonic clock.
    fn next_wake(&self, is_busy: bool) -> Duration {
        let elapsed = self.engine.ports.clock.elapsed();
        let check = elapsed + CLOCK_CHECK;
        let due = match self.table.next_due() {
            // while nothing may be triggered, what is due wakes nobody
            Some(at) if self.is_running && !is_busy => elapsed + self.until(at),
            _ => check,
        };
        due.max(self.not_before).min(check)
    }

    /// Rounded up: who wakes a moment too early would sleep again.
    fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }

    /// What is due now, with its claims. Watches that still run are noted instead.
    fn take_due(&mut self) -> Vec<Due> {
        self.watch_clock();
        let mut batch = Vec::new();
        if !self.is_running || self.engine.ports.clock.elapsed() < self.not_before {
            return batch;
        }
        let now = self.now();
        while batch.len() < BATCH_MAX {
            let Some(id) = self.table.pop_due(now) else {
                self.catching_up = 0;
                break;
            };
            batch.extend(self.claim(&id, now));
        }
        batch
    }

    fn claim(&mut self, id: &WatchId, now: Timestamp) -> Option<Due> {
        let next = self.next_of(id, now, self.max_age().max(ON_TIME))?;
        if next.at > now {
            self.table.arm(id, next.at);
            return None;
        }
        let known = self.watches.get(id)?.clone();
        let claim = self.engine.runs.claim(id);
        match &claim {
            Some(claim) => claim.accounts_to(next.scheduled),
            None => {
                self.engine.runs.note_overlap(id, next.scheduled, next.missed + 1, now);
                self.engine.counters.count(|metrics| metrics.overlapped += next.missed.unsigned_abs() + 1);
            }
        }
        if let Some(following) = known.schedule.next_after(now, known.anchor) {
            self.table.arm(id, following); // in case it is still running then
        }
        claim.map(|claim| Due { claim, watch: id.clone(), incarnation: known.incarnation, fires: known.fires, run: next, triggered: now })
    }

    fn settle(&mut self, outcome: Triggered) {
        let now = self.now();
        for id in outcome.blocked {
            if let (true, Ok(at)) = (self.is_running && self.watches.contains_key(&id), now.checked_add(BLOCKED_RETRY)) {
                self.table.arm(&id, at);
            }
        }
        if outcome.trouble.is_some() {
            self.not_before = self.engine.ports.clock.elapsed() + STORE_RETRY;
        }
        self.engine.counters.set_trouble(outcome.trouble);
    }

    /// A wall clock set back would leave every watch waiting for an instant that is far away now.
    fn watch_clock(&mut self) {
        let offset = self.clock_offset();
        let jump = offset - self.offset;
        self.offset = offset;
        if jump < -i64::try_from(BACK_JUMP_MIN.as_millis()).unwrap_or(i64::MAX) {
            tracing::warn!(milliseconds = -jump, "the wall clock went back; every watch is scheduled anew");
            self.engine.counters.count(|metrics| metrics.clock_jumps += 1);
            let now = self.now();
            for registration in self.watches.values_mut() {
                *registration = not_ahead(registration.clone(), now);
            }
            if self.is_running {
                self.rearm_all();
            }
        }
    }
}

/// A last run in the future, from before a clock was corrected, counts as now.
fn not_ahead(registration: Registration, now: Timestamp) -> Registration {
    Registration { last_scheduled: registration.last_scheduled.min(now), ..registration }
}
