//! Deliveries: what is to be sent, what became of it, and what happens then.
//!
//! One ledger row for every send; the queue is the rows that wait. This crate owns the port [`Deliver`], the outcomes and the
//! ledger; channels are in `senders`.

pub mod delivery;
pub mod outcome;
mod predecessors;

pub use delivery::{Deliver, Delivery, DeliveryKey, IndexRequest, LogLine, Message, RobotMessage};
pub use outcome::{Attempt, Outcome, Repair};
pub use predecessors::Predecessors;
