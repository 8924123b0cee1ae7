//! Identical searches that come together are sent once.
//!
//! Watches that ask the same question at the same moment are common: one search, several conditions. Each keeps its own
//! deadline; the search goes on as long as one of them waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use watchbell_json::Json;
use watchbell_store::StoreError;

/// How long after its start a search may be joined: a tenth of the engines' refresh interval, so that nobody gets an answer
/// noticeably older than one of its own.
const JOIN_WINDOW: Duration = Duration::from_millis(100);

type Answer = Result<Json, StoreError>;
type Running = Shared<BoxFuture<'static, Answer>>;

struct Started {
    at: Duration,
    running: WeakShared<BoxFuture<'static, Answer>>,
}

/// What is under way, by path and body.
#[derive(Default)]
pub(crate) struct Together {
    started: Mutex<HashMap<(String, String), Started>>,
}

impl std::fmt::Debug for Together {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Together")
    }
}

impl Together {
    /// The search of this kind that just started, or a new one.
    pub(crate) fn join(&self, path: &str, body: &str, now: Duration, start: impl FnOnce() -> BoxFuture<'static, Answer>) -> Running {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|_, search| now.saturating_sub(search.at) < JOIN_WINDOW);
        let key = (path.to_owned(), body.to_owned());
        if let Some(running) = started.get(&key).and_then(|search| search.running.upgrade()).filter(|running| running.peek().is_none()) {
            return running;
        }
        let running = start().shared();
        if let Some(weak) = running.downgrade() {
            started.insert(key, Started { at: now, running: weak });
        }
        running
    }
}
