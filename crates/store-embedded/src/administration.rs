//! Indices: made, described, changed, deleted, refreshed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use watchbell_json::{Failure, Json};
use watchbell_store::mapping::Mapping;
use watchbell_store::names::check_index_name;
use watchbell_store::search::{KnownIndex, Resolved, resolve, resolve_name};
use watchbell_store::system::system_index;
use watchbell_store::{
    CreateIndex, Document, DocumentWrite, IndexInfo, Indices, IndicesOptions, Refresh, SearchAnswer, SearchRequest, StoreError, WriteError, Written,
};
use watchbell_time::{Timestamp, epoch_millis};

use crate::derived::folder_bytes;
use crate::index::{Definition, Index};
use crate::placement::Kind;
use crate::store::{EmbeddedStore, Inner, blocking, unavailable};

/// Indices with the filters of the aliases they were named by; empty when they were named themselves.
pub(crate) type Named = Vec<(Arc<Index>, Vec<Json>)>;

/// What came of making an index.
pub(crate) enum Made {
    Fresh(Arc<Index>),
    /// It was there already.
    Known(Arc<Index>),
}

fn invalid_name(kind: &'static str, name: &str, reason: String) -> WriteError {
    WriteError::Refused(Failure::new(kind, reason).with("index_uuid", "_na_").with("index", name))
}

/// An administrative failure of a write as an administrative call has it.
fn store_error(error: WriteError) -> StoreError {
    match error {
        WriteError::Refused(failure) => StoreError::from(failure),
        WriteError::NoIndex(name) => StoreError::NoIndex(name),
        other => unavailable(&other),
    }
}

impl Inner {
    fn aliased(&self, alias: &str) -> Vec<Arc<Index>> {
        self.catalogue.all().into_iter().filter(|index| index.definition().aliases.get(alias).is_some()).collect()
    }

    /// The index that reads of single documents mean by a name.
    pub(crate) fn index_for_read(&self, name: &str) -> Result<Option<Arc<Index>>, StoreError> {
        if let Some(index) = self.catalogue.get(name) {
            return Ok(Some(index));
        }
        let mut aliased = self.aliased(name);
        if aliased.len() > 1 {
            let names: Vec<&str> = aliased.iter().map(|index| &*index.name).collect();
            let reason = format!("alias [{name}] has more than one index associated with it [{}], can't execute a single index op", names.join(", "));
            return Err(StoreError::Refused(Failure::illegal_argument(reason)));
        }
        Ok(aliased.pop())
    }

    /// The index that writes to an alias go to.
    pub(crate) fn write_index(&self, alias: &str) -> Result<Option<Arc<Index>>, WriteError> {
        let aliased = self.aliased(alias);
        let marks = |index: &Arc<Index>| index.definition().aliases.at(&[alias, "is_write_index"]).and_then(Json::as_bool);
        if let Some(marked) = aliased.iter().find(|index| marks(index) == Some(true)) {
            return Ok(Some(marked.clone()));
        }
        match aliased.as_slice() {
            [] => Ok(None),
            [one] if marks(one).is_none() => Ok(Some(one.clone())),
            _ => {
                let reason = format!(
                    "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
                );
                Err(WriteError::Refused(Failure::illegal_argument(reason)))
            }
        }
    }

    /// Blocks.
    pub(crate) fn make_index(&self, name: &str, body: CreateIndex) -> Result<Made, WriteError> {
        check_index_name(name).map_err(WriteError::Refused)?;
        if let Some(index) = self.catalogue.get(name) {
            return Ok(Made::Known(index));
        }
        if !self.aliased(name).is_empty() {
            return Err(invalid_name("invalid_index_name_exception", name, format!("Invalid index name [{name}], already exists as alias")));
        }
        let definition = Definition::parse(&system_index(name).unwrap_or(body)).map_err(WriteError::Refused)?;
        for alias in definition.aliases.as_map().into_iter().flat_map(watchbell_json::Map::keys) {
            if self.catalogue.get(alias).is_some() {
                let reason = format!("Invalid alias name [{alias}], an index exists with the same name as the alias");
                return Err(invalid_name("invalid_alias_name_exception", alias, reason));
            }
        }
        let (index, fresh) = self.catalogue.create(name, definition, epoch_millis(self.clock.now()))?;
        Ok(if fresh { Made::Fresh(index) } else { Made::Known(index) })
    }

