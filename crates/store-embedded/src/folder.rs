//! The data folder: who holds it, and which format it has.
//!
//! `LOCK` is locked by the operating system for as long as the process lives, so a killed process leaves no stale lock; its
//! text is the holder's process id, for the message of whoever comes second. `FORMAT` is written once, before anything else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The format this code writes. A higher number in a folder is refused.
pub const FORMAT: u32 = 1;

const LOCK_FILE: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("the data folder {} is in use by process {}", folder.display(), holder.as_deref().unwrap_or("(unknown)"))]
    Locked { folder: PathBuf, holder: Option<String> },
    #[error("the data folder {} has format {found}, this version knows formats up to {FORMAT}: it was written by a newer version", folder.display())]
    NewerFormat { folder: PathBuf, found: u32 },
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

impl OpenError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + '_ {
        move |source| OpenError::Io { path: path.to_owned(), source }
    }
}

/// The folder, held against other processes until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Folder, OpenError> {
        for part in ["", "data", "history", "index"] {
            let path = root.join(part);
            fs::create_dir_all(&path).map_err(OpenError::io(&path))?;
        }
        let lock = hold(root)?;
        check_format(root)?;
        Ok(Folder { root: root.to_owned(), lock: Mutex::new(Some(lock)) })
    }

    /// Lets others have the folder.
    pub(crate) fn release(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.root.join("state.db")
    }

    pub(crate) fn file(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where the derived index of the index with this id lives.
    pub(crate) fn index_folder(&self, uuid: &str) -> PathBuf {
        self.root.join("index").join(uuid)
    }

    /// The derived indices that are there.
    pub(crate) fn index_folders(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join("index")) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

fn hold(root: &Path) -> Result<File, OpenError> {
    let path = root.join(LOCK_FILE);
    let io = OpenError::io(&path);
    let mut file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        Err(error) => return Err(io(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.read_to_string(&mut holder);
            let holder = Some(holder.trim().to_owned()).filter(|text| read.is_ok() && !text.is_empty());
            return Err(OpenError::Locked { folder: root.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id())).and_then(|()| file.flush());
    written.map_err(io)?;
    Ok(file)
}

fn check_format(root: &Path) -> Result<(), OpenError> {
    let path = root.join(FORMAT_FILE);
    let found = match fs::read_to_string(&path) {
        Ok(text) => {
            text.trim().parse::<u32>().map_err(|_| OpenError::Corrupt { path: path.clone(), reason: format!("[{}] is no format number", text.trim()) })?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return write_format(root, &path),
        Err(error) => return Err(OpenError::io(&path)(error)),
    };
    if found > FORMAT {
        return Err(OpenError::NewerFormat { folder: root.to_owned(), found });
    }
    Ok(())
}

/// By rename, so that a power cut leaves the whole number or none.
fn write_format(root: &Path, path: &Path) -> Result<(), OpenError> {
    let fresh = root.join("FORMAT.new");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&fresh)?;
        write!(file, "{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(root)?.sync_all()
    };
    write().map_err(OpenError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_refused_and_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(folder.path()).unwrap();
        let error = Folder::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(first);
        Folder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_and_a_damaged_one_named() {
        let folder = tempfile::tempdir().unwrap();
        drop(Folder::open(folder.path()).unwrap());
        fs::write(folder.path().join(FORMAT_FILE), "999").unwrap();
        assert!(matches!(Folder::open(folder.path()), Err(OpenError::NewerFormat { found: 999, .. })));
        fs::write(folder.path().join(FORMAT_FILE), "x").unwrap();
        assert!(matches!(Folder::open(folder.path()), Err(OpenError::Corrupt { .. })));
    }
}
