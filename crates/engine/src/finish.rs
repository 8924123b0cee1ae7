//! The end of an execution: position and status, then the record, then the end of the journal document.
//!
//! One sequence of writes, in this order, of which a crash leaves a beginning. What the store refused is looked at again and
//! the rest repeated, until everything is written or has become moot.

use watchbell_json::{Failure, Json};
use watchbell_outbox::Outbox;
use watchbell_store::{Expect, Write, WriteError, Written};
use watchbell_time::Timestamp;
use watchbell_watch::ExecutionId;
use watchbell_watch::record::{Record, Results, truncated};
use watchbell_watch::status::{ExecutionState, WatchStatus};

use crate::execution::{Decided, Execution, Journalled, Reread, Sent};
use crate::identity::public_id;
use crate::journal::{TriggerEvent, TriggerKind};
use crate::manifest::Manifest;
use crate::names::history_index;
use crate::position::{Advance, Position};
use crate::results::{ActionEnd, action_ends};
use crate::runs::Overlap;
use crate::status_after::status_after;
use crate::stored_watch::WatchDocument;

/// What one write of the sequence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Commit,
    /// The end of a row, in the order of the closings.
    Close,
    Position,
    History,
    Overlap,
    End,
}

pub(crate) struct Finish {
    execution: Execution,
    decided: Option<Decided>,
    sent: Sent,
    ends: Vec<ActionEnd>,
    took_millis: i64,
    /// The watch document to write upon; read again when a write met another one.
    document: Option<WatchDocument>,
    /// Where the watch stands once the position is written: due times that meet the run after that do not count here.
    next: Option<Position>,
    position_done: bool,
    history_done: bool,
    /// How much of the record was given up, because the history refused it.
    reduction: Reduction,
    refusal: Option<Failure>,
    /// The due times that met this run: the id of their record is chosen once.
    overlap: Option<(ExecutionId, Overlap)>,
    overlap_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reduction {
    Whole,
    Truncated,
    Bare,
    GivenUp,
}

impl Finish {
    pub(crate) fn new(execution: Execution, decided: Option<Decided>, sent: Sent) -> Finish {
        let manifest = execution.entry.manifest.as_ref();
        let ends = manifest.map(|manifest| action_ends(manifest, &execution.entry.key, &sent.ends)).unwrap_or_default();
        let sending = manifest.map_or(0, |manifest| execution.engine.now().as_millisecond() - manifest.decided.as_millisecond());
        let took_millis = manifest.map_or(0, |manifest| manifest.took_millis) + sending.max(0);
        let document = decided.as_ref().and_then(|decided| decided.document.clone());
        let unrecorded = !execution.entry.is_recorded();
        Finish {
            execution,
            decided,
            sent,
            ends,
            took_millis,
            document,
            next: None,
            position_done: unrecorded,
            history_done: unrecorded,
            reduction: Reduction::Whole,
            refusal: None,
            overlap: None,
            overlap_done: false,
        }
    }

    /// Writes until all is written; returns the record. `None`: the run was concluded by somebody else.
    pub(crate) async fn run(mut self) -> Option<Json> {
        let mut manifest = self.execution.entry.manifest.clone()?;
        for attempt in 0.. {
            self.refresh_document().await;
            let (steps, writes) = self.writes(&manifest);
            if writes.is_empty() {
                break;
            }
            let answers = self.execution.engine.ports.state.sequence(writes).await;
            match self.conclude(&steps, answers, &manifest).await {
                Progress::Done => break,
                Progress::Again => manifest = self.execution.entry.manifest.clone()?,
                Progress::Later => self.execution.engine.pause(attempt).await,
                Progress::Lost => return None,
            }
        }
        self.count(&manifest);
        Some(self.record(&manifest))
    }

    fn count(&self, manifest: &Manifest) {
        self.execution.engine.counters.count(|metrics| {
            metrics.finished += 1;
            metrics.failed += u64::from(manifest.state == ExecutionState::Failed);
        });
    }

    /// The position is written on the newest document, or is moot.
    async fn refresh_document(&mut self) {
        if self.position_done || self.document.is_some() {
            return;
        }
        let found = self.execution.engine.read_watch_surely(&self.execution.entry.watch).await;
        match found {
            Some(document) if Some(document.incarnation()) == self.incarnation() => self.document = Some(document),
            // deleted meanwhile: no position, no status
            _ => self.position_done = true,
        }
    }

    fn incarnation(&self) -> Option<&str> {
        self.execution.entry.run.as_ref().map(|run| run.incarnation.as_str())
    }

