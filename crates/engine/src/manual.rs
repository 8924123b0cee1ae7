//! Executions that somebody asks for and waits for (spec watcher-api §8), through the same steps as all others.

use std::sync::Arc;

use tokio::sync::oneshot;
use watchbell_json::{Failure, Json};
use watchbell_store::Expect;
use watchbell_watch::execute::{ExecuteRequest, ExecuteTarget, trigger_times};
use watchbell_watch::record::Record;
use watchbell_watch::status::{ExecutionState, WatchStatus};
use watchbell_watch::{ExecutionId, ParseMode, Watch, WatchId};

use crate::answers::ExecuteAnswer;
use crate::engine::{Engine, store_failure};
use crate::execution::{Decided, Execution};
use crate::executor::{Job, Work};
use crate::identity::{journal_key, new_incarnation, public_id, unnumbered_key};
use crate::journal::{JournalEntry, Run, TriggerEvent, TriggerKind};
use crate::names::history_index;
use crate::position::Position;
use crate::runs::Claim;
use crate::stored_watch::{StoredWatch, WatchDocument};
use crate::trigger::{Created, created};

/// The version of a watch that is not stored.
const INLINE_VERSION: i64 = -1;

#[derive(Debug)]
pub(crate) struct ManualRun {
    request: ExecuteRequest,
    reply: oneshot::Sender<Result<ExecuteAnswer, Failure>>,
}

/// What is to be run.
struct Target {
    stored: StoredWatch,
    /// `None`: inline.
    document: Option<WatchDocument>,
}

/// Queues the execution and waits for its end.
///
/// # Errors
/// `es_rejected_execution_exception` if too many wait; those of the request.
pub(crate) async fn execute(engine: &Engine, request: ExecuteRequest) -> Result<ExecuteAnswer, Failure> {
    if engine.runs.waiting() >= engine.settings.queue_size {
        return Err(Failure::new("es_rejected_execution_exception", "rejected execution of a watch: the queue of the watcher thread pool is full"));
    }
    let claim = match &request.target {
        ExecuteTarget::Stored(id) => match engine.runs.claim(id) {
            Some(claim) => claim,
            None => return already_queued(engine, id, &request).await,
        },
        ExecuteTarget::Inline(_) => inline_claim(engine)?,
    };
    let (reply, answer) = oneshot::channel();
    engine.submit(Job { claim, work: Work::Manual(Box::new(ManualRun { request, reply })) });
    answer.await.unwrap_or_else(|_| Err(Failure::new("node_closed_exception", "the execution was given up: the service is shutting down")))
}

/// Inline executions do not hinder each other: each claims a name of its own.
fn inline_claim(engine: &Engine) -> Result<Claim, Failure> {
    let name = format!("{}/{}", WatchId::inlined(), unnumbered_key(&*engine.ports.entropy));
    let unique = WatchId::parse(&name).map_err(|_| Failure::illegal_state("the name of an inline execution is no id"))?;
    engine.runs.claim(&unique).ok_or_else(|| Failure::illegal_state("an inline execution met another one"))
}

/// The watch waits or runs: a record says so, and nothing else happens.
async fn already_queued(engine: &Engine, id: &WatchId, request: &ExecuteRequest) -> Result<ExecuteAnswer, Failure> {
    engine.read_watch(id).await?.ok_or_else(|| no_such_watch(id))?;
    let now = engine.now();
    let trigger = trigger_event(engine, request)?;
    let execution = public_id(id, &*engine.ports.entropy, now, engine.settings.generation);
    let record = Record::not_executed(
        id.clone(),
        &*engine.settings.node_id,
        ExecutionState::NotExecutedAlreadyQueued,
        trigger.to_record(),
        "Watch is already queued in thread pool",
    );
    let record = record.to_json(engine.settings.generation);
    if request.record_execution {
        write_record(engine, &trigger, &execution, &record).await;
    }
    Ok(ExecuteAnswer { id: execution, record })
}

async fn write_record(engine: &Engine, trigger: &TriggerEvent, execution: &ExecutionId, record: &Json) {
    let index = history_index(&engine.settings.history_prefix, trigger.triggered);
    let write = watchbell_store::Write::put(index, execution.as_str(), Expect::Absent, record.to_string());
    if let Err(error) = engine.ports.state.write(write).await {
        tracing::warn!(%execution, %error, "a record could not be written");
    }
}

