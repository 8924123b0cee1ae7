#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
//! The store contract: documents with revisions, search, index administration.
//!
//! The contract has three parts, each a trait in [`port`]:
//!
//! * [`DocumentStore`]: what the engine's protocol stands on: realtime reads and atomic compare-and-set of single documents;
//! * [`Search`]: a search body, untouched, against some indices, at an explicit *now*;
//! * [`Indices`]: what the Elasticsearch-compatible API needs beyond that.
//!
//! Elasticsearch's behaviour that every implementation shares is here too, as pure functions over values. A document goes
//! through its index's [`mapping`] to typed values, texts through [`analysis`], dates through `watchbell_time`. A search goes from JSON
//! ([`dsl`]) to a [`query`], is bound to each index's mapping as a [`plan`], and its hits are sorted and shown by [`search`].
//! [`evaluate`] matches a plan against one document; the reference store in [`memory`] does so with every document, and is the
//! model that others are compared with. Watcher's own indices are in [`system`].
//!
//! Invariants: no I/O here; who implements the contract may not weaken it (see the contract test suite, [`contract`]).

pub mod admission;
pub mod analysis;
pub mod contract;
mod dates;
pub mod document;
pub mod dsl;
pub mod evaluate;
pub mod mapping;
pub mod memory;
pub mod names;
pub mod plan;
pub mod port;
pub mod query;
pub mod search;
pub mod settings;
pub mod system;
pub mod value;

pub use dates::time_value;
pub use document::{Document, Expect, Revision, Write, WriteError, WriteOp, WriteResult, Written};
pub use memory::MemoryStore;
pub use port::{
    CreateIndex, DocumentStore, DocumentWrite, Hit, IndexInfo, IndexTarget, Indices, IndicesOptions, Refresh, Search, SearchAnswer, SearchRequest,
    ShardFailure, StoreError, TotalRelation, VersionCheck,
};
pub use value::Value;
