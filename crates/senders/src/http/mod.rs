//! The HTTP client of webhooks (spec watcher-parts §9): what may be reached, how a request is built, what came back.
//!
//! Invariants: nothing is sent to a host that the allow list refuses, nor to a link-local or metadata address, written as a
//! number or resolved from a name, on the first request or on a redirect; no proxy and no cookie that the settings do not
//! name; an error says whether the request may have been written, and never shows a query, where tokens are.

mod address;
mod allow_list;
mod client;
mod failure;
mod message;
pub(crate) mod race;
mod redirect;
mod response;
mod settings;
mod target;

pub use address::{Lookup, SystemLookup};
pub use allow_list::AllowList;
pub use client::HttpClient;
pub use failure::{SendFailure, Stage};
pub use redirect::Redirects;
pub use response::HttpResponse;
pub use settings::{HttpSettings, Trust};

pub(crate) use message::{Extras, ROBOT_JSON};
pub(crate) use target::Target;
