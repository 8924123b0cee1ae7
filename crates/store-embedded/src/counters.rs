//! Positions of the indices of one file, as committed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use crate::index::Index;
use crate::rows::Position;

#[derive(Debug, Default)]
pub(crate) struct Counters(RwLock<HashMap<i64, (Weak<Index>, Position)>>);

impl Counters {
    pub(crate) fn loaded(positions: Vec<(i64, Position)>) -> Counters {
        Counters(RwLock::new(positions.into_iter().map(|(number, position)| (number, (Weak::new(), position))).collect()))
    }

    /// `None`: the index has no tables here yet.
    pub(crate) fn position(&self, number: i64) -> Option<Position> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&number).map(|(_, position)| *position)
    }

    pub(crate) fn publish(&self, number: i64, index: &Arc<Index>, position: Position) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(number, (Arc::downgrade(index), position));
    }

    /// Makes an index known, so that its garbage can be judged.
    pub(crate) fn introduce(&self, index: &Arc<Index>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((weak, _)) = known.get_mut(&index.number) {
            *weak = Arc::downgrade(index);
        }
    }

    pub(crate) fn forget(&self, number: i64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// How far searches of an index see; nowhere when nobody used it since the file was opened.
    pub(crate) fn visible(&self, number: i64) -> i64 {
        let index = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&number).and_then(|(index, _)| index.upgrade());
        index.map_or(-1, |index| index.visible_seq())
    }
}
