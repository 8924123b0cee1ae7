//! The ledger in the store: rows read and written by compare-and-set.

use std::sync::Arc;

use watchbell_json::Json;
use watchbell_store::{Document, DocumentStore, Expect, Revision, StoreError, Write, WriteError, Written};

use crate::{DeliveryKey, Row, row_document};

/// Where rows live.
pub use watchbell_store::system::DELIVERIES as LEDGER_INDEX;

/// A row, and where it stands in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub row: Row,
    /// `None`: not in the ledger yet.
    pub revision: Option<Revision>,
}

impl Entry {
    #[must_use]
    pub fn new(row: Row) -> Entry {
        Entry { row, revision: None }
    }

    /// The write that makes the row durable where it stands, and nowhere else.
    #[must_use]
    pub fn write(&self) -> Write {
        let expect = self.revision.map_or(Expect::Absent, Expect::Revision);
        Write::put(LEDGER_INDEX, &self.row.delivery.key.0, expect, row_document::print(&self.row).to_string())
    }
}

/// Why the ledger could not be asked or written; nothing was lost, the same may succeed later.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger cannot be read: {0}")]
    Read(#[from] StoreError),
    #[error("the ledger cannot be written: {0}")]
    Write(WriteError),
    #[error("row [{0}] of the ledger is not readable")]
    Unreadable(String),
}

/// What came of a compare-and-set whose outcome was looked up where it was not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Swap {
    Done(Revision),
    /// Somebody else wrote; this is what stands there now.
    Lost(Option<Box<Entry>>),
}

#[derive(Clone, Debug)]
pub struct Ledger {
    store: Arc<dyn DocumentStore>,
}

impl Ledger {
    #[must_use]
    pub fn new(store: Arc<dyn DocumentStore>) -> Ledger {
        Ledger { store }
    }

    /// # Errors
    /// [`LedgerError`]
    pub async fn read(&self, key: &DeliveryKey) -> Result<Option<Entry>, LedgerError> {
        match self.store.get(LEDGER_INDEX, &key.0).await? {
            Some(document) => read_entry(&document).map(Some),
            None => Ok(None),
        }
    }

    /// A page of rows in the order of their keys.
    ///
    /// # Errors
    /// [`LedgerError::Read`]; rows that are not readable are left out.
    pub async fn page(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let documents = self.documents(after, limit).await?;
        Ok(documents.iter().filter_map(|document| read_entry(document).ok()).collect())
    }

    /// The same as it is stored, readable or not.
    pub(crate) async fn documents(&self, after: Option<&str>, limit: usize) -> Result<Vec<Document>, LedgerError> {
        Ok(self.store.scan(LEDGER_INDEX, after, limit).await?)
    }

    /// Makes `entry` durable. `closings` ride along: rows of the same execution whose end is not durable yet; those that need
    /// no more writing are taken out, also where somebody else has concluded the row meanwhile.
    pub(crate) async fn swap(&self, closings: &mut Vec<Entry>, entry: &Entry) -> Result<Swap, LedgerError> {
        let writes = closings.iter().chain([entry]).map(Entry::write).collect();
        let mut answers = self.store.bulk(writes).await;
        let own = answers.pop();
        let mut answers = answers.into_iter();
        closings.retain(|_| !answers.next().is_some_and(|answer| is_settled(&answer)));
        match own {
            Some(Ok(written)) => Ok(Swap::Done(written.revision)),
            Some(Err(WriteError::Conflict { .. })) => Ok(Swap::Lost(self.read(&entry.row.delivery.key).await?.map(Box::new))),
            Some(Err(WriteError::Unknown(_))) => self.look_again(entry).await,
            Some(Err(error)) => Err(LedgerError::Write(error)),
            None => Err(LedgerError::Write(WriteError::Unavailable("the store gave no answer".into()))),
        }
    }

    /// After an unknown outcome the row itself says whether the write happened.
    async fn look_again(&self, entry: &Entry) -> Result<Swap, LedgerError> {
        match self.read(&entry.row.delivery.key).await? {
            Some(found) if found.row == entry.row => found.revision.map_or(Ok(Swap::Lost(None)), |revision| Ok(Swap::Done(revision))),
            found => Ok(Swap::Lost(found.map(Box::new))),
        }
    }

    pub(crate) async fn delete(&self, rows: &[(String, Revision)]) -> Vec<Result<Written, WriteError>> {
        let deletes = rows.iter().map(|(key, revision)| Write::delete(LEDGER_INDEX, key, Expect::Revision(*revision)));
        self.store.bulk(deletes.collect()).await
    }
}

/// Whether a closing write needs no repetition.
fn is_settled(answer: &Result<Written, WriteError>) -> bool {
    matches!(answer, Ok(_) | Err(WriteError::Conflict { .. }))
}

pub(crate) fn read_entry(document: &Document) -> Result<Entry, LedgerError> {
    let unreadable = || LedgerError::Unreadable(document.id.clone());
    let json = Json::parse(&document.source).map_err(|_| unreadable())?;
    let row = row_document::parse(&json).ok_or_else(unreadable)?;
    Ok(Entry { row, revision: Some(document.revision) })
}
