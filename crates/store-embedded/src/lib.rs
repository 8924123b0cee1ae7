#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
//! The store contract on SQLite and tantivy.
//!
//! **SQLite is the truth, tantivy is derived.** A write is acknowledged after the commit of its file ([`writer`], one thread a
//! file, group commit); a realtime read goes to SQLite. The derived index of an index follows its rows ([`indexer`]) and can be
//! thrown away at any time. The catalogue of indices is in the state file ([`catalogue`]); which file an index lives in is
//! decided by its name ([`placement`]).
//!
//! Searches run over tantivy's postings and columns with an evaluator of our own ([`search`]): clauses become sets of
//! documents of a segment, scores are computed from live documents alone, so that an answer depends on the documents and not on
//! how they came to lie in segments.
//!
//! Invariants:
//! * nothing is acknowledged before it is on the disk, and after an error of the disk nothing is acknowledged at all;
//! * a definition is durable before the first document that needs it;
//! * whatever a derived folder holds, answers are those of the rows.

mod administration;
mod catalogue;
mod columns;
mod counters;
mod derived;
mod documents;
mod encode;
mod file;
mod files;
mod folder;
mod health;
mod index;
mod indexer;
mod placement;
mod poison;
mod rows;
mod search;
mod settings;
mod sqlite;
mod store;
mod writer;

pub use folder::{FORMAT, OpenError};
pub use health::{Health, StoreState};
pub use settings::StoreSettings;
pub use store::EmbeddedStore;
