//! One index: its rows as writers see them, and as searchers saw them at the last refresh.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use watchbell_json::{Failure, Json};

use crate::admission::{Current, admit};
use crate::mapping::{IndexedFields, Mapping, index_document, unreadable_document};
use crate::settings::IndexSettings;
use crate::{CreateIndex, Document, IndexInfo, Revision, VersionCheck, Write, WriteError, WriteOp, Written};

/// The last write of an id; a delete leaves its row behind so that versions go on.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) revision: Revision,
    pub(super) version: i64,
    /// `None` after a delete.
    pub(super) source: Option<Bytes>,
    pub(super) fields: IndexedFields,
}

/// What searchers see, in the order of sequence numbers.
pub(super) type Searchable = Arc<Vec<(Arc<str>, Arc<Row>)>>;

#[derive(Debug)]
pub(super) struct MemoryIndex {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) settings: IndexSettings,
    pub(super) mapping: Arc<Mapping>,
    pub(super) aliases: Json,
    pub(super) searchable: Searchable,
    created_millis: i64,
    rows: BTreeMap<Arc<str>, Arc<Row>>,
    next_seq_no: i64,
    /// Written since the last refresh.
    changed: bool,
}

impl MemoryIndex {
    pub(super) fn new(name: &str, uuid: String, created_millis: i64, body: &CreateIndex) -> Result<MemoryIndex, Failure> {
        let settings = IndexSettings::parse(body.settings.as_ref())?;
        let mapping = body.mappings.as_ref().map(Mapping::parse_at_creation).transpose()?.unwrap_or_default();
        mapping.check_limits(&settings.limits())?;
        Ok(MemoryIndex {
            name: name.to_owned(),
            uuid,
            settings,
            mapping: Arc::new(mapping),
            aliases: parse_aliases(body.aliases.as_ref())?,
            searchable: Searchable::default(),
            created_millis,
            rows: BTreeMap::new(),
            next_seq_no: 0,
            changed: false,
        })
    }

    pub(super) fn document(&self, id: &str) -> Option<Document> {
        self.rows.get(id).and_then(|row| self.as_document(id, row))
    }

    pub(super) fn rows_after<'i>(&'i self, after: Option<&str>) -> impl Iterator<Item = Document> + 'i {
        let start = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let rows = self.rows.range::<str, _>((start, std::ops::Bound::Unbounded));
        rows.filter_map(|(id, row)| self.as_document(id, row))
    }

    fn as_document(&self, id: &str, row: &Row) -> Option<Document> {
        let source = row.source.clone()?;
        Some(Document { index: self.name.clone(), id: id.to_owned(), revision: row.revision, version: row.version, source })
    }

    /// The document is parsed first: what does not fit the mapping is refused before its revision is looked at.
    pub(super) fn apply(&mut self, write: &Write, version: Option<VersionCheck>) -> Result<Written, WriteError> {
        let (source, fields) = match &write.op {
            WriteOp::Put(source) => (Some(source.clone()), self.read(&write.id, source).map_err(WriteError::Refused)?),
            WriteOp::Delete => (None, IndexedFields::default()),
        };
        let current = self.rows.get(&*write.id).map(|row| Current { revision: row.revision, version: row.version, deleted: row.source.is_none() });
        let admission = admit(current, write.expect, version, &write.op)?;
        let revision = Revision { seq_no: self.next_seq_no, primary_term: 1 };
        self.next_seq_no += 1;
        self.changed = true;
        self.rows.insert(write.id.as_str().into(), Arc::new(Row { revision, version: admission.version, source, fields }));
        Ok(Written { index: self.name.clone(), id: write.id.clone(), revision, version: admission.version, result: admission.result })
    }

    fn read(&mut self, id: &str, source: &Bytes) -> Result<IndexedFields, Failure> {
        let parsed = Json::parse(source).map_err(|error| unreadable_document(source, &error))?;
        let indexing = index_document(&self.mapping, &self.settings.limits(), id, &parsed)?;
        if let Some(mapping) = indexing.update {
            self.mapping = Arc::new(mapping);
        }
        Ok(indexing.fields)
    }

    pub(super) fn put_mapping(&mut self, mapping: &Json) -> Result<(), Failure> {
        let merged = self.mapping.merge(Mapping::parse(mapping)?)?;
        merged.check_limits(&self.settings.limits())?;
        self.mapping = Arc::new(merged);
        Ok(())
    }

    pub(super) fn refresh(&mut self) {
        if !self.changed {
            return;
        }
        let mut live: Vec<(Arc<str>, Arc<Row>)> = self.rows.iter().filter(|(_, row)| row.source.is_some()).map(|(id, row)| (id.clone(), row.clone())).collect();
        live.sort_by_key(|(_, row)| row.revision.seq_no);
        self.searchable = Arc::new(live);
        self.changed = false;
    }

    pub(super) fn info(&self) -> IndexInfo {
        let live = self.rows.values().filter(|row| row.source.is_some()).count();
        let bytes: usize = self.rows.values().filter_map(|row| row.source.as_ref()).map(Bytes::len).sum();
        IndexInfo {
            name: self.name.clone(),
            uuid: self.uuid.clone(),
            created_millis: self.created_millis,
            settings: self.settings.to_json(&self.name, &self.uuid, self.created_millis),
            mapping: self.mapping.to_json(),
            aliases: self.aliases.clone(),
            hidden: self.settings.hidden(),
            documents: self.searchable.len() as u64,
            deleted_documents: (self.rows.len() - live) as u64,
            bytes: bytes as u64,
        }
    }
}

/// Aliases as they are given back: `routing` stands for both kinds of it.
///
/// # Errors
/// `invalid_alias_name_exception`, `illegal_argument_exception`.
pub fn parse_aliases(given: Option<&Json>) -> Result<Json, Failure> {
    let mut out = Json::object();
    for (name, definition) in given.and_then(Json::as_map).into_iter().flat_map(watchbell_json::Map::iter) {
        crate::names::check_index_name(name)
            .map_err(|failure| Failure::new("invalid_alias_name_exception", failure.reason_text().replace("Invalid index name", "Invalid alias name")))?;
        let mut alias = Json::object();
        for (key, value) in definition.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
            match &**key {
                "routing" => {
                    alias.set("index_routing", value.clone());
                    alias.set("search_routing", value.clone());
                }
                "filter" => {
                    crate::dsl::parse_query(value)?;
                    alias.set("filter", value.clone());
                }
                "index_routing" | "search_routing" | "is_write_index" | "is_hidden" => alias.set(key.clone(), value.clone()),
                _ => return Err(Failure::illegal_argument(format!("Unknown field [{key}] in alias [{name}]"))),
            }
        }
        out.set(name.clone(), alias);
    }
    Ok(out)
}
