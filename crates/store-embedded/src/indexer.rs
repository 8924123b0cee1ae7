//! The indexer: one thread that follows the rows of every index into its derived side.
//!
//! It pulls: what there is to do is the difference between two numbers, so its queue holds an index once however much was
//! written, a restart needs no replay of its own, and a rebuild is the same work from the beginning. A page of rows is indexed
//! at a time, so that a long rebuild does not hold up others' refreshes.
//!
//! Invariants: what a search side shows is a prefix of the rows; it is published only when it has reached what was
//! acknowledged when somebody asked; only this thread writes a derived folder.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use watchbell_time::Clock;

use crate::columns::Columns;
use crate::derived::{self, Derived};
use crate::encode;
use crate::files::Files;
use crate::folder::Folder;
use crate::index::Index;
use crate::placement::Kind;
use crate::rows;
use crate::settings::{INDEX_PAGE_ROWS, INDEX_WRITER_IDLE, OPEN_DERIVED_MAX, OPEN_INDEX_WRITERS_MAX, PENDING_ROWS_MAX, UNCOMMITTED_ROWS_MAX};

/// Failures of one index in a row before its waiters are told: the first is answered by opening it again, the second by
/// beginning from the rows.
const TRIES_MAX: u32 = 3;

/// Why an index could not be brought up to date.
pub(crate) type Refreshed = Result<(), String>;

struct Work {
    index: Arc<Index>,
    /// Make visible what there is up to here.
    refresh_to: Option<i64>,
    waiters: Vec<oneshot::Sender<Refreshed>>,
    /// Begin again from the rows.
    rebuild: bool,
    tries: u32,
}

#[derive(Default)]
struct Queue {
    work: BTreeMap<i64, Work>,
    /// Where the round goes on.
    last: i64,
    /// Folders of deleted indices.
    forget: Vec<(i64, String)>,
    sweep: bool,
    stop: bool,
    /// Stop without a last commit.
    abandoned: bool,
}

impl Queue {
    /// What somebody waits for goes first; among equals it goes round.
    fn next(&self) -> Option<i64> {
        let round = || self.work.range(self.last + 1..).chain(self.work.range(..=self.last));
        let waited_for = round().find(|(_, work)| !work.waiters.is_empty());
        waited_for.or_else(|| round().next()).map(|(number, _)| *number)
    }
}

pub(crate) struct Indexer {
    queue: Mutex<Queue>,
    wake: Condvar,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    rebuilds: AtomicU64,
}

pub(crate) struct IndexerParts {
    pub folder: Arc<Folder>,
    pub files: Arc<Files>,
    pub clock: Arc<dyn Clock>,
    pub columns: Arc<Columns>,
}

impl Indexer {
    pub(crate) fn new() -> Arc<Indexer> {
        Arc::new(Indexer { queue: Mutex::default(), wake: Condvar::new(), thread: Mutex::default(), rebuilds: AtomicU64::new(0) })
    }

    pub(crate) fn start(self: &Arc<Self>, parts: IndexerParts) -> std::io::Result<()> {
        let shared = self.clone();
        let run = move || Thread { shared, parts, open: HashMap::new() }.run();
        let thread = std::thread::Builder::new().name("store-indexer".to_owned()).spawn(run)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, index: &Arc<Index>, change: impl FnOnce(&mut Work)) {
        if index.kind == Kind::State {
            return;
        }
        let mut queue = self.lock();
        if queue.stop {
            return;
        }
        let fresh = || Work { index: index.clone(), refresh_to: None, waiters: Vec::new(), rebuild: false, tries: 0 };
        change(queue.work.entry(index.number).or_insert_with(fresh));
        drop(queue);
        self.wake.notify_one();
    }

    /// Rows were committed: begins to index them once they are many.
    pub(crate) fn rows_committed(&self, index: &Arc<Index>, last_seq: i64) {
        index.saw_seq(last_seq);
        let pending = last_seq.saturating_sub(index.indexed_seq());
        if pending >= i64::try_from(PENDING_ROWS_MAX).unwrap_or(i64::MAX) {
            self.add(index, |_| {});
        }
    }

    /// Makes rows visible without waiting for it.
    pub(crate) fn refresh_soon(&self, index: &Arc<Index>) {
        let to = index.last_seq();
        self.add(index, |work| work.refresh_to = work.refresh_to.max(Some(to)));
    }

    /// Makes visible every row up to `to`; the answer comes when they are.
    pub(crate) fn refresh(&self, index: &Arc<Index>, to: i64) -> oneshot::Receiver<Refreshed> {
        let (reply, answer) = oneshot::channel();
        self.add(index, |work| {
            work.refresh_to = work.refresh_to.max(Some(to));
            work.waiters.push(reply);
        });
        answer
    }

