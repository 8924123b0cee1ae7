//! What the store says of itself.

use std::sync::Arc;

use crate::placement::Kind;
use crate::store::EmbeddedStore;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    Well,
    /// Some indices are made again from their rows; searches of them wait or fail.
    Rebuilding,
    /// An error of the disk ended writing.
    Stopped {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub state: StoreState,
    pub indices: usize,
    /// Bytes of the files that are open, by their names in the folder.
    pub files: Vec<(String, u64)>,
    /// Rows that no search sees yet, by index; only of indices that are searched.
    pub unindexed_rows: Vec<(Arc<str>, u64)>,
    /// Indices made again from their rows since the start.
    pub rebuilds: u64,
}

impl EmbeddedStore {
    /// Cheap enough to be asked every second.
    #[must_use]
    pub fn health(&self) -> Health {
        let inner = &self.inner;
        let indices = inner.catalogue.all();
        let searched = indices.iter().filter(|index| index.kind != Kind::State && index.searched_at().is_some());
        let lag = searched.clone().filter_map(|index| {
            let behind = u64::try_from(index.last_seq().saturating_sub(index.visible_seq())).ok().filter(|behind| *behind > 0)?;
            Some((index.name.clone(), behind))
        });
        let rebuilding = indices.iter().any(|index| index.is_rebuilding());
        let state = match inner.poison.reason() {
            Some(reason) => StoreState::Stopped { reason: reason.to_owned() },
            None if rebuilding => StoreState::Rebuilding,
            None => StoreState::Well,
        };
        Health { state, indices: indices.len(), files: inner.files.sizes(), unindexed_rows: lag.collect(), rebuilds: inner.indexer.rebuilds() }
    }
}
