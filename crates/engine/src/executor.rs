//! The task that runs executions: as many at a time as the pool allows, in the order in which they were triggered.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use watchbell_store::Revision;

use crate::engine::Engine;
use crate::execution::Execution;
use crate::journal::JournalEntry;
use crate::manual::ManualRun;
use crate::runs::Claim;

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) claim: Claim,
    pub(crate) work: Work,
}

#[derive(Debug)]
pub(crate) enum Work {
    /// Its journal document is there.
    Journalled { entry: Box<JournalEntry>, revision: Revision, is_resumed: bool },
    /// Somebody waits for its record.
    Manual(Box<ManualRun>),
}

/// Runs until the engine shuts down, and then until the last execution has ended.
pub(crate) async fn run(engine: Arc<Engine>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut stop = engine.stopping();
    let mut workers: JoinSet<()> = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => break,
            Some(ended) = workers.join_next(), if !workers.is_empty() => note_panic(&engine, &ended),
            Some(job) = jobs.recv(), if workers.len() < engine.settings.pool_size.max(1) => {
                workers.spawn(work(engine.clone(), job));
            }
        }
    }
    while let Some(ended) = workers.join_next().await {
        note_panic(&engine, &ended);
    }
}

fn note_panic(engine: &Engine, ended: &Result<(), tokio::task::JoinError>) {
    if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
        // its claim is free, its journal document stands: the sweep takes it up
        tracing::error!("an execution failed unexpectedly; it will be resumed from the journal");
        engine.counters.count(|metrics| metrics.panics += 1);
    }
}

async fn work(engine: Arc<Engine>, job: Job) {
    match job.work {
        Work::Journalled { entry, .. } if entry.manifest.is_none() && engine.is_stopped_by_hand() => {
            // its journal document waits for the start
            tracing::debug!(execution = %entry.id, "the service was stopped");
        }
        Work::Journalled { entry, revision, is_resumed } => {
            let execution = Execution::journalled(engine, job.claim, *entry, revision);
            if is_resumed { execution.resume().await } else { execution.run().await }
        }
        Work::Manual(manual) => manual.run(engine, job.claim).await,
    }
}
