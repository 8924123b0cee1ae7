//! [`Indices`] over the state.

use std::collections::BTreeSet;

use watchbell_json::{Failure, Json};

use super::MemoryStore;
use crate::search::resolve_name;
use crate::{CreateIndex, Document, DocumentWrite, IndexInfo, Indices, IndicesOptions, Refresh, SearchAnswer, SearchRequest, StoreError, WriteError, Written};

#[async_trait::async_trait]
impl Indices for MemoryStore {
    async fn create_index(&self, name: &str, body: CreateIndex) -> Result<(), StoreError> {
        let now = self.clock.now();
        let name = resolve_name(name, now)?;
        Ok(self.state().make(&name, body, now)?)
    }

    async fn delete_indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<String>, StoreError> {
        let mut state = self.state();
        for expression in expressions {
            if !state.indices.contains_key(expression) && !state.aliased(expression).is_empty() {
                let reason = format!("The provided expression [{expression}] matches an alias, specify the corresponding concrete indices instead.");
                return Err(StoreError::Refused(Failure::illegal_argument(reason)));
            }
        }
        let names: Vec<String> = state.resolve(expressions, options, self.clock.now())?.into_iter().map(|index| index.name).collect();
        for name in &names {
            state.indices.remove(name);
        }
        Ok(names)
    }

    async fn indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<IndexInfo>, StoreError> {
        let state = self.state();
        let resolved = state.resolve(expressions, options, self.clock.now())?;
        Ok(resolved.iter().filter_map(|index| state.indices.get(&index.name)).map(super::MemoryIndex::info).collect())
    }

    async fn put_mapping(&self, expressions: &[String], options: &IndicesOptions, mapping: &Json) -> Result<(), StoreError> {
        let mut state = self.state();
        for resolved in state.resolve(expressions, options, self.clock.now())? {
            if let Some(index) = state.indices.get_mut(&resolved.name) {
                index.put_mapping(mapping)?;
            }
        }
        Ok(())
    }

    async fn refresh(&self, expressions: &[String], options: &IndicesOptions) -> Result<usize, StoreError> {
        let mut state = self.state();
        let resolved = state.resolve(expressions, options, self.clock.now())?;
        for index in &resolved {
            if let Some(index) = state.indices.get_mut(&index.name) {
                index.refresh();
            }
        }
        Ok(resolved.len())
    }

    async fn get_document(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let name = resolve_name(index, self.clock.now())?;
        match self.state().index_for_read(&name)? {
            Some(index) if index.mapping.source_disabled() => Ok(index.document(id).map(|document| Document { source: bytes::Bytes::new(), ..document })),
            Some(index) => Ok(index.document(id)),
            None => Err(StoreError::NoIndex(name)),
        }
    }

    async fn write_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        let mut state = self.state();
        let outcomes: Vec<Result<Written, WriteError>> = writes.iter().map(|write| state.apply_document(write)).collect();
        if refresh != Refresh::No {
            let touched: BTreeSet<&str> = outcomes.iter().flatten().map(|written| written.index.as_str()).collect();
            for name in touched {
                if let Some(index) = state.indices.get_mut(name) {
                    index.refresh();
                }
            }
        }
        outcomes
    }

    async fn search_documents(&self, request: &SearchRequest) -> Result<SearchAnswer, StoreError> {
        self.search_now(request)
    }

    async fn count(&self, request: &SearchRequest) -> Result<(u64, usize), StoreError> {
        self.count_now(request)
    }
}
