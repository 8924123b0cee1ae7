//! One execution, from its journal document to its end.
//!
//! Look at the watch, decide, commit the decision, send, finish. Each step is durable before the next begins, and each can be
//! taken up by another process from what the journal says.

use std::collections::HashMap;
use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_outbox::{DeliveryKey, Ended, Entry, Row};
use watchbell_store::{Expect, Revision, Write, WriteError, Written};
use watchbell_watch::execute::ExecuteRequest;
use watchbell_watch::record::Record;
use watchbell_watch::status::{ExecutionState, WatchStatus};

use crate::answers::RunPhase;
use crate::decide::{Decision, undecided};
use crate::engine::Engine;
use crate::finish::Finish;
use crate::journal::{JournalEntry, TriggerKind};
use crate::names::{JOURNAL, history_index};
use crate::runs::Claim;
use crate::scheduler::Command;
use crate::stored_watch::{StoredWatch, WatchDocument};

/// A scheduled run that was begun this many times again, and each time ended with its process before anything was decided,
/// fails: a watch that kills the process must not kill it for ever. As many as [`watchbell_outbox::ATTEMPTS_MAX`].
const RESUMES_MAX: i64 = 5;

/// How the journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journalled {
    /// No document yet: a run that is not recorded gets one only if it sends.
    Not,
    Triggered(Revision),
    Committed,
}

/// The watch as it was when the decision was made.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// `None`: given inline.
    pub(crate) document: Option<WatchDocument>,
    pub(crate) status: WatchStatus,
    /// As records show it.
    pub(crate) version: i64,
}

/// What the watch says about a run that was triggered.
enum Look {
    Run(Box<WatchDocument>),
    /// Another run had this number already.
    Superseded,
    Gone,
}

/// What became of the messages.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) ends: HashMap<DeliveryKey, Ended>,
    /// Rows whose end is not durable yet.
    pub(crate) closings: Vec<Entry>,
}

#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) engine: Arc<Engine>,
    pub(crate) claim: Claim,
    pub(crate) entry: JournalEntry,
    pub(crate) journalled: Journalled,
    /// Whether this process made the journal document, just now.
    is_own: bool,
}

impl Execution {
    /// A run whose journal document stands.
    pub(crate) fn journalled(engine: Arc<Engine>, claim: Claim, entry: JournalEntry, revision: Revision) -> Execution {
        let journalled = if entry.manifest.is_some() { Journalled::Committed } else { Journalled::Triggered(revision) };
        Execution { engine, claim, entry, journalled, is_own: true }
    }

    /// A run that leaves no trace but its messages.
    pub(crate) fn unrecorded(engine: Arc<Engine>, claim: Claim, entry: JournalEntry) -> Execution {
        Execution { engine, claim, entry, journalled: Journalled::Not, is_own: true }
    }

    /// Takes up what somebody else has begun: the journal is read again first.
    pub(crate) async fn resume(mut self) {
        self.is_own = false;
        for attempt in 0.. {
            match self.take_over().await {
                TakeOver::Done => break,
                TakeOver::Moot => return,
                TakeOver::Later => self.engine.pause(attempt).await,
            }
        }
        self.engine.counters.count(|metrics| metrics.resumed += 1);
        self.run().await;
    }

    /// Reads the journal, and counts there that the run is begun once more.
    async fn take_over(&mut self) -> TakeOver {
        let document = match self.engine.ports.state.get(JOURNAL, &self.entry.key).await {
            Ok(Some(document)) => document,
            Ok(None) => return TakeOver::Moot, // it has ended meanwhile
            Err(_) => return TakeOver::Later,
        };
        let Ok((mut entry, revision)) = JournalEntry::parse(&document) else { return TakeOver::Moot };
        self.journalled = if entry.manifest.is_some() { Journalled::Committed } else { Journalled::Triggered(revision) };
        if entry.manifest.is_none() && entry.trigger.kind == TriggerKind::Schedule {
            entry.resumed += 1;
            match self.engine.ports.state.write(entry.write(Expect::Revision(revision))).await {
                Ok(written) => self.journalled = Journalled::Triggered(written.revision),
                Err(_) => return TakeOver::Later,
            }
        }
        self.entry = entry;
        TakeOver::Done
    }

