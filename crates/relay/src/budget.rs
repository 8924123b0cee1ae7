//! How many attempts a robot's credential may have, and until when it must be silent.
//!
//! DingTalk counts attempts, not deliveries, and bans for ten minutes whoever makes more than 20 in one. This guard keeps the
//! relay below that. It knows the relay's own attempts only and forgets them at a restart; the outbox will keep budgets for all.
//!
//! Invariant: in no window of [`WINDOW`] more than [`ATTEMPTS_MAX`] attempts of one credential, and none before a ban ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Two below the published 20, for attempts of others.
pub const ATTEMPTS_MAX: usize = 18;

/// A minute, and a second more so that the rounding of the other side's clock cannot bite.
pub const WINDOW: Duration = Duration::from_secs(61);

/// "Too many messages per minute": one minute by its words, ten as it turns out when it comes again.
const ERRCODE_PER_MINUTE: i64 = 660_026;
/// The same code again within this, and the silence is as long.
const BAN: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(crate) struct Budgets {
    by_credential: Mutex<HashMap<String, Budget>>,
}

#[derive(Debug, Default)]
struct Budget {
    attempts: VecDeque<Duration>,
    silent_until: Duration,
    /// When [`ERRCODE_PER_MINUTE`] was heard last.
    too_many_at: Option<Duration>,
    /// The robot's last word was that no message can pass; its code if it had one.
    broken: Option<Option<i64>>,
}

/// What is known of a robot, for whoever watches the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotState {
    Well,
    /// No attempt before this much time has passed.
    Limited(Duration),
    /// No message passes until somebody changes something.
    Broken(Option<i64>),
}

impl Budgets {
    fn with<R>(&self, credential: &str, act: impl FnOnce(&mut Budget) -> R) -> R {
        let mut budgets = self.by_credential.lock().unwrap_or_else(PoisonError::into_inner);
        act(budgets.entry(credential.to_owned()).or_default())
    }

    /// Takes a slot for an attempt at `now` on the clock that never goes back.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn reserve(&self, credential: &str, now: Duration) -> Result<(), Duration> {
        self.with(credential, |budget| budget.reserve(now))
    }

    /// The robot has answered, and what it said was about the account or not.
    pub(crate) fn heard(&self, credential: &str, broken: Option<Option<i64>>) {
        self.with(credential, |budget| budget.broken = broken);
    }

    pub(crate) fn state(&self, credential: &str, now: Duration) -> RobotState {
        self.with(credential, |budget| match (budget.broken, budget.wait(now)) {
            (Some(errcode), _) => RobotState::Broken(errcode),
            (None, Some(wait)) => RobotState::Limited(wait),
            (None, None) => RobotState::Well,
        })
    }

    /// No attempt for so long from `now` on, or longer if the robot said the same before; how long.
    pub(crate) fn silence(&self, credential: &str, now: Duration, wait: Duration, errcode: Option<i64>) -> Duration {
        self.with(credential, |budget| {
            let mut wait = wait;
            if errcode == Some(ERRCODE_PER_MINUTE) {
                let again = budget.too_many_at.replace(now).is_some_and(|before| now.saturating_sub(before) < BAN);
                wait = if again { wait.max(BAN) } else { wait };
            }
            budget.silent_until = budget.silent_until.max(now.saturating_add(wait));
            wait
        })
    }
}

impl Budget {
    fn reserve(&mut self, now: Duration) -> Result<(), Duration> {
        match self.wait(now) {
            Some(wait) => Err(wait),
            None => {
                self.attempts.push_back(now);
                Ok(())
            }
        }
    }

    /// How long until there is a slot; `None`: there is one.
    fn wait(&mut self, now: Duration) -> Option<Duration> {
        if now < self.silent_until {
            return Some(self.silent_until - now);
        }
        while self.attempts.front().is_some_and(|at| at.saturating_add(WINDOW) <= now) {
            self.attempts.pop_front();
        }
        let oldest = self.attempts.front().filter(|_| self.attempts.len() >= ATTEMPTS_MAX)?;
        Some(oldest.saturating_add(WINDOW) - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_budget() {
        let budgets = Budgets::default();
        let mut taken: Vec<u64> = Vec::new();
        for second in 0..300 {
            if budgets.reserve("r", Duration::from_secs(second)).is_ok() {
                taken.push(second);
            }
        }
        assert!(taken.iter().all(|from| taken.iter().filter(|at| (*from..from + 61).contains(*at)).count() <= ATTEMPTS_MAX));
        assert_eq!(taken.len(), 5 * ATTEMPTS_MAX);
        assert!(budgets.reserve("other", Duration::ZERO).is_ok());
    }

    #[test]
    fn too_many_a_minute_said_twice_means_ten_minutes() {
        let (budgets, seconds) = (Budgets::default(), Duration::from_secs);
        let heard = |at, errcode| budgets.silence("r", seconds(at), seconds(60), Some(errcode)).as_secs();
        assert_eq!([heard(0, 660_026), heard(60, 130_101), heard(61, 660_026)], [60, 60, 600]);
        assert_eq!([heard(661, 660_026), heard(2000, 660_026)], [60, 60]);
    }

    #[test]
    fn it_says_when_to_come_back() {
        let budgets = Budgets::default();
        for second in 0..18 {
            assert_eq!(budgets.reserve("r", Duration::from_secs(second)), Ok(()));
        }
        assert_eq!(budgets.reserve("r", Duration::from_secs(20)), Err(Duration::from_secs(41)));
        budgets.silence("r", Duration::from_secs(20), Duration::from_secs(600), None);
        budgets.silence("r", Duration::from_secs(21), Duration::from_secs(1), None);
        assert_eq!(budgets.reserve("r", Duration::from_secs(619)), Err(Duration::from_secs(1)));
        assert_eq!(budgets.reserve("r", Duration::from_secs(620)), Ok(()));
    }
}
