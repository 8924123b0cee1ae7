//! What is known of a cluster that does not answer.
//!
//! While it is down one call a second asks whether it is back; the others wait for that and share the result. So nothing piles
//! up, a run during the outage fails at once with the cluster's own error, and the first run after it finds the cluster.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use watchbell_json::Failure;

/// How often a cluster that is down is tried: short enough that the next run of any watch finds it back.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Down {
    since: Duration,
    tried: Duration,
    failure: Failure,
}

/// What changed with a call's end, for the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    None,
    Began,
    Ended { after: Duration },
}

#[derive(Debug, Default)]
pub(crate) struct Outage {
    down: Mutex<Option<Down>>,
    begun: AtomicU64,
    /// A call was given up without an answer.
    suspected: AtomicBool,
    /// Held by the call that asks a cluster that is down.
    probe: tokio::sync::Mutex<()>,
}

impl Outage {
    fn with<R>(&self, act: impl FnOnce(&mut Option<Down>) -> R) -> R {
        act(&mut self.down.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the cluster should be asked who it is before it is asked anything else.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.suspected.load(Ordering::Relaxed) || self.with(|down| down.is_some())
    }

    pub(crate) fn suspect(&self) {
        self.suspected.store(true, Ordering::Relaxed);
    }

    /// The failure to answer with, if the cluster was tried a moment ago.
    pub(crate) fn recent(&self, now: Duration) -> Option<Failure> {
        self.with(|down| down.as_ref().filter(|down| now.saturating_sub(down.tried) < PROBE_EVERY).map(|down| down.failure.clone()))
    }

    /// Waits for the turn to ask a cluster that is down.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.probe.lock().await
    }

    pub(crate) fn answered(&self, now: Duration) -> Change {
        self.suspected.store(false, Ordering::Relaxed);
        self.with(|down| match down.take() {
            Some(ended) => Change::Ended { after: now.saturating_sub(ended.since) },
            None => Change::None,
        })
    }

    pub(crate) fn failed(&self, now: Duration, failure: &Failure) -> Change {
        self.suspected.store(false, Ordering::Relaxed);
        self.with(|down| match down {
            Some(down) => {
                down.tried = now;
                down.failure = failure.clone();
                Change::None
            }
            None => {
                self.begun.fetch_add(1, Ordering::Relaxed);
                *down = Some(Down { since: now, tried: now, failure: failure.clone() });
                Change::Began
            }
        })
    }

    /// How many outages there were: who comes back may have been upgraded.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Why the cluster is down, and since when on the monotonic clock.
    pub(crate) fn state(&self) -> Option<(Duration, Failure)> {
        self.with(|down| down.as_ref().map(|down| (down.since, down.failure.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_begins_once_and_ends_once() {
        let (outage, at) = (Outage::default(), Duration::from_secs);
        let failure = Failure::new("connect_exception", "refused");
        assert_eq!(outage.answered(at(1)), Change::None);
        assert_eq!(outage.recent(at(1)), None);
        assert_eq!(outage.failed(at(2), &failure), Change::Began);
        assert_eq!(outage.recent(at(2)), Some(failure.clone()));
        assert_eq!(outage.recent(at(3)), None, "a second later it is tried again");
        assert_eq!(outage.failed(at(3), &failure), Change::None);
        assert_eq!(outage.answered(at(9)), Change::Ended { after: at(7) });
        assert_eq!(outage.state(), None);
    }
}
