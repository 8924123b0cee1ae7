//! What every task of the engine shares: ports, settings, and handles to the tasks.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use watchbell_json::Failure;
use watchbell_outbox::{Origin, Outbox, Wanted};
use watchbell_store::{Revision, StoreError, WriteError};
use watchbell_time::{Timestamp, uuid_v4};
use watchbell_watch::WatchId;

use crate::counters::Counters;
use crate::executor::Job;
use crate::names::WATCHES;
use crate::position::Position;
use crate::runs::Runs;
use crate::scheduler::{Command, Removal, SchedulerHandle};
use crate::settings::{EnginePorts, EngineSettings};
use crate::stored_watch::WatchDocument;
use crate::templates::Templates;
use crate::timetable::Registration;

/// Who waits for the store waits this long at first, twice as long each time after, but never longer than [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// So many unreadable journal documents are complained of; more than a few means that the store is not ours.
const UNREADABLE_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) ports: EnginePorts,
    pub(crate) settings: EngineSettings,
    pub(crate) runs: Runs,
    pub(crate) outbox: Outbox,
    pub(crate) counters: Counters,
    pub(crate) scheduler: SchedulerHandle,
    jobs: mpsc::UnboundedSender<Job>,
    sweep: Notify,
    stop: watch::Sender<bool>,
    stopped_by_hand: watch::Sender<bool>,
    watch_count: AtomicUsize,
    rows_ended: AtomicU64,
    loaded: AtomicBool,
    unreadable: Mutex<HashSet<String>>,
}

/// Ends when the engine shuts down.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    pub(crate) async fn wait(&mut self) {
        // an error means that the engine itself is gone
        let _gone = self.0.wait_for(|stop| *stop).await;
    }
}

impl Engine {
    pub(crate) fn new(ports: EnginePorts, settings: EngineSettings, runs: Runs, scheduler: SchedulerHandle, jobs: mpsc::UnboundedSender<Job>) -> Engine {
        let boot = uuid_v4(&*ports.entropy);
        let outbox = Outbox::new(ports.state.clone(), ports.clock.clone(), ports.deliver.clone(), boot, settings.predecessors);
        Engine {
            ports,
            settings,
            runs,
            outbox,
            counters: Counters::default(),
            scheduler,
            jobs,
            sweep: Notify::new(),
            stop: watch::Sender::new(false),
            stopped_by_hand: watch::Sender::new(false),
            watch_count: AtomicUsize::new(0),
            rows_ended: AtomicU64::new(0),
            loaded: AtomicBool::new(false),
            unreadable: Mutex::default(),
        }
    }

    pub(crate) fn templates(&self) -> Templates {
        Templates::of(self.settings.generation)
    }

    /// Now, as the spoken generation's clock shows it.
    pub(crate) fn now(&self) -> Timestamp {
        self.settings.generation.clock_reading(self.ports.clock.now())
    }

    /// The queue is bounded by its claims: one a watch, and those of inline executions by the limit on waiting ones.
    pub(crate) fn submit(&self, job: Job) {
        // the executor is gone only when the engine is shutting down; the journal keeps what is lost here
        let _closed = self.jobs.send(job);
    }

    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// A journal document that is not readable is left alone, and complained of once.
    pub(crate) fn complain_once(&self, key: &str, failure: &Failure) {
        let mut known = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < UNREADABLE_MAX && known.insert(key.to_owned()) {
            tracing::error!(%failure, "a journal document is left alone");
        }
    }

    /// Asks for a sweep before its time.
    pub(crate) fn sweep_now(&self) {
        self.sweep.notify_one();
    }

    pub(crate) async fn sweep_asked(&self) {
        self.sweep.notified().await;
    }

    pub(crate) fn is_stopped_by_hand(&self) -> bool {
        *self.stopped_by_hand.borrow()
    }

    pub(crate) fn set_stopped_by_hand(&self, stopped: bool) {
        self.stopped_by_hand.send_replace(stopped);
    }

    pub(crate) fn set_watch_count(&self, count: usize) {
        self.watch_count.store(count, Ordering::Relaxed);
    }

    pub(crate) fn watch_count(&self) -> usize {
        self.watch_count.load(Ordering::Relaxed)
    }