    /// What is left to write.
    fn writes(&mut self, manifest: &Manifest) -> (Vec<Step>, Vec<Write>) {
        let mut all: Vec<(Step, Write)> = Vec::new();
        let must_end = self.execution.journalled != Journalled::Not;
        if let Some(write) = self.execution.commit_write().filter(|_| must_end) {
            all.push((Step::Commit, write));
        }
        all.extend(Outbox::closing_writes(&self.sent.closings).into_iter().map(|write| (Step::Close, write)));
        if let Some(write) = self.position_write(manifest) {
            all.push((Step::Position, write));
        }
        if !self.history_done {
            all.push((Step::History, self.history_write(manifest)));
        }
        if let Some(write) = self.overlap_write() {
            all.push((Step::Overlap, write));
        }
        if must_end {
            all.push((Step::End, self.execution.entry.delete()));
        }
        all.into_iter().unzip()
    }

    /// Position and status on the document at hand; `None` if the position stands beyond this run already.
    fn position_write(&mut self, manifest: &Manifest) -> Option<Write> {
        if self.position_done {
            return None;
        }
        let document = self.document.clone()?;
        self.next = self.advanced(&document);
        match &self.next {
            Some(next) => {
                let status = self.status_on(&document, manifest);
                Some(document.rewrite(next, status.as_ref()))
            }
            None => {
                self.position_done = true; // written by us before, or by another
                self.execution.engine.update_registration(&document);
                None
            }
        }
    }

    fn advanced(&mut self, document: &WatchDocument) -> Option<Position> {
        let position = match document.position() {
            Some(position) => position.clone(),
            None => document.read().ok()?.position.clone(),
        };
        self.note_overlap();
        let entry = &self.execution.entry;
        let advance = Advance {
            scheduled: (entry.trigger.kind == TriggerKind::Schedule).then_some(entry.trigger.scheduled),
            missed: entry.missed,
            overlap: self.overlap.as_ref().map(|(_, overlap)| (overlap.last, overlap.count)),
        };
        position.advanced(entry.fires()?, &advance, self.execution.engine.ports.clock.now())
    }

    fn note_overlap(&mut self) {
        let Some(overlap) = self.execution.claim.overlap() else { return };
        let engine = &self.execution.engine;
        let id = match self.overlap.take() {
            Some((id, _)) => id,
            None => public_id(&self.execution.entry.watch, &*engine.ports.entropy, overlap.first_noticed, engine.settings.generation),
        };
        self.overlap = Some((id, overlap));
    }

    /// The document's own status with this run applied; `None` where none is written: after an exception, or if the watch was
    /// PUT since the decision.
    fn status_on(&self, document: &WatchDocument, manifest: &Manifest) -> Option<WatchStatus> {
        let stored = if manifest.writes_status { document.read().ok()? } else { return None };
        let applies = stored.position.edition == manifest.edition;
        applies.then(|| status_after(stored.status.clone(), manifest, &self.ends, self.execution.engine.ports.clock.now()))
    }

    fn history_write(&self, manifest: &Manifest) -> Write {
        let settings = &self.execution.engine.settings;
        let index = history_index(&settings.history_prefix, self.execution.entry.trigger.triggered);
        let whole = self.record(manifest);
        let text = match self.reduction {
            Reduction::Whole => whole.to_string(),
            Reduction::Truncated | Reduction::GivenUp => truncated(whole).to_string(),
            Reduction::Bare => self.bare_record(manifest).to_string(),
        };
        let text = if text.len() > settings.history_record_max { truncated(self.record(manifest)).to_string() } else { text };
        Write::put(index, self.execution.entry.id.as_str(), Expect::Absent, text)
    }

    fn record(&self, manifest: &Manifest) -> Json {
        let entry = &self.execution.entry;
        let settings = &self.execution.engine.settings;
        let mut record = Record::not_executed(entry.watch.clone(), &*settings.node_id, manifest.state, entry.trigger.to_record(), "");
        record.messages.clone_from(&manifest.messages);
        record.exception.clone_from(&manifest.exception);
        if let Some(shown) = &manifest.shown {
            record.input = Some(shown.input.clone());
            record.condition = Some(shown.condition.clone());
            record.metadata.clone_from(&shown.metadata);
            record.status = self.shown_status(manifest);
            record.results = Some(Results {
                execution_time: manifest.execution_time,
                duration_millis: self.took_millis,
                input: manifest.input.clone(),
                condition: manifest.condition.clone(),
                actions: self.ends.iter().map(|end| end.result.clone()).collect(),
            });
        }
        record.to_json(settings.generation)
    }

    /// The status after the run, also where it is not written: on what was decided upon, else on what stands there.
    fn shown_status(&self, manifest: &Manifest) -> Option<(WatchStatus, i64)> {
        let (status, version) = match (&self.decided, &self.document) {
            (Some(decided), _) => (decided.status.clone(), decided.version),
            (None, Some(document)) => (document.read().ok()?.status.clone(), document.version),
            (None, None) => return None,
        };
        Some((status_after(status, manifest, &self.ends, self.execution.engine.ports.clock.now()), version))
    }

