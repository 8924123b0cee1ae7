//! The reference store: everything in memory, nothing durable.
//!
//! It is the model that other stores are compared with, what the engine's tests run on, and what serves searches over
//! system indices. Nothing happens by itself: periodic refresh is the owner calling [`Indices::refresh`](crate::Indices),
//! so `Refresh::No` stays invisible until then, and `Refresh::WaitFor` refreshes at once.

mod index;
mod documents;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchbell_time::{Clock, epoch_millis};

use index::MemoryIndex;

#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    indices: BTreeMap<String, MemoryIndex>,
    /// How many indices were ever made: their uuids come from it.
    made: u64,
}

impl MemoryStore {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> MemoryStore {
        MemoryStore { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_millis(&self) -> i64 {
        epoch_millis(self.clock.now())
    }
}
