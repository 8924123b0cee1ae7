//! What a watch is: its definition, its status, the records of its executions. No I/O.
//!
//! A definition is parsed once, into types that cannot be wrong, with the reference's own errors; it prints as the reference's
//! canonical form, which is what GET returns and what is stored (spec watcher-api §3.3, watcher-parts). What changes a status,
//! whether an action is throttled, what a record says: all of it is decided here, as functions of values.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod action;
pub mod condition;
pub mod context;
pub mod dates;
pub mod definition;
pub mod evaluate;
pub mod execute;
pub mod extract;
mod foreach;
pub mod generation;
mod http_render;
pub mod http_request;
mod http_template;
pub mod http_url;
pub mod ids;
mod index_action;
pub mod input;
pub mod java;
mod logging_action;
pub mod record;
mod result;
mod schedule;
mod search;
pub mod secret;
pub mod status;
mod status_parse;
pub mod template;
pub mod throttle;
pub mod time_value;
mod trigger;
pub mod validation;

pub use definition::{ParseMode, Watch};
pub use generation::{DateText, Generation};
pub use ids::{ActionId, ExecutionId, WatchId};
pub use secret::Secrets;
