//! What may be set, and every limit of the store with its reason.

use std::time::Duration;

/// Data files that are open at once. Each has a thread and a few handles; a bulk over more files pays an fsync for each.
pub(crate) const OPEN_FILES_MAX: usize = 64;
/// Writes that wait for one file's writer. Beyond it callers wait too, which is the back-pressure.
pub(crate) const WRITER_QUEUE_MAX: usize = 1_024;
/// Writes that one commit takes: one fsync is cheap for many, but the first of them waits for the last.
pub(crate) const COMMIT_WRITES_MAX: usize = 8_192;
/// Source bytes that one commit takes, for the same reason; a larger single request is still one commit.
pub(crate) const COMMIT_BYTES_MAX: usize = 8 << 20;
/// Connections that are kept for reading a file; more readers than that open their own and close it.
pub(crate) const IDLE_READERS_MAX: usize = 4;
/// How long the version of a deleted document is remembered, and a replaced row kept for searches that still see it
/// (`index.gc_deletes` of Elasticsearch).
pub(crate) const GARBAGE_AGE: Duration = Duration::from_secs(60);
/// Pages of the write-ahead log before it is folded into the file (measured: smaller costs writes, larger costs the reader).
pub(crate) const WAL_PAGES: u32 = 10_000;
/// What is left of the write-ahead log after that.
pub(crate) const WAL_BYTES_MAX: i64 = 64 << 20;

/// Rows that the indexer reads and indexes before it looks at its other work.
pub(crate) const INDEX_PAGE_ROWS: usize = 1_000;
/// Rows that may wait unindexed while nobody searches: the first search waits for them.
pub(crate) const PENDING_ROWS_MAX: u64 = 2_000;
/// Rows after which a commit is made though nobody searches: what a killed process must index again at most.
pub(crate) const UNCOMMITTED_ROWS_MAX: u64 = 50_000;
/// Open tantivy writers: each is some megabytes and six threads.
pub(crate) const OPEN_INDEX_WRITERS_MAX: usize = 4;
/// Derived indices that are open: each segment is a few mapped files.
pub(crate) const OPEN_DERIVED_MAX: usize = 128;
/// Memory of one tantivy writer before it flushes a segment (15 MB is its least).
pub(crate) const INDEX_WRITER_BYTES: usize = 48 << 20;
/// A writer that had nothing to do for so long is committed and closed.
pub(crate) const INDEX_WRITER_IDLE: Duration = Duration::from_secs(20);
/// An index that nobody searched for so long is refreshed no more, until somebody does (`index.search.idle.after`).
pub(crate) const SEARCH_IDLE_AFTER: Duration = Duration::from_secs(30);
/// `index.refresh_interval`.
pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Memory for remembered matches of single clauses, over all indices.
pub(crate) const CLAUSE_CACHE_BYTES: usize = 32 << 20;
/// Segments smaller than this answer a clause faster than a cache does.
pub(crate) const CLAUSE_CACHE_SEGMENT_MIN: u32 = 4_096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// How often what was written becomes visible to searches.
    pub refresh_interval: Duration,
    pub search_idle_after: Duration,
    pub open_files_max: usize,
    /// Entropy for the ids of indices: two stores must not share a seed.
    pub seed: u64,
}

impl StoreSettings {
    #[must_use]
    pub fn with_seed(seed: u64) -> StoreSettings {
        StoreSettings { refresh_interval: REFRESH_INTERVAL, search_idle_after: SEARCH_IDLE_AFTER, open_files_max: OPEN_FILES_MAX, seed }
    }
}
