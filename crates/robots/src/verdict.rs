//! What an answer of a robot means for the message.

use std::time::Duration;

/// The classes of robots' answers (spec robots §5). The outbox's outcomes are these, under the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// A passing fault: the same message may be sent again.
    Retry {
        reason: String,
    },
    /// The robot must be silent for `wait`.
    Limited {
        reason: String,
        wait: Duration,
        /// How long every robot behind our address must be silent, when the edge refused the address and not the robot.
        egress_wait: Option<Duration>,
    },
    /// Refused for a reason we can cure once.
    Fixable {
        reason: String,
        repair: Repair,
    },
    /// This message can never pass.
    Rejected {
        reason: String,
    },
    /// No message can pass until somebody changes something.
    Misconfigured {
        reason: String,
    },
    /// Sent, and no answer came.
    Ambiguous {
        reason: String,
    },
    /// An answer nobody knows.
    Unrecognised {
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    AddKeyword,
    Shrink,
    /// The service refuses the content: send a neutral notice instead.
    NeutralNotice,
}

impl Verdict {
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        matches!(self, Verdict::Delivered)
    }

    /// `None` when delivered.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Verdict::Delivered => None,
            Verdict::Retry { reason }
            | Verdict::Limited { reason, .. }
            | Verdict::Fixable { reason, .. }
            | Verdict::Rejected { reason }
            | Verdict::Misconfigured { reason }
            | Verdict::Ambiguous { reason }
            | Verdict::Unrecognised { reason } => Some(reason),
        }
    }
}