    pub(crate) async fn run(mut self) {
        if self.entry.manifest.is_some() {
            self.claim.begin(self.entry.execution_time);
            self.carry_out(None).await;
            return;
        }
        if !self.is_own {
            self.entry.execution_time = self.engine.now(); // of this attempt; the public id keeps the first one
        }
        self.claim.begin(self.entry.execution_time);
        let is_stale_manual = !self.is_own && self.entry.trigger.kind == TriggerKind::Manual;
        if is_stale_manual {
            return self.drop_journal().await; // its caller is gone
        }
        match self.look().await {
            Look::Run(document) => {
                let decided = self.decide(*document).await;
                self.carry_out(Some(decided)).await;
            }
            Look::Superseded => self.drop_journal().await,
            Look::Gone => self.conclude_gone().await,
        }
    }

    /// The newest definition decides whether the run is still due.
    async fn look(&self) -> Look {
        let (Some(run), Some(document)) = (&self.entry.run, self.engine.read_watch_surely(&self.entry.watch).await) else { return Look::Gone };
        if document.incarnation() != run.incarnation {
            return Look::Gone;
        }
        let next = document.position().map_or(0, |position| position.fires);
        if run.fires.is_some_and(|fires| fires < next) { Look::Superseded } else { Look::Run(Box::new(document)) }
    }

    async fn decide(&mut self, document: WatchDocument) -> Decided {
        let readable = if self.entry.resumed > RESUMES_MAX {
            Err(Failure::illegal_state(format!("the process ended [{}] times while this run was under way", self.entry.resumed)))
        } else {
            document.read()
        };
        match readable {
            Ok(stored) => {
                self.decide_on(&stored, None).await;
                Decided { version: document.version, status: stored.status.clone(), document: Some(document) }
            }
            Err(failure) => {
                let edition = document.position().map_or(0, |position| position.edition);
                self.entry.manifest = Some(undecided(&self.entry, edition, self.engine.now(), failure));
                let status = WatchStatus::on_put([], true, self.engine.now());
                Decided { version: document.version, status, document: Some(document) }
            }
        }
    }

    /// The journal will never take the decision as it is: the run fails instead. `false` if it did so before.
    pub(crate) fn give_up_decision(&mut self, failure: &Failure) -> bool {
        let Some(manifest) = self.entry.manifest.as_ref().filter(|manifest| manifest.exception.is_none() || manifest.input.is_some()) else { return false };
        tracing::error!(execution = %self.entry.id, %failure, "the journal refused a decision");
        self.entry.manifest = Some(undecided(&self.entry, manifest.edition, manifest.decided, failure.clone()));
        true
    }

    /// Fills in the manifest.
    pub(crate) async fn decide_on(&mut self, stored: &StoredWatch, request: Option<&ExecuteRequest>) {
        let started = self.engine.ports.clock.elapsed();
        let decision = Decision { engine: &self.engine, claim: &self.claim, entry: &self.entry, stored, request, started };
        self.entry.manifest = Some(decision.make().await);
    }

    /// Commits, sends, finishes; returns the record.
    pub(crate) async fn carry_out(mut self, decided: Option<Decided>) -> Option<Json> {
        self.claim.enter(RunPhase::Actions);
        let rows = self.rows();
        let sent = if rows.is_empty() {
            Sent::default()
        } else {
            let entries = self.commit(rows).await?;
            self.send(entries).await
        };
        self.claim.enter(RunPhase::Finished);
        Finish::new(self, decided, sent).run().await
    }

