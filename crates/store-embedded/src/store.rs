//! The store: its parts, and what happens when it opens and closes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use watchbell_json::Failure;
use watchbell_store::{StoreError, WriteError};
use watchbell_time::Clock;

use crate::catalogue::{Catalogue, Remains};
use crate::columns::Columns;
use crate::file::{self, DataFile, FileError};
use crate::files::Files;
use crate::folder::{Folder, OpenError};
use crate::index::Index;
use crate::indexer::{Indexer, IndexerParts};
use crate::placement::{Kind, STATE_FILE};
use crate::poison::Poison;
use crate::search::ClauseCache;
use crate::settings::{CLAUSE_CACHE_BYTES, StoreSettings};
use crate::sqlite::{Trouble, trouble};

/// The embedded store. Dropping it is as good as killing the process; [`EmbeddedStore::close`] also leaves the derived
/// indices up to date.
pub struct EmbeddedStore {
    pub(crate) inner: Arc<Inner>,
    ticker: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedStore")
    }
}

pub(crate) struct Inner {
    pub clock: Arc<dyn Clock>,
    pub settings: StoreSettings,
    pub poison: Arc<Poison>,
    pub files: Arc<Files>,
    pub catalogue: Catalogue,
    pub indexer: Arc<Indexer>,
    pub columns: Arc<Columns>,
    pub clauses: ClauseCache,
    /// Dropped last: others may have the folder when nothing of ours works on it any more.
    pub folder: Arc<Folder>,
}

impl EmbeddedStore {
    /// Opens a folder, or makes it. Inside a tokio runtime indices that are searched refresh by themselves; outside one only
    /// when asked to.
    ///
    /// # Errors
    /// [`OpenError`]: held by another process, of a newer format, damaged, or not to be read.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, settings: StoreSettings) -> Result<Arc<EmbeddedStore>, OpenError> {
        let folder = Arc::new(Folder::open(path)?);
        // waiting for a writer is not allowed on a runtime's own threads
        let inner = std::thread::scope(|scope| {
            let opening = scope.spawn(|| Inner::open(folder, clock, settings));
            opening.join().unwrap_or_else(|_| Err(OpenError::Corrupt { path: path.to_owned(), reason: "opening it panicked".to_owned() }))
        })?;
        let inner = Arc::new(inner);
        let ticker = tokio::runtime::Handle::try_current().ok().map(|runtime| runtime.spawn(tick(Arc::downgrade(&inner))));
        Ok(Arc::new(EmbeddedStore { inner, ticker: Mutex::new(ticker) }))
    }

    /// Finishes what queued up, brings the derived indices up to date and lets the folder go. What comes afterwards is
    /// answered *unavailable*.
    pub async fn close(&self) {
        if let Some(ticker) = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            ticker.abort();
        }
        let inner = self.inner.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || inner.close()).await {
            tracing::error!(%error, "closing the store failed");
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            ticker.abort();
        }
        self.inner.indexer.abandon();
    }
}

/// Refreshes the indices that somebody searches, and closes what is idle.
async fn tick(store: Weak<Inner>) {
    loop {
        let sleep = {
            let Some(inner) = store.upgrade() else { return };
            inner.clock.sleep(inner.settings.refresh_interval)
        };
        sleep.await;
        let Some(inner) = store.upgrade() else { return };
        let now = inner.clock.elapsed();
        for index in inner.catalogue.all() {
            let searched = index.searched_at().is_some_and(|at| now.saturating_sub(at) < inner.settings.search_idle_after);
            if searched && index.last_seq() > index.visible_seq() {
                inner.indexer.refresh_soon(&index);
            }
        }
        inner.indexer.sweep();
    }
}

fn open_error(path: &Path, error: FileError) -> OpenError {
    let path = path.to_owned();
    match error {
        FileError::Io(source) => OpenError::Io { path, source },
        FileError::Closed => OpenError::Io { path, source: std::io::Error::other("closed") },
        FileError::Sqlite(error) => sqlite_open_error(&path, &error),
    }
}

fn sqlite_open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match (trouble(error), error.sqlite_error_code()) {
        (Trouble::Broken, code) if code != Some(rusqlite::ErrorCode::SystemIoFailure) => OpenError::Corrupt { path, reason: error.to_string() },
        (Trouble::Statement, None) => OpenError::Corrupt { path, reason: error.to_string() },
        _ => OpenError::Io { path, source: std::io::Error::other(error.to_string()) },
    }
}

