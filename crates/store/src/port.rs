//! The traits. Implementations: the reference store in memory, the embedded store, the remote store; one contract test suite.

use std::time::Duration;

use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;

use crate::{Document, Write, WriteError, Written};

/// Why a read or a search gave no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("no such index [{0}]")]
    NoIndex(String),
    /// The request is wrong: an Elasticsearch exception as data.
    #[error("{0}")]
    Refused(Failure),
    /// No answer could be had; the same request may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(Failure),
}

/// What the engine's protocol stands on.
#[async_trait::async_trait]
pub trait DocumentStore: Send + Sync + std::fmt::Debug {
    /// Realtime: sees every acknowledged write. A missing index is a missing document.
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Durable and atomic when it returns `Ok`; on an `Err` other than `Unknown` nothing happened.
    async fn write(&self, write: Write) -> Result<Written, WriteError>;

    /// Applies writes in order and stops at the first that fails; the others are [`WriteError::NotTried`]. A crash leaves a
    /// prefix. The answers are as many as the writes.
    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>>;

    /// Applies writes each on its own: every item succeeds or fails alone. The answers are as many as the writes.
    async fn bulk(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>>;

    /// Up to `limit` documents with ids greater than `after`, in the order of their ids; realtime. A missing index is empty.
    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError>;
}

/// How index expressions are resolved; the defaults are Watcher's (spec watcher-parts §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicesOptions {
    pub ignore_unavailable: bool,
    pub allow_no_indices: bool,
    pub expand_open: bool,
    pub expand_closed: bool,
    pub expand_hidden: bool,
    pub ignore_throttled: Option<bool>,
}

impl IndicesOptions {
    /// What a watch's search uses when it says nothing.
    #[must_use]
    pub fn watcher() -> IndicesOptions {
        IndicesOptions {
            ignore_unavailable: true,
            allow_no_indices: true,
            expand_open: true,
            expand_closed: false,
            expand_hidden: false,
            ignore_throttled: None,
        }
    }

    /// What `_search` uses when its URL says nothing.
    #[must_use]
    pub fn search() -> IndicesOptions {
        IndicesOptions { ignore_unavailable: false, ..IndicesOptions::watcher() }
    }
}

#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Names, wildcards, date math; empty means all.
    pub indices: Vec<String>,
    pub options: IndicesOptions,
    /// `query_then_fetch` or `dfs_query_then_fetch`.
    pub search_type: String,
    /// The search body as it was sent; `None` matches all.
    pub body: Option<Json>,
    /// What `now` means in date math.
    pub now: Timestamp,
    /// How long the caller waits.
    pub timeout: Duration,
}

/// A search by a watch.
#[async_trait::async_trait]
pub trait Search: Send + Sync + std::fmt::Debug {
    /// The whole answer as `_search` gives it, `hits.total` as an object `{value, relation}`.
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError>;
}

/// When a write becomes visible to searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refresh {
    /// With the next periodic refresh.
    #[default]
    No,
    /// At once.
    Now,
    /// The call returns when the periodic refresh made it visible.
    WaitFor,
}

/// How a write's version is checked and set (`version`, `version_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionCheck {
    /// `external`: greater than the stored one; becomes the document's version.
    External(i64),
    /// `external_gte`.
    ExternalGte(i64),
}

/// One write as the Elasticsearch API knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentWrite {
    pub write: Write,
    pub version: Option<VersionCheck>,
    pub routing: Option<String>,
    /// Fail with [`WriteError::NoIndex`] instead of making the index.
    pub require_existing: bool,
    /// What `now` means in an index name with date math.
    pub now: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct CreateIndex {
    /// `settings` as sent, flat or nested.
    pub settings: Option<Json>,
    /// `mappings` as sent.
    pub mappings: Option<Json>,
    /// `aliases` as sent.
    pub aliases: Option<Json>,
}

/// What an index is, for administration.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexInfo {
    pub name: String,
    pub uuid: String,
    pub created_millis: i64,
    /// As given back: nested, values as strings, below `index`.
    pub settings: Json,
    /// `{"properties": …}`, `{}` when nothing is mapped.
    pub mapping: Json,
    pub aliases: Json,
    pub hidden: bool,
    pub documents: u64,
    pub deleted_documents: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalRelation {
    Exact,
    AtLeast,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub index: String,
    pub id: String,
    /// `None` when sorted by something else.
    pub score: Option<f32>,
    /// The stored text as it was sent, or what source filtering left of it; `None` when not asked for.
    pub source: Option<bytes::Bytes>,
    /// `fields`/`docvalue_fields`, when asked for.
    pub fields: Option<Json>,
    pub sort: Option<Vec<Json>>,
    pub ignored: Vec<String>,
    pub version: Option<i64>,
    pub revision: Option<crate::Revision>,
    pub matched_queries: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ShardFailure {
    pub index: String,
    pub reason: Failure,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SearchAnswer {
    /// One shard an index.
    pub shards: usize,
    pub failures: Vec<ShardFailure>,
    /// `None` with `track_total_hits: false`.
    pub total: Option<(u64, TotalRelation)>,
    pub max_score: Option<f32>,
    pub hits: Vec<Hit>,
    pub aggregations: Option<Json>,
    pub terminated_early: Option<bool>,
}

/// What the Elasticsearch-compatible API needs beyond the two narrow contracts.
#[async_trait::async_trait]
pub trait Indices: DocumentStore + Search {
    /// # Errors
    /// `resource_already_exists_exception`, `invalid_index_name_exception`, `mapper_parsing_exception`, as [`StoreError::Refused`].
    async fn create_index(&self, name: &str, body: CreateIndex) -> Result<(), StoreError>;

    /// Deletes what the expressions name, and says which.
    async fn delete_indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<String>, StoreError>;

    /// What the expressions name, in the order of names; empty expressions name all.
    async fn indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<IndexInfo>, StoreError>;

    /// Merges `{"properties": …}` into the mapping of each index.
    async fn put_mapping(&self, expressions: &[String], options: &IndicesOptions, mapping: &Json) -> Result<(), StoreError>;

    /// Makes every acknowledged write visible; returns how many indices were refreshed.
    async fn refresh(&self, expressions: &[String], options: &IndicesOptions) -> Result<usize, StoreError>;

    /// A realtime read that tells a missing index ([`StoreError::NoIndex`]) from a missing document. Where the mapping switches
    /// `_source` off, the source is empty.
    async fn get_document(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Writes each on its own, in order, indices made as needed; durable when it returns.
    async fn write_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>>;

    /// A search with its answer as a value; sources byte for byte.
    async fn search_documents(&self, request: &SearchRequest) -> Result<SearchAnswer, StoreError>;

    /// How many documents match `body`'s query.
    async fn count(&self, request: &SearchRequest) -> Result<(u64, usize), StoreError>;
}

/// Where an index action writes: all that it needs of a data cluster, local or remote.
#[async_trait::async_trait]
pub trait IndexTarget: Send + Sync + std::fmt::Debug {
    /// As [`Indices::write_documents`].
    async fn index_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>>;
}

#[async_trait::async_trait]
impl<T: Indices + ?Sized> IndexTarget for std::sync::Arc<T> {
    async fn index_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        self.write_documents(writes, refresh).await
    }
}
