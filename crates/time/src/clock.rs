//! The only source of time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

/// A wait that ends when the clock says so.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The only source of time in the workspace.
///
/// `now` is the wall clock: it may jump either way. Use it for what users see and for due times. `elapsed` is the time since
/// an arbitrary start that never goes back. Use it for deadlines, leases, budgets and measuring.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> Timestamp;

    fn elapsed(&self) -> Duration;

    /// Ends when [`Clock::elapsed`] has reached `at`, at once if it has already.
    fn sleep_until(&self, at: Duration) -> Sleep;

    /// Ends after `for_how_long`.
    fn sleep(&self, for_how_long: Duration) -> Sleep {
        self.sleep_until(self.elapsed().saturating_add(for_how_long))
    }
}

/// A clock that stands until it is told to move: for tests and simulation.
///
/// Cloning gives another handle to the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<Manual>>,
}

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    elapsed: Duration,
    next_waiter: u64,
    waiters: BTreeMap<(Duration, u64), Waker>,
}

impl ManualClock {
    #[must_use]
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock { state: Arc::new(Mutex::new(Manual { now, elapsed: Duration::ZERO, next_waiter: 0, waiters: BTreeMap::new() })) }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Manual) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Both clocks go on by `by`; who waits for a moment up to then is woken.
    pub fn advance(&self, by: Duration) {
        let woken = self.with(|state| {
            state.elapsed = state.elapsed.saturating_add(by);
            if let Ok(now) = state.now.checked_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX)) {
                state.now = now;
            }
            let later = state.waiters.split_off(&(state.elapsed + Duration::from_nanos(1), 0));
            std::mem::replace(&mut state.waiters, later)
        });
        woken.into_values().for_each(Waker::wake);
    }

    /// The wall clock jumps; `elapsed` does not.
    pub fn set_now(&self, now: Timestamp) {
        self.with(|state| state.now = now);
    }

    /// When the earliest sleeper wants to wake, if anybody sleeps.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        self.with(|state| state.waiters.keys().next().map(|(at, _)| *at))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    fn elapsed(&self) -> Duration {
        self.with(|state| state.elapsed)
    }

    fn sleep_until(&self, at: Duration) -> Sleep {
        Box::pin(ManualSleep { clock: self.clone(), at, slot: None })
    }
}

#[derive(Debug)]
struct ManualSleep {
    clock: ManualClock,
    at: Duration,
    slot: Option<u64>,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (at, slot) = (this.at, &mut this.slot);
        this.clock.with(|state| {
            if state.elapsed >= at {
                return Poll::Ready(());
            }
            let id = *slot.get_or_insert_with(|| {
                state.next_waiter += 1;
                state.next_waiter
            });
            state.waiters.insert((at, id), context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        if let Some(id) = self.slot {
            self.clock.with(|state| state.waiters.remove(&(self.at, id)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleepers_wake_when_the_clock_is_moved_past_them() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let mut sleep = clock.sleep(Duration::from_secs(10));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(10)));
        clock.advance(Duration::from_secs(9));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.set_now(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
        assert_eq!(clock.next_wake(), None);
        assert_eq!(clock.now().as_second(), 1);
    }
}
