//! The run proper, up to the decision (spec watcher-api §5.3): input, condition, and a plan for every action. Nothing is sent.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;
use watchbell_watch::context::Context;
use watchbell_watch::execute::ExecuteRequest;
use watchbell_watch::record::{ActionResultStatus, ConditionResult, InputResult, record_state};
use watchbell_watch::status::ExecutionState;
use watchbell_watch::throttle::ActionMode;

use crate::actions;
use crate::answers::RunPhase;
use crate::engine::Engine;
use crate::journal::{JournalEntry, MANIFEST_BYTES_MAX, TriggerKind};
use crate::manifest::{ActionPlan, Manifest, PlannedAction, ShownDefinition};
use crate::runs::Claim;
use crate::status_after::clamp_future;
use crate::stored_watch::StoredWatch;

/// One run's decision in the making.
pub(crate) struct Decision<'r> {
    pub(crate) engine: &'r Engine,
    pub(crate) claim: &'r Claim,
    pub(crate) entry: &'r JournalEntry,
    pub(crate) stored: &'r StoredWatch,
    /// How it is to run, if by hand.
    pub(crate) request: Option<&'r ExecuteRequest>,
    pub(crate) started: Duration,
}

impl Decision<'_> {
    /// Decides; whatever goes wrong, there is a decision.
    pub(crate) async fn make(&self) -> Manifest {
        if self.entry.trigger.kind == TriggerKind::Schedule && !self.stored.status.active {
            return self.not_begun(ExecutionState::ExecutionNotNeeded, "Watch is not active");
        }
        let manifest = match AssertUnwindSafe(self.run()).catch_unwind().await {
            Ok(manifest) => manifest,
            Err(panic) => {
                self.engine.counters.count(|metrics| metrics.panics += 1);
                self.failed(None, Failure::new("runtime_exception", panic_text(&*panic)))
            }
        };
        self.within_limits(manifest)
    }

    async fn run(&self) -> Manifest {
        let skipped = self.skipped_actions();
        let context = self.context();
        self.claim.enter(RunPhase::Input);
        let input = self.input(&context).await;
        let payload = match &input.outcome {
            Ok(payload) => payload.clone(),
            Err(_) => return self.without_input(input, skipped),
        };
        self.claim.enter(RunPhase::Condition);
        let context = context.with_payload(payload);
        let model = context.model();
        let condition = match self.condition(&model) {
            Ok(condition) => condition,
            Err(failure) => return self.failed(Some(input), failure),
        };
        let mut actions = skipped;
        if condition.met {
            self.claim.enter(RunPhase::Actions);
            actions = self.plan_actions(&context);
        }
        let state = record_state(Some(condition.met), actions.iter().filter_map(settled_status));
        Manifest { input: Some(input), condition: Some(condition), actions, ..self.blank(state) }
    }

    fn context(&self) -> Context {
        Context {
            id: self.entry.id.clone(),
            watch_id: self.entry.watch.clone(),
            execution_time: self.entry.execution_time,
            triggered_time: self.entry.trigger.triggered,
            scheduled_time: self.entry.trigger.scheduled,
            metadata: self.stored.watch.metadata.clone(),
            payload: None,
            vars: Json::object(),
        }
    }

    async fn input(&self, context: &Context) -> InputResult {
        match self.request.and_then(|request| request.alternative_input.clone()) {
            Some(payload) => InputResult::success("simple", payload),
            None => crate::inputs::run(self.engine, &self.stored.watch.input, &context.model()).await,
        }
    }

    fn condition(&self, model: &Json) -> Result<ConditionResult, Failure> {
        if self.ignores_condition() {
            return Ok(ConditionResult::always_met());
        }
        self.stored.watch.condition.evaluate(model, self.entry.execution_time)
    }

    fn ignores_condition(&self) -> bool {
        self.request.is_some_and(|request| request.ignore_condition)
    }

    fn mode(&self, action: &watchbell_watch::action::Action) -> ActionMode {
        self.request.map(|request| request.mode(&action.id)).unwrap_or_default()
    }

    /// Actions skipped by request have their result before the run begins.
    fn skipped_actions(&self) -> Vec<PlannedAction> {
        let skipped = self.stored.watch.actions.iter().filter(|action| self.mode(action) == ActionMode::Skip);
        skipped.map(|action| self.planned(action, actions::skipped(action))).collect()
    }

    fn plan_actions(&self, context: &Context) -> Vec<PlannedAction> {
        let watch = &self.stored.watch;
        let mut status = self.stored.status.clone();
        clamp_future(&mut status, self.engine.ports.clock.now());
        let planner = actions::Planner {
            watch,
            status: &status,
            context,
            execution: &self.entry.key,
            templates: self.engine.templates(),
            default_throttle_millis: millis(self.engine.settings.default_throttle_period),
            index_millis: millis(self.engine.settings.index_timeout),
            bulk_millis: millis(self.engine.settings.bulk_timeout),
            now: self.engine.now(),
        };
        watch.actions.iter().map(|action| self.planned(action, planner.plan(action, self.mode(action)))).collect()
    }

    fn planned(&self, action: &watchbell_watch::action::Action, plan: ActionPlan) -> PlannedAction {
        PlannedAction { id: action.id.clone(), kind: action.kind.name().to_owned(), cancels: self.stored.position.cancels(&action.id), plan }
    }

    /// The input failed: no condition, no actions; the record says why.
    fn without_input(&self, input: InputResult, actions: Vec<PlannedAction>) -> Manifest {
        let condition = self.ignores_condition().then(ConditionResult::always_met);
        let state = record_state(condition.as_ref().map(|condition| condition.met), actions.iter().filter_map(settled_status));
        Manifest { input: Some(input), condition, actions, messages: vec!["failed to execute watch input".into()], ..self.blank(state) }
    }

    /// An exception ended the run: the status is not written.
    fn failed(&self, input: Option<InputResult>, exception: Failure) -> Manifest {
        Manifest { input, exception: Some(exception), writes_status: false, ..self.blank(ExecutionState::Failed) }
    }

    fn not_begun(&self, state: ExecutionState, message: &str) -> Manifest {
        Manifest { shown: None, writes_status: false, messages: vec![message.into()], ..self.blank(state) }
    }

    fn blank(&self, state: ExecutionState) -> Manifest {
        let watch = &self.stored.watch;
        let took = self.engine.ports.clock.elapsed().saturating_sub(self.started);
        Manifest {
            execution_time: self.entry.execution_time,
            decided: self.engine.now(),
            took_millis: millis(took),
            edition: self.stored.position.edition,
            state,
            writes_status: true,
            shown: Some(ShownDefinition { input: watch.input.to_json(), condition: watch.condition.to_json(), metadata: watch.metadata.clone() }),
            input: None,
            condition: None,
            actions: Vec::new(),
            messages: Vec::new(),
            exception: None,
        }
    }

    fn within_limits(&self, manifest: Manifest) -> Manifest {
        let size = manifest.to_json().to_string().len();
        if size <= MANIFEST_BYTES_MAX {
            return manifest;
        }
        let reason = format!("the decision of this run takes [{size}] bytes, more than the limit of [{MANIFEST_BYTES_MAX}]");
        self.failed(None, Failure::new("circuit_breaking_exception", reason))
    }
}

/// A run that cannot be decided, since its definition cannot be read or its decision cannot be kept, is one that failed.
pub(crate) fn undecided(entry: &JournalEntry, edition: i64, now: Timestamp, failure: Failure) -> Manifest {
    Manifest {
        execution_time: entry.execution_time,
        decided: now,
        took_millis: 0,
        edition,
        state: ExecutionState::Failed,
        writes_status: false,
        shown: None,
        input: None,
        condition: None,
        actions: Vec::new(),
        messages: Vec::new(),
        exception: Some(failure),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn settled_status(action: &PlannedAction) -> Option<ActionResultStatus> {
    match &action.plan {
        ActionPlan::Settled { result, .. } => Some(result.status),
        ActionPlan::Send(_) => None,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the execution failed unexpectedly: {}", text.unwrap_or_else(|| "no reason given".into()))
}
