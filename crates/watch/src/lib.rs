//! What a watch is: its definition, its status, the records of its executions. No I/O.
//!
//! A definition is parsed once, into types that cannot be wrong, with the reference's own errors; it prints as the reference's
//! canonical form, which is what GET returns and what is stored (spec watcher-api §3.3, watcher-parts).

pub mod action;
pub mod condition;
pub mod definition;
pub mod http_request;
pub mod ids;
pub mod input;
pub mod status;

pub use definition::Watch;
pub use ids::{ActionId, ExecutionId, WatchId};
