//! [`DocumentStore`] over the rows.

use std::ops::Bound;

use super::{MemoryIndex, MemoryStore, State};
use crate::names::{check_id, check_index_name};
use crate::{Document, DocumentStore, StoreError, Write, WriteError, Written};

impl State {
    pub(super) fn index_for_write(&mut self, name: &str, now_millis: i64) -> Result<&mut MemoryIndex, WriteError> {
        if !self.indices.contains_key(name) {
            check_index_name(name).map_err(WriteError::Refused)?;
            self.made += 1;
            let uuid = format!("memory{:016}", self.made);
            self.indices.insert(name.to_owned(), MemoryIndex::new(name, uuid, now_millis));
        }
        self.indices.get_mut(name).ok_or_else(|| WriteError::NoIndex(name.to_owned()))
    }

    fn apply(&mut self, write: &Write, now_millis: i64) -> Result<Written, WriteError> {
        check_id(&write.id).map_err(WriteError::Refused)?;
        self.index_for_write(&write.index, now_millis)?.apply(write, None)
    }
}

#[async_trait::async_trait]
impl DocumentStore for MemoryStore {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.state().indices.get(index).and_then(|index| index.document(id)))
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let now = self.now_millis();
        self.state().apply(&write, now)
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        let now = self.now_millis();
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
        let now = self.now_millis();
        let mut state = self.state();
        writes.iter().map(|write| state.apply(write, now)).collect()
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let state = self.state();
        let Some(index) = state.indices.get(index) else { return Ok(Vec::new()) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = index.rows.range::<str, _>((start, Bound::Unbounded));
        Ok(rows.filter_map(|(id, row)| index.as_document(id, row)).take(limit).collect())
    }
}