    fn rows(&self) -> Vec<Row> {
        let incarnation = self.entry.run.as_ref().map(|run| run.incarnation.as_str());
        match &self.entry.manifest {
            Some(manifest) => manifest.rows(&self.entry.key, &self.entry.watch, incarnation),
            None => Vec::new(),
        }
    }

    /// Makes the manifest durable together with its rows. The boolean says whether the row's announcement is durable, so that
    /// its message may leave at once. `None`: somebody else carries the run out.
    async fn commit(&mut self, rows: Vec<Row>) -> Option<Vec<(Entry, bool)>> {
        if self.journalled == Journalled::Committed {
            return Some(self.look_up(rows).await);
        }
        for attempt in 0.. {
            let mut entries = self.engine.outbox.open(rows.clone());
            let mut writes = vec![self.commit_write()?];
            writes.extend(entries.iter().map(Entry::write));
            let mut answers = self.engine.ports.state.sequence(writes).await.into_iter();
            match answers.next() {
                Some(Ok(_)) => {
                    self.journalled = Journalled::Committed;
                    return Some(self.opened(rows, &mut entries, answers).await);
                }
                Some(Err(WriteError::Conflict { .. } | WriteError::Unknown(_))) | None => match self.reread_commit().await {
                    Reread::Committed => return Some(self.look_up(rows).await),
                    Reread::Triggered => {}
                    Reread::Lost => return None,
                },
                // with nothing left to send it is committed in the finish
                Some(Err(WriteError::Refused(failure))) if self.give_up_decision(&failure) => return Some(Vec::new()),
                Some(Err(_)) => {}
            }
            self.engine.pause(attempt).await;
        }
        None
    }

    /// The write that turns the journal document into a committed one; `None` if it is one.
    pub(crate) fn commit_write(&self) -> Option<Write> {
        match self.journalled {
            Journalled::Not => Some(self.entry.write(Expect::Absent)),
            Journalled::Triggered(revision) => Some(self.entry.write(Expect::Revision(revision))),
            Journalled::Committed => None,
        }
    }

    /// After a commit whose outcome is not known, or that met another one: what does the journal say?
    pub(crate) async fn reread_commit(&mut self) -> Reread {
        for attempt in 0.. {
            match self.engine.ports.state.get(JOURNAL, &self.entry.key).await {
                Ok(None) if self.journalled == Journalled::Not => return Reread::Triggered,
                Ok(None) => return Reread::Lost,
                Ok(Some(document)) => {
                    return match JournalEntry::parse(&document) {
                        // as documents: what was printed reads back with dates as texts
                        Ok((found, _)) if found.to_json().to_string() == self.entry.to_json().to_string() => {
                            self.journalled = Journalled::Committed;
                            Reread::Committed
                        }
                        Ok((found, revision)) if found.manifest.is_none() => {
                            self.journalled = Journalled::Triggered(revision);
                            Reread::Triggered
                        }
                        _ => Reread::Lost, // another decision stands
                    };
                }
                Err(_) => self.engine.pause(attempt).await,
            }
        }
        Reread::Lost
    }

    /// Pairs the rows just opened with the answers of the store; where one is missing the ledger is asked.
    async fn opened(&self, rows: Vec<Row>, entries: &mut [Entry], answers: impl Iterator<Item = Result<Written, WriteError>>) -> Vec<(Entry, bool)> {
        let answers: Vec<_> = answers.collect();
        if answers.len() != entries.len() || answers.iter().any(Result::is_err) {
            return self.look_up(rows).await;
        }
        let opened = entries.iter().zip(answers).enumerate().map(|(at, (entry, answer))| {
            let revision = answer.ok().map(|written| written.revision);
            (Entry { revision, ..entry.clone() }, at == 0)
        });
        opened.collect()
    }

    async fn look_up(&self, rows: Vec<Row>) -> Vec<(Entry, bool)> {
        for attempt in 0.. {
            match self.engine.outbox.look_up(rows.clone()).await {
                Ok(entries) => return entries.into_iter().map(|entry| (entry, false)).collect(),
                Err(error) => {
                    tracing::warn!(execution = %self.entry.id, %error, "the ledger does not answer");
                    self.engine.pause(attempt).await;
                }
            }
        }
        Vec::new()
    }

