//! Documents and single writes.

use bytes::Bytes;

/// A document's place in its index's history: what compare-and-set compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    pub seq_no: i64,
    pub primary_term: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub index: String,
    pub id: String,
    pub revision: Revision,
    /// Counts the writes to this id, and goes on after a delete.
    pub version: i64,
    /// The JSON text as it was sent, byte for byte.
    pub source: Bytes,
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Anything,
    /// No such document.
    Absent,
    /// The document at exactly this revision.
    Revision(Revision),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOp {
    Put(Bytes),
    Delete,
}

/// One write. The index is made if it does not exist and the store's rules allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub index: String,
    pub id: String,
    pub expect: Expect,
    pub op: WriteOp,
}

impl Write {
    #[must_use]
    pub fn put(index: impl Into<String>, id: impl Into<String>, expect: Expect, source: impl Into<Bytes>) -> Write {
        Write { index: index.into(), id: id.into(), expect, op: WriteOp::Put(source.into()) }
    }

    #[must_use]
    pub fn delete(index: impl Into<String>, id: impl Into<String>, expect: Expect) -> Write {
        Write { index: index.into(), id: id.into(), expect, op: WriteOp::Delete }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Created,
    Updated,
    Deleted,
    /// A delete that found nothing: a success, which took a sequence number.
    NotFound,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The concrete index, where a name with date math or an alias was given.
    pub index: String,
    pub id: String,
    pub revision: Revision,
    pub version: i64,
    pub result: WriteResult,
}

/// Why one write did not happen, or may not have.
///
/// `Unavailable` and `Unknown` are apart on purpose: after the first nothing happened, after the second the write may have
/// taken effect, and who cares must read again before concluding.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The expectation did not hold. `current` is what stands there, `None` if nothing does.
    #[error("version conflict, the current revision is {current:?}")]
    Conflict { current: Option<Revision>, current_version: Option<i64> },
    /// The index does not exist and may not be made.
    #[error("no such index [{0}]")]
    NoIndex(String),
    /// The store will never take this write as it is: mapping, size, name.
    #[error("{0}")]
    Refused(watchbell_json::Failure),
    /// Certainly not done; the same write may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// May have happened.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
    /// An earlier write of the same sequence failed, so this one was not tried.
    #[error("not tried: an earlier write of the sequence failed")]
    NotTried,
}
