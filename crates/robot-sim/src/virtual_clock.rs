//! The simulator's own time: the given clock, moved or frozen through `POST /_sim/clock`.
//!
//! Windows, bans and time stamps of signatures are judged by it. Waiting (delays, long polls) stays on the given clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use watchbell_time::{Clock, Timestamp, epoch_millis};

/// How far from 1970 the clock can be set: to the year 9999. Windows and bans are counted from there without overflow.
const MILLIS_MAX: i64 = 253_402_207_200_000;

#[derive(Debug)]
pub(crate) struct VirtualClock {
    base: Arc<dyn Clock>,
    shift: Mutex<Shift>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    offset_millis: i64,
    frozen_at: Option<i64>,
}

impl VirtualClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> VirtualClock {
        VirtualClock { base, shift: Mutex::default() }
    }

    pub(crate) fn base(&self) -> &Arc<dyn Clock> {
        &self.base
    }

    fn shift<R>(&self, act: impl FnOnce(&mut Shift) -> R) -> R {
        act(&mut self.shift.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now_millis(&self) -> i64 {
        let base = epoch_millis(self.base.now());
        self.shift(|shift| shift.frozen_at.unwrap_or_else(|| base.saturating_add(shift.offset_millis)))
    }

    /// Now, as the `Date` of an answer.
    pub(crate) fn http_date(&self) -> String {
        let now = Timestamp::from_millisecond(self.now_millis()).unwrap_or_default();
        now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set_millis(self.now_millis().saturating_add(by));
    }

    pub(crate) fn set_millis(&self, at: i64) {
        let at = at.clamp(-MILLIS_MAX, MILLIS_MAX);
        let base = epoch_millis(self.base.now());
        self.shift(|shift| {
            shift.offset_millis = at.saturating_sub(base);
            if let Some(frozen) = &mut shift.frozen_at {
                *frozen = at;
            }
        });
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        let now = self.now_millis();
        self.set_millis(now);
        self.shift(|shift| shift.frozen_at = frozen.then_some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_time::ManualClock;

    #[test]
    fn moves_with_the_base_and_by_itself() {
        let base = ManualClock::at(Timestamp::UNIX_EPOCH);
        let clock = VirtualClock::new(Arc::new(base.clone()));
        base.advance(Duration::from_secs(1));
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now_millis(), 61_000);
        clock.freeze(true);
        base.advance(Duration::from_secs(1));
        assert_eq!(clock.now_millis(), 61_000);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now_millis(), 62_000);
        clock.freeze(false);
        base.advance(Duration::from_secs(1));
        assert_eq!(clock.now_millis(), 63_000);
        for (set, shown) in [(i64::MIN, -MILLIS_MAX), (i64::MAX, MILLIS_MAX)] {
            clock.set_millis(set);
            assert_eq!(clock.now_millis(), shown);
        }
        clock.set_millis(1_700_000_000_000);
        assert_eq!(clock.http_date(), "Tue, 14 Nov 2023 22:13:20 GMT");
    }
}