    /// What is left when the history takes neither the record nor its truncated form.
    fn bare_record(&self, manifest: &Manifest) -> Json {
        let entry = &self.execution.entry;
        let settings = &self.execution.engine.settings;
        let reason = self.refusal.as_ref().map_or_else(String::new, Failure::to_string);
        let message = format!("the record of this run was refused by the history: {reason}");
        Record::not_executed(entry.watch.clone(), &*settings.node_id, manifest.state, entry.trigger.to_record(), message).to_json(settings.generation)
    }

    fn overlap_write(&self) -> Option<Write> {
        let (id, overlap) = self.overlap.as_ref().filter(|_| !self.overlap_done)?;
        let settings = &self.execution.engine.settings;
        let triggered = Timestamp::from_millisecond(overlap.first_noticed.as_millisecond()).unwrap_or(overlap.first_noticed);
        let trigger = TriggerEvent { kind: TriggerKind::Schedule, triggered, scheduled: overlap.first };
        let state = ExecutionState::NotExecutedAlreadyQueued;
        let record =
            Record::not_executed(self.execution.entry.watch.clone(), &*settings.node_id, state, trigger.to_record(), "Watch is already queued in thread pool");
        let index = history_index(&settings.history_prefix, triggered);
        Some(Write::put(index, id.as_str(), Expect::Absent, record.to_json(settings.generation).to_string()))
    }

    /// Takes in the answers up to the first that stopped the sequence.
    async fn conclude(&mut self, steps: &[Step], answers: Vec<Result<Written, WriteError>>, manifest: &Manifest) -> Progress {
        let mut answers = answers.into_iter();
        let mut closed = 0;
        let mut progress = Progress::Done;
        for step in steps {
            let answer = answers.next().unwrap_or_else(|| Err(WriteError::Unknown("the store gave no answer".into())));
            match answer {
                Ok(written) => {
                    closed += usize::from(*step == Step::Close);
                    self.done(*step, &written);
                }
                Err(error) => {
                    // somebody else has concluded that row: it needs no end from here
                    closed += usize::from(*step == Step::Close && matches!(error, WriteError::Conflict { .. }));
                    progress = self.failed(*step, &error, manifest).await;
                    break;
                }
            }
        }
        self.sent.closings.drain(..closed.min(self.sent.closings.len()));
        progress
    }

    fn done(&mut self, step: Step, written: &Written) {
        match step {
            Step::Commit => self.execution.journalled = Journalled::Committed,
            Step::Position => {
                self.position_done = true;
                self.register(written);
            }
            Step::History => self.history_done = true,
            Step::Overlap => self.overlap_done = true,
            Step::Close | Step::End => {}
        }
    }

    /// The scheduler hears where the watch stands now.
    fn register(&self, written: &Written) {
        let (Some(document), Some(next)) = (&self.document, &self.next) else { return };
        self.execution.engine.update_position(document, next, written.revision);
    }

    async fn failed(&mut self, step: Step, error: &WriteError, manifest: &Manifest) -> Progress {
        match (step, error) {
            (Step::Commit, WriteError::Conflict { .. } | WriteError::Unknown(_)) => match self.execution.reread_commit().await {
                Reread::Committed | Reread::Triggered => Progress::Again,
                Reread::Lost => Progress::Lost,
            },
            (Step::Commit, WriteError::Refused(failure)) if self.execution.give_up_decision(failure) => {
                self.ends.clear();
                Progress::Again
            }
            (Step::Position, WriteError::Conflict { .. }) => {
                self.document = None;
                Progress::Again
            }
            (Step::Position, WriteError::Unknown(_)) => {
                self.document = None;
                Progress::Later
            }
            (Step::Position, WriteError::Refused(failure)) => {
                tracing::error!(watch = %self.execution.entry.watch, %failure, "the store refused the status of a watch");
                Progress::Later
            }
            // the record is there already, the same one: its id is that of the run
            (Step::History, WriteError::Conflict { .. }) => {
                self.history_done = true;
                Progress::Again
            }
            (Step::History, WriteError::Refused(failure)) => {
                self.reduce(failure, manifest);
                Progress::Again
            }
            (Step::Overlap, WriteError::Conflict { .. } | WriteError::Refused(_)) => {
                self.overlap_done = true;
                Progress::Again
            }
            (Step::Close, WriteError::Conflict { .. }) => Progress::Again,
            (Step::End, WriteError::Conflict { .. }) => Progress::Done,
            _ => Progress::Later,
        }
    }

    fn reduce(&mut self, failure: &Failure, manifest: &Manifest) {
        tracing::warn!(execution = %self.execution.entry.id, state = manifest.state.name(), %failure, "the history refused a record");
        self.refusal = Some(failure.clone());
        self.reduction = match self.reduction {
            Reduction::Whole => Reduction::Truncated,
            Reduction::Truncated => Reduction::Bare,
            Reduction::Bare | Reduction::GivenUp => Reduction::GivenUp,
        };
        self.history_done = self.reduction == Reduction::GivenUp;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    /// Something is known better now: at once.
    Again,
    /// The store does not answer as it should.
    Later,
    Lost,
}