    /// The derived side turned out to be damaged: it is made again from the rows.
    pub(crate) fn rebuild(&self, index: &Arc<Index>) {
        index.set_rebuilding();
        let to = index.last_seq();
        self.add(index, |work| {
            work.rebuild = true;
            work.refresh_to = work.refresh_to.max(Some(to));
        });
    }

    pub(crate) fn forget(&self, index: &Index) {
        index.set_search_side(None);
        self.lock().forget.push((index.number, index.uuid.clone()));
        self.wake.notify_one();
    }

    /// Closes writers that had nothing to do.
    pub(crate) fn sweep(&self) {
        self.lock().sweep = true;
        self.wake.notify_one();
    }

    pub(crate) fn rebuilds(&self) -> u64 {
        self.rebuilds.load(Ordering::Relaxed)
    }

    /// Ends the thread, as a killed process would; does not wait.
    pub(crate) fn abandon(&self) {
        let mut queue = self.lock();
        if !queue.stop {
            queue.stop = true;
            queue.abandoned = true;
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Commits what there is and ends the thread; blocks.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the indexer panicked");
        }
    }
}

enum Task {
    Work(Work),
    Forget(Vec<(i64, String)>),
    Sweep,
    Stop,
}

struct Opened {
    index: Arc<Index>,
    derived: Derived,
    used: Duration,
}

struct Thread {
    /// Dropped before the parts, among which is the hold on the folder.
    open: HashMap<i64, Opened>,
    shared: Arc<Indexer>,
    parts: IndexerParts,
}

impl Thread {
    fn run(mut self) {
        loop {
            match self.next() {
                Task::Work(work) => self.step_safely(work),
                Task::Forget(indices) => indices.into_iter().for_each(|(number, uuid)| self.forget(number, &uuid)),
                Task::Sweep => self.sweep(),
                Task::Stop => break,
            }
        }
        if self.shared.lock().abandoned {
            return;
        }
        for opened in self.open.values_mut() {
            if let Err(error) = opened.derived.close_writer() {
                tracing::warn!(index = %opened.index.name, %error, "the index is left behind its rows");
            }
        }
    }

    fn next(&self) -> Task {
        let mut queue = self.shared.lock();
        loop {
            if queue.stop {
                queue.work.clear();
                return Task::Stop;
            }
            if !queue.forget.is_empty() {
                return Task::Forget(std::mem::take(&mut queue.forget));
            }
            if let Some(number) = queue.next()
                && let Some(work) = queue.work.remove(&number)
            {
                queue.last = number;
                return Task::Work(work);
            }
            if std::mem::take(&mut queue.sweep) {
                return Task::Sweep;
            }
            queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One page of an index; a failure or a panic means that its folder is of no use.
    fn step_safely(&mut self, mut work: Work) {
        let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(&mut work)));
        let error = match step {
            Ok(Ok(Progress::Done)) => {
                work.waiters.into_iter().for_each(|waiter| drop(waiter.send(Ok(()))));
                return;
            }
            Ok(Ok(Progress::More)) => {
                self.put_back(work);
                return;
            }
            Ok(Err(error)) => error,
            Err(_) => "the indexer panicked".to_owned(),
        };
        tracing::warn!(index = %work.index.name, %error, "the index could not be brought up to date");
        self.open.remove(&work.index.number);
        work.index.set_search_side(None);
        work.tries += 1;
        if work.tries < TRIES_MAX && !work.index.is_deleted() {
            work.rebuild = work.tries > 1;
            self.put_back(work);
        } else {
            work.waiters.into_iter().for_each(|waiter| drop(waiter.send(Err(error.clone()))));
        }
    }

    fn put_back(&self, work: Work) {
        let mut queue = self.shared.lock();
        match queue.work.get_mut(&work.index.number) {
            Some(newer) => {
                newer.refresh_to = newer.refresh_to.max(work.refresh_to);
                newer.waiters.extend(work.waiters);
                newer.rebuild |= work.rebuild;
                newer.tries = newer.tries.max(work.tries);
            }
            None => {
                queue.work.insert(work.index.number, work);
            }
        }
    }

