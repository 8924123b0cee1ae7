//! The channels: one module each, thin. Build the request, send it, say what came of it.
//!
//! * [`webhook`]: HTTP requests of watches, judged by status, or by the robot's own answer where a robot stands behind the URL;
//! * [`robot`]: chat robots by account, signed afresh for every attempt;
//! * [`index`]: documents into a data cluster;
//! * [`log_line`]: the server's log;
//! * [`http`]: the client they share.
//!
//! Invariants: every attempt ends in exactly one [`Outcome`](watchbell_outbox::Outcome); nothing that failed is reported as
//! delivered; no error, log line or record of this crate shows a token, a secret or a signature.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod http;
pub mod index;
pub mod log_line;
pub mod robot;
mod senders;
#[cfg(test)]
mod test_support;
pub mod webhook;

pub use http::{AllowList, HttpClient, HttpSettings, Lookup, SystemLookup, Trust};
pub use index::IndexSender;
pub use robot::{RobotSender, RobotSettings};
pub use senders::Senders;