    /// Sends what is not sent yet, one after another.
    async fn send(&self, entries: Vec<(Entry, bool)>) -> Sent {
        let mut sent = Sent::default();
        let mut entries = entries.into_iter().peekable();
        while let Some((entry, announced)) = entries.next() {
            let (key, action) = (entry.row.delivery.key.clone(), entry.row.origin.action.clone());
            let ended = self.settle(entry, announced, &mut sent.closings).await;
            sent.ends.insert(key, ended);
            if entries.peek().is_none_or(|(next, _)| next.row.origin.action != action) {
                self.claim.executed(action.as_str());
            }
        }
        self.engine.count_ended_rows(sent.ends.len());
        sent
    }

    async fn settle(&self, mut entry: Entry, mut announced: bool, closings: &mut Vec<Entry>) -> Ended {
        let mut attempt = 0;
        loop {
            match self.engine.outbox.settle(entry.clone(), announced, closings, &*self.engine).await {
                Ok(ended) => return ended,
                Err(blocked) => tracing::warn!(delivery = %entry.row.delivery.key, reason = %blocked, "a delivery waits"),
            }
            self.engine.pause(attempt).await;
            attempt += 1;
            announced = false;
            if let Some((found, _)) = self.look_up(vec![entry.row.clone()]).await.pop() {
                entry = found;
            }
        }
    }

    /// The run counts for nothing: another one has its number, or it was by hand and nobody waits any more.
    async fn drop_journal(self) {
        for attempt in 0.. {
            match self.engine.ports.state.write(self.entry.delete()).await {
                Ok(_) | Err(WriteError::Conflict { .. }) => break,
                Err(_) => self.engine.pause(attempt).await,
            }
        }
        self.register_anew().await;
    }

    /// The watch is gone, or another one has its id: the record says so.
    async fn conclude_gone(self) {
        let (id, watch) = (&self.entry.id, &self.entry.watch);
        let message = if self.is_own {
            format!("unable to find watch for record [{id}]")
        } else {
            format!("unable to find watch for record [{watch}]/[{id}], perhaps it has been deleted, ignoring...")
        };
        let settings = &self.engine.settings;
        let record = Record::not_executed(watch.clone(), &*settings.node_id, ExecutionState::NotExecutedWatchMissing, self.entry.trigger.to_record(), message);
        let index = history_index(&settings.history_prefix, self.entry.trigger.triggered);
        let write = Write::put(index, id.as_str(), Expect::Absent, record.to_json(settings.generation).to_string());
        for attempt in 0.. {
            match self.engine.ports.state.write(write.clone()).await {
                Ok(_) | Err(WriteError::Conflict { .. } | WriteError::Refused(_)) => break,
                Err(_) => self.engine.pause(attempt).await,
            }
        }
        self.drop_journal().await;
    }

    /// Tells the scheduler where the watch stands.
    async fn register_anew(&self) {
        match (self.engine.read_watch_surely(&self.entry.watch).await, &self.entry.run) {
            (Some(document), run) => {
                if let Some(run) = run.as_ref().filter(|run| run.incarnation != document.incarnation()) {
                    self.engine.replace_registration(&document, &run.incarnation);
                } else {
                    self.engine.update_registration(&document);
                }
            }
            (None, Some(run)) => self.engine.scheduler.send(Command::Forget(self.entry.watch.clone(), run.incarnation.clone())),
            (None, None) => {}
        }
    }
}

/// What came of taking up a run that another process began.
enum TakeOver {
    Done,
    /// There is nothing to take up, or nothing that can be read.
    Moot,
    Later,
}

/// What the journal said when it was read again.
pub(crate) enum Reread {
    Committed,
    Triggered,
    /// Ended, or decided otherwise, by somebody else.
    Lost,
}
