#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
//! The store contract: documents with revisions, search, index administration.
//!
//! The contract has three parts, each a trait in [`port`]:
//!
//! * [`DocumentStore`]: what the engine's protocol stands on: realtime reads and atomic compare-and-set of single documents;
//! * [`Search`]: a search body, untouched, against some indices, at an explicit *now*;
//! * [`Indices`]: what the Elasticsearch-compatible API needs beyond that.
//!
//! Elasticsearch's behaviour that every implementation shares is here too, as pure functions over values: mappings and
//! dynamic mapping ([`mapping`]), analysis of text ([`analysis`]), the query language ([`query`]), its evaluation over a
//! document ([`evaluate`]), and the reference store in memory ([`memory`]), which is the model that others are compared with.
//!
//! Invariants: no I/O here; who implements the contract may not weaken it (see the contract test suite, [`contract`]).

pub mod admission;
pub mod analysis;
pub mod contract;
pub mod dates;
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

pub use document::{Document, Expect, Revision, Write, WriteError, WriteOp, WriteResult, Written};
pub use memory::MemoryStore;
pub use port::{
    CreateIndex, DocumentStore, DocumentWrite, Hit, IndexInfo, IndexTarget, Indices, IndicesOptions, Refresh, Search, SearchAnswer, SearchRequest,
    ShardFailure, StoreError, TotalRelation, VersionCheck,
};
pub use value::Value;
