//! One file's writer: a thread that takes whatever queued up, commits it in one transaction, and answers after the commit.
//!
//! Nothing is acknowledged before its commit is on the disk. A transaction that failed before its commit certainly changed
//! nothing; one whose commit failed may have, and then the store stops (see [`crate::poison`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use watchbell_store::admission::{self, Current};
use watchbell_store::{Expect, Revision, VersionCheck, WriteError, WriteOp, WriteResult, Written};
use watchbell_time::{Clock, epoch_millis};

use crate::counters::Counters;
use crate::file::Committed;
use crate::index::Index;
use crate::placement::Kind;
use crate::poison::Poison;
use crate::rows::{self, Garbage, PRIMARY_TERM, Position, Row};
use crate::settings::{COMMIT_BYTES_MAX, COMMIT_WRITES_MAX, GARBAGE_AGE, WRITER_QUEUE_MAX};
use crate::sqlite::{Trouble, trouble};

/// Garbage rows that a commit removes beyond two for each of its writes.
const GARBAGE_SPARE: usize = 16;

/// One write, bound to its index.
#[derive(Clone, Debug)]
pub(crate) struct RowWrite {
    pub index: Arc<Index>,
    pub id: String,
    pub expect: Expect,
    pub version: Option<VersionCheck>,
    pub op: WriteOp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    EachAlone,
    StopAtFirst,
}

type WriteAnswers = Vec<Result<Written, WriteError>>;
type Change = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

enum Job {
    Rows {
        writes: Vec<RowWrite>,
        mode: Mode,
        reply: oneshot::Sender<WriteAnswers>,
    },
    /// A change of the catalogue or of the tables.
    Change {
        change: Change,
        reply: oneshot::Sender<Result<(), WriteError>>,
    },
}

impl Job {
    fn writes(&self) -> usize {
        match self {
            Job::Rows { writes, .. } => writes.len(),
            Job::Change { .. } => 1,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Job::Rows { writes, .. } => writes.iter().map(|write| if let WriteOp::Put(source) = &write.op { source.len() } else { 0 }).sum(),
            Job::Change { .. } => 0,
        }
    }

