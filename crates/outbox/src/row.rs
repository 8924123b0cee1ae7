//! One row of the ledger: a decided message, its state, every attempt.
//!
//! Transitions are pure; [`crate::Outbox`] makes them durable by compare-and-set. A final state never changes.

use std::time::Duration;

use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;
use watchbell_watch::{ActionId, WatchId};

use crate::{Attempt, Delivery, DeliveryKey, Message, Outcome};

/// After this many attempts whose outcome nobody knows the row ends `unconfirmed`: a message that kills the process must not
/// kill it for ever.
pub const ATTEMPTS_MAX: usize = 5;

/// Whose decision the message is.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub watch: WatchId,
    /// `None`: the watch was given inline, so that nothing can cancel it.
    pub incarnation: Option<String>,
    pub action: ActionId,
    /// The journal document that holds the manifest.
    pub execution: String,
    /// How often deliveries of this action had been cancelled when the message was decided.
    pub cancels: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    Delete,
    Deactivate,
    Ack,
    /// Found at the start of an attempt: the watch is gone, another one, or had this cancelled meanwhile.
    Withdrawn,
}

impl CancelledBy {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CancelledBy::Delete => "delete",
            CancelledBy::Deactivate => "deactivate",
            CancelledBy::Ack => "ack",
            CancelledBy::Withdrawn => "withdrawn",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<CancelledBy> {
        [CancelledBy::Delete, CancelledBy::Deactivate, CancelledBy::Ack, CancelledBy::Withdrawn].into_iter().find(|by| by.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum RowState {
    /// Nothing was sent.
    Decided,
    /// Durable before the first byte leaves: from here on a message may have arrived.
    InFlight {
        by: String,
        until: Timestamp,
    },
    /// Will be tried again.
    Waiting {
        not_before: Timestamp,
    },
    Delivered,
    /// Part of a digest.
    Merged {
        into: DeliveryKey,
    },
    Refused {
        reason: String,
    },
    Expired {
        reason: String,
    },
    /// Perhaps it arrived; given up.
    Unconfirmed {
        reason: String,
    },
    Cancelled {
        by: CancelledBy,
    },
}

impl RowState {
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            RowState::Decided | RowState::InFlight { .. } | RowState::Waiting { .. } => false,
            RowState::Delivered
            | RowState::Merged { .. }
            | RowState::Refused { .. }
            | RowState::Expired { .. }
            | RowState::Unconfirmed { .. }
            | RowState::Cancelled { .. } => true,
        }
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            RowState::Decided => "decided",
            RowState::InFlight { .. } => "inflight",
            RowState::Waiting { .. } => "waiting",
            RowState::Delivered => "delivered",
            RowState::Merged { .. } => "merged",
            RowState::Refused { .. } => "refused",
            RowState::Expired { .. } => "expired",
            RowState::Unconfirmed { .. } => "unconfirmed",
            RowState::Cancelled { .. } => "cancelled",
        }
    }
}

/// One attempt as the ledger keeps it; without an end while it is under way, or when the process died meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    /// The answer, secrets redacted.
    pub response: Option<Json>,
    pub error: Option<Failure>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub delivery: Delivery,
    pub origin: Origin,
    pub decided: Timestamp,
    pub state: RowState,
    pub attempts: Vec<AttemptRow>,
    /// When the state became final.
    pub ended: Option<Timestamp>,
}

impl Row {
    #[must_use]
    pub fn decided(key: DeliveryKey, message: Message, origin: Origin, at: Timestamp) -> Row {
        Row { delivery: Delivery { key, message }, origin, decided: at, state: RowState::Decided, attempts: Vec::new(), ended: None }
    }

    /// An attempt begins, by the process `by`.
    pub(crate) fn begin(&mut self, by: &str, now: Timestamp, deadline: Duration) {
        let until = now.checked_add(deadline).unwrap_or(Timestamp::MAX);
        self.state = RowState::InFlight { by: by.into(), until };
        self.attempts.push(AttemptRow { started: now, ended: None, outcome: None, response: None, error: None });
    }

    /// The attempt under way has come to `attempt`.
    ///
    /// What is not delivered is given up at once: waiting and trying again is the queue's, see [`RowState::Waiting`].
    pub(crate) fn conclude(&mut self, attempt: &Attempt, now: Timestamp) {
        if let Some(last) = self.attempts.last_mut() {
            last.ended = Some(now);
            last.outcome = Some(attempt.outcome.clone());
            last.response.clone_from(&attempt.response);
            last.error.clone_from(&attempt.error);
        }
        self.end(end_of(&attempt.outcome), now);
    }