impl Inner {
    fn open(folder: Arc<Folder>, clock: Arc<dyn Clock>, settings: StoreSettings) -> Result<Inner, OpenError> {
        let poison = Arc::new(Poison::default());
        let columns = Arc::new(Columns::new());
        let indexer = Indexer::new();
        let committed = {
            let indexer = indexer.clone();
            Arc::new(move |index: &Arc<Index>, last_seq: i64| indexer.rows_committed(index, last_seq))
        };
        let files = Arc::new(Files::new(folder.clone(), clock.clone(), poison.clone(), committed, settings.open_files_max));
        let state_path = folder.state_file();
        let state = files.open(STATE_FILE).map_err(|error| open_error(&state_path, error))?;
        let catalogue = Catalogue::open(state, settings.seed).map_err(|error| sqlite_open_error(&state_path, &error))?;
        let inner = Inner { folder, clock, settings, poison, files, catalogue, indexer, columns, clauses: ClauseCache::new(CLAUSE_CACHE_BYTES) };
        inner.clear_remains();
        let parts = IndexerParts { folder: inner.folder.clone(), files: inner.files.clone(), clock: inner.clock.clone(), columns: inner.columns.clone() };
        inner.indexer.start(parts).map_err(OpenError::io(&state_path))?;
        Ok(inner)
    }

    fn close(&self) {
        self.indexer.stop();
        self.files.close_all();
        self.folder.release();
    }

    /// Finishes deletes that a crash cut short.
    fn clear_remains(&self) {
        let remains = self.catalogue.remains().unwrap_or_else(|error| {
            tracing::warn!(%error, "what deleted indices left behind is not known");
            Vec::new()
        });
        for (number, what) in remains {
            self.clear(number, &what);
        }
        let known = self.catalogue.all();
        for uuid in self.folder.index_folders() {
            if !known.iter().any(|index| index.uuid == uuid)
                && let Err(error) = crate::derived::wipe(&self.folder.index_folder(&uuid))
            {
                tracing::warn!(%error, "the derived index of a deleted index stays");
            }
        }
    }

    /// Removes what is left of a deleted index; blocks.
    pub(crate) fn clear(&self, number: i64, remains: &Remains) {
        let cleared = match remains {
            Remains::File(relative) => {
                // its last user may still work with it; the name is never used again
                drop(self.files.close(relative));
                file::delete(&self.folder.file(relative)).map_err(|error| error.to_string())
            }
            Remains::Tables(number, relative) => match self.files.open(relative) {
                Ok(file) => file.drop_index(*number).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
        };
        let forgotten = cleared.and_then(|()| self.catalogue.forget_remains(number).map_err(|error| error.to_string()));
        if let Err(error) = forgotten {
            tracing::warn!(error, "what a deleted index left behind stays until the next start");
        }
    }

    /// The file an index lives in. Blocks when it must be opened.
    pub(crate) fn file_of(&self, index: &Index) -> Result<Arc<DataFile>, FileError> {
        self.files.open(&index.file)
    }

    /// How far the rows of an index go. Blocks.
    pub(crate) fn last_seq(&self, index: &Index) -> Result<i64, StoreError> {
        let file = self.file_of(index).map_err(|error| unavailable(&error))?;
        let last_seq = file.position(index).last_seq;
        index.saw_seq(last_seq);
        Ok(last_seq)
    }

    pub(crate) fn delete_index(&self, name: &str) -> Result<bool, WriteError> {
        let Some((index, remains)) = self.catalogue.delete(name)? else { return Ok(false) };
        if index.kind != Kind::State {
            self.indexer.forget(&index);
        }
        self.clear(index.number, &remains);
        Ok(true)
    }
}

pub(crate) fn unavailable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(Failure::new("unavailable_shards_exception", error.to_string()))
}

/// Runs work that reads the disk or computes for long on a thread that may.
pub(crate) async fn blocking<R: Send + 'static>(inner: &Arc<Inner>, work: impl FnOnce(&Inner) -> R + Send + 'static) -> Result<R, StoreError> {
    let inner = inner.clone();
    tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|error| unavailable(&error))
}
