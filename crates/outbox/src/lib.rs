//! Deliveries: what is to be sent, what became of it, and what happens then.
//!
//! One ledger row for every send; the queue is the rows that wait. This crate owns the port [`Deliver`], the outcomes and the
//! ledger; channels are in `senders`.
//!
//! Invariants: nothing is sent before its row is durably `inflight`; a final state never changes; one key has one message;
//! nothing that failed is `delivered`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod delivery;
mod key;
mod ledger;
pub mod message_document;
mod outbox;
pub mod outcome;
mod predecessors;
mod retention;
mod row;
mod row_document;

pub use delivery::{Deliver, Delivery, IndexRequest, LogLine, Message, RobotMessage};
pub use key::DeliveryKey;
pub use ledger::{Entry, LEDGER_INDEX, Ledger, LedgerError};
pub use outbox::{Blocked, Ended, Outbox, Wanted};
pub use outcome::{Attempt, Outcome, Repair};
pub use predecessors::Predecessors;
pub use retention::{RETAINED_ROWS_MAX, Retention};
pub use row::{ATTEMPTS_MAX, AttemptRow, CancelledBy, Origin, Row, RowState};