    fn step(&mut self, work: &mut Work) -> Result<Progress, String> {
        let index = work.index.clone();
        if index.is_deleted() {
            return Ok(Progress::Done);
        }
        let file = self.parts.files.open(&index.file).map_err(|error| error.to_string())?;
        let last_seq = file.position(&index).last_seq;
        index.saw_seq(last_seq);
        let rebuild = std::mem::take(&mut work.rebuild);
        self.open_derived(&index, last_seq, rebuild)?;
        let columns = self.parts.columns.clone();
        let now = self.parts.clock.elapsed();
        let Some(opened) = self.open.get_mut(&index.number) else { return Err("the index is not open".to_owned()) };
        opened.used = now;
        let derived = &mut opened.derived;
        if derived.added_seq < last_seq {
            let page = file.read(|connection| rows::page(connection, index.number, derived.added_seq, INDEX_PAGE_ROWS)).map_err(|error| error.to_string())?;
            // a gap at the end is rows that came and went
            let last_read = page.last().map_or(-1, |row| row.seq_no);
            let reached = if page.len() < INDEX_PAGE_ROWS { last_seq.max(last_read) } else { last_read };
            let definition = index.definition();
            for row in page {
                let (seq_no, replaces) = (row.seq_no, row.replaces);
                let indexed = match encode::document(&definition, row) {
                    encode::Encoded::Document(document) => derived.put(&columns, document, replaces),
                    encode::Encoded::Tombstone(id) => derived.delete(&columns, &id, seq_no),
                };
                indexed.map_err(|error| error.to_string())?;
            }
            derived.added_seq = reached;
            index.set_indexed_seq(reached);
        }
        let wanted = work.refresh_to.unwrap_or(-1).min(last_seq);
        let reached = derived.added_seq >= wanted;
        let refresh = work.refresh_to.is_some() && reached;
        let overdue = derived.added_seq - derived.committed_seq >= i64::try_from(UNCOMMITTED_ROWS_MAX).unwrap_or(i64::MAX);
        if derived.is_dirty() && (refresh || overdue) {
            derived.commit().map_err(|error| error.to_string())?;
        }
        if refresh && index.search_side().is_none() {
            index.set_search_side(Some(Arc::new(derived.search_side())));
        }
        index.set_visible_seq(derived.committed_seq);
        let more = !reached || (work.refresh_to.is_none() && derived.added_seq < last_seq);
        Ok(if more { Progress::More } else { Progress::Done })
    }

    fn open_derived(&mut self, index: &Arc<Index>, last_seq: i64, rebuild: bool) -> Result<(), String> {
        let folder = self.parts.folder.index_folder(&index.uuid);
        if rebuild {
            self.open.remove(&index.number);
            index.set_rebuilding();
            derived::wipe(&folder).map_err(|error| error.to_string())?;
            self.shared.rebuilds.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(index = %index.name, "the index is rebuilt from its rows");
        }
        if !self.open.contains_key(&index.number) {
            let (derived, thrown_away) = Derived::open(&folder, &self.parts.columns, last_seq).map_err(|error| error.to_string())?;
            if let Some(reason) = thrown_away {
                index.set_rebuilding();
                self.shared.rebuilds.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(index = %index.name, reason, "the index is rebuilt from its rows");
            }
            index.set_indexed_seq(derived.added_seq);
            self.bound_open();
            self.open.insert(index.number, Opened { index: index.clone(), derived, used: Duration::ZERO });
        }
        self.bound_writers(index.number)
    }

    /// Closes the index that was searched longest ago while there are too many; its next search opens it again.
    fn bound_open(&mut self) {
        if self.open.len() < OPEN_DERIVED_MAX {
            return;
        }
        let idle = self.open.iter().filter(|(_, opened)| !opened.derived.has_writer());
        let Some(number) = idle.min_by_key(|(_, opened)| opened.index.searched_at()).map(|(number, _)| *number) else { return };
        if let Some(opened) = self.open.remove(&number) {
            opened.index.set_search_side(None);
        }
    }

    /// Closes the writer least used while there are too many beside the one that is needed now.
    fn bound_writers(&mut self, needed: i64) -> Result<(), String> {
        let others = || self.open.iter().filter(|(number, opened)| **number != needed && opened.derived.has_writer());
        if others().count() < OPEN_INDEX_WRITERS_MAX {
            return Ok(());
        }
        let Some(oldest) = others().min_by_key(|(_, opened)| opened.used).map(|(number, _)| *number) else { return Ok(()) };
        self.close_writer(oldest)
    }

    fn close_writer(&mut self, number: i64) -> Result<(), String> {
        let Some(opened) = self.open.get_mut(&number) else { return Ok(()) };
        opened.derived.close_writer().map_err(|error| error.to_string())?;
        opened.index.set_visible_seq(opened.derived.committed_seq);
        Ok(())
    }

    fn sweep(&mut self) {
        let now = self.parts.clock.elapsed();
        let idle = |opened: &Opened| opened.derived.has_writer() && now.saturating_sub(opened.used) >= INDEX_WRITER_IDLE;
        let numbers: Vec<i64> = self.open.iter().filter(|(_, opened)| idle(opened)).map(|(number, _)| *number).collect();
        for number in numbers {
            if let Err(error) = self.close_writer(number)
                && let Some(opened) = self.open.remove(&number)
            {
                tracing::warn!(index = %opened.index.name, %error, "the index could not be committed");
                self.shared.rebuild(&opened.index);
            }
        }
    }

    fn forget(&mut self, number: i64, uuid: &str) {
        self.open.remove(&number);
        if let Err(error) = derived::wipe(&self.parts.folder.index_folder(uuid)) {
            tracing::warn!(%error, "a deleted index left files behind");
        }
    }
}

enum Progress {
    Done,
    More,
}
