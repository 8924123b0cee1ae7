//! What came of one attempt.

use std::time::Duration;

use watchbell_json::{Failure, Json};

/// What one attempt to deliver a message came to. Robots' answers are sorted into these by `robots` (spec robots §5).
///
/// Three different futures of "not delivered" are three variants: certainly not there and may be repeated (`Retry`,
/// `Limited`, `Misconfigured`), never to be repeated as it is (`Rejected`, `Fixable`), and perhaps there (`Ambiguous`).
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Delivered,
    /// A passing fault: the same message may be sent again.
    Retry {
        reason: String,
    },
    /// Too fast, or banned: not before this long from now.
    Limited {
        reason: String,
        wait: Duration,
    },
    /// The message as it is will never pass, a repaired one may.
    Fixable {
        reason: String,
        repair: Repair,
    },
    /// The message will never pass.
    Rejected {
        reason: String,
    },
    /// The account is wrong (token, signature, address list): a person must act.
    Misconfigured {
        reason: String,
    },
    /// Sent, and no answer came: perhaps it is there.
    Ambiguous {
        reason: String,
    },
    /// An answer nobody knows.
    Unrecognised {
        reason: String,
    },
}

// what a message lacks is the robot's word
pub use watchbell_robots::Repair;

/// What a robot's answer means becomes what the attempt came to.
impl From<watchbell_robots::Verdict> for Outcome {
    fn from(verdict: watchbell_robots::Verdict) -> Outcome {
        use watchbell_robots::Verdict;
        match verdict {
            Verdict::Delivered => Outcome::Delivered,
            Verdict::Retry { reason } => Outcome::Retry { reason },
            Verdict::Limited { reason, wait, .. } => Outcome::Limited { reason, wait },
            Verdict::Fixable { reason, repair } => Outcome::Fixable { reason, repair },
            Verdict::Rejected { reason } => Outcome::Rejected { reason },
            Verdict::Misconfigured { reason } => Outcome::Misconfigured { reason },
            Verdict::Ambiguous { reason } => Outcome::Ambiguous { reason },
            Verdict::Unrecognised { reason } => Outcome::Unrecognised { reason },
        }
    }
}

impl Outcome {
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        matches!(self, Outcome::Delivered)
    }

    /// `None` when delivered.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Delivered => None,
            Outcome::Retry { reason }
            | Outcome::Limited { reason, .. }
            | Outcome::Fixable { reason, .. }
            | Outcome::Rejected { reason }
            | Outcome::Misconfigured { reason }
            | Outcome::Ambiguous { reason }
            | Outcome::Unrecognised { reason } => Some(reason),
        }
    }
}

/// One attempt: its outcome, and what the execution's record shows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub outcome: Outcome,
    /// The answer as the record shows it (for a webhook `{status, headers, body}`), secrets redacted.
    pub response: Option<Json>,
    /// The exception, where the channel failed without an answer; the record's `error`.
    pub error: Option<Failure>,
}

impl Attempt {
    #[must_use]
    pub fn delivered(response: Option<Json>) -> Attempt {
        Attempt { outcome: Outcome::Delivered, response, error: None }
    }
}