fn trigger_event(engine: &Engine, request: &ExecuteRequest) -> Result<TriggerEvent, Failure> {
    let (triggered, scheduled) = trigger_times(request.trigger_data.as_ref(), engine.now())?;
    Ok(TriggerEvent { kind: TriggerKind::Manual, triggered, scheduled })
}

pub(crate) fn no_such_watch(id: &WatchId) -> Failure {
    Failure::new("resource_not_found_exception", format!("Watch with id [{id}] does not exist"))
}

impl ManualRun {
    pub(crate) async fn run(self, engine: Arc<Engine>, claim: Claim) {
        if self.reply.is_closed() {
            return; // nobody waits any more
        }
        let answer = perform(engine, claim, &self.request).await;
        // who asked may have gone meanwhile
        let _gone = self.reply.send(answer);
    }
}

async fn perform(engine: Arc<Engine>, mut claim: Claim, request: &ExecuteRequest) -> Result<ExecuteAnswer, Failure> {
    let target = find_target(&engine, request).await?;
    let trigger = trigger_event(&engine, request)?;
    let entry = entry_of(&engine, request, &target, trigger);
    let id = entry.id.clone();
    claim.describe(&entry.watch, &entry.id, trigger.triggered, entry.execution_time);
    claim.begin(entry.execution_time);
    let mut execution = if request.record_execution {
        match begin_recorded(&engine, &entry).await? {
            Some(revision) => Execution::journalled(engine.clone(), claim, entry, revision),
            None => {
                // an execution of another process has this number: as if it ran here
                drop(claim);
                engine.sweep_now();
                return already_queued(&engine, &target.stored.watch.id, request).await;
            }
        }
    } else {
        Execution::unrecorded(engine.clone(), claim, entry)
    };
    execution.decide_on(&target.stored, Some(request)).await;
    let version = target.document.as_ref().map_or(INLINE_VERSION, |document| document.version);
    let decided = Decided { status: target.stored.status, version, document: target.document };
    match execution.carry_out(Some(decided)).await {
        Some(record) => Ok(ExecuteAnswer { id, record }),
        None => Err(Failure::illegal_state(format!("the execution [{id}] was concluded elsewhere"))),
    }
}

async fn find_target(engine: &Engine, request: &ExecuteRequest) -> Result<Target, Failure> {
    match &request.target {
        ExecuteTarget::Stored(id) => {
            let document = engine.read_watch(id).await?.ok_or_else(|| no_such_watch(id))?;
            Ok(Target { stored: (*document.read()?).clone(), document: Some(document) })
        }
        ExecuteTarget::Inline(body) => {
            let id = WatchId::inlined();
            let watch = Watch::parse(&id, body, &ParseMode::new(engine.settings.generation))?;
            let now = engine.now();
            let status = match body.get("status") {
                Some(status) => WatchStatus::parse(&id, status)?,
                None => WatchStatus::on_put(watch.actions.iter().map(|action| &action.id), true, now),
            };
            status.check(&watch)?;
            let position = Position::new(new_incarnation(&*engine.ports.entropy), &watch.schedule, now);
            Ok(Target { stored: StoredWatch { watch, status, position }, document: None })
        }
    }
}

/// A recorded run takes the watch's next number; any other takes its key from chance and touches nothing.
fn entry_of(engine: &Engine, request: &ExecuteRequest, target: &Target, trigger: TriggerEvent) -> JournalEntry {
    let StoredWatch { watch, position, .. } = &target.stored;
    let fires = request.record_execution.then_some(position.fires);
    let execution_time = engine.now();
    JournalEntry {
        key: match fires {
            Some(fires) => journal_key(&watch.id, &position.incarnation, fires),
            None => unnumbered_key(&*engine.ports.entropy),
        },
        watch: watch.id.clone(),
        run: target.document.is_some().then(|| Run { incarnation: position.incarnation.clone(), fires }),
        id: public_id(&watch.id, &*engine.ports.entropy, execution_time, engine.settings.generation),
        trigger,
        execution_time,
        missed: 0,
        resumed: 0,
        manifest: None,
    }
}

/// `None`: another execution has the number.
async fn begin_recorded(engine: &Engine, entry: &JournalEntry) -> Result<Option<watchbell_store::Revision>, Failure> {
    let answer = engine.ports.state.write(entry.write(Expect::Absent)).await;
    match created(engine, entry, answer).await {
        Created::Ours(revision) => Ok(Some(revision)),
        Created::Taken => Ok(None),
        Created::Not(reason) => Err(store_failure(watchbell_store::StoreError::Unavailable(Failure::new("unavailable_shards_exception", reason)))),
    }
}
