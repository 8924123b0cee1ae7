//! The journal document of an execution, from `Triggered` to its end.
//!
//! It is created if absent, becomes `Committed` by compare-and-set, and is deleted last. Whoever finds one can go on from it.

use watchbell_json::{Failure, Json};
use watchbell_store::{Document, Expect, Revision, Write};
use watchbell_time::Timestamp;
use watchbell_watch::definition::OWN_MEMBER;
use watchbell_watch::status::date;
use watchbell_watch::{ExecutionId, WatchId};

use crate::manifest::Manifest;
use crate::names::JOURNAL;

/// A manifest beyond this is not committed: the run fails instead. A document store takes no larger documents than 100 MB, and
/// a manifest holds the record's payload besides its messages.
pub(crate) const MANIFEST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What made a watch run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TriggerKind {
    Schedule,
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TriggerEvent {
    pub(crate) kind: TriggerKind,
    pub(crate) triggered: Timestamp,
    pub(crate) scheduled: Timestamp,
}

/// Which run of which watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) incarnation: String,
    /// `None`: not recorded, so that it takes no number and moves nothing.
    pub(crate) fires: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JournalEntry {
    pub(crate) key: String,
    pub(crate) watch: WatchId,
    /// `None`: the watch was given inline.
    pub(crate) run: Option<Run>,
    pub(crate) id: ExecutionId,
    pub(crate) trigger: TriggerEvent,
    /// When the journal document was made, or the run taken up again.
    pub(crate) execution_time: Timestamp,
    /// Due times passed over before the one it runs for.
    pub(crate) missed: i64,
    /// How often it was taken up again before anything was decided.
    pub(crate) resumed: i64,
    /// `None`: triggered, nothing decided.
    pub(crate) manifest: Option<Manifest>,
}

impl JournalEntry {
    /// The number of the run, if it has one.
    pub(crate) fn fires(&self) -> Option<i64> {
        self.run.as_ref().and_then(|run| run.fires)
    }

    /// Whether the run leaves a record, a status and a position.
    pub(crate) fn is_recorded(&self) -> bool {
        self.fires().is_some()
    }

    pub(crate) fn write(&self, expect: Expect) -> Write {
        Write::put(JOURNAL, &self.key, expect, self.to_json().to_string())
    }

    pub(crate) fn delete(&self) -> Write {
        Write::delete(JOURNAL, &self.key, Expect::Anything)
    }

    /// What users may see is what the reference shows; the rest lies below the hidden member, secrets of messages included.
    pub(crate) fn to_json(&self) -> Json {
        let own = Json::object()
            .with("record_id", self.id.as_str())
            .with_some("incarnation", self.run.as_ref().map(|run| run.incarnation.as_str()))
            .with_some("fires", self.fires())
            .with("execution_time", self.execution_time.to_string())
            .with("triggered_time", self.trigger.triggered.to_string())
            .with("scheduled_time", self.trigger.scheduled.to_string())
            .with("missed", self.missed)
            .with_some("resumed", (self.resumed > 0).then_some(self.resumed))
            .with_some("manifest", self.manifest.as_ref().map(Manifest::to_json));
        Json::object()
            .with("trigger_event", self.trigger.to_journal_json())
            .with("state", if self.manifest.is_some() { "committed" } else { "triggered" })
            .with("watch_id", self.watch.as_str())
            .with(OWN_MEMBER, own)
    }

    /// # Errors
    /// If the document is not one of ours.
    pub(crate) fn parse(document: &Document) -> Result<(JournalEntry, Revision), Failure> {
        let unreadable = || Failure::illegal_state(format!("the journal document [{}] is not readable", document.id));
        let stored = Json::parse(&document.source).map_err(|_| unreadable())?;
        let entry = read(&document.id, &stored).ok_or_else(unreadable)?;
        Ok((entry, document.revision))
    }
}

fn read(key: &str, stored: &Json) -> Option<JournalEntry> {
    let own = stored.get(OWN_MEMBER)?;
    let text = |object: &'_ Json, member: &str| object.get(member).and_then(Json::as_str).map(str::to_owned);
    let instant = |member: &str| text(own, member).and_then(|text| text.parse::<Timestamp>().ok());
    let manual = stored.at(&["trigger_event", "manual"]).is_some();
    let manifest = match text(stored, "state")?.as_str() {
        "triggered" => None,
        "committed" => Some(Manifest::parse(own.get("manifest")?)?),
        _ => return None,
    };
    Some(JournalEntry {
        key: key.to_owned(),
        watch: WatchId::parse(&text(stored, "watch_id")?).ok()?,
        run: text(own, "incarnation").map(|incarnation| Run { incarnation, fires: own.get("fires").and_then(Json::as_i64) }),
        id: ExecutionId::from_stored(&text(own, "record_id")?),
        trigger: TriggerEvent {
            kind: if manual { TriggerKind::Manual } else { TriggerKind::Schedule },
            triggered: instant("triggered_time")?,
            scheduled: instant("scheduled_time")?,
        },
        execution_time: instant("execution_time")?,
        missed: own.get("missed")?.as_i64()?,
        resumed: own.get("resumed").and_then(Json::as_i64).unwrap_or(0),
        manifest,
    })
}

impl TriggerEvent {
    /// As `.triggered_watches` shows it (spec watcher-api §5.1).
    fn to_journal_json(self) -> Json {
        let schedule = Json::object().with("triggered_time", date(self.triggered)).with("scheduled_time", date(self.scheduled));
        match self.kind {
            TriggerKind::Schedule => Json::object().with("schedule", schedule),
            TriggerKind::Manual => Json::object().with("manual", Json::object().with("schedule", schedule)),
        }
    }

    /// As records show it.
    pub(crate) fn to_record(self) -> watchbell_watch::record::TriggerEvent {
        watchbell_watch::record::TriggerEvent { manual: self.kind == TriggerKind::Manual, triggered_time: self.triggered, scheduled_time: self.scheduled }
    }
}
