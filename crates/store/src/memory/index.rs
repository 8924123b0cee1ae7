//! One index: its rows as writers see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::admission::{Current, admit};
use crate::{Document, Revision, VersionCheck, Write, WriteError, WriteOp, Written};

/// The last write of an id; a delete leaves its row behind so that versions go on.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) revision: Revision,
    pub(super) version: i64,
    /// `None` after a delete.
    pub(super) source: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct MemoryIndex {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) created_millis: i64,
    pub(super) rows: BTreeMap<Arc<str>, Arc<Row>>,
    next_seq_no: i64,
}

impl MemoryIndex {
    pub(super) fn new(name: &str, uuid: String, created_millis: i64) -> MemoryIndex {
        MemoryIndex { name: name.to_owned(), uuid, created_millis, rows: BTreeMap::new(), next_seq_no: 0 }
    }

    pub(super) fn document(&self, id: &str) -> Option<Document> {
        let row = self.rows.get(id)?;
        self.as_document(id, row)
    }

    pub(super) fn as_document(&self, id: &str, row: &Row) -> Option<Document> {
        let source = row.source.clone()?;
        Some(Document { index: self.name.clone(), id: id.to_owned(), revision: row.revision, version: row.version, source })
    }

    pub(super) fn apply(&mut self, write: &Write, version: Option<VersionCheck>) -> Result<Written, WriteError> {
        let current = self.rows.get(&*write.id).map(|row| Current { revision: row.revision, version: row.version, deleted: row.source.is_none() });
        let admission = admit(current, write.expect, version, &write.op)?;
        let source = match &write.op {
            WriteOp::Put(source) => Some(source.clone()),
            WriteOp::Delete => None,
        };
        let revision = Revision { seq_no: self.next_seq_no, primary_term: 1 };
        self.next_seq_no += 1;
        self.rows.insert(write.id.as_str().into(), Arc::new(Row { revision, version: admission.version, source }));
        Ok(Written { index: self.name.clone(), id: write.id.clone(), revision, version: admission.version, result: admission.result })
    }
}
