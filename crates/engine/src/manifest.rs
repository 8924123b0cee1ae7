//! What a run decided: everything that is left to do, so that whoever finds it can do it without deciding again.

use watchbell_json::{Failure, Json};
use watchbell_outbox::{DeliveryKey, Message, Origin, Row, message_document};
use watchbell_time::Timestamp;
use watchbell_watch::record::{ActionResult, ConditionResult, InputResult};
use watchbell_watch::status::ExecutionState;
use watchbell_watch::{ActionId, WatchId};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// `T`: what status and record call the execution's time.
    pub(crate) execution_time: Timestamp,
    pub(crate) decided: Timestamp,
    /// Milliseconds from the start of the run to the decision.
    pub(crate) took_millis: i64,
    /// The edition of the watch that was decided on: a newer one gets no status from this run.
    pub(crate) edition: i64,
    pub(crate) state: ExecutionState,
    /// Whether the status is written back: not if an exception ended the run, nor if it never began.
    pub(crate) writes_status: bool,
    /// What the record shows of the watch; `None` if the run never began.
    pub(crate) shown: Option<ShownDefinition>,
    pub(crate) input: Option<InputResult>,
    pub(crate) condition: Option<ConditionResult>,
    pub(crate) actions: Vec<PlannedAction>,
    pub(crate) messages: Vec<String>,
    /// What ended the run, in the place of `messages`.
    pub(crate) exception: Option<Failure>,
}

