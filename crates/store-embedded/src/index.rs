//! One index: what the catalogue says of it, and how far searches see.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use watchbell_json::{Failure, Json};
use watchbell_store::CreateIndex;
use watchbell_store::mapping::Mapping;
use watchbell_store::memory::parse_aliases;
use watchbell_store::settings::IndexSettings;

use crate::derived::SearchSide;
use crate::placement::Kind;

/// What administration may change.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// As they were given.
    pub given_settings: Json,
    pub settings: IndexSettings,
    pub mapping: Mapping,
    /// By name.
    pub aliases: Json,
}

impl Definition {
    /// # Errors
    /// What the reference refuses of an index's definition.
    pub(crate) fn parse(body: &CreateIndex) -> Result<Definition, Failure> {
        let settings = IndexSettings::parse(body.settings.as_ref())?;
        let mapping = body.mappings.as_ref().map(Mapping::parse_at_creation).transpose()?.unwrap_or_default();
        mapping.check_limits(&settings.limits())?;
        let given_settings = body.settings.clone().unwrap_or_else(Json::object);
        Ok(Definition { given_settings, settings, mapping, aliases: parse_aliases(body.aliases.as_ref())? })
    }
}

pub(crate) struct Index {
    /// Never given twice; names its tables.
    pub number: i64,
    pub name: Arc<str>,
    pub uuid: String,
    pub created_millis: i64,
    pub kind: Kind,
    /// Relative to the folder.
    pub file: String,
    definition: RwLock<Arc<Definition>>,
    /// Held while the definition changes, from reading the old one until the new one is durable.
    pub changing: Mutex<()>,
    deleted: AtomicBool,
    last_seq: AtomicI64,
    indexed_seq: AtomicI64,
    visible_seq: AtomicI64,
    /// [`watchbell_time::Clock::elapsed`] of the last search in milliseconds; -1 before the first.
    searched_millis: AtomicI64,
    search_side: RwLock<Option<Arc<SearchSide>>>,
    /// The derived side was thrown away and has not caught up yet.
    rebuilding: AtomicBool,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("name", &self.name).field("number", &self.number).finish_non_exhaustive()
    }
}

/// What an index is made of.
#[derive(Clone, Debug)]
pub(crate) struct IndexParts {
    pub number: i64,
    pub name: String,
    pub uuid: String,
    pub created_millis: i64,
    pub file: String,
    pub definition: Definition,
}

impl Index {
    pub(crate) fn new(parts: IndexParts) -> Index {
        let kind = Kind::of(&parts.name);
        Index {
            number: parts.number,
            name: parts.name.into(),
            uuid: parts.uuid,
            created_millis: parts.created_millis,
            kind,
            file: parts.file,
            definition: RwLock::new(Arc::new(parts.definition)),
            changing: Mutex::new(()),
            deleted: AtomicBool::new(false),
            last_seq: AtomicI64::new(-1),
            indexed_seq: AtomicI64::new(-1),
            searched_millis: AtomicI64::new(-1),
            search_side: RwLock::new(None),
            rebuilding: AtomicBool::new(false),
            // what is scanned is seen at once
            visible_seq: AtomicI64::new(if kind == Kind::State { i64::MAX } else { -1 }),
        }
    }

    pub(crate) fn definition(&self) -> Arc<Definition> {
        self.definition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only with [`Index::changing`] held, after the definition became durable.
    pub(crate) fn set_definition(&self, definition: Definition) {
        *self.definition.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(definition);
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
    }

    /// Searches see every row up to this one, as soon as there is a search side.
    pub(crate) fn visible_seq(&self) -> i64 {
        self.visible_seq.load(Ordering::Acquire)
    }

    pub(crate) fn set_visible_seq(&self, seq_no: i64) {
        self.visible_seq.store(seq_no, Ordering::Release);
    }

    /// The last row that is known to be committed; older than the truth before the first write since the start.
    pub(crate) fn last_seq(&self) -> i64 {
        self.last_seq.load(Ordering::Acquire)
    }

    pub(crate) fn saw_seq(&self, seq_no: i64) {
        self.last_seq.fetch_max(seq_no, Ordering::AcqRel);
    }

    /// The last row that was handed to the indexer's writer.
    pub(crate) fn indexed_seq(&self) -> i64 {
        self.indexed_seq.load(Ordering::Acquire)
    }

    pub(crate) fn set_indexed_seq(&self, seq_no: i64) {
        self.indexed_seq.store(seq_no, Ordering::Release);
    }

    pub(crate) fn searched_at(&self) -> Option<Duration> {
        u64::try_from(self.searched_millis.load(Ordering::Acquire)).ok().map(Duration::from_millis)
    }

    pub(crate) fn set_searched_at(&self, elapsed: Duration) {
        self.searched_millis.store(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX), Ordering::Release);
    }

    /// What searches read; `None` until the index has caught up with what was acknowledged before the start, and while it is
    /// rebuilt.
    pub(crate) fn search_side(&self) -> Option<Arc<SearchSide>> {
        self.search_side.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_rebuilding(&self) -> bool {
        self.rebuilding.load(Ordering::Acquire)
    }

    pub(crate) fn set_rebuilding(&self) {
        self.rebuilding.store(true, Ordering::Release);
        self.set_search_side(None);
    }

    pub(crate) fn set_search_side(&self, side: Option<Arc<SearchSide>>) {
        if side.is_some() {
            self.rebuilding.store(false, Ordering::Release);
        }
        *self.search_side.write().unwrap_or_else(PoisonError::into_inner) = side;
    }
}
