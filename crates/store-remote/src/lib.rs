//! The store contract over HTTP: Elasticsearch 6 to 9, OpenSearch 1 to 3.
//!
//! * [`RemoteCluster`]: one cluster, several hosts; implements `Search`, `IndexTarget` and `DocumentStore`;
//! * `transport`: one call over whichever host answers, outages, limits;
//! * `dialect`: every difference between the engines and their versions, and nothing else knows of one;
//! * `errors`: the engines' exceptions as data.
//!
//! Invariants: a body goes out as the caller wrote it; a write that may have happened is never called failed; no error, log
//! line or `Debug` form shows a credential; while a cluster is down one call a second tries it, and the log says so once.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bulk;
mod cluster;
mod dialect;
mod documents;
mod encode;
mod errors;
mod outage;
mod scan;
mod search;
mod settings;
mod together;
mod transport;
mod wire;

pub use cluster::{ClusterIdentity, RemoteCluster};
pub use settings::{ClusterSettings, Credentials, SettingsError};
