//! The HTTP edge: the Watcher API, the Elasticsearch-compatible API and Watchbell's own API.
//!
//! A request comes in through [`serve`], is checked and routed by `dispatch`, answered by a handler, and written by `render`.
//! Handlers are async functions `(Arc<Rest>, Request) -> Handled` that a module registers in its `routes(&mut Router)`.
//!
//! Invariants: what HTTP status an exception has is known in [`problem`] alone; unknown parameters and bodies that an API does
//! not take are errors; what is not supported answers with the reference's own error for unknown things, never with silence.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
mod body_reader;
mod dispatch;
mod elastic;
mod filter_path;
pub mod media_type;
pub mod own;
pub mod parameters;
pub mod problem;
mod render;
pub mod request;
pub mod response;
mod rest;
pub mod router;
mod server;
mod suggestions;
pub mod watcher;
mod yaml;

pub use access::{Access, OpenToStrangers, User};
pub use problem::Problem;
pub use request::Request;
pub use response::{Body, Response};
pub use rest::{MAX_CONNECTIONS, MAX_CONTENT_LENGTH, Rest, RestSettings};
pub use router::{Handled, Route, Router};
pub use server::serve;