    fn refuse(self, error: &WriteError) {
        // who does not wait any more needs no answer
        match self {
            Job::Rows { writes, reply, .. } => drop(reply.send(vec![Err(error.clone()); writes.len()])),
            Job::Change { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// What the thread works with.
pub(crate) struct WriterParts {
    pub connection: Connection,
    pub counters: Arc<Counters>,
    pub poison: Arc<Poison>,
    pub clock: Arc<dyn Clock>,
    /// Told of every index that has new rows, after the commit.
    pub committed: Committed,
    pub name: String,
}

/// The handle: dropping it lets the thread finish what queued up, and waits for that.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

fn gone() -> WriteError {
    WriteError::Unavailable("the store is closed".to_owned())
}

fn lost() -> WriteError {
    WriteError::Unknown("the writer ended before it answered".to_owned())
}

impl Writer {
    pub(crate) fn start(parts: WriterParts) -> std::io::Result<Writer> {
        let (jobs, queue) = mpsc::channel(WRITER_QUEUE_MAX);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || WriterThread { parts, working: HashMap::new() }.run(queue))?;
        Ok(Writer { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the thread finish what queued up, and waits for that.
    pub(crate) fn stop(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("a writer of the store panicked");
        }
    }

    /// As many answers as writes.
    pub(crate) async fn write(&self, writes: Vec<RowWrite>, mode: Mode) -> WriteAnswers {
        let count = writes.len();
        let (reply, answer) = oneshot::channel();
        let Some(jobs) = self.jobs() else { return vec![Err(gone()); count] };
        if jobs.send(Job::Rows { writes, mode, reply }).await.is_err() {
            return vec![Err(gone()); count];
        }
        drop(jobs);
        answer.await.unwrap_or_else(|_| vec![Err(lost()); count])
    }

    /// Runs a change in a transaction; only for threads that may block.
    pub(crate) fn change_blocking(&self, change: Change) -> Result<(), WriteError> {
        let (reply, answer) = oneshot::channel();
        let Some(jobs) = self.jobs() else { return Err(gone()) };
        jobs.blocking_send(Job::Change { change, reply }).map_err(|_| gone())?;
        drop(jobs);
        answer.blocking_recv().unwrap_or_else(|_| Err(lost()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

struct WriterThread {
    parts: WriterParts,
    /// Positions as the open transaction sees them; published after the commit.
    working: HashMap<i64, (Arc<Index>, Position)>,
}

enum Outcome {
    Rows(WriteAnswers),
    Change,
}

impl WriterThread {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let (mut writes, mut bytes) = (first.writes(), first.bytes());
            let mut batch = vec![first];
            while writes < COMMIT_WRITES_MAX && bytes < COMMIT_BYTES_MAX {
                let Ok(job) = queue.try_recv() else { break };
                (writes, bytes) = (writes + job.writes(), bytes + job.bytes());
                batch.push(job);
            }
            self.commit(batch);
        }
        let folded = self.parts.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::debug!(file = %self.parts.name, %error, "the write-ahead log stays");
        }
    }

    fn commit(&mut self, batch: Vec<Job>) {
        if let Some(reason) = self.parts.poison.reason() {
            let error = WriteError::Unavailable(format!("the store stopped: {reason}"));
            batch.into_iter().for_each(|job| job.refuse(&error));
            return;
        }
        match self.transact(&batch) {
            Ok(outcomes) => self.publish(batch, outcomes),
            // one bad write must not fail its neighbours
            Err(Failed::Before(error)) if batch.len() > 1 && trouble(&error) == Trouble::Statement => {
                batch.into_iter().for_each(|job| self.commit(vec![job]));
            }
            Err(failed) => {
                let error = self.judge(failed);
                batch.into_iter().for_each(|job| job.refuse(&error));
            }
        }
    }

    fn judge(&self, failed: Failed) -> WriteError {
        let name = &self.parts.name;
        match failed {
            Failed::Before(error) => {
                if trouble(&error) == Trouble::Broken {
                    self.parts.poison.poison(format!("{name}: {error}"));
                }
                WriteError::Unavailable(format!("{name}: {error}"))
            }
            Failed::Commit(error) if trouble(&error) == Trouble::DiskFull => WriteError::Unavailable(format!("{name}: {error}")),
            Failed::Commit(error) => {
                self.parts.poison.poison(format!("{name}: commit failed: {error}"));
                WriteError::Unknown(format!("{name}: commit failed: {error}"))
            }
        }
    }

    fn transact(&mut self, batch: &[Job]) -> Result<Vec<Outcome>, Failed> {
        self.working.clear();
        self.parts.connection.execute_batch("BEGIN IMMEDIATE").map_err(Failed::Before)?;
        let applied = self.apply_all(batch);
        let failed = match applied {
            Ok(outcomes) => match self.parts.connection.execute_batch("COMMIT") {
                Ok(()) => return Ok(outcomes),
                Err(error) => Failed::Commit(error),
            },
            Err(error) => Failed::Before(error),
        };
        // SQLite has rolled back by itself after some errors
        if !self.parts.connection.is_autocommit()
            && let Err(error) = self.parts.connection.execute_batch("ROLLBACK")
        {
            self.parts.poison.poison(format!("{}: rollback failed: {error}", self.parts.name));
        }
        Err(failed)
    }

    fn apply_all(&mut self, batch: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        let mut writes = 0;
        let mut outcomes = Vec::with_capacity(batch.len());
        for job in batch {
            writes += job.writes();
            outcomes.push(match job {
                Job::Rows { writes, mode, .. } => Outcome::Rows(self.apply_rows(writes, *mode)?),
                Job::Change { change, .. } => {
                    change(&self.parts.connection)?;
                    Outcome::Change
                }
            });
        }
        for (number, (_, position)) in &self.working {
            rows::save_position(&self.parts.connection, *number, *position)?;
        }
        let now = epoch_millis(self.parts.clock.now());
        let visible = |number: i64| self.working.get(&number).map_or_else(|| self.parts.counters.visible(number), |(index, _)| index.visible_seq());
        rows::collect_garbage(&self.parts.connection, now, writes * 2 + GARBAGE_SPARE, visible)?;
        Ok(outcomes)
    }

    fn apply_rows(&mut self, writes: &[RowWrite], mode: Mode) -> rusqlite::Result<WriteAnswers> {
        let mut answers: WriteAnswers = Vec::with_capacity(writes.len());
        for write in writes {
            if mode == Mode::StopAtFirst && answers.last().is_some_and(Result::is_err) {
                answers.push(Err(WriteError::NotTried));
            } else {
                answers.push(self.apply(write)?);
            }
        }
        Ok(answers)
    }

    fn position(&mut self, index: &Arc<Index>) -> rusqlite::Result<Position> {
        if let Some((_, position)) = self.working.get(&index.number) {
            return Ok(*position);
        }
        let position = match self.parts.counters.position(index.number) {
            Some(position) => position,
            None => {
                rows::create_index_tables(&self.parts.connection, index.number, &index.name)?;
                Position::EMPTY
            }
        };
        self.working.insert(index.number, (index.clone(), position));
        Ok(position)
    }

    fn apply(&mut self, write: &RowWrite) -> rusqlite::Result<Result<Written, WriteError>> {
        let index = &write.index;
        if index.is_deleted() {
            return Ok(Err(WriteError::NoIndex(index.name.to_string())));
        }
        let mut position = self.position(index)?;
        let connection = &self.parts.connection;
        let current = if position.last_seq < 0 { None } else { rows::current(connection, index.number, &write.id)? };
        let admitted = match admission::admit(current, write.expect, write.version, &write.op) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        position.last_seq += 1;
        position.live += match admitted.result {
            WriteResult::Created => 1,
            WriteResult::Deleted => -1,
            WriteResult::Updated | WriteResult::NotFound => 0,
        };
        let seq_no = position.last_seq;
        let source = match &write.op {
            WriteOp::Put(source) => Some(source.clone()),
            WriteOp::Delete => None,
        };
        let tombstone = source.is_none();
        let row = Row { seq_no, id: write.id.clone(), version: admitted.version, replaces: current.is_some(), source };
        rows::append(connection, index.number, &row)?;
        self.retire(index, current, seq_no, tombstone)?;
        self.working.insert(index.number, (index.clone(), position));
        let revision = Revision { seq_no, primary_term: PRIMARY_TERM };
        Ok(Ok(Written { index: index.name.to_string(), id: row.id, revision, version: admitted.version, result: admitted.result }))
    }

    /// What the new row took the place of goes now where no search can hold on to it, else later; so does a tombstone.
    fn retire(&self, index: &Index, current: Option<Current>, seq_no: i64, tombstone: bool) -> rusqlite::Result<()> {
        let connection = &self.parts.connection;
        let age = i64::try_from(GARBAGE_AGE.max(Duration::ZERO).as_millis()).unwrap_or(i64::MAX);
        let due_millis = epoch_millis(self.parts.clock.now()).saturating_add(age);
        // a tombstone's row is garbage already
        if let Some(current) = current {
            let old = current.revision.seq_no;
            if index.kind == Kind::State {
                rows::remove(connection, index.number, old)?;
            } else if !current.deleted {
                rows::add_garbage(connection, Garbage { number: index.number, seq_no: old, by: seq_no, due_millis })?;
            }
        }
        if tombstone {
            rows::add_garbage(connection, Garbage { number: index.number, seq_no, by: seq_no, due_millis })?;
        }
        Ok(())
    }

    fn publish(&mut self, batch: Vec<Job>, outcomes: Vec<Outcome>) {
        let touched = std::mem::take(&mut self.working);
        // before the answers: who is answered may search at once
        for (number, (index, position)) in &touched {
            self.parts.counters.publish(*number, index, *position);
            (self.parts.committed)(index, position.last_seq);
        }
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            match (job, outcome) {
                (Job::Rows { reply, .. }, Outcome::Rows(answers)) => drop(reply.send(answers)),
                (Job::Change { reply, .. }, _) => drop(reply.send(Ok(()))),
                (Job::Rows { writes, reply, .. }, Outcome::Change) => drop(reply.send(vec![Err(lost()); writes.len()])),
            }
        }
    }
}

enum Failed {
    /// Before the commit: nothing happened.
    Before(rusqlite::Error),
    Commit(rusqlite::Error),
}
