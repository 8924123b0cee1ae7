//! Put, get, delete.

use watchbell_json::{Failure, Json};
use watchbell_outbox::CancelledBy;
use watchbell_store::{Expect, Revision, Write, WriteError, WriteOp};
use watchbell_watch::status::WatchStatus;
use watchbell_watch::{ParseMode, Watch, WatchId};

use super::{ATTEMPTS_MAX, cancel_unsent, document_missing, version_conflict};
use crate::answers::{DeleteAnswer, PutAnswer, PutMode, PutRequest, WatchView};
use crate::engine::{Engine, write_failure};
use crate::identity::new_incarnation;
use crate::names::WATCHES;
use crate::position::Position;
use crate::scheduler::{Command, Removal};
use crate::stored_watch::{StoredWatch, WatchDocument};

/// What a write came to.
pub(crate) enum Stored {
    Done {
        revision: Revision,
        version: i64,
    },
    /// A delete whose answer was lost; the document is not there any more.
    Gone,
    /// Another write came first, or this one did not happen.
    Again,
}

pub(crate) async fn put(engine: &Engine, request: PutRequest) -> Result<PutAnswer, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let standing = read_standing(engine, &request.id).await?;
        check_mode(engine, &request, standing.as_ref())?;
        let next = next_watch(engine, &request, standing.as_ref())?;
        let expect = standing.as_ref().map_or(Expect::Absent, |document| Expect::Revision(document.revision));
        match store(engine, next.write(expect)).await? {
            Stored::Done { revision, version } => {
                announce(engine, &next, revision);
                return Ok(PutAnswer { id: request.id, version, revision, created: standing.is_none() });
            }
            Stored::Gone | Stored::Again => {}
        }
    }
    Err(busy(&request.id))
}

/// A document that is no JSON is replaced like any other; only its place is known.
async fn read_standing(engine: &Engine, id: &WatchId) -> Result<Option<WatchDocument>, Failure> {
    let document = engine.ports.state.get(WATCHES, id.as_str()).await.map_err(crate::engine::store_failure)?;
    Ok(document.map(|document| WatchDocument::parse(id, &document).unwrap_or_else(|_| WatchDocument::unreadable(id, &document))))
}

fn check_mode(engine: &Engine, request: &PutRequest, standing: Option<&WatchDocument>) -> Result<(), Failure> {
    let id = &request.id;
    match (request.mode, standing) {
        (PutMode::Insert, _) => Ok(()),
        (_, None) => Err(document_missing(engine, id)),
        (PutMode::AtRevision(wanted), Some(standing)) if wanted == standing.revision => Ok(()),
        (PutMode::AtRevision(wanted), Some(standing)) => Err(version_conflict(id, wanted, standing.revision)),
        (PutMode::AtVersion(wanted), Some(standing)) if wanted == standing.version => Ok(()),
        (PutMode::AtVersion(wanted), Some(standing)) => Err(Failure::new(
            "version_conflict_engine_exception",
            format!("[doc][{id}]: version conflict, current version [{}] is different than the one provided [{wanted}]", standing.version),
        )),
    }
}

/// The watch as it will stand: a new status, and the position that goes on from what stood there.
fn next_watch(engine: &Engine, request: &PutRequest, standing: Option<&WatchDocument>) -> Result<StoredWatch, Failure> {
    let generation = engine.settings.generation;
    let stored_definition: Json;
    let mode = match (request.mode, standing) {
        (PutMode::Insert, _) | (_, None) => ParseMode::new(generation),
        (PutMode::AtRevision(_) | PutMode::AtVersion(_), Some(standing)) => {
            stored_definition = standing.definition();
            ParseMode::update_of(generation, &stored_definition)
        }
    };
    let watch = Watch::parse(&request.id, &request.body, &mode)?;
    let now = engine.now();
    let status = WatchStatus::on_put(watch.actions.iter().map(|action| &action.id), request.active, now);
    let position = match standing.and_then(|document| document.position().map(|position| (document, position))) {
        Some((document, position)) => {
            let was_active = document.is_active();
            if request.active { position.replaced(&watch.schedule, was_active, now) } else { position.replaced(&watch.schedule, true, now) }
        }
        None => Position::new(new_incarnation(&*engine.ports.entropy), &watch.schedule, now),
    };
    Ok(StoredWatch { watch, status, position })
}

/// Tells the scheduler what a watch became.
pub(crate) fn announce(engine: &Engine, watch: &StoredWatch, revision: Revision) {
    let id = watch.watch.id.clone();
    match watch.registration(revision) {
        Some(registration) => engine.scheduler.send(Command::Register(id, registration)),
        None => engine.scheduler.send(Command::Remove(id, Removal { incarnation: watch.position.incarnation.clone(), seq_no: revision.seq_no })),
    }
}

/// Writes a watch document. Where the outcome is unknown, what stands there says whether it happened.
pub(crate) async fn store(engine: &Engine, write: Write) -> Result<Stored, Failure> {
    let id = write.id.clone();
    let wanted = match &write.op {
        WriteOp::Put(source) => Some(source.clone()),
        WriteOp::Delete => None,
    };
    match engine.ports.state.write(write).await {
        Ok(written) => Ok(Stored::Done { revision: written.revision, version: written.version }),
        Err(WriteError::Conflict { .. }) => Ok(Stored::Again),
        Err(WriteError::Unknown(_)) => {
            let standing = engine.ports.state.get(WATCHES, &id).await.map_err(crate::engine::store_failure)?;
            match (standing, wanted) {
                (Some(document), Some(source)) if document.source == source => Ok(Stored::Done { revision: document.revision, version: document.version }),
                (None, None) => Ok(Stored::Gone),
                _ => Ok(Stored::Again),
            }
        }
        Err(error) => Err(write_failure(error)),
    }
}

pub(crate) async fn get(engine: &Engine, id: &WatchId) -> Result<Option<WatchView>, Failure> {
    match engine.read_watch(id).await? {
        Some(document) => document.view().map(Some),
        None => Ok(None),
    }
}

pub(crate) async fn delete(engine: &Engine, id: &WatchId) -> Result<DeleteAnswer, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(standing) = read_standing(engine, id).await? else {
            return Ok(DeleteAnswer { id: id.clone(), version: 1, found: false });
        };
        let write = Write::delete(WATCHES, id.as_str(), Expect::Revision(standing.revision));
        let (seq_no, version) = match store(engine, write).await? {
            Stored::Done { revision, version } => (revision.seq_no, version),
            Stored::Gone => (standing.revision.seq_no, standing.version + 1),
            Stored::Again => continue,
        };
        engine.scheduler.send(Command::Remove(id.clone(), Removal { incarnation: standing.incarnation().to_owned(), seq_no }));
        if let Some(position) = standing.position() {
            cancel_unsent(engine, id, position, None, CancelledBy::Delete).await;
        }
        return Ok(DeleteAnswer { id: id.clone(), version, found: true });
    }
    Err(busy(id))
}

/// Others write this watch faster than we can.
pub(crate) fn busy(id: &WatchId) -> Failure {
    Failure::new("version_conflict_engine_exception", format!("[{id}]: version conflict, the watch is changed all the time"))
}
