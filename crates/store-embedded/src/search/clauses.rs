//! Remembered matches of single clauses in single segments.
//!
//! A segment never changes (what is deleted from it is a set of its own), so what a clause matches in one is true for as long
//! as the segment lives. The least recently used are dropped when the memory is spent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;

use super::bits::Bits;

#[derive(Debug)]
pub(crate) struct ClauseCache {
    max_bytes: usize,
    state: Mutex<State>,
}

/// What clauses match in a segment, and when each was last asked for.
type Clauses = HashMap<Arc<str>, (Arc<Bits>, u64)>;

#[derive(Debug, Default)]
struct State {
    segments: HashMap<SegmentId, Clauses>,
    bytes: usize,
    uses: u64,
}

impl ClauseCache {
    pub(crate) fn new(max_bytes: usize) -> ClauseCache {
        ClauseCache { max_bytes, state: Mutex::default() }
    }

    pub(crate) fn get(&self, segment: SegmentId, clause: &str) -> Option<Arc<Bits>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses += 1;
        let now = state.uses;
        let (bits, used) = state.segments.get_mut(&segment)?.get_mut(clause)?;
        *used = now;
        Some(bits.clone())
    }

    pub(crate) fn put(&self, segment: SegmentId, clause: &str, bits: &Arc<Bits>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = bits.bytes() + clause.len();
        if cost > self.max_bytes / 4 {
            return;
        }
        if state.bytes + cost > self.max_bytes {
            state.drop_old_half();
        }
        state.uses += 1;
        let now = state.uses;
        if state.segments.entry(segment).or_default().insert(clause.into(), (bits.clone(), now)).is_none() {
            state.bytes += cost;
        }
    }
}

impl State {
    /// Seldom, and cheap against making one set: there are a few thousand at most.
    fn drop_old_half(&mut self) {
        let mut uses: Vec<u64> = self.segments.values().flat_map(|clauses| clauses.values().map(|(_, used)| *used)).collect();
        uses.sort_unstable();
        let middle = uses.get(uses.len() / 2).copied().unwrap_or(0);
        for clauses in self.segments.values_mut() {
            clauses.retain(|_, (_, used)| *used > middle);
        }
        self.segments.retain(|_, clauses| !clauses.is_empty());
        self.bytes = self.segments.values().flat_map(|clauses| clauses.iter().map(|(clause, (bits, _))| bits.bytes() + clause.len())).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_the_bound_holds() {
        let cache = ClauseCache::new(10_000);
        let segment = SegmentId::generate_random();
        let bits = Arc::new(Bits::empty(8_000));
        for n in 0..50 {
            cache.put(segment, &format!("clause {n}"), &bits);
            cache.get(segment, "clause 0");
        }
        assert!(cache.get(segment, "clause 0").is_some(), "used all the time");
        assert!(cache.get(segment, "clause 1").is_none());
        assert!(cache.state.lock().unwrap().bytes <= 10_000);
    }
}