    pub(crate) fn cancel(&mut self, by: CancelledBy, now: Timestamp) {
        if let (RowState::InFlight { .. }, Some(last)) = (&self.state, self.attempts.last())
            && last.ended.is_none()
        {
            self.attempts.pop(); // it was announced, but nothing was sent
        }
        self.end(RowState::Cancelled { by }, now);
    }

    /// An attempt was announced by a process that is gone: nobody knows what came of it.
    pub(crate) fn abandon(&mut self, now: Timestamp) {
        let reason = "the process ended during the attempt";
        if let Some(last) = self.attempts.last_mut() {
            last.ended = Some(now);
            last.outcome = Some(Outcome::Ambiguous { reason: reason.into() });
        }
        if self.attempts.len() >= ATTEMPTS_MAX {
            self.end(RowState::Unconfirmed { reason: format!("{reason}, {ATTEMPTS_MAX} times") }, now);
        } else {
            self.state = RowState::Waiting { not_before: now };
        }
    }

    fn end(&mut self, state: RowState, now: Timestamp) {
        self.state = state;
        self.ended = Some(now);
    }

    /// The last attempt that has an end, as the execution's record shows it.
    #[must_use]
    pub fn last_attempt(&self) -> Option<Attempt> {
        let last = self.attempts.iter().rev().find(|attempt| attempt.outcome.is_some())?;
        Some(Attempt { outcome: last.outcome.clone()?, response: last.response.clone(), error: last.error.clone() })
    }
}

/// Which final state an outcome means while there is no queue.
fn end_of(outcome: &Outcome) -> RowState {
    match outcome {
        Outcome::Delivered => RowState::Delivered,
        Outcome::Ambiguous { reason } => RowState::Unconfirmed { reason: reason.clone() },
        Outcome::Retry { reason }
        | Outcome::Limited { reason, .. }
        | Outcome::Fixable { reason, .. }
        | Outcome::Rejected { reason }
        | Outcome::Misconfigured { reason }
        | Outcome::Unrecognised { reason } => RowState::Refused { reason: reason.clone() },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::LogLine;
    use watchbell_watch::action::LogLevel;

    pub(crate) fn row() -> Row {
        let origin = Origin {
            watch: WatchId::parse("w").unwrap(),
            incarnation: Some("i1".into()),
            action: ActionId::parse("a").unwrap(),
            execution: "e1".into(),
            cancels: 2,
        };
        let message = Message::Log(LogLine { level: LogLevel::Info, category: None, text: "hello".into() });
        Row::decided(DeliveryKey::of("e1", "a", 0), message, origin, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_outcome_has_one_end_and_none_but_delivery_claims_delivery() {
        let reason = || "r".to_owned();
        for (outcome, name) in [
            (Outcome::Delivered, "delivered"),
            (Outcome::Retry { reason: reason() }, "refused"),
            (Outcome::Limited { reason: reason(), wait: Duration::from_secs(1) }, "refused"),
            (Outcome::Rejected { reason: reason() }, "refused"),
            (Outcome::Misconfigured { reason: reason() }, "refused"),
            (Outcome::Unrecognised { reason: reason() }, "refused"),
            (Outcome::Ambiguous { reason: reason() }, "unconfirmed"),
        ] {
            let mut row = row();
            row.begin("boot", Timestamp::UNIX_EPOCH, Duration::from_secs(30));
            assert_eq!(row.state.name(), "inflight");
            row.conclude(&Attempt { outcome: outcome.clone(), response: None, error: None }, Timestamp::UNIX_EPOCH);
            assert_eq!(row.state.name(), name, "{outcome:?}");
            assert!(row.state.is_final() && row.ended.is_some());
            assert_eq!(row.last_attempt().map(|attempt| attempt.outcome), Some(outcome));
        }
    }

    #[test]
    fn an_abandoned_attempt_is_ambiguous_and_repeated_a_bounded_number_of_times() {
        let mut row = row();
        for n in 1..=ATTEMPTS_MAX {
            row.begin("boot", Timestamp::UNIX_EPOCH, Duration::from_secs(30));
            row.abandon(Timestamp::UNIX_EPOCH);
            assert_eq!(row.attempts.len(), n);
            assert!(matches!(row.last_attempt().unwrap().outcome, Outcome::Ambiguous { .. }));
            assert_eq!(row.state.is_final(), n == ATTEMPTS_MAX);
        }
        assert_eq!(row.state.name(), "unconfirmed");
    }

    #[test]
    fn a_cancelled_row_shows_no_attempt_that_was_only_announced() {
        let mut row = row();
        row.begin("boot", Timestamp::UNIX_EPOCH, Duration::from_secs(30));
        row.cancel(CancelledBy::Withdrawn, Timestamp::UNIX_EPOCH);
        assert!(row.attempts.is_empty());
        assert_eq!(row.state, RowState::Cancelled { by: CancelledBy::Withdrawn });
    }
}