    /// Most requests name their indices plainly, and need not look at all others.
    fn plainly_named(&self, expressions: &[String]) -> Option<Named> {
        let [name] = expressions else { return None };
        let plain = !name.starts_with(['-', '_', '<']) && !name.contains(['*', ',']);
        self.catalogue.get(name).filter(|_| plain).map(|index| vec![(index, Vec::new())])
    }

    /// The indices that expressions mean, with the filters of the aliases they were named by.
    pub(crate) fn resolve(&self, expressions: &[String], options: &IndicesOptions, now: Timestamp) -> Result<Named, StoreError> {
        if let Some(named) = self.plainly_named(expressions) {
            return Ok(named);
        }
        let all: BTreeMap<String, (Arc<Index>, Arc<Definition>)> =
            self.catalogue.all().into_iter().map(|index| (index.name.to_string(), (index.clone(), index.definition()))).collect();
        let known: Vec<KnownIndex<'_>> =
            all.iter().map(|(name, (_, definition))| KnownIndex { name, hidden: definition.settings.hidden(), aliases: &definition.aliases }).collect();
        let resolved = resolve(expressions, options, &known, now)?;
        let find = |Resolved { name, filters }: Resolved| all.get(&name).map(|(index, _)| (index.clone(), filters));
        Ok(resolved.into_iter().filter_map(find).collect())
    }

    /// Blocks.
    fn put_mapping(&self, index: &Index, mapping: &Json) -> Result<(), StoreError> {
        let added = Mapping::parse(mapping)?;
        let _changing = index.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let definition = index.definition();
        let mapping = definition.mapping.merge(added)?;
        mapping.check_limits(&definition.settings.limits())?;
        if mapping == definition.mapping {
            return Ok(());
        }
        self.catalogue.redefine(index, Definition { mapping, ..(*definition).clone() }).map_err(store_error)
    }

    /// Blocks.
    fn info(&self, index: &Index) -> Result<IndexInfo, StoreError> {
        let file = self.file_of(index).map_err(|error| unavailable(&error))?;
        let definition = index.definition();
        let deleted = index.search_side().map_or(0, |side| side.searcher().segment_readers().iter().map(|reader| u64::from(reader.num_deleted_docs())).sum());
        Ok(IndexInfo {
            name: index.name.to_string(),
            uuid: index.uuid.clone(),
            created_millis: index.created_millis,
            settings: definition.settings.to_json(&index.name, &index.uuid, index.created_millis),
            mapping: definition.mapping.to_json(),
            aliases: definition.aliases.clone(),
            hidden: definition.settings.hidden(),
            documents: u64::try_from(file.position(index).live).unwrap_or(0),
            deleted_documents: deleted,
            bytes: file.bytes() + folder_bytes(&self.folder.index_folder(&index.uuid)),
        })
    }

    fn delete_indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<String>, StoreError> {
        for expression in expressions {
            if self.catalogue.get(expression).is_none() && !self.aliased(expression).is_empty() {
                let reason = format!("The provided expression [{expression}] matches an alias, specify the corresponding concrete indices instead.");
                return Err(StoreError::Refused(Failure::illegal_argument(reason)));
            }
        }
        let mut deleted = Vec::new();
        for (index, _) in self.resolve(expressions, options, self.clock.now())? {
            if self.delete_index(&index.name).map_err(store_error)? {
                deleted.push(index.name.to_string());
            }
        }
        Ok(deleted)
    }
}

