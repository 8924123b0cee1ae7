//! From due watches to journal documents: one write for the whole batch.

use std::sync::Arc;

use watchbell_store::{Expect, Revision, Write, WriteError, Written};
use watchbell_time::Timestamp;
use watchbell_watch::WatchId;

use crate::engine::Engine;
use crate::executor::{Job, Work};
use crate::identity::{journal_key, public_id};
use crate::journal::{JournalEntry, Run, TriggerEvent, TriggerKind};
use crate::names::JOURNAL;
use crate::runs::Claim;
use crate::timetable::NextRun;

/// A watch that is due, claimed.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) claim: Claim,
    pub(crate) watch: WatchId,
    pub(crate) incarnation: String,
    pub(crate) fires: i64,
    pub(crate) run: NextRun,
    pub(crate) triggered: Timestamp,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Triggered {
    /// Their journal document is there already, made by an earlier process or another node.
    pub(crate) blocked: Vec<WatchId>,
    /// Why some could not be written at all.
    pub(crate) trouble: Option<String>,
}

/// Creates the journal documents of a batch, and hands to the executor what was created.
pub(crate) async fn trigger(engine: Arc<Engine>, batch: Vec<Due>) -> Triggered {
    let entries: Vec<(Due, JournalEntry)> = batch.into_iter().map(|due| with_entry(&engine, due)).collect();
    let writes: Vec<Write> = entries.iter().map(|(_, entry)| entry.write(Expect::Absent)).collect();
    let answers = engine.ports.state.bulk(writes).await;
    let mut outcome = Triggered::default();
    let mut answers = answers.into_iter();
    for (due, entry) in entries {
        let answer = answers.next().unwrap_or_else(|| Err(WriteError::Unknown("the store gave no answer".into())));
        match created(&engine, &entry, answer).await {
            Created::Ours(revision) => start(&engine, due, entry, revision),
            Created::Taken => outcome.blocked.push(due.watch.clone()),
            Created::Not(reason) => outcome.trouble = Some(reason),
        }
    }
    if !outcome.blocked.is_empty() {
        engine.sweep_now();
    }
    outcome
}

fn with_entry(engine: &Engine, due: Due) -> (Due, JournalEntry) {
    // the reference's ticks have milliseconds, its execution times what its clock has
    let execution_time = engine.settings.generation.clock_reading(due.triggered);
    let tick = Timestamp::from_millisecond(due.triggered.as_millisecond()).unwrap_or(due.triggered);
    let entry = JournalEntry {
        key: journal_key(&due.watch, &due.incarnation, due.fires),
        watch: due.watch.clone(),
        run: Some(Run { incarnation: due.incarnation.clone(), fires: Some(due.fires) }),
        id: public_id(&due.watch, &*engine.ports.entropy, execution_time, engine.settings.generation),
        trigger: TriggerEvent { kind: TriggerKind::Schedule, triggered: tick, scheduled: due.run.scheduled },
        execution_time,
        missed: due.run.missed,
        resumed: 0,
        manifest: None,
    };
    (due, entry)
}

/// Whether a journal document was created, and by whom.
#[derive(Debug)]
pub(crate) enum Created {
    Ours(Revision),
    Taken,
    Not(String),
}

/// Concludes a create-if-absent; where the outcome is unknown, from what stands there.
pub(crate) async fn created(engine: &Engine, entry: &JournalEntry, answer: Result<Written, WriteError>) -> Created {
    match answer {
        Ok(written) => Created::Ours(written.revision),
        Err(WriteError::Conflict { .. } | WriteError::Unknown(_)) => match engine.ports.state.get(JOURNAL, &entry.key).await {
            Ok(Some(document)) => match JournalEntry::parse(&document) {
                Ok((found, revision)) if found.id == entry.id => Created::Ours(revision),
                _ => Created::Taken,
            },
            Ok(None) => Created::Not("the outcome of a write to the journal is unknown".into()),
            Err(error) => Created::Not(error.to_string()),
        },
        Err(error) => Created::Not(error.to_string()),
    }
}

fn start(engine: &Engine, due: Due, entry: JournalEntry, revision: Revision) {
    let lateness = engine.ports.clock.now().duration_since(due.run.scheduled).unsigned_abs();
    engine.counters.count(|metrics| {
        metrics.triggered += 1;
        metrics.skipped += due.run.missed.unsigned_abs();
        metrics.lateness.note(lateness);
    });
    due.claim.describe(&entry.watch, &entry.id, entry.trigger.triggered, entry.execution_time);
    engine.submit(Job { claim: due.claim, work: Work::Journalled { entry: Box::new(entry), revision, is_resumed: false } });
}
