//! One attempt after another, each durable before it begins.
//!
//! The order is the contract: the row is `inflight` in the store, then the watch is read once more, then the message leaves,
//! then its end is recorded. A crash between any two of these leaves a row from which the next process concludes what may
//! have happened: nothing (`decided`), perhaps something (`inflight`), or what did (a final state).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use watchbell_store::{DocumentStore, Write};
use watchbell_time::Clock;

use crate::ledger::{Entry, Ledger, LedgerError, Swap};
use crate::{Attempt, CancelledBy, Deliver, Origin, Outcome, Predecessors, Row, RowState};

/// What a channel gets beyond its own deadline before it is given up: it should have ended by itself.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);

/// Says whether a message may still leave.
#[async_trait::async_trait]
pub trait Wanted: Send + Sync {
    /// Reads the watch anew: it is there, the same one, and what was decided was not cancelled since. Waits until it knows.
    async fn is_wanted(&self, origin: &Origin) -> bool;
}

/// What came of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub state: RowState,
    /// The last attempt that ended, if there was any.
    pub attempt: Option<Attempt>,
}

/// Why an execution cannot go on with its sends now.
#[derive(Debug, thiserror::Error)]
pub enum Blocked {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("another process may still be sending [{0}]")]
    Elsewhere(String),
}

#[derive(Clone, Debug)]
pub struct Outbox {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    deliver: Arc<dyn Deliver>,
    /// This process: attempts of others are not waited for here.
    boot: String,
    predecessors: Predecessors,
}

impl Outbox {
    #[must_use]
    pub fn new(store: Arc<dyn DocumentStore>, clock: Arc<dyn Clock>, deliver: Arc<dyn Deliver>, boot: String, predecessors: Predecessors) -> Outbox {
        Outbox { ledger: Ledger::new(store), clock, deliver, boot, predecessors }
    }

    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The rows of a manifest as they are written with it: the first is born `inflight`, since its attempt follows at once.
    #[must_use]
    pub fn open(&self, rows: Vec<Row>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = rows.into_iter().map(Entry::new).collect();
        if let Some(first) = entries.first_mut() {
            self.begin(&mut first.row);
        }
        entries
    }

    /// What the ledger says of rows whose manifest is durable, each a decided one where it says nothing.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn look_up(&self, rows: Vec<Row>) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let found = self.ledger.read(&row.delivery.key).await?;
            entries.push(found.unwrap_or_else(|| Entry::new(row)));
        }
        Ok(entries)
    }

    /// Brings a row to its end: at most one attempt, none if it has ended already or is not wanted any more.
    ///
    /// `announced`: the row was just written `inflight` by [`Outbox::open`]'s entry, and nothing was sent yet. The row's end
    /// goes to `closings`, which the caller makes durable with its next write.
    ///
    /// # Errors
    /// [`Blocked`]: nothing was sent, try again later.
    pub async fn settle(&self, mut entry: Entry, announced: bool, closings: &mut Vec<Entry>, wanted: &dyn Wanted) -> Result<Ended, Blocked> {
        if !announced && !self.announce(&mut entry, closings).await? {
            return Ok(ended(&entry.row));
        }
        if wanted.is_wanted(&entry.row.origin).await {
            let attempt = self.deliver_within(&entry.row, deadline(&entry.row)).await;
            entry.row.conclude(&attempt, self.clock.now());
        } else {
            entry.row.cancel(CancelledBy::Withdrawn, self.clock.now());
        }
        let ended = ended(&entry.row);
        closings.push(entry);
        Ok(ended)
    }

    /// Makes the row `inflight` by compare-and-set. `false`: it has ended, by itself or by somebody else.
    async fn announce(&self, entry: &mut Entry, closings: &mut Vec<Entry>) -> Result<bool, Blocked> {
        loop {
            if let RowState::InFlight { by, until } = &entry.row.state {
                let may_live = self.predecessors == Predecessors::MayLive && *by != self.boot && self.clock.now() < *until;
                if may_live {
                    return Err(Blocked::Elsewhere(entry.row.delivery.key.to_string()));
                }
                entry.row.abandon(self.clock.now());
                if entry.row.state.is_final() {
                    closings.push(entry.clone());
                }
            }
            if entry.row.state.is_final() {
                return Ok(false);
            }
            self.begin(&mut entry.row);
            match self.ledger.swap(closings, entry).await? {
                Swap::Done(revision) => {
                    entry.revision = Some(revision);
                    return Ok(true);
                }
                Swap::Lost(Some(found)) => *entry = *found,
                Swap::Lost(None) => {
                    // its row was removed meanwhile: as decided
                    entry.revision = None;
                    entry.row.state = RowState::Decided;
                    entry.row.attempts.pop();
                }
            }
        }
    }

    fn begin(&self, row: &mut Row) {
        let deadline = deadline(row) + DEADLINE_GRACE;
        row.begin(&self.boot, self.clock.now(), deadline);
    }

    /// The attempt itself. Whatever the channel does, it ends: by its answer, by time, or by its panic.
    async fn deliver_within(&self, row: &Row, deadline: Duration) -> Attempt {
        let attempt = AssertUnwindSafe(self.deliver.deliver(&row.delivery, deadline)).catch_unwind();
        match select(std::pin::pin!(attempt), self.clock.sleep(deadline + DEADLINE_GRACE)).await {
            Either::Left((Ok(attempt), _)) => attempt,
            Either::Left((Err(_), _)) => ambiguous("the channel failed during the attempt"),
            Either::Right(_) => ambiguous("the channel did not answer within its deadline"),
        }
    }

    /// Cancels what of `rows` was not sent yet. What is in flight finishes.
    ///
    /// # Errors
    /// [`LedgerError`]; what was not cancelled then is still withdrawn at the start of its attempt.
    pub async fn cancel(&self, rows: Vec<Row>, by: CancelledBy) -> Result<usize, LedgerError> {
        let mut cancelled = 0;
        for mut entry in self.look_up(rows).await? {
            while matches!(entry.row.state, RowState::Decided | RowState::Waiting { .. }) {
                entry.row.cancel(by, self.clock.now());
                match self.ledger.swap(&mut Vec::new(), &entry).await? {
                    Swap::Done(_) => cancelled += 1,
                    Swap::Lost(Some(found)) => entry = *found,
                    Swap::Lost(None) => break,
                }
            }
        }
        Ok(cancelled)
    }

    /// The writes that make `closings` durable, for the caller's own sequence.
    #[must_use]
    pub fn closing_writes(closings: &[Entry]) -> Vec<Write> {
        closings.iter().map(Entry::write).collect()
    }
}

fn ended(row: &Row) -> Ended {
    Ended { state: row.state.clone(), attempt: row.last_attempt() }
}

fn ambiguous(reason: &str) -> Attempt {
    Attempt { outcome: Outcome::Ambiguous { reason: reason.into() }, response: None, error: Some(watchbell_json::Failure::new("timeout_exception", reason)) }
}

/// How long one attempt may take.
fn deadline(row: &Row) -> Duration {
    row.delivery.message.deadline()
}
