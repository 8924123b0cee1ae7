//! [`DocumentStore`] over the rows.

use watchbell_time::Timestamp;

use super::{MemoryStore, State};
use crate::names::check_id;
use crate::{Document, DocumentStore, DocumentWrite, StoreError, Write, WriteError, Written};

impl State {
    fn apply(&mut self, write: &Write, now: Timestamp) -> Result<Written, WriteError> {
        check_id(&write.id).map_err(WriteError::Refused)?;
        self.index_for_write(&write.index, now, true)?.apply(write, None)
    }

    pub(super) fn apply_document(&mut self, document: &DocumentWrite) -> Result<Written, WriteError> {
        check_id(&document.write.id).map_err(WriteError::Refused)?;
        let index = self.index_for_write(&document.write.index, document.now, !document.require_existing)?;
        index.apply(&document.write, document.version)
    }
}

#[async_trait::async_trait]
impl DocumentStore for MemoryStore {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.state().index_for_read(index)?.and_then(|index| index.document(id)))
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let now = self.clock.now();
        self.state().apply(&write, now)
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        let now = self.clock.now();
        let mut state = self.state();
        let mut failed = false;
        let each = |write: &Write| {
            if failed {
                return Err(WriteError::NotTried);
            }
            let outcome = state.apply(write, now);
            failed = outcome.is_err();
            outcome
        };
        writes.iter().map(each).collect()
    }

    async fn bulk(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        let now = self.clock.now();
        let mut state = self.state();
        writes.iter().map(|write| state.apply(write, now)).collect()
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let state = self.state();
        Ok(state.index_for_read(index)?.map(|index| index.rows_after(after).take(limit).collect()).unwrap_or_default())
    }
}
