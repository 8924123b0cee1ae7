//! What chat robots are: their messages, limits, signatures and answers. Pure: no clock, no network.
//!
//! * [`dingtalk`]: accounts and signed URLs, messages and their preparation, and what an answer means;
//! * [`Verdict`]: the classes of answers;
//! * [`Redactor`]: takes credentials out of texts;
//! * [`truncate`]: cuts texts to byte limits.
//!
//! Invariant: no `Debug`, `Display` or error of this crate shows a token, a secret or a signature.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod dingtalk;
mod redact;
mod secret;
pub mod truncate;
mod verdict;

pub use redact::{REDACTED, Redactor, redact_forms};
pub use secret::{Secret, percent_encode};
pub use verdict::{Repair, Verdict};
