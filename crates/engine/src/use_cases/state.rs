//! Ack, activate, deactivate.

use watchbell_json::Failure;
use watchbell_outbox::CancelledBy;
use watchbell_watch::status::{AckTargets, WatchStatus};
use watchbell_watch::{ActionId, WatchId};

use super::definitions::{Stored, announce, busy, store};
use super::{ATTEMPTS_MAX, cancel_unsent, document_missing, version_conflict};
use crate::answers::WatchView;
use crate::engine::Engine;
use crate::manual::no_such_watch;
use crate::stored_watch::{StoredWatch, WatchDocument};

/// Acknowledging waits for no run: it is refused while one is under way.
pub(crate) async fn ack(engine: &Engine, id: &WatchId, targets: &AckTargets) -> Result<WatchView, Failure> {
    if engine.runs.is_running(id) {
        return Err(Failure::new("status_exception", format!("watch[{id}] is running currently, cannot ack until finished")));
    }
    let document = engine.read_watch(id).await?.ok_or_else(|| no_such_watch(id))?;
    let mut stored = (*document.read()?).clone();
    let changed = stored.status.ack(targets, engine.now());
    if changed.is_empty() {
        return document.view();
    }
    changed.iter().for_each(|action| stored.position.cancel(action));
    match store(engine, document.rewrite(&stored.position, Some(&stored.status))).await? {
        Stored::Done { revision, .. } => {
            announce(engine, &stored, revision);
            cancel_unsent(engine, id, &stored.position, Some(&changed), CancelledBy::Ack).await;
            Ok(view(&document, stored, document.version))
        }
        Stored::Gone | Stored::Again => {
            let current = engine.read_watch(id).await?.map_or(document.revision, |document| document.revision);
            Err(version_conflict(id, document.revision, current))
        }
    }
}

pub(crate) async fn set_active(engine: &Engine, id: &WatchId, active: bool) -> Result<WatchView, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let document = engine.read_watch(id).await?.ok_or_else(|| document_missing(engine, id))?;
        let mut stored = (*document.read()?).clone();
        let now = engine.now();
        match (stored.status.active, active) {
            (false, true) => stored.position = stored.position.activated(now),
            (_, false) => stored.position.cancel_all(),
            (true, true) => {}
        }
        stored.status.set_active(active, now);
        match store(engine, document.rewrite(&stored.position, Some(&stored.status))).await? {
            Stored::Done { revision, version } => {
                announce(engine, &stored, revision);
                if !active {
                    cancel_unsent(engine, id, &stored.position, None, CancelledBy::Deactivate).await;
                }
                return Ok(WatchView { revision, version, ..view(&document, stored, version) });
            }
            Stored::Gone | Stored::Again => {}
        }
    }
    Err(busy(id))
}

fn view(document: &WatchDocument, stored: StoredWatch, shown_version: i64) -> WatchView {
    let definition = stored.watch.redacted();
    let status = WatchStatus { version: shown_version, ..stored.status };
    WatchView { id: document.id.clone(), version: document.version, revision: document.revision, status, definition }
}

/// The actions an acknowledgement names; none, or `_all` among them, means all.
pub(crate) fn targets(actions: &[String]) -> Result<AckTargets, Failure> {
    if actions.is_empty() || actions.iter().any(|action| action == "_all") {
        return Ok(AckTargets::All);
    }
    let parsed = actions
        .iter()
        .map(|action| ActionId::parse(action).map_err(|_| watchbell_watch::validation::failed([format!("action id [{action}] contains whitespace")])));
    parsed.collect::<Result<Vec<_>, _>>().map(AckTargets::Named)
}
