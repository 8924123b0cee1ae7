//! The document of a watch: canonical definition, status, position.

use std::sync::{Arc, OnceLock};

use watchbell_json::{Failure, Json};
use watchbell_store::{Document, Expect, Revision, Write};
use watchbell_watch::status::WatchStatus;
use watchbell_watch::{ParseMode, Watch, WatchId};

use crate::answers::WatchView;
use crate::names::WATCHES;
use crate::position::{self, Position};
use crate::timetable::Registration;

const STATUS: &str = "status";

/// The incarnation of a watch that was written without us; its first run writes it down.
const ADOPTED: &str = "adopted";

/// A watch document as it was read. Its definition may not be readable: it is plain JSON that anybody may have written.
#[derive(Clone, Debug)]
pub(crate) struct WatchDocument {
    pub(crate) id: WatchId,
    pub(crate) revision: Revision,
    pub(crate) version: i64,
    source: Json,
    position: Option<Position>,
    /// What it comes to, once somebody asked: one run asks several times.
    parsed: OnceLock<Result<Arc<StoredWatch>, Failure>>,
}

/// What a document comes to if it can be read.
#[derive(Clone, Debug)]
pub(crate) struct StoredWatch {
    pub(crate) watch: Watch,
    pub(crate) status: WatchStatus,
    pub(crate) position: Position,
}

impl WatchDocument {
    /// # Errors
    /// If the document is no JSON object.
    pub(crate) fn parse(id: &WatchId, document: &Document) -> Result<WatchDocument, Failure> {
        let source = Json::parse(&document.source).map_err(|error| Failure::parse(format!("could not parse watch [{id}]. {error}")))?;
        let position = source.get(position::MEMBER).and_then(Position::parse);
        Ok(WatchDocument { id: id.clone(), revision: document.revision, version: document.version, source, position, parsed: OnceLock::new() })
    }

    /// The place of a document that is no JSON: it can be replaced and deleted, nothing else.
    pub(crate) fn unreadable(id: &WatchId, document: &Document) -> WatchDocument {
        WatchDocument {
            id: id.clone(),
            revision: document.revision,
            version: document.version,
            source: Json::object(),
            position: None,
            parsed: OnceLock::new(),
        }
    }

    /// Whether its status says so; a status that says nothing means yes.
    pub(crate) fn is_active(&self) -> bool {
        self.source.at(&[STATUS, "state", "active"]).and_then(Json::as_bool).unwrap_or(true)
    }

    /// # Errors
    /// Those of the definition and of the status.
    pub(crate) fn read(&self) -> Result<Arc<StoredWatch>, Failure> {
        self.parsed.get_or_init(|| self.parse_stored().map(Arc::new)).clone()
    }

    fn parse_stored(&self) -> Result<StoredWatch, Failure> {
        let watch = Watch::parse(&self.id, &self.definition(), &ParseMode::default())?;
        let status = WatchStatus::parse(&self.id, self.source.get(STATUS).unwrap_or(&Json::Null))?;
        status.check(&watch)?;
        let position = self.position.clone().unwrap_or_else(|| Position::new(ADOPTED.into(), &watch.schedule, status.state_changed));
        Ok(StoredWatch { watch, status, position })
    }

    /// The position, if the document has a readable one.
    pub(crate) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    pub(crate) fn incarnation(&self) -> &str {
        self.position.as_ref().map_or(ADOPTED, |position| &position.incarnation)
    }

    /// The canonical definition with its secrets.
    pub(crate) fn definition(&self) -> Json {
        let mut definition = self.source.clone();
        let members = definition.make_map();
        members.remove(STATUS);
        members.remove(position::MEMBER);
        definition
    }

    /// The same document with another position, and with another status if there is one.
    pub(crate) fn rewrite(&self, position: &Position, status: Option<&WatchStatus>) -> Write {
        let mut source = self.source.clone();
        if let Some(status) = status {
            source.set(STATUS, status.to_stored_json());
        }
        source.set(position::MEMBER, position.to_json());
        Write::put(WATCHES, self.id.as_str(), Expect::Revision(self.revision), source.to_string())
    }

    /// # Errors
    /// As [`WatchDocument::read`].
    pub(crate) fn view(&self) -> Result<WatchView, Failure> {
        let stored = self.read()?;
        let status = WatchStatus { version: self.version, ..stored.status.clone() };
        Ok(WatchView { id: self.id.clone(), version: self.version, revision: self.revision, status, definition: stored.watch.redacted() })
    }
}

impl StoredWatch {
    /// A whole new document.
    pub(crate) fn write(&self, expect: Expect) -> Write {
        let source = self
            .watch
            .to_json(watchbell_watch::secret::Secrets::Plain)
            .with(STATUS, self.status.to_stored_json())
            .with(position::MEMBER, self.position.to_json());
        Write::put(WATCHES, self.watch.id.as_str(), expect, source.to_string())
    }

    /// What the timetable needs of it; `None` if it is not active.
    pub(crate) fn registration(&self, revision: Revision) -> Option<Registration> {
        self.registration_at(&self.position, revision)
    }

    /// The same where the position stands elsewhere by now.
    pub(crate) fn registration_at(&self, position: &Position, revision: Revision) -> Option<Registration> {
        self.status.active.then(|| Registration {
            schedule: self.watch.schedule.clone(),
            incarnation: position.incarnation.clone(),
            fires: position.fires,
            anchor: position.anchor,
            last_scheduled: position.last_scheduled,
            seq_no: revision.seq_no,
        })
    }
}
