//! Writing and reading documents.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use watchbell_json::Json;
use watchbell_store::mapping::{Mapping, index_document, unreadable_document};
use watchbell_store::names::check_id;
use watchbell_store::search::resolve_name;
use watchbell_store::{CreateIndex, Document, DocumentStore, DocumentWrite, StoreError, Write, WriteError, WriteOp, Written};
use watchbell_time::Timestamp;

use crate::administration::Made;
use crate::file::DataFile;
use crate::index::{Definition, Index};
use crate::placement::Kind;
use crate::rows;
use crate::store::{EmbeddedStore, Inner, blocking, unavailable};
use crate::writer::{Mode, RowWrite};

/// Files that one bulk writes at once: each is an fsync of its own.
const FILES_AT_ONCE: usize = 8;

pub(crate) type Answer = Result<Written, WriteError>;

fn cannot_write(error: impl std::fmt::Display) -> WriteError {
    WriteError::Unavailable(error.to_string())
}

impl Inner {
    /// The index of a write, made if need be. Blocks.
    fn index_for_write(&self, name: &str, now: Timestamp, require_existing: bool) -> Result<Arc<Index>, WriteError> {
        let name = resolve_name(name, now).map_err(WriteError::Refused)?;
        if let Some(index) = self.catalogue.get(&name) {
            return Ok(index);
        }
        if let Some(index) = self.write_index(&name)? {
            return Ok(index);
        }
        if require_existing {
            return Err(WriteError::NoIndex(name));
        }
        match self.make_index(&name, CreateIndex::default())? {
            Made::Fresh(index) | Made::Known(index) => Ok(index),
        }
    }

    /// Checks writes against names and mappings, and makes the indices and the fields they need: durably, before any row.
    /// Blocks.
    fn prepare(&self, writes: Vec<DocumentWrite>) -> Vec<Result<RowWrite, WriteError>> {
        let mut learned: BTreeMap<i64, (Arc<Index>, Definition)> = BTreeMap::new();
        let mut prepared: Vec<Result<RowWrite, WriteError>> = Vec::with_capacity(writes.len());
        for write in writes {
            prepared.push(self.prepare_one(write, &mut learned));
        }
        for (number, (index, definition)) in learned {
            if let Err(error) = self.learn(&index, definition.mapping, &mut prepared) {
                for slot in prepared.iter_mut().filter(|slot| matches!(slot, Ok(write) if write.index.number == number)) {
                    *slot = Err(error.clone());
                }
            }
        }
        prepared
    }

    fn prepare_one(&self, write: DocumentWrite, learned: &mut BTreeMap<i64, (Arc<Index>, Definition)>) -> Result<RowWrite, WriteError> {
        let DocumentWrite { write, version, require_existing, now, .. } = write;
        let Write { index: name, id, expect, op } = write;
        check_id(&id).map_err(WriteError::Refused)?;
        let index = self.index_for_write(&name, now, require_existing)?;
        if let (WriteOp::Put(source), false) = (&op, index.kind == Kind::State) {
            let known;
            let definition = match learned.get(&index.number) {
                Some((_, definition)) => definition,
                None => {
                    known = index.definition();
                    &known
                }
            };
            if let Some(mapping) = read_document(definition, &id, source)? {
                let definition = Definition { mapping, ..definition.clone() };
                learned.insert(index.number, (index.clone(), definition));
            }
        }
        Ok(RowWrite { index, id, expect, version, op })
    }

    /// Makes durable what documents taught their index. Somebody else may have taught it something meanwhile: then the
    /// documents are read once more, with that.
    fn learn(&self, index: &Arc<Index>, learned: Mapping, prepared: &mut [Result<RowWrite, WriteError>]) -> Result<(), WriteError> {
        let _changing = index.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = index.definition();
        if now.mapping.merge(learned.clone()).is_ok_and(|merged| merged == learned) {
            return self.catalogue.redefine(index, Definition { mapping: learned, ..(*now).clone() });
        }
        let mut definition = (*now).clone();
        for slot in prepared.iter_mut() {
            let Ok(RowWrite { index: of, id, op: WriteOp::Put(source), .. }) = slot else { continue };
            if of.number != index.number {
                continue;
            }
            match read_document(&definition, id, source) {
                Ok(Some(mapping)) => definition.mapping = mapping,
                Ok(None) => {}
                Err(error) => *slot = Err(error),
            }
        }
        if definition.mapping == now.mapping { Ok(()) } else { self.catalogue.redefine(index, definition) }
    }
}

/// Checks a document against its mapping; the new mapping, if the document taught it something.
fn read_document(definition: &Definition, id: &str, source: &[u8]) -> Result<Option<Mapping>, WriteError> {
    let json = Json::parse(source).map_err(|error| WriteError::Refused(unreadable_document(source, &error)))?;
    index_document(&definition.mapping, &definition.settings.limits(), id, &json).map(|indexing| indexing.update).map_err(WriteError::Refused)
}

fn plain(write: Write, now: watchbell_time::Timestamp) -> DocumentWrite {
    DocumentWrite { write, version: None, routing: None, require_existing: false, now }
}

impl EmbeddedStore {
    pub(crate) async fn prepare(&self, writes: Vec<DocumentWrite>) -> Vec<Result<RowWrite, WriteError>> {
        let count = writes.len();
        let known = |write: &DocumentWrite| self.inner.catalogue.get(&write.write.index).is_some_and(|index| index.kind == Kind::State);
        // state documents are opaque: nothing to read, nothing to wait for
        if writes.iter().all(known) {
            return self.inner.prepare(writes);
        }
        match blocking(&self.inner, move |inner| inner.prepare(writes)).await {
            Ok(prepared) => prepared,
            Err(error) => vec![Err(cannot_write(error)); count],
        }
    }