    /// Every watch is known to the scheduler.
    pub(crate) fn set_loaded(&self) {
        self.loaded.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Relaxed)
    }

    pub(crate) fn count_ended_rows(&self, rows: usize) {
        self.rows_ended.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn take_ended_rows(&self) -> u64 {
        self.rows_ended.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn ended_rows(&self) -> u64 {
        self.rows_ended.load(Ordering::Relaxed)
    }

    /// # Errors
    /// If the store does not answer, or the document is no JSON.
    pub(crate) async fn read_watch(&self, id: &WatchId) -> Result<Option<WatchDocument>, Failure> {
        match self.ports.state.get(WATCHES, id.as_str()).await.map_err(store_failure)? {
            Some(document) => WatchDocument::parse(id, &document).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the watch, however long the store takes to answer. A document that is no JSON counts as gone.
    pub(crate) async fn read_watch_surely(&self, id: &WatchId) -> Option<WatchDocument> {
        for attempt in 0.. {
            match self.ports.state.get(WATCHES, id.as_str()).await {
                Ok(document) => return document.and_then(|document| WatchDocument::parse(id, &document).ok()),
                Err(_) => self.pause(attempt).await,
            }
        }
        None
    }

    /// Tells the scheduler where a watch stands, as its document says.
    pub(crate) fn update_registration(&self, document: &WatchDocument) {
        let registration = document.read().ok().and_then(|stored| stored.registration(document.revision));
        self.tell(document, registration, document.revision);
    }

    /// The same where the scheduler may still know a watch that is gone.
    pub(crate) fn replace_registration(&self, document: &WatchDocument, gone: &str) {
        self.scheduler.send(Command::Forget(document.id.clone(), gone.to_owned()));
        if let Some(registration) = document.read().ok().and_then(|stored| stored.registration(document.revision)) {
            self.scheduler.send(Command::Register(document.id.clone(), registration));
        }
    }

    /// The same after the position was written, at `revision`.
    pub(crate) fn update_position(&self, document: &WatchDocument, position: &Position, revision: Revision) {
        let registration = document.read().ok().and_then(|stored| stored.registration_at(position, revision));
        self.tell(document, registration, revision);
    }

    /// A watch that is inactive, or cannot be read, is not scheduled.
    fn tell(&self, document: &WatchDocument, registration: Option<Registration>, revision: Revision) {
        let id = document.id.clone();
        self.scheduler.send(match registration {
            Some(registration) => Command::Update(id, registration),
            None => Command::Remove(id, Removal { incarnation: document.incarnation().to_owned(), seq_no: revision.seq_no }),
        });
    }

    /// Waits before a repetition.
    pub(crate) async fn pause(&self, attempt: u32) {
        let wait = RETRY_MIN.saturating_mul(2_u32.saturating_pow(attempt.min(16))).min(RETRY_MAX);
        self.ports.clock.sleep(wait).await;
    }
}

#[async_trait::async_trait]
impl Wanted for Engine {
    async fn is_wanted(&self, origin: &Origin) -> bool {
        let Some(incarnation) = &origin.incarnation else { return true };
        let Some(document) = self.read_watch_surely(&origin.watch).await else { return false };
        let cancels = document.position().map_or(0, |position| position.cancels(&origin.action));
        document.incarnation() == incarnation && cancels <= origin.cancels
    }
}

/// What a failed read looks like to users.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::NoIndex(index) => no_such_index(&index),
        StoreError::Refused(failure) | StoreError::Unavailable(failure) => failure,
        other => Failure::new("exception", other.to_string()),
    }
}

/// What a failed write looks like to users, where it is no conflict.
pub(crate) fn write_failure(error: WriteError) -> Failure {
    match error {
        WriteError::Refused(failure) => failure,
        WriteError::NoIndex(index) => no_such_index(&index),
        other => Failure::new("unavailable_shards_exception", other.to_string()),
    }
}

fn no_such_index(index: &str) -> Failure {
    Failure::new("index_not_found_exception", format!("no such index [{index}]"))
        .with("resource.type", "index_or_alias")
        .with("resource.id", index)
        .with("index_uuid", "_na_")
        .with("index", index)
}
