//! What users ask for: one module a group of use cases.

pub(crate) mod definitions;
pub(crate) mod query;
pub(crate) mod service;
pub(crate) mod state;

use watchbell_json::Failure;
use watchbell_outbox::CancelledBy;
use watchbell_store::Revision;
use watchbell_watch::{ActionId, WatchId};

use crate::engine::Engine;
use crate::identity::journal_key;
use crate::journal::JournalEntry;
use crate::names::{JOURNAL, WATCHES};
use crate::position::Position;

/// A write that meets another one is repeated on what stands there now, this many times.
const ATTEMPTS_MAX: usize = 16;

/// The name of an index's uuid where there is none to tell.
const NO_UUID: &str = "_na_";

pub(crate) fn document_missing(engine: &Engine, id: &WatchId) -> Failure {
    located(Failure::new("document_missing_exception", engine.settings.generation.document_missing_reason(id)))
}

pub(crate) fn version_conflict(id: &WatchId, wanted: Revision, current: Revision) -> Failure {
    located(Failure::new(
        "version_conflict_engine_exception",
        format!(
            "[{id}]: version conflict, required seqNo [{}], primary term [{}]. current document has seqNo [{}] and primary term [{}]",
            wanted.seq_no, wanted.primary_term, current.seq_no, current.primary_term
        ),
    ))
}

/// With the members that name the place.
fn located(failure: Failure) -> Failure {
    failure.with("index_uuid", NO_UUID).with("shard", "0").with("index", WATCHES)
}

/// Cancels what a committed run of the watch has not sent yet. The position's own count keeps back what is missed here.
pub(crate) async fn cancel_unsent(engine: &Engine, id: &WatchId, position: &Position, actions: Option<&[ActionId]>, by: CancelledBy) {
    let key = journal_key(id, &position.incarnation, position.fires);
    let Ok(Some(document)) = engine.ports.state.get(JOURNAL, &key).await else { return };
    let Ok((entry, _)) = JournalEntry::parse(&document) else { return };
    let Some(manifest) = &entry.manifest else { return };
    let mut rows = manifest.rows(&entry.key, id, Some(&position.incarnation));
    rows.retain(|row| actions.is_none_or(|actions| actions.contains(&row.origin.action)));
    match engine.outbox.cancel(rows, by).await {
        Ok(0) => {}
        Ok(cancelled) => tracing::info!(watch = %id, cancelled, by = by.name(), "unsent deliveries were cancelled"),
        Err(error) => tracing::warn!(watch = %id, %error, "unsent deliveries are withdrawn at their start"),
    }
}