    async fn file(&self, index: &Arc<Index>) -> Result<Arc<DataFile>, WriteError> {
        if let Some(file) = self.inner.files.opened(&index.file) {
            return Ok(file);
        }
        let index = index.clone();
        blocking(&self.inner, move |inner| inner.file_of(&index)).await.map_err(cannot_write)?.map_err(cannot_write)
    }

    async fn write_rows(&self, writes: Vec<RowWrite>, mode: Mode) -> Vec<Answer> {
        let count = writes.len();
        let Some(first) = writes.first() else { return Vec::new() };
        match self.file(&first.index).await {
            Ok(file) => file.writer.write(writes, mode).await,
            Err(error) => vec![Err(error); count],
        }
    }

    /// Each on its own, in order within an index: one transaction a file.
    pub(crate) async fn write_each(&self, prepared: Vec<Result<RowWrite, WriteError>>) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(prepared.len());
        let mut by_file: BTreeMap<String, (Vec<usize>, Vec<RowWrite>)> = BTreeMap::new();
        for (at, write) in prepared.into_iter().enumerate() {
            match write {
                Ok(write) => {
                    let (places, writes) = by_file.entry(write.index.file.clone()).or_default();
                    places.push(at);
                    writes.push(write);
                    answers.push(None);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        let mut groups = by_file.into_values();
        loop {
            let some: Vec<_> = groups.by_ref().take(FILES_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            let written = some.into_iter().map(|(places, writes)| async { (places, self.write_rows(writes, Mode::EachAlone).await) });
            for (places, outcomes) in join_all(written).await {
                for (at, outcome) in places.into_iter().zip(outcomes) {
                    if let Some(slot) = answers.get_mut(at) {
                        *slot = Some(outcome);
                    }
                }
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(WriteError::Unknown("the write was not answered".to_owned())))).collect()
    }
}

/// Drives futures together; their answers in order.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut futures {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                std::task::Poll::Ready(value) => {
                    *output = Some(value);
                    *future = None;
                }
                std::task::Poll::Pending => waiting = true,
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

impl Inner {
    fn read_document(&self, index: &Index, id: &str) -> Result<Option<Document>, StoreError> {
        let file = self.file_of(index).map_err(|error| unavailable(&error))?;
        if file.position(index).last_seq < 0 {
            return Ok(None);
        }
        let row = file.read(|connection| rows::get(connection, index.number, id)).map_err(|error| unavailable(&error))?;
        Ok(row.and_then(|row| row.into_document(&index.name)))
    }

    pub(crate) fn scan_index(&self, index: &Index, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let file = self.file_of(index).map_err(|error| unavailable(&error))?;
        if file.position(index).last_seq < 0 {
            return Ok(Vec::new());
        }
        let rows = file.read(|connection| rows::scan(connection, index.number, after, limit)).map_err(|error| unavailable(&error))?;
        Ok(rows.into_iter().filter_map(|row| row.into_document(&index.name)).collect())
    }
}

impl EmbeddedStore {
    pub(crate) async fn read(&self, index: Arc<Index>, id: &str) -> Result<Option<Document>, StoreError> {
        let id = id.to_owned();
        blocking(&self.inner, move |inner| inner.read_document(&index, &id)).await?
    }
}

#[async_trait::async_trait]
impl DocumentStore for EmbeddedStore {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        match self.inner.index_for_read(index)? {
            Some(index) => self.read(index, id).await,
            None => Ok(None),
        }
    }

    async fn write(&self, write: Write) -> Answer {
        self.bulk(vec![write]).await.pop().unwrap_or_else(|| Err(WriteError::Unknown("the write was not answered".to_owned())))
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Answer> {
        let count = writes.len();
        let now = self.inner.clock.now();
        let prepared = self.prepare(writes.into_iter().map(|write| plain(write, now)).collect()).await;
        let mut answers: Vec<Answer> = Vec::with_capacity(count);
        let mut rest = prepared.into_iter().peekable();
        while let Some(next) = rest.next() {
            match next {
                Err(error) => answers.push(Err(error)),
                Ok(first) => {
                    // neighbours in one file are one transaction
                    let mut run = vec![first];
                    while let Some(Ok(next)) =
                        rest.next_if(|next| matches!(next, Ok(next) if run.first().is_some_and(|first| first.index.file == next.index.file)))
                    {
                        run.push(next);
                    }
                    answers.extend(self.write_rows(run, Mode::StopAtFirst).await);
                }
            }
            if answers.last().is_some_and(Result::is_err) {
                break;
            }
        }
        answers.resize(count, Err(WriteError::NotTried));
        answers
    }

    async fn bulk(&self, writes: Vec<Write>) -> Vec<Answer> {
        let now = self.inner.clock.now();
        let prepared = self.prepare(writes.into_iter().map(|write| plain(write, now)).collect()).await;
        self.write_each(prepared).await
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let Some(index) = self.inner.index_for_read(index)? else { return Ok(Vec::new()) };
        let after = after.map(str::to_owned);
        blocking(&self.inner, move |inner| inner.scan_index(&index, after.as_deref(), limit)).await?
    }
}
