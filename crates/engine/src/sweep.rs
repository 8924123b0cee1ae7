//! The task that finds what nobody carries out: journal documents of earlier processes, and of runs that failed unexpectedly.
//!
//! It is the whole of recovery: a start is a sweep before the first trigger.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use watchbell_json::Failure;
use watchbell_outbox::RETAINED_ROWS_MAX;
use watchbell_store::StoreError;
use watchbell_watch::WatchId;

use crate::engine::Engine;
use crate::executor::{Job, Work};
use crate::journal::JournalEntry;
use crate::names::JOURNAL;

/// The journal is read in portions of this many documents: a manifest may be large.
const PAGE: usize = 100;

/// Ended rows of the ledger are thinned out after this many new ones, or after this long.
const RETENTION_ROWS: u64 = 10_000;
const RETENTION_EVERY: Duration = Duration::from_secs(3600);

/// A start has better things to do than to read the whole ledger.
const RETENTION_FIRST: Duration = Duration::from_secs(60);

/// Sweeps at once, then at every interval and when asked, until the engine shuts down.
pub(crate) async fn run(engine: Arc<Engine>) {
    let mut stop = engine.stopping();
    let clock = engine.ports.clock.clone();
    let mut next_retention = clock.elapsed() + RETENTION_FIRST;
    loop {
        if let Err(error) = sweep(&engine).await {
            tracing::warn!(%error, "the journal cannot be swept");
        }
        if engine.ended_rows() >= RETENTION_ROWS || clock.elapsed() >= next_retention {
            retain(&engine).await;
            next_retention = clock.elapsed() + RETENTION_EVERY;
        }
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = engine.sweep_asked() => {}
            () = clock.sleep(engine.settings.sweep_interval) => {}
        }
    }
}

/// Takes up every journal document that nobody here works on.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) async fn sweep(engine: &Arc<Engine>) -> Result<usize, Failure> {
    let mut after: Option<String> = None;
    let mut resumed = 0;
    loop {
        let page = engine.ports.state.scan(JOURNAL, after.as_deref(), PAGE).await.map_err(crate::engine::store_failure)?;
        let Some(last) = page.last() else { return Ok(resumed) };
        after = Some(last.id.clone());
        for document in &page {
            match JournalEntry::parse(document) {
                Ok((entry, revision)) => resumed += usize::from(take_up(engine, entry, revision)),
                Err(failure) => engine.complain_once(&document.id, &failure),
            }
        }
    }
}

fn take_up(engine: &Arc<Engine>, entry: JournalEntry, revision: watchbell_store::Revision) -> bool {
    if engine.is_stopped_by_hand() && entry.manifest.is_none() {
        return false; // it waits for the start; what is decided is carried out all the same
    }
    let Some(claim) = engine.runs.claim(&claim_name(&entry)) else { return false };
    claim.accounts_to(entry.trigger.scheduled);
    claim.describe(&entry.watch, &entry.id, entry.trigger.triggered, entry.execution_time);
    engine.submit(Job { claim, work: Work::Journalled { entry: Box::new(entry), revision, is_resumed: true } });
    true
}

/// Numbered runs are one at a time by their watch; others by themselves.
fn claim_name(entry: &JournalEntry) -> WatchId {
    let own = || WatchId::parse(&entry.key).unwrap_or_else(|_| entry.watch.clone());
    if entry.is_recorded() { entry.watch.clone() } else { own() }
}

/// Thins out the ledger.
async fn retain(engine: &Engine) {
    let as_of = engine.now();
    let outcome = match open_executions(engine).await {
        Ok(open) => engine.outbox.ledger().retain(RETAINED_ROWS_MAX, &open, as_of).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(pass) => {
            engine.take_ended_rows();
            tracing::debug!(ended = pass.ended, removed = pass.removed, "the ledger was thinned out");
        }
        Err(error) => tracing::warn!(error, "the ledger could not be thinned out"),
    }
}

/// The keys of all journal documents.
async fn open_executions(engine: &Engine) -> Result<HashSet<String>, StoreError> {
    let mut open = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = engine.ports.state.scan(JOURNAL, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(open) };
        after = Some(last.id.clone());
        open.extend(page.into_iter().map(|document| document.id));
    }
}
