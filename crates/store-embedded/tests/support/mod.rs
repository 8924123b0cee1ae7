//! Opening stores on a clock that stands.
#![allow(dead_code)]

use std::path::Path;
use std::sync::Arc;

use watchbell_store::{Expect, Write};
use watchbell_store_embedded::{EmbeddedStore, OpenError, StoreSettings};
use watchbell_time::ManualClock;

pub fn clock() -> ManualClock {
    ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap())
}

pub fn try_open(folder: &Path) -> Result<Arc<EmbeddedStore>, OpenError> {
    EmbeddedStore::open(folder, Arc::new(clock()), StoreSettings::with_seed(7))
}

pub fn open(folder: &Path) -> Arc<EmbeddedStore> {
    // a store that was dropped ends its threads in its own time
    for _ in 0..1_000 {
        match try_open(folder) {
            Err(OpenError::Locked { .. }) => std::thread::yield_now(),
            other => return other.unwrap(),
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    panic!("{} stays locked", folder.display())
}

pub fn put(index: &str, id: &str, source: &str) -> Write {
    Write::put(index, id, Expect::Anything, source.to_owned())
}