/// The parts of a definition that records show, secrets redacted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShownDefinition {
    pub(crate) input: Json,
    pub(crate) condition: Json,
    pub(crate) metadata: Option<Json>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedAction {
    pub(crate) id: ActionId,
    /// `webhook`, `logging`, …
    pub(crate) kind: String,
    /// How often its deliveries had been cancelled.
    pub(crate) cancels: i64,
    pub(crate) plan: ActionPlan,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ActionPlan {
    /// Nothing to send: its result is known.
    Settled {
        result: ActionResult,
        /// Its own condition was false, at this moment.
        condition_not_met: Option<Timestamp>,
    },
    Send(SendPlan),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SendPlan {
    pub(crate) condition: Option<ConditionResult>,
    /// Present with `foreach`: its `max_iterations`.
    pub(crate) foreach: Option<usize>,
    /// One, or one an element with `foreach`.
    pub(crate) iterations: Vec<Iteration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Iteration {
    /// An index action's `_doc` list: its documents are sent one by one and shown as a list.
    pub(crate) is_bulk: bool,
    pub(crate) messages: Vec<Message>,
}

impl Manifest {
    /// Every message with its key, in the order in which they leave.
    pub(crate) fn rows(&self, execution: &str, watch: &WatchId, incarnation: Option<&str>) -> Vec<Row> {
        let mut rows = Vec::new();
        for action in &self.actions {
            let ActionPlan::Send(send) = &action.plan else { continue };
            for (item, message) in send.messages().enumerate() {
                let origin = Origin {
                    watch: watch.clone(),
                    incarnation: incarnation.map(str::to_owned),
                    action: action.id.clone(),
                    execution: execution.to_owned(),
                    cancels: action.cancels,
                };
                let key = DeliveryKey::of(execution, action.id.as_str(), item);
                rows.push(Row::decided(key, message.clone(), origin, self.decided));
            }
        }
        rows
    }

    pub(crate) fn to_json(&self) -> Json {
        Json::object()
            .with("execution_time", self.execution_time.to_string())
            .with("decided", self.decided.to_string())
            .with("took_millis", self.took_millis)
            .with("edition", self.edition)
            .with("state", self.state.name())
            .with("writes_status", self.writes_status)
            .with_some("shown", self.shown.as_ref().map(ShownDefinition::to_json))
            .with_some("input", self.input.as_ref().map(InputResult::to_json))
            .with_some("condition", self.condition.as_ref().map(ConditionResult::to_json))
            .with("actions", self.actions.iter().map(PlannedAction::to_json).collect::<Json>())
            .with("messages", self.messages.clone())
            .with_some("exception", self.exception.as_ref().map(Failure::to_exception_json))
    }

    pub(crate) fn parse(stored: &Json) -> Option<Manifest> {
        Some(Manifest {
            execution_time: instant(stored, "execution_time")?,
            decided: instant(stored, "decided")?,
            took_millis: stored.get("took_millis")?.as_i64()?,
            edition: stored.get("edition")?.as_i64()?,
            state: ExecutionState::parse(stored.get("state")?.as_str()?)?,
            writes_status: stored.get("writes_status")?.as_bool()?,
            shown: optional(stored, "shown", ShownDefinition::parse)?,
            input: optional(stored, "input", InputResult::from_json)?,
            condition: optional(stored, "condition", ConditionResult::from_json)?,
            actions: stored.get("actions")?.as_list()?.iter().map(PlannedAction::parse).collect::<Option<_>>()?,
            messages: stored.get("messages")?.as_list()?.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            exception: stored.get("exception").map(Failure::from_json),
        })
    }
}

impl ShownDefinition {
    fn to_json(&self) -> Json {
        Json::object().with("input", self.input.clone()).with("condition", self.condition.clone()).with_some("metadata", self.metadata.clone())
    }

    fn parse(stored: &Json) -> Option<ShownDefinition> {
        Some(ShownDefinition { input: stored.get("input")?.clone(), condition: stored.get("condition")?.clone(), metadata: stored.get("metadata").cloned() })
    }
}

impl SendPlan {
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.iterations.iter().flat_map(|iteration| &iteration.messages)
    }
}

impl PlannedAction {
    fn to_json(&self) -> Json {
        let head = Json::object().with("id", self.id.as_str()).with("type", &self.kind).with("cancels", self.cancels);
        match &self.plan {
            ActionPlan::Settled { result, condition_not_met } => {
                head.with("settled", result.to_json()).with_some("condition_not_met", condition_not_met.map(|at| at.to_string()))
            }
            ActionPlan::Send(send) => head.with("send", send.to_json()),
        }
    }

    fn parse(stored: &Json) -> Option<PlannedAction> {
        Some(PlannedAction {
            id: ActionId::parse(stored.get("id")?.as_str()?).ok()?,
            kind: stored.get("type")?.as_str()?.to_owned(),
            cancels: stored.get("cancels")?.as_i64()?,
            plan: match stored.get("settled") {
                Some(result) => ActionPlan::Settled { result: ActionResult::from_json(result)?, condition_not_met: instant(stored, "condition_not_met") },
                None => ActionPlan::Send(SendPlan::parse(stored.get("send")?)?),
            },
        })
    }
}

impl SendPlan {
    fn to_json(&self) -> Json {
        let iterations = self.iterations.iter().map(|iteration| {
            let messages: Vec<Json> = iteration.messages.iter().map(message_document::print).collect();
            Json::object().with("is_bulk", iteration.is_bulk).with("messages", messages)
        });
        Json::object()
            .with_some("condition", self.condition.as_ref().map(ConditionResult::to_json))
            .with_some("max_iterations", self.foreach)
            .with("iterations", iterations.collect::<Vec<_>>())
    }

    fn parse(stored: &Json) -> Option<SendPlan> {
        let iteration = |stored: &Json| {
            Some(Iteration {
                is_bulk: stored.get("is_bulk")?.as_bool()?,
                messages: stored.get("messages")?.as_list()?.iter().map(message_document::parse).collect::<Option<_>>()?,
            })
        };
        Some(SendPlan {
            condition: optional(stored, "condition", ConditionResult::from_json)?,
            foreach: stored.get("max_iterations").and_then(Json::as_i64).and_then(|max| usize::try_from(max).ok()),
            iterations: stored.get("iterations")?.as_list()?.iter().map(iteration).collect::<Option<_>>()?,
        })
    }
}

/// `Some(None)`: not there; `None`: there, and not readable.
fn optional<T>(object: &Json, member: &str, read: impl Fn(&Json) -> Option<T>) -> Option<Option<T>> {
    match object.get(member) {
        Some(value) => read(value).map(Some),
        None => Some(None),
    }
}

fn instant(object: &Json, member: &str) -> Option<Timestamp> {
    object.get(member)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;
    use watchbell_outbox::LogLine;
    use watchbell_watch::action::LogLevel;
    use watchbell_watch::record::ActionResultStatus;

    #[test]
    fn a_manifest_reads_back_as_it_was_and_names_each_message() {
        let line = |text: &str| Message::Log(LogLine { level: LogLevel::Info, category: None, text: text.into() });
        let id = |name: &str| ActionId::parse(name).unwrap();
        let settled = ActionResult::new(id("a"), "index", ActionResultStatus::ConditionFailed).with_reason("condition not met. skipping");
        let send = SendPlan {
            condition: Some(ConditionResult::always_met()),
            foreach: Some(100),
            iterations: vec![Iteration { is_bulk: true, messages: vec![line("a"), line("b")] }, Iteration { is_bulk: false, messages: vec![line("c")] }],
        };
        let manifest = Manifest {
            execution_time: Timestamp::UNIX_EPOCH,
            decided: Timestamp::UNIX_EPOCH,
            took_millis: 3,
            edition: 2,
            state: ExecutionState::Executed,
            writes_status: true,
            shown: Some(ShownDefinition { input: json!({"none": {}}), condition: json!({"always": {}}), metadata: None }),
            input: Some(InputResult::success("none", json!({}))),
            condition: Some(ConditionResult::always_met()),
            messages: vec!["m".into()],
            exception: Some(Failure::illegal_state("x")),
            actions: vec![
                PlannedAction {
                    id: id("a"),
                    kind: "index".into(),
                    cancels: 1,
                    plan: ActionPlan::Settled { result: settled, condition_not_met: Some(Timestamp::UNIX_EPOCH) },
                },
                PlannedAction { id: id("b"), kind: "logging".into(), cancels: 4, plan: ActionPlan::Send(send) },
            ],
        };
        let text = manifest.to_json().to_string();
        assert_eq!(Manifest::parse(&Json::parse(text.as_bytes()).unwrap()), Some(manifest.clone()));
        let rows = manifest.rows("e", &WatchId::parse("w").unwrap(), Some("i"));
        let keys: Vec<&str> = rows.iter().map(|row| row.delivery.key.0.as_str()).collect();
        assert_eq!(keys, ["e/b/0", "e/b/1", "e/b/2"]);
        assert!(rows.iter().all(|row| row.origin.cancels == 4));
    }
}