impl EmbeddedStore {
    /// Makes everything visible that these indices have now.
    async fn refresh_all(&self, indices: Vec<Arc<Index>>) -> Result<(), StoreError> {
        let indices: Vec<Arc<Index>> = indices.into_iter().filter(|index| index.kind != Kind::State).collect();
        let asked = blocking(&self.inner, move |inner| {
            let ask = |index: &Arc<Index>| Ok((index.clone(), inner.last_seq(index)?));
            indices.iter().map(ask).collect::<Result<Vec<_>, StoreError>>()
        });
        let answers: Vec<_> = asked.await??.into_iter().filter_map(|(index, to)| self.inner.ask_refresh(&index, to)).collect();
        for answer in answers {
            crate::search::refreshed(answer.await)?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Indices for EmbeddedStore {
    async fn create_index(&self, name: &str, body: CreateIndex) -> Result<(), StoreError> {
        let name = resolve_name(name, self.inner.clock.now())?;
        let asked = name.clone();
        match blocking(&self.inner, move |inner| inner.make_index(&asked, body)).await?.map_err(store_error)? {
            Made::Fresh(index) => {
                // A new index counts as searched, as in the reference: writes become visible with its periodic refresh, not with
                // the first search.
                index.set_searched_at(self.inner.clock.elapsed());
                self.refresh_all(vec![index]).await
            }
            Made::Known(index) => {
                let reason = format!("index [{name}/{}] already exists", index.uuid);
                Err(StoreError::Refused(Failure::new("resource_already_exists_exception", reason).with("index_uuid", index.uuid.as_str()).with("index", name)))
            }
        }
    }

    async fn delete_indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<String>, StoreError> {
        let (expressions, options) = (expressions.to_vec(), options.clone());
        blocking(&self.inner, move |inner| inner.delete_indices(&expressions, &options)).await?
    }

    async fn indices(&self, expressions: &[String], options: &IndicesOptions) -> Result<Vec<IndexInfo>, StoreError> {
        let resolved = self.inner.resolve(expressions, options, self.inner.clock.now())?;
        blocking(&self.inner, move |inner| resolved.iter().map(|(index, _)| inner.info(index)).collect()).await?
    }

    async fn put_mapping(&self, expressions: &[String], options: &IndicesOptions, mapping: &Json) -> Result<(), StoreError> {
        let resolved = self.inner.resolve(expressions, options, self.inner.clock.now())?;
        let mapping = mapping.clone();
        blocking(&self.inner, move |inner| resolved.iter().try_for_each(|(index, _)| inner.put_mapping(index, &mapping))).await?
    }

    async fn refresh(&self, expressions: &[String], options: &IndicesOptions) -> Result<usize, StoreError> {
        let resolved = self.inner.resolve(expressions, options, self.inner.clock.now())?;
        let count = resolved.len();
        self.refresh_all(resolved.into_iter().map(|(index, _)| index).collect()).await?;
        Ok(count)
    }

    async fn get_document(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let name = resolve_name(index, self.inner.clock.now())?;
        match self.inner.index_for_read(&name)? {
            Some(index) => {
                let hidden = index.definition().mapping.source_disabled();
                let document = self.read(index, id).await?;
                Ok(document.map(|document| if hidden { Document { source: bytes::Bytes::new(), ..document } } else { document }))
            }
            None => Err(StoreError::NoIndex(name)),
        }
    }

    async fn write_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        let prepared = self.prepare(writes).await;
        let mut answers = self.write_each(prepared).await;
        if refresh != Refresh::No {
            let touched: BTreeMap<&str, Arc<Index>> =
                answers.iter().flatten().filter_map(|written| Some((written.index.as_str(), self.inner.catalogue.get(&written.index)?))).collect();
            // the writes are durable, so what fails now is only that they can be seen
            if let Err(error) = self.refresh_all(touched.into_values().collect()).await {
                let error = WriteError::Unknown(format!("written, but not visible to searches yet: {error}"));
                answers.iter_mut().filter(|answer| answer.is_ok()).for_each(|answer| *answer = Err(error.clone()));
            }
        }
        answers
    }

    async fn search_documents(&self, request: &SearchRequest) -> Result<SearchAnswer, StoreError> {
        self.search_now(request).await
    }

    async fn count(&self, request: &SearchRequest) -> Result<(u64, usize), StoreError> {
        self.count_now(request).await
    }
}
