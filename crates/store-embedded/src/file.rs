//! One SQLite file: its writer, its readers, and how far its indices came.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use watchbell_time::Clock;

use crate::counters::Counters;
use crate::index::Index;
use crate::poison::Poison;
use crate::rows::{self, Position};
use crate::settings::IDLE_READERS_MAX;
use crate::sqlite;
use crate::writer::{Writer, WriterParts};

/// Told of every index that has new rows, and the last of them.
pub(crate) type Committed = Arc<dyn Fn(&Arc<Index>, i64) + Send + Sync>;

pub(crate) struct DataFile {
    path: PathBuf,
    pub writer: Writer,
    counters: Arc<Counters>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for DataFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the store is closed")]
    Closed,
}

impl DataFile {
    /// Blocks: reads and, if it is new, writes the disk.
    pub(crate) fn open(path: &Path, clock: Arc<dyn Clock>, poison: Arc<Poison>, committed: Committed) -> Result<DataFile, FileError> {
        let connection = sqlite::open_writer(path)?;
        rows::create_file_tables(&connection)?;
        let counters = Arc::new(Counters::loaded(rows::positions(&connection)?));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let writer = Writer::start(WriterParts { connection, counters: counters.clone(), poison, clock, committed, name })?;
        Ok(DataFile { path: path.to_owned(), writer, counters, idle_readers: Mutex::default() })
    }

    pub(crate) fn position(&self, index: &Index) -> Position {
        self.counters.position(index.number).unwrap_or(Position::EMPTY)
    }

    pub(crate) fn introduce(&self, index: &Arc<Index>) {
        self.counters.introduce(index);
    }

    /// Drops the tables of an index that is no more; blocks.
    pub(crate) fn drop_index(&self, number: i64) -> Result<(), watchbell_store::WriteError> {
        let dropped = self.writer.change_blocking(Box::new(move |connection| rows::drop_index_tables(connection, number)));
        self.counters.forget(number);
        dropped
    }

    /// Reads with a connection of its own; blocks. Whatever was committed before is seen.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> rusqlite::Result<R> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => sqlite::open_reader(&self.path)?,
        };
        let answer = read(&connection)?;
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// As [`DataFile::read`], with one view of the file for several statements.
    pub(crate) fn read_consistently<R>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> rusqlite::Result<R> {
        self.read(|connection| {
            let view = connection.unchecked_transaction()?;
            let answer = read(&view)?;
            view.finish()?;
            Ok(answer)
        })
    }

    /// Finishes what queued up; nothing is written afterwards.
    pub(crate) fn close(&self) {
        self.writer.stop();
        self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        size(&self.path) + size(Path::new(&log))
    }
}

/// Removes a file and what SQLite keeps beside it.
pub(crate) fn delete(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
