//! The files that are open: opened when first used, the least recently used one closed when there are too many.
//!
//! A file that somebody works with is never closed: who works with one holds its `Arc`. So the bound is on files kept open, and
//! may be passed for a moment by as many requests as run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchbell_time::Clock;

use crate::file::{Committed, DataFile, FileError};
use crate::folder::Folder;
use crate::poison::Poison;

pub(crate) struct Files {
    /// Dropped before the hold on the folder.
    open: Mutex<Open>,
    folder: Arc<Folder>,
    clock: Arc<dyn Clock>,
    poison: Arc<Poison>,
    committed: Committed,
    max: usize,
    /// Held while a file is opened, so that nobody opens it twice.
    opening: Mutex<()>,
}

#[derive(Default)]
struct Open {
    files: HashMap<String, (Arc<DataFile>, u64)>,
    uses: u64,
    /// The store is closed: nothing is opened any more.
    closed: bool,
}

impl Files {
    pub(crate) fn new(folder: Arc<Folder>, clock: Arc<dyn Clock>, poison: Arc<Poison>, committed: Committed, max: usize) -> Files {
        Files { folder, clock, poison, committed, max, open: Mutex::default(), opening: Mutex::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, if it is open.
    pub(crate) fn opened(&self, relative: &str) -> Option<Arc<DataFile>> {
        let mut open = self.lock();
        open.uses += 1;
        let now = open.uses;
        let (file, used) = open.files.get_mut(relative)?;
        *used = now;
        Some(file.clone())
    }

    /// Blocks when the file must be opened.
    pub(crate) fn open(&self, relative: &str) -> Result<Arc<DataFile>, FileError> {
        if let Some(file) = self.opened(relative) {
            return Ok(file);
        }
        let _one_at_a_time = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.opened(relative) {
            return Ok(file);
        }
        if self.lock().closed {
            return Err(FileError::Closed);
        }
        let path = self.folder.file(relative);
        let file = Arc::new(DataFile::open(&path, self.clock.clone(), self.poison.clone(), self.committed.clone())?);
        let closing = {
            let mut open = self.lock();
            open.uses += 1;
            let now = open.uses;
            open.files.insert(relative.to_owned(), (file.clone(), now));
            least_used(&mut open, self.max)
        };
        // waits for its writer, so not under the lock
        drop(closing);
        Ok(file)
    }

    /// Takes a file out; it closes when its last user is done.
    pub(crate) fn close(&self, relative: &str) -> Option<Arc<DataFile>> {
        self.lock().files.remove(relative).map(|(file, _)| file)
    }

    pub(crate) fn close_all(&self) {
        let files = {
            let mut open = self.lock();
            open.closed = true;
            std::mem::take(&mut open.files)
        };
        files.values().for_each(|(file, _)| file.close());
    }

    pub(crate) fn sizes(&self) -> Vec<(String, u64)> {
        let files: Vec<(String, Arc<DataFile>)> = self.lock().files.iter().map(|(name, (file, _))| (name.clone(), file.clone())).collect();
        let mut sizes: Vec<(String, u64)> = files.into_iter().map(|(name, file)| (name, file.bytes())).collect();
        sizes.sort();
        sizes
    }
}

fn least_used(open: &mut Open, max: usize) -> Option<Arc<DataFile>> {
    if open.files.len() <= max {
        return None;
    }
    let idle = open.files.iter().filter(|(name, (file, _))| *name != crate::placement::STATE_FILE && Arc::strong_count(file) == 1);
    let name = idle.min_by_key(|(_, (_, used))| *used).map(|(name, _)| name.clone())?;
    open.files.remove(&name).map(|(file, _)| file)
}
