//! One index's derived side: its tantivy folder, which can always be made again from the rows.
//!
//! A commit carries the last sequence number it holds, so a folder that lags goes on from there, and one that is damaged, of
//! another schema, or ahead of the rows is thrown away.

use std::path::Path;

use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use crate::columns::{Columns, ID_PATH, IndexedDocument, LAYOUT, term_text};
use crate::settings::INDEX_WRITER_BYTES;

/// What searches read.
pub(crate) struct SearchSide {
    reader: IndexReader,
}

impl std::fmt::Debug for SearchSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SearchSide")
    }
}

impl SearchSide {
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// What the indexer works with.
pub(crate) struct Derived {
    index: tantivy::Index,
    reader: IndexReader,
    /// Opened when there is something to write: it is memory and threads.
    writer: Option<IndexWriter<TantivyDocument>>,
    /// The last row in the last commit.
    pub committed_seq: i64,
    /// The last row handed to the writer.
    pub added_seq: i64,
}

impl Derived {
    /// Opens the folder, or makes it anew when it is missing or of no use; `last_seq` is how far the rows go. Says whether
    /// something of use was thrown away.
    pub(crate) fn open(folder: &Path, columns: &Columns, last_seq: i64) -> tantivy::Result<(Derived, Option<String>)> {
        let reason = match Derived::try_open(folder, columns) {
            Ok(derived) if derived.committed_seq <= last_seq => return Ok((derived, None)),
            Ok(derived) => format!("it is ahead of its rows ({} > {last_seq})", derived.committed_seq),
            Err(error) => error.to_string(),
        };
        wipe(folder)?;
        Ok((Derived::try_open(folder, columns)?, Some(reason)))
    }

    fn try_open(folder: &Path, columns: &Columns) -> tantivy::Result<Derived> {
        std::fs::create_dir_all(folder)?;
        let directory = MmapDirectory::open(folder)?;
        let mut index = tantivy::Index::open_or_create(directory, columns.schema.clone())?;
        index.set_tokenizers(Columns::tokenizers());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0).try_into()?;
        let committed_seq = match index.load_metas()?.payload {
            None => -1,
            Some(payload) => read_payload(&payload).ok_or_else(|| TantivyError::SystemError(format!("unknown layout [{payload}]")))?,
        };
        Ok(Derived { index, reader, writer: None, committed_seq, added_seq: committed_seq })
    }

    pub(crate) fn search_side(&self) -> SearchSide {
        SearchSide { reader: self.reader.clone() }
    }

    pub(crate) fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.added_seq > self.committed_seq
    }

    fn writer(&mut self) -> tantivy::Result<&mut IndexWriter<TantivyDocument>> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder().num_worker_threads(1).num_merge_threads(1).memory_budget_per_thread(INDEX_WRITER_BYTES).build();
                self.index.writer_with_options(options)?
            }
        };
        Ok(self.writer.insert(writer))
    }

    /// Puts a row's document into the index, in the place of an older one.
    pub(crate) fn put(&mut self, columns: &Columns, document: IndexedDocument, replaces: bool) -> tantivy::Result<()> {
        let seq_no = document.seq_no;
        let id = replaces.then(|| document.id.clone());
        let document = columns.document(document);
        let writer = self.writer()?;
        if let Some(id) = id {
            writer.delete_term(id_term(columns, &id));
        }
        writer.add_document(document)?;
        self.added_seq = seq_no;
        Ok(())
    }

    pub(crate) fn delete(&mut self, columns: &Columns, id: &str, seq_no: i64) -> tantivy::Result<()> {
        self.writer()?.delete_term(id_term(columns, id));
        self.added_seq = seq_no;
        Ok(())
    }

    pub(crate) fn commit(&mut self) -> tantivy::Result<()> {
        let added = self.added_seq;
        let writer = self.writer()?;
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&format!("{LAYOUT}:{added}"));
        prepared.commit()?;
        self.committed_seq = added;
        self.reader.reload()
    }

    /// Gives the writer's memory and threads back; a running merge is awaited.
    pub(crate) fn close_writer(&mut self) -> tantivy::Result<()> {
        if self.is_dirty() {
            self.commit()?;
        }
        match self.writer.take() {
            Some(writer) => writer.wait_merging_threads(),
            None => Ok(()),
        }
    }
}

/// The last row of a commit of this layout.
fn read_payload(payload: &str) -> Option<i64> {
    let (layout, seq_no) = payload.split_once(':')?;
    seq_no.parse().ok().filter(|_| layout == LAYOUT.to_string())
}

fn id_term(columns: &Columns, id: &str) -> Term {
    Term::from_field_text(columns.term, &term_text(ID_PATH, id))
}

/// Removes a derived folder.
pub(crate) fn wipe(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Bytes of a derived folder.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry: std::fs::DirEntry| entry.metadata().map_or(0, |metadata| metadata.len())).sum()
}
