//! The handle that everybody holds.

use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_watch::WatchId;

use crate::answers::{DeleteAnswer, ExecuteAnswer, ExecuteRequest, PutAnswer, PutRequest, QueryAnswer, Stats, WatchView};
use crate::settings::{EnginePorts, EngineSettings};

/// Watcher, as a service: cheap to clone, every method is one use case.
#[derive(Clone, Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "the use cases are being built")]
struct Shared {
    ports: EnginePorts,
    settings: EngineSettings,
}

/// The running tasks of one engine.
#[derive(Debug)]
pub struct Tasks {
    watcher: Watcher,
}

fn missing() -> Failure {
    Failure::illegal_state("not built yet")
}

impl Watcher {
    /// Loads watches, resumes what the journal holds, starts to trigger.
    ///
    /// # Errors
    /// If the state store cannot be read at all.
    pub async fn start_up(ports: EnginePorts, settings: EngineSettings) -> Result<Tasks, Failure> {
        Ok(Tasks { watcher: Watcher { shared: Arc::new(Shared { ports, settings }) } })
    }

    /// # Errors
    /// `parse_exception`, `document_missing_exception`, `version_conflict_engine_exception`, …
    pub async fn put_watch(&self, _request: PutRequest) -> Result<PutAnswer, Failure> {
        Err(missing())
    }

    /// # Errors
    /// If the store cannot be read, or the stored watch cannot be parsed.
    pub async fn get_watch(&self, _id: &WatchId) -> Result<Option<WatchView>, Failure> {
        Err(missing())
    }

    /// # Errors
    /// If the store cannot be written.
    pub async fn delete_watch(&self, _id: &WatchId) -> Result<DeleteAnswer, Failure> {
        Err(missing())
    }

    /// # Errors
    /// `resource_not_found_exception`, `parse_exception` of an inline watch, `es_rejected_execution_exception`.
    pub async fn execute(&self, _request: ExecuteRequest) -> Result<ExecuteAnswer, Failure> {
        Err(missing())
    }

    /// Acknowledges the named actions, all if none is named or `_all` is among them. The status shows the version before the
    /// write.
    ///
    /// # Errors
    /// `status_exception` (409) while the watch runs, `resource_not_found_exception`, `version_conflict_engine_exception`.
    pub async fn ack(&self, _id: &WatchId, _actions: &[String]) -> Result<WatchView, Failure> {
        Err(missing())
    }

    /// # Errors
    /// `document_missing_exception`, `version_conflict_engine_exception`.
    pub async fn activate(&self, _id: &WatchId) -> Result<WatchView, Failure> {
        Err(missing())
    }

    /// # Errors
    /// As [`Watcher::activate`].
    pub async fn deactivate(&self, _id: &WatchId) -> Result<WatchView, Failure> {
        Err(missing())
    }

    /// Searches the stored watches: `from`, `size`, `query`, `sort`, `search_after`.
    ///
    /// # Errors
    /// Those of the search.
    pub async fn query_watches(&self, _body: Option<Json>) -> Result<QueryAnswer, Failure> {
        Err(missing())
    }

    pub async fn stats(&self) -> Stats {
        unimplemented!("the use cases are being built")
    }

    /// Lifts [`Watcher::stop`]; durable.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn start(&self) -> Result<(), Failure> {
        Err(missing())
    }

    /// Nothing is triggered any more, over restarts too, until [`Watcher::start`]; what runs finishes.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn stop(&self) -> Result<(), Failure> {
        Err(missing())
    }
}

impl Tasks {
    #[must_use]
    pub fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Ends with an error text if an owner task died: the process should end then.
    pub async fn failed(&mut self) -> String {
        std::future::pending().await
    }

    /// Nothing new starts; what runs may finish within `grace`. What is left is resumed at the next start.
    pub async fn shutdown(self, _grace: std::time::Duration) {}
}
