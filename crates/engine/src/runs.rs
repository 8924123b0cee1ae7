//! Which watches wait or run: at most one execution of a watch at a time.
//!
//! A [`Claim`] is taken before the journal document is made, and ends with the value: an execution that panics, is dropped, or
//! never starts gives its watch free all the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use watchbell_time::Timestamp;
use watchbell_watch::{ExecutionId, WatchId};

use crate::answers::{RunInfo, RunPhase};

/// Due times that found their watch still running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The first one: it gets a record.
    pub(crate) first: Timestamp,
    pub(crate) first_noticed: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) count: i64,
}

#[derive(Debug, Default)]
struct Busy {
    info: Option<RunInfo>,
    /// The due time it runs for, or the last one noted since.
    accounted_to: Option<Timestamp>,
    overlap: Option<Overlap>,
}

#[derive(Debug, Default)]
struct State {
    busy: HashMap<WatchId, Busy>,
    running: usize,
    most_running: usize,
}

/// What waits and what runs.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    state: Arc<Mutex<State>>,
    /// Hears of every watch that is given free.
    released: mpsc::UnboundedSender<WatchId>,
}

/// A copy of what was the case at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) waiting: Vec<RunInfo>,
    pub(crate) running: Vec<RunInfo>,
    pub(crate) most_running: usize,
}

impl Runs {
    /// The receiver gets one message a claim, which bounds it: there is one claim a watch.
    pub(crate) fn new() -> (Runs, mpsc::UnboundedReceiver<WatchId>) {
        let (released, receiver) = mpsc::unbounded_channel();
        (Runs { state: Arc::default(), released }, receiver)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if the watch waits or runs already.
    pub(crate) fn claim(&self, watch: &WatchId) -> Option<Claim> {
        let mut state = self.state();
        if state.busy.contains_key(watch) {
            return None;
        }
        state.busy.insert(watch.clone(), Busy::default());
        Some(Claim { runs: self.clone(), watch: watch.clone(), counted: false })
    }

    /// Whether an execution of the watch has begun and not ended.
    pub(crate) fn is_running(&self, watch: &WatchId) -> bool {
        let state = self.state();
        state.busy.get(watch).and_then(|busy| busy.info.as_ref()).is_some_and(|info| info.phase != RunPhase::AwaitsExecution)
    }

    /// Due times up to here belong to the execution that waits or runs, if one does.
    pub(crate) fn accounted_to(&self, watch: &WatchId) -> Option<Timestamp> {
        self.state().busy.get(watch)?.accounted_to
    }

    /// A due time met its watch busy; `false` if it is not any more.
    pub(crate) fn note_overlap(&self, watch: &WatchId, due: Timestamp, count: i64, now: Timestamp) -> bool {
        let mut state = self.state();
        let Some(busy) = state.busy.get_mut(watch) else { return false };
        busy.accounted_to = Some(due);
        match &mut busy.overlap {
            Some(overlap) => {
                overlap.last = due;
                overlap.count += count;
            }
            None => busy.overlap = Some(Overlap { first: due, first_noticed: now, last: due, count }),
        }
        true
    }

    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        state.busy.len() - state.running
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let infos = state.busy.values().filter_map(|busy| busy.info.clone());
        let (mut waiting, mut running): (Vec<RunInfo>, Vec<RunInfo>) = infos.partition(|info| info.phase == RunPhase::AwaitsExecution);
        waiting.sort_by(|a, b| (a.execution_time, &a.id).cmp(&(b.execution_time, &b.id)));
        running.sort_by(|a, b| (a.execution_time, &a.id).cmp(&(b.execution_time, &b.id)));
        Snapshot { waiting, running, most_running: state.most_running }
    }
}

/// The right to execute one watch, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    runs: Runs,
    watch: WatchId,
    counted: bool,
}

impl Claim {
    /// Says what the claim is for; from here on it shows in stats.
    pub(crate) fn describe(&self, watch: &WatchId, id: &ExecutionId, triggered_time: Timestamp, execution_time: Timestamp) {
        let info =
            RunInfo { watch_id: watch.clone(), id: id.clone(), triggered_time, execution_time, phase: RunPhase::AwaitsExecution, executed_actions: Vec::new() };
        self.with(|busy| busy.info = Some(info));
    }

    /// The due time it is for.
    pub(crate) fn accounts_to(&self, scheduled: Timestamp) {
        self.with(|busy| busy.accounted_to = Some(scheduled));
    }

    /// A worker takes it up.
    pub(crate) fn begin(&mut self, execution_time: Timestamp) {
        if !self.counted {
            self.counted = true;
            let mut state = self.runs.state();
            state.running += 1;
            state.most_running = state.most_running.max(state.running);
        }
        self.with(|busy| {
            if let Some(info) = &mut busy.info {
                info.execution_time = execution_time;
                info.phase = RunPhase::Started;
            }
        });
    }

    pub(crate) fn enter(&self, phase: RunPhase) {
        self.with(|busy| {
            if let Some(info) = &mut busy.info {
                info.phase = phase;
            }
        });
    }

    pub(crate) fn executed(&self, action: &str) {
        self.with(|busy| {
            if let Some(info) = &mut busy.info {
                info.executed_actions.push(action.to_owned());
            }
        });
    }

    /// The due times that met this execution so far; they stay noted until the claim ends.
    pub(crate) fn overlap(&self) -> Option<Overlap> {
        self.runs.state().busy.get(&self.watch).and_then(|busy| busy.overlap.clone())
    }

    fn with(&self, change: impl FnOnce(&mut Busy)) {
        if let Some(busy) = self.runs.state().busy.get_mut(&self.watch) {
            change(busy);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        {
            let mut state = self.runs.state();
            state.busy.remove(&self.watch);
            if self.counted {
                state.running -= 1;
            }
        }
        // nobody listens any more after the scheduler has ended
        let _closed = self.runs.released.send(self.watch.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_execution_of_a_watch_at_a_time_and_a_dropped_claim_gives_it_free() {
        let (runs, mut released) = Runs::new();
        let watch = WatchId::parse("w").unwrap();
        let mut claim = runs.claim(&watch).unwrap();
        assert!(runs.claim(&watch).is_none());
        assert!(!runs.is_running(&watch));
        claim.describe(&watch, &ExecutionId::from_stored("w_1"), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        assert_eq!((runs.snapshot().waiting.len(), runs.snapshot().running.len()), (1, 0));
        claim.begin(Timestamp::UNIX_EPOCH);
        assert!(runs.is_running(&watch));
        assert_eq!((runs.snapshot().waiting.len(), runs.snapshot().running.len(), runs.waiting()), (0, 1, 0));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(runs.note_overlap(&watch, at(10), 1, at(10)));
        assert!(runs.note_overlap(&watch, at(30), 2, at(31)));
        assert_eq!(claim.overlap(), Some(Overlap { first: at(10), first_noticed: at(10), last: at(30), count: 3 }));
        drop(claim);
        assert_eq!(released.try_recv(), Ok(watch.clone()));
        assert!(!runs.note_overlap(&watch, at(40), 1, at(40)));
        assert_eq!(runs.snapshot().most_running, 1);
        assert!(runs.claim(&watch).is_some_and(|claim| claim.overlap().is_none()));
    }
}
