//! The handle that everybody holds, and the life of the tasks behind it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select, select_all};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use watchbell_json::{Failure, Json};
use watchbell_watch::WatchId;
use watchbell_watch::execute::ExecuteRequest;

use crate::answers::{DeleteAnswer, ExecuteAnswer, PutAnswer, PutRequest, QueryAnswer, Stats, WatchView};
use crate::engine::{Engine, store_failure};
use crate::names::WATCHES;
use crate::runs::Runs;
use crate::scheduler::{Command, SchedulerHandle};
use crate::settings::{EnginePorts, EngineSettings};
use crate::stored_watch::WatchDocument;
use crate::use_cases::{definitions, query, service, state};
use crate::{executor, manual, scheduler, sweep};

/// Watches are loaded in portions of this many.
const LOAD_PAGE: usize = 1000;

/// Watcher, as a service: cheap to clone, every method is one use case.
#[derive(Clone, Debug)]
pub struct Watcher {
    engine: Arc<Engine>,
}

/// The running tasks of one engine.
#[derive(Debug)]
pub struct Tasks {
    watcher: Watcher,
    owners: Vec<JoinHandle<()>>,
}

impl Watcher {
    /// Resumes what the journal holds, loads the watches, starts to trigger.
    ///
    /// # Errors
    /// If the state store cannot be read at all.
    pub async fn start_up(ports: EnginePorts, settings: EngineSettings) -> Result<Tasks, Failure> {
        let (runs, released) = Runs::new();
        let (scheduler, commands) = SchedulerHandle::new();
        let (jobs, queue) = mpsc::unbounded_channel();
        let engine = Arc::new(Engine::new(ports, settings, runs, scheduler, jobs));
        let stopped = service::was_stopped(&engine).await?;
        engine.set_stopped_by_hand(stopped);
        // before the first trigger, so that what was begun goes on under its own number
        sweep::sweep(&engine).await?;
        load(&engine).await?;
        engine.set_loaded();
        if !stopped {
            engine.scheduler.send(Command::Run);
        }
        let owners = vec![
            tokio::spawn(scheduler::run(engine.clone(), commands, released)),
            tokio::spawn(executor::run(engine.clone(), queue)),
            tokio::spawn(sweep::run(engine.clone())),
        ];
        Ok(Tasks { watcher: Watcher { engine }, owners })
    }

    /// # Errors
    /// `parse_exception`, `document_missing_exception`, `version_conflict_engine_exception`, …
    pub async fn put_watch(&self, request: PutRequest) -> Result<PutAnswer, Failure> {
        definitions::put(&self.engine, request).await
    }

    /// # Errors
    /// If the store cannot be read, or the stored watch cannot be parsed.
    pub async fn get_watch(&self, id: &WatchId) -> Result<Option<WatchView>, Failure> {
        definitions::get(&self.engine, id).await
    }

    /// What it has not sent yet is cancelled when this returns; a run under way finishes.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn delete_watch(&self, id: &WatchId) -> Result<DeleteAnswer, Failure> {
        definitions::delete(&self.engine, id).await
    }

    /// # Errors
    /// `resource_not_found_exception`, `parse_exception` of an inline watch, `es_rejected_execution_exception`.
    pub async fn execute(&self, request: ExecuteRequest) -> Result<ExecuteAnswer, Failure> {
        manual::execute(&self.engine, request).await
    }

    /// Acknowledges the named actions, all if none is named or `_all` is among them. The status shows the version before the
    /// write.
    ///
    /// # Errors
    /// `status_exception` (409) while the watch runs, `resource_not_found_exception`, `version_conflict_engine_exception`.
    pub async fn ack(&self, id: &WatchId, actions: &[String]) -> Result<WatchView, Failure> {
        state::ack(&self.engine, id, &state::targets(actions)?).await
    }

    /// # Errors
    /// `document_missing_exception`, `version_conflict_engine_exception`.
    pub async fn activate(&self, id: &WatchId) -> Result<WatchView, Failure> {
        state::set_active(&self.engine, id, true).await
    }

    /// What it has not sent yet is cancelled when this returns.
    ///
    /// # Errors
    /// As [`Watcher::activate`].
    pub async fn deactivate(&self, id: &WatchId) -> Result<WatchView, Failure> {
        state::set_active(&self.engine, id, false).await
    }

    /// Searches the stored watches: `from`, `size`, `query`, `sort`, `search_after`.
    ///
    /// # Errors
    /// Those of the search.
    pub async fn query_watches(&self, body: Option<Json>) -> Result<QueryAnswer, Failure> {
        query::query(&self.engine, body.as_ref()).await
    }

    pub async fn stats(&self) -> Stats {
        service::stats(&self.engine)
    }

    /// Lifts [`Watcher::stop`]; durable.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn start(&self) -> Result<(), Failure> {
        service::set_stopped(&self.engine, false).await
    }

    /// Nothing is triggered any more, over restarts too, until [`Watcher::start`]; what runs finishes.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn stop(&self) -> Result<(), Failure> {
        service::set_stopped(&self.engine, true).await
    }
}

/// Registers every active watch. One that cannot be read is left out; the others run.
async fn load(engine: &Arc<Engine>) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = engine.ports.state.scan(WATCHES, after.as_deref(), LOAD_PAGE).await.map_err(store_failure)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        for document in &page {
            let read = WatchId::parse(&document.id)
                .map_err(|_| Failure::parse("no id of a watch"))
                .and_then(|id| WatchDocument::parse(&id, document))
                .and_then(|document| document.read());
            match read {
                Ok(stored) => {
                    if let Some(registration) = stored.registration(document.revision) {
                        engine.scheduler.send(Command::Register(stored.watch.id.clone(), registration));
                    }
                }
                Err(failure) => tracing::error!(watch = document.id, %failure, "a stored watch cannot be read and does not run"),
            }
        }
    }
}

impl Tasks {
    #[must_use]
    pub fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Ends when a task that owns state has died: the process should end then, and start anew from the journal.
    pub async fn failed(&mut self) -> String {
        let (ended, at, _) = select_all(&mut self.owners).await;
        // it has given its answer: shutting down must not ask it again
        drop(self.owners.swap_remove(at));
        match ended {
            Ok(()) => format!("task {at} of the engine has ended"),
            Err(error) => format!("task {at} of the engine has failed: {error}"),
        }
    }

    /// Nothing new starts; what runs may finish within `grace`. What is left is resumed at the next start.
    pub async fn shutdown(mut self, grace: Duration) {
        let owners = std::mem::take(&mut self.owners);
        let engine = self.watcher.engine.clone();
        engine.stop();
        let aborts: Vec<_> = owners.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for owner in owners {
                // a task that panicked has ended as well
                let _ended = owner.await;
            }
        };
        let sleep = engine.ports.clock.sleep(grace);
        if let Either::Right(_) = select(std::pin::pin!(all), sleep).await {
            tracing::warn!("executions still run; they are resumed at the next start");
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// Without a shutdown everything ends at once, as if the process had died.
impl Drop for Tasks {
    fn drop(&mut self) {
        self.owners.iter().for_each(JoinHandle::abort);
    }
}
