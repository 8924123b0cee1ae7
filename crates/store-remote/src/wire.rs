//! The answers that are read member by member.

use serde::Deserialize;
use serde_json::value::RawValue;
use watchbell_store::{Document, Revision, WriteResult, Written};

/// A document as `GET` and hits show it.
#[derive(Debug, Deserialize)]
pub(crate) struct Shown<'a> {
    #[serde(rename = "_index")]
    pub(crate) index: String,
    #[serde(rename = "_id")]
    pub(crate) id: String,
    #[serde(rename = "_version", default)]
    version: i64,
    #[serde(rename = "_seq_no", default)]
    seq_no: i64,
    #[serde(rename = "_primary_term", default)]
    primary_term: i64,
    /// The text as it was sent.
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
}

impl Shown<'_> {
    /// `None` when there is no source: not found, or not stored.
    pub(crate) fn into_document(self) -> Option<Document> {
        let source = self.source?.get().as_bytes().to_vec().into();
        Some(Document {
            index: self.index,
            id: self.id,
            revision: Revision { seq_no: self.seq_no, primary_term: self.primary_term },
            version: self.version,
            source,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(rename = "_scroll_id")]
    pub(crate) scroll_id: Option<String>,
    #[serde(borrow)]
    pub(crate) hits: Hits<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hits<'a> {
    #[serde(borrow)]
    pub(crate) hits: Vec<Shown<'a>>,
}

/// The answer to a write, alone or as an item of a bulk.
#[derive(Debug, Deserialize)]
pub(crate) struct Acknowledged {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_version", default)]
    version: i64,
    #[serde(rename = "_seq_no", default)]
    seq_no: i64,
    #[serde(rename = "_primary_term", default)]
    primary_term: i64,
    result: String,
}

impl Acknowledged {
    pub(crate) fn into_written(self) -> Option<Written> {
        let result = match self.result.as_str() {
            "created" => WriteResult::Created,
            "updated" => WriteResult::Updated,
            "deleted" => WriteResult::Deleted,
            "not_found" => WriteResult::NotFound,
            _ => return None,
        };
        Some(Written {
            index: self.index,
            id: self.id,
            revision: Revision { seq_no: self.seq_no, primary_term: self.primary_term },
            version: self.version,
            result,
        })
    }
}
