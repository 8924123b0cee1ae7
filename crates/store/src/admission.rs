//! Whether a write may happen, given what stands there: compare-and-set and external versions, as pure functions.

use crate::{Expect, Revision, VersionCheck, WriteError, WriteOp, WriteResult};

/// What is known of an id: its last write, which may have been a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    pub revision: Revision,
    pub version: i64,
    pub deleted: bool,
}

/// A write that may happen: what it makes of the document's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    pub version: i64,
    pub result: WriteResult,
}

/// # Errors
/// [`WriteError::Conflict`] when an expectation does not hold.
pub fn admit(current: Option<Current>, expect: Expect, version: Option<VersionCheck>, op: &WriteOp) -> Result<Admission, WriteError> {
    let live = current.filter(|current| !current.deleted);
    let conflict = || WriteError::Conflict { current: live.map(|c| c.revision), current_version: live.map(|c| c.version) };
    let holds = match expect {
        Expect::Anything => true,
        Expect::Absent => live.is_none(),
        Expect::Revision(revision) => live.is_some_and(|current| current.revision == revision),
    };
    if !holds {
        return Err(conflict());
    }
    let version = match (version, current) {
        (None, None) => 1,
        (None, Some(current)) => current.version.saturating_add(1),
        (Some(VersionCheck::External(given) | VersionCheck::ExternalGte(given)), None) => given,
        (Some(VersionCheck::External(given)), Some(current)) if given > current.version => given,
        (Some(VersionCheck::ExternalGte(given)), Some(current)) if given >= current.version => given,
        // A tombstone's version counts here although the document is gone, so it is named even then.
        (Some(_), Some(current)) => return Err(WriteError::Conflict { current: Some(current.revision), current_version: Some(current.version) }),
    };
    let result = match (op, live.is_some()) {
        (WriteOp::Put(_), false) => WriteResult::Created,
        (WriteOp::Put(_), true) => WriteResult::Updated,
        (WriteOp::Delete, true) => WriteResult::Deleted,
        (WriteOp::Delete, false) => WriteResult::NotFound,
    };
    Ok(Admission { version, result })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Revision = Revision { seq_no: 4, primary_term: 1 };

    fn put() -> WriteOp {
        WriteOp::Put(bytes::Bytes::from_static(b"{}"))
    }

    fn standing(deleted: bool) -> Option<Current> {
        Some(Current { revision: AT, version: 3, deleted })
    }

    #[test]
    fn versions_go_on_after_a_delete() {
        assert_eq!(admit(None, Expect::Absent, None, &put()), Ok(Admission { version: 1, result: WriteResult::Created }));
        assert_eq!(admit(standing(true), Expect::Absent, None, &put()), Ok(Admission { version: 4, result: WriteResult::Created }));
        assert_eq!(admit(standing(true), Expect::Anything, None, &WriteOp::Delete), Ok(Admission { version: 4, result: WriteResult::NotFound }));
    }

    #[test]
    fn a_revision_must_be_the_standing_one() {
        assert!(admit(standing(false), Expect::Revision(AT), None, &put()).is_ok());
        let other = Revision { seq_no: 3, primary_term: 1 };
        assert_eq!(admit(standing(false), Expect::Revision(other), None, &put()), Err(WriteError::Conflict { current: Some(AT), current_version: Some(3) }));
        assert_eq!(admit(standing(true), Expect::Revision(AT), None, &put()), Err(WriteError::Conflict { current: None, current_version: None }));
    }

    #[test]
    fn external_versions_must_grow() {
        assert!(admit(standing(false), Expect::Anything, Some(VersionCheck::External(3)), &put()).is_err());
        assert_eq!(admit(standing(false), Expect::Anything, Some(VersionCheck::ExternalGte(3)), &put()).map(|a| a.version), Ok(3));
        assert_eq!(admit(standing(false), Expect::Anything, Some(VersionCheck::External(9)), &put()).map(|a| a.version), Ok(9));
        assert!(admit(standing(true), Expect::Anything, Some(VersionCheck::External(2)), &put()).is_err(), "a tombstone counts");
    }
}
